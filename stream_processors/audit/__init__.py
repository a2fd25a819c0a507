"""The transparency log's own mathematics: entries, tree, tiles, proofs and rounds. Pure."""
