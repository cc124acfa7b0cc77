"""What `benchmarks/ablation.py` is made of: trainings that write down what they see, and rules that judge it."""
