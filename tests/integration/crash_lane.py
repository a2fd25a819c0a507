"""One lane of crash points: its own topics and group, one life of a worker after another, each a forked process.

Run as `python -m tests.integration.crash_lane '{...}'`; it prints one JSON line per life. This process makes no Kafka
client of its own, so that its forks are clean. A dead worker's member leaves its group at once, as its session's end
would make it; everything else is left as the death left it.
"""

from __future__ import annotations

import faulthandler
import json
import os
import pickle
import select
import signal
import sys
import time
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.integration import group_member
from tests.integration.crash_life import Child
from tests.integration.crash_points import Life
from transport import kafka

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LIFE_S = 40.0
AHEAD = {"joined": 400, "left": 400, "thrown-out": 200}  # changes that wait at least, for a transaction to stay open
AHEAD_ELSE = 120
FED_AT_ONCE = 200
# Whether a rebalance finds something half sent is chance; a life that it passed by is lived again.
CHANCE = frozenset({"joined", "left"})
TRIES = 3


class Forked:
    """A forked process and what it told so far."""

    def __init__(self, run: Callable[[int], None], log: int) -> None:
        read, write = os.pipe()
        self.said: dict[str, Any] = {}
        self._told, self._buffer, self._deadline = read, b"", time.monotonic() + LIFE_S
        if (pid := os.fork()) == 0:
            os.close(read)
            os.dup2(log, 1)
            os.dup2(log, 2)
            faulthandler.register(signal.SIGUSR1)
            code = 1
            try:
                run(write)
                code = 0
            except BaseException:  # noqa: BLE001  the process ends with it; nobody else would tell
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                os._exit(code)
        os.close(write)
        self.pid = pid

    def hear(self, until: str = "") -> bool:
        """Listen until a word is said; False where the process ended or was late before that."""
        while not (until and until in self.said):
            ready, _, _ = select.select([self._told], [], [], max(0.0, self._deadline - time.monotonic()))
            if not ready:
                self.said["late"] = True
                return False
            if not (data := os.read(self._told, 65_536)):
                return False
            *lines, self._buffer = (self._buffer + data).split(b"\n")
            for line in lines:
                self.said |= json.loads(line)
        return True

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def end(self) -> int:
        """Return the exit code of the process, killed if it is late."""
        self.hear()
        if "late" in self.said:
            self.signal(signal.SIGUSR1)
            time.sleep(0.5)  # for it to tell where it hangs
            self.signal(signal.SIGKILL)
        os.close(self._told)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


class Lane:
    """The parent of all lives of a lane."""

    def __init__(self, lane: dict[str, Any]) -> None:
        self._lane = lane
        self._log = os.open(lane["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._messages = pickle.loads(Path(lane["messages"]).read_bytes())  # noqa: S301  written by the test itself
        self._fed = self._position = 0

    def run(self) -> None:
        self._feed(FED_AT_ONCE)
        self._rest()
        for one in self._lane["lives"]:
            life = Life(**one)
            tries = TRIES if life.scenario in CHANCE else 1
            while not self._live(life, last=tries == 1):
                tries -= 1
        self._feed(len(self._messages) - self._fed)
        self._rest()

    def _rest(self) -> None:
        """Have everything decided that was sent."""
        self._live(Life(f"rest {self._lane['sent'] + self._fed}"))
        self._position = self._fed

    def _feed(self, count: int) -> None:
        share = self._messages[self._fed : self._fed + count]
        self._fed += len(share)

        def send(_: int) -> None:
            producer = kafka.producer(self._lane["options"]["bootstrap"])
            for topic, key, value, headers in share:
                producer.produce(topic, key=key, value=value, headers=headers)
                producer.poll(0)
            assert producer.flush(LIFE_S) == 0

        if share:
            assert Forked(send, self._log).end() == 0, "the changes were not sent"

    def _fork(self, life: Life) -> Forked:
        os.write(self._log, f"--- {life}\n".encode())
        return Forked(lambda told: Child(self._lane, life, told).run(), self._log)

    def _live(self, life: Life, *, last: bool = True) -> bool:
        """Run one life to its end, whoever else takes part in it, and print what it told.

        Returns False, and prints nothing, where a point was not reached that may be reached in another life.
        """
        started = time.monotonic()
        while self._fed - self._position < AHEAD.get(life.scenario, AHEAD_ELSE) and self._fed < len(self._messages):
            self._feed(FED_AT_ONCE)
        kind, _, when = life.scenario.partition(" ")
        if kind == "stranger":
            # Another, never to come back, dies with its transaction open.
            gone = self._fork(Life("gone", "flush.after", 1, "gone"))
            assert gone.end() == -signal.SIGKILL, gone.said
            self._bury(gone)
        one = self._fork(life)
        match kind:
            case "joined":
                with self._companion(one):
                    one.hear("fired")
                    self._bury(one)
            case "left":
                with self._companion(one):
                    pass
            case "frozen":
                self._take_over(one, when)
            case _:
                pass
        status = one.end()
        self._bury(one)
        self._position = max(self._position, one.said.get("position", 0) - self._lane["sent"])
        if kind in {"joined", "left", "frozen"}:
            # Nobody tells how far the other one came.
            self._position = self._fed
        if not last and "late" in one.said and "fired" not in one.said:
            return False
        self._print(life, one, status, time.monotonic() - started)
        return True

    def _print(self, life: Life, one: Forked, status: int, seconds: float) -> None:
        told = {name: one.said[name] for name in ("fired", "left", "parted", "fault", "late") if name in one.said}
        place = {"scenario": life.scenario, "step": life.step, "passage": life.passage}
        sys.stdout.write(json.dumps({**place, "status": status, "seconds": round(seconds, 2), **told}) + "\n")
        sys.stdout.flush()

    @contextmanager
    def _companion(self, one: Forked) -> Iterator[None]:
        """Have another worker join and, after what is done meanwhile, leave again in good order."""
        one.hear("ready")
        other = self._fork(Life("companion", name="two"))
        other.hear("ready")
        yield
        other.signal(signal.SIGTERM)
        assert (code := other.end()) == 0, (code, other.said)

    def _take_over(self, zombie: Forked, when: str) -> None:
        """Have an heir take over from a frozen worker, which wakes while the heir waits, or once it holds all."""
        zombie.hear("fired")
        self._bury(zombie)
        heir = self._fork(Life("heir", name="heir"))
        heir.hear("waiting" if when == "early" else "ready")
        zombie.signal(signal.SIGCONT)
        zombie.hear("parted")
        heir.hear("ready")
        for one in (zombie, heir):
            one.signal(signal.SIGTERM)
        assert (code := heir.end()) == 0, (code, heir.said)

    def _bury(self, one: Forked) -> None:
        if member := one.said.pop("member", ""):
            options = self._lane["options"]
            group_member.leave(options["bootstrap"], options["group"], member)


if __name__ == "__main__":
    Lane(json.loads(sys.argv[1])).run()
