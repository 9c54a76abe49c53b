"""Direct conversations between two people."""
