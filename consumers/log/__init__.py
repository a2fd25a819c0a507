"""The log's directory, served read-only over HTTP (C2SP tlog-tiles v0.1.0). Must not know how it is written.

On disk, below the log's directory. What a file holds, all but `checkpoint`, is the beginning of what it holds later:

- `checkpoint`: the newest published signed note, replaced by rename;
- `tile/<L>/<N>`: hash tile N of level L, N in groups of three digits (`x001/x234/067`), 32 bytes a hash, up to
  8,192 bytes; what is asked for with `.p/<W>` is its first 32 W bytes;
- `tile/entries/<N>`: entry bundle N, up to 256 times (length in two bytes, entry); `.p/<W>` is its first W entries;
- `rounds`: one record per round that won, of fixed width, big-endian: size (8 bytes), end offset of each partition (8
  bytes each), root (32 bytes);
- `rounds.head`: a JSON document with `origin`, the number of `partitions`, and `first_round` (1), in the one spelling
  that the sequencer writes: verifiers take no other.

Files may hold more than the checkpoint names: what lies beyond it isn't published and is never served.
"""
