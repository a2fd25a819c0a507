"""Requests for by-name-by-address data (BNBA), machine F: pure; no clock, randomness, broker or database."""
