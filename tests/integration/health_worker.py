"""A worker of the engine with its health, around a toy fold that hangs and restores at a test's will.

`python health_worker.py '{"settings": ...}' PORT STUCK_AFTER_S GATE`: restores only while the file GATE is there, and
hangs for ever in folding a change that says `hang`.
"""

import hashlib
import json
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from jejak import health
from stream_processors.engine.contract import Output
from stream_processors.engine.loop import Worker
from stream_processors.engine.settings import EngineSettings
from tests.integration.toy_fold import PREFIX, ToyFold
from transport.pulse import Pulse


class HangingFold(ToyFold):
    """The toy fold; slow to restore, and it may never come back from a change."""

    gate = Path()

    def restore(self, key: bytes, value: bytes) -> None:
        while not self.gate.exists():
            time.sleep(0.01)
        super().restore(key, value)

    def fold(self, key: bytes | None, value: bytes, offset: int, appended_at: int) -> Sequence[Output]:
        while value == b"hang":
            time.sleep(0.01)
        return super().fold(key, value, offset, appended_at)

    def digest(self) -> tuple[int, bytes]:
        said = json.dumps(sorted((key.decode(), count) for key, count in self._counts.items()))
        return self.next_offset or 0, hashlib.sha256(said.encode()).digest()


def main() -> None:
    """Run until SIGTERM or a fault."""
    options, port, stuck_after_s, gate = sys.argv[1:]
    HangingFold.gate = Path(gate)
    pulse = Pulse(float(stuck_after_s))
    health.serve("127.0.0.1", int(port), pulse)
    worker = Worker(EngineSettings(**json.loads(options)), lambda part: HangingFold(PREFIX, part), pulse=pulse)
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    worker.run()


if __name__ == "__main__":
    main()
