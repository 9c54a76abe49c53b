"""Benchmarks: `python -m tests.bench NAME [--quick] [--json]`. They print what they measured beside what is aimed at."""
