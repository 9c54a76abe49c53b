"""The two faces that a peer shows to browsers: sites (may be public) and the console (the owner's, never public)."""
