"""Running counts: what is counted (data) and how a family's cells are added and retracted. Pure."""
