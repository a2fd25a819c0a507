"""The registry over HTTP: what crosses the wire, and nothing else. Whoever wants a person's data passes the door."""
