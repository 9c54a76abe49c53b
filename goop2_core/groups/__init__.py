"""Groups: how peers do things together. A host and its members, kept up through restarts and cuts (spec 5)."""
