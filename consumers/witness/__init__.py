"""A witness of logs: cosigns the largest consistent tree of each log it has seen (C2SP tlog-witness v1.0.0).

It speaks that protocol and nothing else, so that any other witness can take its place, and knows of Jejak only how a
checkpoint, a cosignature and a consistency proof are written. Whoever runs it must trust nothing that the log says.
"""
