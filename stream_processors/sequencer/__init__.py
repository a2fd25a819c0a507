"""Makes one tree of all audit entries, in rounds whose order is data: audit.md's log, its only writer.

On disk, below the log's directory, as consumers/log serves it and anyone may read it:

- `tile/<L>/<N>` and `tile/entries/<N>`: C2SP names without `.p/<W>`; a file that is not full yet is replaced, by
  rename, with a longer one of which it is the beginning, so whatever a reader finds is whole;
- `rounds` and `rounds.head`: the index of rounds that won, and what it is the index of;
- `checkpoint`: the newest published note, replaced by rename;
- `position`: where the sequencer goes on reading (JSON), its own; without it, the log is built anew from the topics;
- `staging/<sequencer>/`: files of the round that is on its way; whoever takes over removes those of others, which
  is what keeps one that wakes up late from placing anything.
"""
