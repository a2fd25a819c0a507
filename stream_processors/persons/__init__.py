"""Which family holds a person: the claims that families make, and the answer each of them gets. Pure."""
