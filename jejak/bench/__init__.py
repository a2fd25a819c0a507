"""`jejak bench`: how fast intake, fold and projection are here, by real workers on a broker of their own."""
