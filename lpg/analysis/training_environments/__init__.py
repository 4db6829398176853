"""How well do agents learn on the paper's environments under each rule? (Figure 3)"""
