"""Unusual use of persons' data: windows in, alerts out. Pure."""
