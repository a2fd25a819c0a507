"""The command line, one module per group of commands."""

from jejak.cli.app import main

__all__ = ["main"]
