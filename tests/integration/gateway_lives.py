"""Lives of gateways, each a forked process that dies where it was told to, or at a moment that chance chose.

Run as a process of its own that has no client and no thread, so that it may fork: reads a life a line, says how it
ended. What a caller was told is written with one call to a file before anything else happens: it outlives the process.
"""

from __future__ import annotations

import fcntl
import json
import os
import random
import signal
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consumers.gateway import audit_log
from consumers.gateway.audit_log import AuditLog, AuditUnavailable
from schemas import records

if TYPE_CHECKING:
    from collections.abc import Callable

    from confluent_kafka import Producer

THREADS = 3
HALF, BEFORE, AFTER = "half", "before", "after"


def outcome(intent_id: bytes, text: str = "") -> Callable[..., records.AccessOutcome]:
    return partial(
        records.AccessOutcome,
        intent_id=intent_id,
        outcome="DELIVERED",
        reason=text,
        result_count=1,
        suppressed_count=0,
        determining_rules=(),
        decision_input="",
        byte_count=1,
        response_digest=bytes(32),
        policy_set_hash=bytes(32),
    )


def intent() -> Callable[..., records.AccessIntent]:
    return partial(
        records.AccessIntent,
        request_id="r",
        trace_id="t",
        agency_id="dinsos/35.71",
        client_id="c",
        actor_ref="officer-7",
        actor_role="verifier",
        assurance_level="HIGH",
        action="READ",
        purpose_code="VERIFIKASI_VALIDASI",
        purpose_version="1",
        legal_basis_code="b",
        fields_requested=("region",),
        decision="ALLOW",
        policy_set_hash=bytes(32),
        determining_rules=(),
        decision_input="",
        channel="CLI",
    )


def disclosure(intent_id: bytes) -> Callable[..., records.SubjectDisclosure]:
    return partial(
        records.SubjectDisclosure,
        intent_id=intent_id,
        subject_ref=bytes(32),
        subject_key_epoch=2025,
        household_ref=None,
        fields_disclosed=("region",),
        masking_profile="LAST4",
        record_version=1,
        visibility="CITIZEN",
        policy_set_hash=bytes(32),
    )


class Life:
    """One gateway process: some threads look and look again, until it ends."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.told = told
        self._report = os.open(told["report"], os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        self._passages = 0
        self._lock = threading.Lock()

    def dies(self, step: str) -> bool:
        if self.told["step"] != step:
            return False
        with self._lock:
            self._passages += 1
            return bool(self._passages == self.told["passage"])

    def die(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)

    def traced(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def traced(*args: Any, **named: Any) -> Any:
            if self.dies(f"{name}.{BEFORE}"):
                self.die()
            if self.dies(f"{name}.{HALF}"):  # of a write; of anything else it is the moment after its begin
                if name == "pwrite":
                    call(args[0], args[1][: len(args[1]) // 2], *args[2:])
                else:
                    threading.Thread(target=call, args=args, kwargs=named, daemon=True).start()
                    time.sleep(random.random() / 500)  # noqa: S311  no secret
                self.die()
            answer = call(*args, **named)
            if self.dies(f"{name}.{AFTER}"):
                self.die()
            return answer

        return traced

    def live(self) -> None:
        for module, name in ((os, "pwrite"), (os, "fdatasync"), (os, "fsync"), (fcntl, "flock"), (os, "unlink")):
            setattr(module, name, self.traced(name, getattr(module, name)))
        Path.unlink = self.traced("unlink", Path.unlink)  # type: ignore[method-assign]
        AuditLog._delivered = self.traced("delivered", AuditLog._delivered)  # type: ignore[method-assign]
        log = AuditLog(
            TracedProducer(audit_log.producer(self.told["bootstrap"]), self),  # type: ignore[arg-type]  # as much of one as it uses
            "gw",
            self.told["topic"],
            folder=Path(self.told["folder"]),
            deadline_seconds=self.told.get("deadline", 10.0),
        )
        until = time.monotonic() + self.told["seconds"]
        threads = [threading.Thread(target=self._look, args=(log, until)) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        log.close()

    def _look(self, log: AuditLog, until: float) -> None:
        while time.monotonic() < until:
            asked = log.append(intent())
            if isinstance(asked, AuditUnavailable):
                continue
            self._say("asked", *(each.event_id for each in asked))
            found = log.append(outcome(asked[0].event_id), disclosure(asked[0].event_id))
            if not isinstance(found, AuditUnavailable):
                self._say("shown", asked[0].event_id, *(each.event_id for each in found))

    def _say(self, *said: Any) -> None:
        line = " ".join(each if isinstance(each, str) else each.hex() for each in said)
        os.write(self._report, f"{line}\n".encode())


class TracedProducer:
    """The producer, whose sends are steps."""

    def __init__(self, of: Producer, life: Life) -> None:
        self._of = of
        self.produce = life.traced("produce", of.produce)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._of, name)


def main() -> None:
    for line in sys.stdin:
        told = json.loads(line)
        child = os.fork()
        if not child:
            Life(told).live()
            os._exit(0)
        if told["kill_after"]:
            time.sleep(told["kill_after"])
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
