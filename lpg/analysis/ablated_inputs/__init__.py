"""What does the rule need: its predictions, the way it looks ahead, or the policy itself? (ours)"""
