"""What the registry knows, as Cassandra tables shaped by the questions asked of them."""
