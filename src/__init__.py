"""FastFlow (arXiv 2111.07677) on MindSpore: defect detection with 2D normalizing flows."""
