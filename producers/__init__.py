"""What comes in: one package per source, one intake that checks and seals, one module that publishes."""
