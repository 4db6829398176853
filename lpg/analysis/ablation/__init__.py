"""What does each part of the LPG contribute? (Figure 7)"""
