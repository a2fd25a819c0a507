"""Rebuild beside: a new version is built while the old one serves, compared, switched to, rolled back, dropped."""
