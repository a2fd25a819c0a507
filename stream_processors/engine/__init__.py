"""The engine of the folds: a consumer group and one Kafka transaction per batch around a pure fold; knows no rule."""
