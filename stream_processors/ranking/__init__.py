"""Ranking: a score for each family by a versioned model, and the cut of all families into ten. Pure."""
