"""Do more kinds of training environments make a rule that generalises better? (Figure 9)"""
