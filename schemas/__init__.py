"""The contract: Avro records, framing, topics and regions. Knows nothing of Kafka, Cassandra or the rules."""
