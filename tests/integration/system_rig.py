"""Runs the whole system once, as a user would: through the command line, with its workers as processes of their own.

Everything that came of it is kept for the tests: what commands printed, every byte of every topic, logs and metrics.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from jejak import composition
from jejak.demo import settling
from jejak.settings import Settings
from producers import sik_ng
from producers.draft import Draft
from producers.simulation.nation import Nation
from producers.simulation.stream import Step, simulate
from schemas import catalogue
from tests.integration import spoken, visiting
from transport import kafka

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jejak.composition import Registry
    from jejak.stack import Endpoints

ROOT: Final = Path(__file__).parents[2]
FILE: Final = ROOT / "tests" / "fixtures" / "sik_ng" / "doubled_rows.csv"
FILE_AGENCY: Final = "dinsos/35.71"
NATION: Final = Nation(families=150, seed=60_317, answered=False)
SIMULATE: Final = ("simulate", "--families", "150", "--seed", "60317", "--json")
COMMAND_SECONDS: Final = 120.0
SETTLE_SECONDS: Final = 240.0
WORKERS: Final = 7


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that ended: its exit code and what it printed."""

    code: int
    out: str = field(repr=False)
    err: str = field(repr=False)

    @property
    def told(self) -> Any:
        """What it printed, as JSON."""
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Record:
    """One record as any reader of the topic gets it."""

    key: bytes = field(repr=False)
    value: bytes = field(repr=False)
    headers: bytes = field(repr=False)


@dataclass(slots=True)
class SystemRun:
    """What one run left behind. `committed` holds the topics of the catalogue, `uncommitted` every topic of the run."""

    endpoints: Endpoints
    data: Path
    servers: Path
    commands: dict[str, Ran] = field(default_factory=dict)
    changes_before: dict[int, int] = field(default_factory=dict)
    changes_after: dict[int, int] = field(default_factory=dict)
    metrics: dict[str, str] = field(default_factory=dict)
    opened: list[spoken.Opened] = field(default_factory=list)
    committed: dict[str, list[Record]] = field(default_factory=dict)
    uncommitted: dict[str, list[Record]] = field(default_factory=dict)

    def files(self) -> dict[str, bytes]:
        """Return the workers' and the servers' logs, and the database's log of writes, by name."""
        found = [*self.data.rglob("*.log"), *self.data.rglob("*.txt"), *self.servers.rglob("*.log")]
        return {str(path): path.read_bytes() for path in found if "jejak-kafka-log" not in path.parts}


def steps() -> list[Step]:
    """Return everything the simulated nation says."""
    return list(simulate(NATION))


def drafts() -> list[Draft]:
    """Return everything that was said in plain text, refused or not."""
    read = sik_ng.read(FILE, sik_ng.channel_for(FILE, FILE_AGENCY, "operator")).items
    with tempfile.TemporaryDirectory() as folder:
        visits = visiting.drafts(visiting.write(Path(folder)))
    filed = [item for item in read if isinstance(item, Draft)]
    return [*(step.draft for step in steps()), *filed, *spoken.drafts(), *visits]


def run(endpoints: Endpoints, data: Path, servers: Path) -> SystemRun:
    """Run the system to rest, look at it, stop it, and read everything back."""
    done = SystemRun(endpoints, data, servers)
    before = set(kafka.admin(endpoints.kafka).list_topics(timeout=COMMAND_SECONDS).topics) - _ours()
    port = _free_ports()
    environment = _environment(done, {"JEJAK_METRICS_PORT": str(port)})
    _command(done, "rules", "publish", "rules", "--effective", "2025-01-01", "--json")
    with _workers(done, environment):
        _publish(done)
        settling.wait(endpoints.kafka, SETTLE_SECONDS, lambda _: None)
        done.changes_before = kafka.end_offsets(endpoints.kafka, catalogue.CHANGES_TOPIC)
        _command(done, "simulate again", *SIMULATE)
        settling.wait(endpoints.kafka, SETTLE_SECONDS, lambda _: None)
        done.changes_after = kafka.end_offsets(endpoints.kafka, catalogue.CHANGES_TOPIC)
        done.metrics = {f"worker {place}": _scraped(port + place) for place in range(WORKERS)}
    _look(done)
    _read_back(done, before)
    return done


def _ours() -> set[str]:
    return {topic.name for topic in catalogue.TOPICS} | {"__consumer_offsets", "__transaction_state"}


def _publish(done: SystemRun) -> None:
    _command(done, "seeds", "publish", "seeds", "--json")
    _command(done, "simulate", *SIMULATE)
    report = done.data / "report.txt"
    _command(done, "file", "publish", "sik-ng", str(FILE), "--agency", FILE_AGENCY, "--report", str(report), "--json")
    with _registry(done) as registry:
        spoken.say_at_once(registry)
        visiting.register(registry)
    visits = str(visiting.write(done.data / "visits"))
    _command(done, "visits", "ground-check", "import", visits, "--agency", visiting.PENDAMPING, "--json")


def _look(done: SystemRun) -> None:
    with _registry(done) as registry:
        done.opened = spoken.opened(registry, [step.draft for step in steps()])
    shown, nik = done.opened[0].family_id, done.opened[0].nik
    nowhere = f"127.0.0.1:{_free_ports()}"
    asked: dict[str, tuple[str, ...]] = {
        "family show": ("family", "show", shown, "--json"),
        "family shown to people": ("family", "show", shown),
        "family history": ("family", "history", shown, "--json"),
        "family by number": ("family", "show", "-", "--json"),
        "number as argument": ("family", "show", nik),
        "number as text": ("family", "show", shown, "--text", f"NIK {nik}"),
        "denied": ("family", "show", shown, "--purpose", "PEMERINGKATAN", "--json"),
        "indicators": ("indicators", "--json"),
        "provenance": ("ground-check", "provenance", visiting.family_id(done.data, visiting.CARD), "--json"),
        "refusals of visits": ("refusals", visiting.PENDAMPING, "--json"),
        "refusals": ("refusals", FILE_AGENCY, "--limit", "500", "--json"),
        "dead letters": ("dead-letters", "--json"),
        "schemas list": ("schemas", "list", "--json"),
        "schemas check": ("schemas", "check", "--json"),
        "config show": ("config", "show", "--json"),
        "status": ("status", "--json"),
        "no database": ("indicators", "--json"),
        "no broker": ("dead-letters", "--json"),
    }
    typed = {"family by number": f"{nik}\nN\n"}
    elsewhere = {
        "refusals": {"JEJAK_AGENCY": FILE_AGENCY},
        "refusals of visits": {"JEJAK_AGENCY": visiting.PENDAMPING},
        "no database": {"JEJAK_CASSANDRA": nowhere},
        "no broker": {"JEJAK_KAFKA": nowhere},
    }

    def look(name: str) -> None:
        _command(done, name, *asked[name], typed=typed.get(name, ""), also=elsewhere.get(name))

    with ThreadPoolExecutor(3) as pool:  # the look for a broker that is not there waits half a minute
        list(pool.map(look, reversed(asked)))


def _read_back(done: SystemRun, foreign: set[str]) -> None:
    bootstrap = done.endpoints.kafka
    for topic in catalogue.TOPICS:
        done.committed[topic.name] = [_record(message) for message in kafka.read_all(bootstrap, topic.name)]
    for name in set(kafka.admin(bootstrap).list_topics(timeout=COMMAND_SECONDS).topics) - foreign:
        found = kafka.read_all(bootstrap, name, isolation="read_uncommitted")
        done.uncommitted[name] = [_record(message) for message in found]


def _record(message: Any) -> Record:
    pairs = message.headers() or []
    headers = b"\0".join(part for name, value in pairs for part in (name.encode(), value or b""))
    return Record(message.key() or b"", message.value() or b"", headers)


def _environment(done: SystemRun, also: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("JEJAK_")}
    own = {
        "JEJAK_KAFKA": done.endpoints.kafka,
        "JEJAK_CASSANDRA": done.endpoints.cassandra,
        "JEJAK_DATA": str(done.data),
        "JEJAK_ENVIRONMENT": "development",
        "JEJAK_LOG_LEVEL": "DEBUG",
        "JEJAK_GRACE_MINUTES": "1440",  # no sequencer runs here, and the run may be long
        "JEJAK_READ_SECONDS": "10",  # and the machine as busy as all tests make it
        "JEJAK_AUDIT_SECONDS": "20",
    }
    return {**kept, **own, **also}


def _command(
    done: SystemRun, name: str, *arguments: str, typed: str = "", also: Mapping[str, str] | None = None
) -> Ran:
    """Run `jejak <arguments>` to its end without a terminal, and keep what came of it under a name."""
    ended = subprocess.run(
        [sys.executable, "-m", "jejak.cli", *arguments],
        input=typed,
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=_environment(done, also or {}),
        timeout=COMMAND_SECONDS,
        start_new_session=True,
    )
    done.commands[name] = Ran(ended.returncode, ended.stdout, ended.stderr)
    return done.commands[name]


@contextmanager
def _workers(done: SystemRun, environment: Mapping[str, str]) -> Iterator[None]:
    """Have `jejak run all` run; afterwards it has ended in good order and left no worker."""
    with (done.data / "run-all.log").open("wb") as log:
        running = subprocess.Popen(
            [sys.executable, "-m", "jejak.cli", "run", "all"],
            cwd=ROOT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            yield
        finally:
            running.send_signal(signal.SIGTERM)
            code = running.wait(COMMAND_SECONDS)
    done.commands["run all"] = Ran(code, "", (done.data / "run-all.log").read_text(encoding="utf-8"))


@contextmanager
def _registry(done: SystemRun) -> Iterator[Registry]:
    """Lend the same registry in this process, for what no command does: two producers at once, looks at many."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in _environment(done, {}).items():
            if name.startswith("JEJAK_"):
                patch.setenv(name, value)
        with composition.connected(Settings()) as registry:
            yield registry


def _free_ports() -> int:
    """Return a port that is free and followed by free ones."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as first:
            port: int = first.getsockname()[1]
            try:
                for place in range(1, WORKERS):
                    socket.create_server(("127.0.0.1", port + place)).close()
            except OSError:
                continue
        return port


def _scraped(port: int) -> str:
    """Return a worker's metrics once it serves them."""
    deadline = time.monotonic() + COMMAND_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                text: str = answer.read().decode()
                return text
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
