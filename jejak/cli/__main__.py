"""`python -m jejak.cli`: how worker processes are started."""

from jejak.cli.app import main

main()
