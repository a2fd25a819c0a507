"""`jejak demo`: a district lives through the registry, and every figure shown is read back and compared."""
