"""Configured Kafka clients and Cassandra sessions; nothing of the domain."""
