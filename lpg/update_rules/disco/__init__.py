"""The rule of DiscoRL: its network with the published weights, its value targets, and the agent's update.

Reference: Oh et al. (2025), Discovering state-of-the-art reinforcement learning algorithms, Nature 648.
"""
