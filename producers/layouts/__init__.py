"""Layouts of the sources, one TOML file each; producers/tables/layout.py reads them."""
