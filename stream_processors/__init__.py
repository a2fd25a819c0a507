"""Pure folds, the engine that runs them on Kafka, and timed agents; knows nothing of producers and consumers."""
