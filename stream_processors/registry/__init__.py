"""The registry's rules: which changes become events, and what state events add up to. Pure."""
