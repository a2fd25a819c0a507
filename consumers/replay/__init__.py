"""Accepted events read again: replays that prove a state, and what was known or true at another time."""
