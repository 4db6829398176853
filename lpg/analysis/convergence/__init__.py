"""Do predictions converge from any initial values, and follow the policy? (Figure 6)"""
