"""The engine and a pure fold put together, a few lines each."""
