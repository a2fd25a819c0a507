"""The composition root: settings, local stack, workers, command line, demo and benchmarks. Nothing imports it."""
