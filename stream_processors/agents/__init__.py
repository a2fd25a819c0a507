"""What depends on time, at modest volume: Faust as it comes. Its outputs carry derived ids, so a repeat is harmless."""
