"""Is a discovered rule a policy gradient with a baseline? (ours)"""
