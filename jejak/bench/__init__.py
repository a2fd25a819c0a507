"""`jejak bench`: how fast everything is here, by real workers on servers of their own, beside the goals."""
