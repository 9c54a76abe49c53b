"""Benchmarks: `python -m tests.bench NAME [--quick] [--json]` prints what it measured beside what is aimed at."""
