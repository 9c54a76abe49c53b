"""The goop2 engine: one running peer and everything it is made of. No GUI toolkit anywhere in it."""
