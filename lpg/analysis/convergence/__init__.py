"""Do predictions converge, whatever they begin with, and follow the policy? (Figure 6)"""
