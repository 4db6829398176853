"""What do the discovered predictions look like? (Figure 4)"""
