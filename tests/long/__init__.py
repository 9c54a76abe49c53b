"""Suites that run for as long as one likes: fuzzing, and whatever else needs hours. `python -m tests.long --help`."""
