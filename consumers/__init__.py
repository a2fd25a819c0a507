"""Everything that reads the registry: the read model, and the one door to it."""
