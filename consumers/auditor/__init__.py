"""Checks the log of every look at a person, from the published formats alone. Imports nothing of ours but `schemas`."""
