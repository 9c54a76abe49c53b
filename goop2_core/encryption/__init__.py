"""Encryption between two peers beyond what libp2p gives: NaCl boxes (spec 9)."""
