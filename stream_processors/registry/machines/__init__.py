"""The registry's state machines as tables that an official can read, and their page of diagrams."""
