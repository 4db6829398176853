"""How did a meta-training go?"""
