"""Measurements of this project against other ways to do the same; start with `python benchmarks/run.py`."""
