"""Runs one sequencer as a process of its own: `python sequencer_worker.py '{"settings": ...}'`; SIGTERM stops it.

Its log key is the tests' own, and no witness is asked.
"""

import json
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from schemas.note import Signer
from stream_processors.sequencer.contract import NoWitnesses, SequencerSettings
from stream_processors.sequencer.sequencer import Seals
from stream_processors.sequencer.worker import SequencerWorker


def main() -> None:
    """Run until SIGTERM or a fault."""
    options = json.loads(sys.argv[1])
    settings = SequencerSettings(**{**options, "folder": Path(options["folder"])})
    worker = SequencerWorker(settings, Seals(Signer(bytes(range(32)), settings.origin), NoWitnesses()))
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    worker.run()


if __name__ == "__main__":
    main()
