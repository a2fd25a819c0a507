"""A version rebuilt beside on a real broker and database, through the command line, while changes flow."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psutil
import pytest
from typer.testing import CliRunner

from consumers.read_model import settled, tables
from consumers.read_model.projector import Topics, group_of
from jejak import composition
from jejak import stack as local
from jejak.cli.app import app
from jejak.rebuild import groups, pointer
from jejak.rebuild.pointer import READ_MODEL, STATE, Serving
from jejak.rebuild.serving import choose, pointers
from jejak.settings import Settings
from schemas import catalogue, codec, regions
from schemas.prefix import walk
from stream_processors.folds import shadow
from transport import kafka

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jejak.composition import Registry

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

ROOT: Final = Path(__file__).parents[2]
KILLED: Final = Path(__file__).with_name("rebuild_killed.py")
SECONDS: Final = 180.0
DONE, DIFFERS, REFUSED = 0, 1, 3
TAMPERED: Final = 77


@dataclass(slots=True)
class World:
    """A registry of this module's own, its workers running."""

    data: Path
    bootstrap: str
    workers: psutil.Process | None = None
    seed: int = 0

    def command(self, *arguments: str, code: int = DONE) -> Any:
        """Run `jejak <arguments> --json`, which must end with this code, and return what it told, or why not."""
        if arguments[1] == "start" or arguments[0] != "rebuild":  # takes signals, or is a worker's own process
            ended = self._ended(sys.executable, "-m", "jejak.cli", *arguments, "--json")
            done, out, err = ended.returncode, ended.stdout, ended.stderr
        else:
            ran = CliRunner().invoke(app, [*arguments, "--json"])
            done, out, err = ran.exit_code, ran.stdout, ran.stderr
        assert done == code, err
        return json.loads(out) if out else err

    def killed(self, what: str, version: str) -> None:
        """Have a rebuild begin and be killed with -9 when some of it is done, and not all."""
        ended = self._ended(sys.executable, str(KILLED), what, version)
        assert ended.returncode == -signal.SIGKILL, ended.stderr

    def _ended(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=False, timeout=SECONDS
        )

    @contextmanager
    def changes(self, families: int = 60) -> Iterator[None]:
        """Have changes of families of their own flow while the context lasts, and all be settled after it."""
        self.seed += 1
        command = ["simulate", "--families", str(families), "--seed", str(self.seed), "--json"]
        flow = subprocess.Popen(
            [sys.executable, "-m", "jejak.cli", *command], cwd=ROOT, stdout=subprocess.DEVNULL, env=dict(os.environ)
        )
        try:
            yield
            assert flow.wait(SECONDS) == DONE
        finally:
            flow.kill()
        self.settle()

    def settle(self) -> None:
        until(lambda: settled.is_caught_up(self.bootstrap, composition.FOLD_GROUP, (catalogue.CHANGES_TOPIC,)))

    def worker(self, name: str) -> psutil.Process:
        """Return the process of a worker that runs."""
        assert self.workers is not None
        return next(child for child in self.workers.children() if child.cmdline()[-2:] == ["run", name])

    def serving(self, what: pointer.What) -> Serving:
        with pointers(self.bootstrap) as lent:
            return lent.of(what)

    def roles(self, what: str) -> dict[str, str]:
        return {row["version"]: row["role"] for row in self.command("rebuild", "status") if row["what"] == what}


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.2)


@contextmanager
def working(data: Path) -> Iterator[psutil.Process]:
    """Have `jejak run all` run; it ends in good order."""
    with (data / "run-all.log").open("ab") as log:
        running = subprocess.Popen(
            [sys.executable, "-m", "jejak.cli", "run", "all"], cwd=ROOT, env=dict(os.environ), stdout=log, stderr=log
        )
        try:
            yield psutil.Process(running.pid)
        finally:
            running.terminate()
            assert running.wait(SECONDS) == DONE


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    data = tmp_path_factory.mktemp("rebuild")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("JEJAK_KAFKA", "JEJAK_CASSANDRA"):
            patch.delenv(name, raising=False)
        patch.setenv("JEJAK_DATA", str(data))
        try:
            endpoints = local.up(data, quick=True, tied_to=os.getpid())
            made = World(data, endpoints.kafka)
            made.command("publish", "rules", "--effective", "2025-01-01")
            with working(data) as made.workers:
                with made.changes():
                    pass
                yield made
        finally:
            local.down(data)


@pytest.fixture
def registry(world: World) -> Iterator[Registry]:
    """A reader that stays open, as a gateway does."""
    assert world.data
    with composition.connected(Settings()) as lent:
        yield lent


def deciles(registry: Registry) -> Counter[int]:
    """The answer to a question: families by decile, as the lists of a province show them."""
    found = registry.figures().families_in(regions.kemendagri("35"), limit=10_000).families
    return Counter(family.decile for family in found)


def tamper(registry: Registry, version: str) -> tuple[Any, ...]:
    """Change one family's row in the tables of one version, behind the projection's back, and return its key."""
    table = tables.FAMILY_IN_REGION
    names = (*table.partition, *table.clustering)
    key: tuple[Any, ...] = registry.session.execute(f"SELECT {', '.join(names)} FROM {table.named(version)}").one()  # noqa: S608  names are ours
    where = " AND ".join(f"{name} = %s" for name in names)
    registry.session.execute(f"UPDATE {table.named(version)} SET decile = {TAMPERED} WHERE {where}", key)  # noqa: S608  idem
    return key


def test_the_read_model_is_rebuilt_beside_compared_switched_rolled_back_and_dropped(
    world: World, registry: Registry
) -> None:
    with world.changes():
        world.killed("read-model", "v2")
        assert world.roles("read-model") == {"v1": "serves", "v2": "beside"}
        told = world.command("rebuild", "start", "read-model")
        assert (told["version"], told["caught_up"]) == ("v2", True)
        compared = world.command("rebuild", "compare", "read-model")
        assert compared["equal"]
    assert {one["table"] for one in compared["compared"]} == {table.name for table in tables.TABLES}
    assert sum(one["equal"] for one in compared["compared"]) > 1_000

    key = tamper(registry, "v2")
    compared = world.command("rebuild", "compare", "read-model", code=DIFFERS)
    (found,) = [one for one in compared["compared"] if one["differing"]]
    assert (found["table"], found["differing"]) == (tables.FAMILY_IN_REGION.name, 1)
    assert key[-1] in found["first"]
    assert "DIFFERS" in world.command("rebuild", "switch", "read-model", code=REFUSED)
    assert deciles(registry)[TAMPERED] == 0

    assert world.command("rebuild", "switch", "read-model", "--accept-differences")["serves"] == "v2"
    until(lambda: deciles(registry)[TAMPERED] == 1)
    assert not world.command("rebuild", "switch", "read-model", "--version", "v2")["changed"]
    with world.changes(20):
        pass
    until(lambda: caught_up(world, "v1") and caught_up(world, "v2"))

    assert world.command("rebuild", "rollback", "read-model") == {
        "what": "read-model",
        "serves": "v1",
        "previous": None,
        "changed": True,
        "behind": 0,
    }
    until(lambda: deciles(registry)[TAMPERED] == 0)
    assert not world.command("rebuild", "rollback", "read-model")["changed"]

    assert world.command("rebuild", "drop", "read-model", "--version", "v2")["dropped"]
    assert not world.command("rebuild", "drop", "read-model", "--version", "v2")["dropped"]
    assert world.roles("read-model") == {"v1": "serves"}


@pytest.mark.at_length
def test_a_version_built_again_under_a_dropped_name_serves_and_the_first_one_does_not_come_back(
    world: World, registry: Registry
) -> None:
    until(lambda: caught_up(world, world.serving(READ_MODEL).version))
    before = deciles(registry)
    version = world.command("rebuild", "start", "read-model")["version"]
    assert world.command("rebuild", "switch", "read-model")["serves"] == version
    old = world.serving(READ_MODEL).previous
    assert old is not None
    assert "KEPT" in world.command("rebuild", "drop", "read-model", "--version", old, code=REFUSED)
    assert "SERVES" in world.command("rebuild", "drop", "read-model", "--version", version, "--really", code=REFUSED)
    assert world.command("rebuild", "drop", "read-model", "--version", old, "--really")["dropped"]
    world.command("indicators", "families_by_decile")
    assert tables.versions(registry.session) == (version,)
    assert deciles(registry) == before
    text = world.command("rebuild", "rollback", "read-model", code=REFUSED)
    assert "NOTHING_TO_ROLL_BACK_TO" in text


def caught_up(world: World, version: str) -> bool:
    return settled.is_caught_up(world.bootstrap, group_of(version), Topics().sources)


@pytest.mark.at_length
def test_the_state_is_rebuilt_beside_and_the_fold_goes_on_from_it_exactly_and_back(world: World) -> None:
    with world.changes():
        world.killed("state", "v2")
        assert world.command("rebuild", "start", "state")["version"] == "v2"
        compared = world.command("rebuild", "compare", "state")["compared"][0]
        assert compared["differing"] == 0
        assert compared["equal"] > 50
        assert world.command("rebuild", "switch", "state")["serves"] == "v2"
        assert not world.command("rebuild", "switch", "state", "--version", "v2")["changed"]
    assert_accepted_exactly_once(world)
    with world.changes(20):
        pass
    assert_accepted_exactly_once(world)
    stale = world.command("rebuild", "status")
    assert [row["behind"] > 0 for row in stale if (row["what"], row["version"]) == (STATE, "v1")] == [True]

    with world.changes(20):
        assert world.command("rebuild", "rollback", "state")["serves"] == "v1"
        assert not world.command("rebuild", "rollback", "state")["changed"]
    assert_accepted_exactly_once(world)
    until(lambda: caught_up(world, world.serving(READ_MODEL).version))

    assert world.command("rebuild", "drop", "state", "--version", "v2")["dropped"]
    assert not world.command("rebuild", "drop", "state", "--version", "v2")["dropped"]
    version = world.command("rebuild", "start", "state")["version"]
    compared = world.command("rebuild", "compare", "state")["compared"][0]
    assert compared["older_digest"] == compared["newer_digest"]
    assert (compared["moving"], compared["differing"]) == (0, 0)
    world.command("rebuild", "drop", "state", "--version", version)


def assert_accepted_exactly_once(world: World) -> None:
    """Each family's sequences are dense, none twice, and the state's positions come to count just these events.

    A date that came due may still add an event between two reads; one that stands twice would never go away.
    """
    deadline = time.monotonic() + SECONDS
    while (events := accepted(world)) != (counted := positions(world)):
        assert time.monotonic() < deadline, (events, counted)
        time.sleep(1)


def accepted(world: World) -> dict[int, int]:
    """Return how many events there are in each partition."""
    sequences: dict[str, list[int]] = {}
    events = Counter[int]()
    for message in kafka.read_all(world.bootstrap, catalogue.EVENTS_TOPIC):
        prefix = walk(message.value() or b"")
        sequences.setdefault(prefix.family_id, []).append(prefix.sequence)
        events[message.partition() or 0] += 1
    for found in sequences.values():
        assert found == list(range(1, len(found) + 1))
    return dict(events)


def positions(world: World) -> dict[int, int]:
    """Return how many events each partition of the state counts."""
    found: dict[int, int] = {}
    topic = catalogue.families_topic(world.serving(STATE).version)
    for message in kafka.read_all(world.bootstrap, topic):
        if (message.key() or b"").startswith(b"position/"):
            found[message.partition() or 0] = codec.decode(message.value() or b"").events
    return found


def test_a_state_that_differs_is_refused_with_the_first_family_and_the_fold_goes_on(world: World) -> None:
    version = world.command("rebuild", "start", "state")["version"]
    topic = catalogue.families_topic(version)
    log = next(m for m in kafka.read_all(world.bootstrap, topic) if not (m.key() or b"").startswith(b"position/"))
    key, state = log.key() or b"", codec.decode(log.value() or b"")
    other = codec.encode(replace(state, decile=state.decile % 10 + 1))
    producer = kafka.producer(world.bootstrap)
    producer.produce(topic, key=key, value=other, partition=log.partition() or 0)
    assert producer.flush(SECONDS) == 0

    assert key.decode() in json.dumps(world.command("rebuild", "compare", "state", code=DIFFERS))
    text = world.command("rebuild", "switch", "state", code=REFUSED)
    assert "DIFFERS" in text
    assert key.decode() in text
    now = world.serving(STATE)
    assert (now.version, now.resting) == ("v1", False)
    with world.changes(20):
        pass
    world.command("rebuild", "drop", "state", "--version", version)


def test_a_version_that_another_fold_version_built_is_neither_gone_on_with_nor_switched_to(world: World) -> None:
    version = world.command("rebuild", "start", "state")["version"]
    topic = catalogue.families_topic(version)
    log = next(m for m in kafka.read_all(world.bootstrap, topic) if (m.key() or b"").startswith(b"position/"))
    other = replace(codec.decode(log.value() or b""), fold_version="1")
    producer = kafka.producer(world.bootstrap)
    producer.produce(topic, key=log.key() or b"", value=codec.encode(other), partition=log.partition() or 0)
    assert producer.flush(SECONDS) == 0

    for command in ("compare", "switch"):
        assert "OTHER_FOLD_VERSION" in world.command("rebuild", command, "state", code=REFUSED)
    assert world.serving(STATE).version == "v1"
    world.command("rebuild", "drop", "state", "--version", version)


def test_a_switch_that_was_killed_rests_the_fold_until_it_is_called_off(world: World) -> None:
    now = world.serving(STATE)
    choose(world.bootstrap, STATE, pointer.pausing(now), "test")
    until(lambda: groups.members(world.bootstrap, composition.FOLD_GROUP) == 0)
    assert world.command("rebuild", "rollback", "state") | {"fold_rested_seconds": 0.0} == {
        "what": "state",
        "serves": now.version,
        "previous": now.previous,
        "changed": True,
        "fold_rested_seconds": 0.0,
    }
    with world.changes(20):
        pass


@pytest.mark.at_length
def test_a_frozen_worker_that_wakes_after_a_switch_decides_nothing_on_the_old_state(world: World) -> None:
    version = world.command("rebuild", "start", "state")["version"]
    with world.changes():
        time.sleep(1)  # so that it is likely to be amid a batch; whenever it is, the outcome is the same
        fold = world.worker("fold")
        fold.suspend()
        try:
            assert world.command("rebuild", "switch", "state")["serves"] == version
        finally:
            fold.resume()
    assert_accepted_exactly_once(world)
    assert world.command("rebuild", "rollback", "state")["serves"] == "v1"
    world.command("rebuild", "drop", "state", "--version", version)


@pytest.mark.at_length
def test_a_fold_refuses_to_start_on_a_state_that_is_not_there(world: World) -> None:
    now = world.serving(STATE)
    choose(world.bootstrap, STATE, pointer.pausing(now), "test")
    until(lambda: groups.members(world.bootstrap, composition.FOLD_GROUP) == 0)
    choose(world.bootstrap, STATE, Serving("v9", now.version, pointer.SWITCHED), "test")
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "jejak.cli", "run", "fold"],
            cwd=ROOT,
            env={**os.environ, "JEJAK_WORKER": "alone"},
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        assert ended.returncode == REFUSED
        assert "STATE_MISSING: jejak.families.v9" in ended.stderr
    finally:
        choose(world.bootstrap, STATE, now, "test")
    with world.changes(20):
        pass


@pytest.mark.parametrize("what", ["read-model", "state"])
def test_what_is_not_there_is_neither_compared_nor_switched_to(world: World, what: str) -> None:
    for step in ("compare", "switch"):
        assert "NO_SUCH_VERSION" in world.command("rebuild", step, what, "--version", "v77", code=REFUSED)
    serves = world.serving(READ_MODEL if what == "read-model" else STATE).version
    assert "IN_USE" in world.command("rebuild", "start", what, "--version", serves, code=REFUSED)
    assert "NO_VERSION" in world.command("rebuild", "start", what, "--version", "v1; DROP", code=REFUSED)


def test_progress_of_a_state_is_told_without_disturbing_its_builder(world: World) -> None:
    version = world.command("rebuild", "start", "state")["version"]
    topic = catalogue.families_topic(version)
    ends = kafka.end_offsets(world.bootstrap, catalogue.EVENTS_TOPIC)
    with shadow.Builder(world.bootstrap, topic) as builder:
        assert shadow.done(world.bootstrap, topic, ends) == ends
        builder.mark(ends)  # would raise if someone else had taken its place
    world.command("rebuild", "drop", "state", "--version", version)
