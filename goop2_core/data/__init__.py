"""What a peer keeps: its SQLite database and what is stored in it."""
