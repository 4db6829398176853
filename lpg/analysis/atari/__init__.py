"""How well do agents learn Atari games under a rule that was discovered on toy environments? (Figures 8 and 10)"""
