"""How much do the discovered predictions know about values at several discounts? (Figure 5)"""
