"""Runs one worker of the engine as a process of its own: `python engine_worker.py module:factory '{"settings": ...}'`.

The factory is named by its dotted path; modules beside this file can be named too. SIGTERM stops it in good order.
"""

import importlib
import json
import signal
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]

from stream_processors.engine.loop import Worker  # noqa: E402  a script beside the tests, not installed
from stream_processors.engine.settings import EngineSettings  # noqa: E402  idem


def main() -> None:
    """Run until SIGTERM or a fault."""
    module, _, name = sys.argv[1].partition(":")
    factory = getattr(importlib.import_module(module), name)
    worker = Worker(EngineSettings(**json.loads(sys.argv[2])), factory)
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    worker.run()


if __name__ == "__main__":
    main()
