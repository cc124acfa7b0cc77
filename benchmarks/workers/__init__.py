"""One process per way to do it: `python -m benchmarks.workers.NAME`, driven over standard input and output."""
