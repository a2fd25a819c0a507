"""The local stack as its users see it: up, down, status, reset, endpoints, and faults on purpose.

Puts together jars, plan, servers and supervisor; the command line and the tests call this.
"""

from __future__ import annotations

import shutil
import signal
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from jejak.stack import cassandra_server, control, jars, kafka_server, plan, ready
from jejak.stack.addresses import CASSANDRA, KAFKA, SERVERS, Endpoints, combine, given
from jejak.stack.faults import FULL, AlreadyRunning, DiskFull, NotReady, NotRunning, PortTaken, StackFault, diagnose

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

READY_SECONDS: Final = 90.0
STOP_SECONDS: Final = 30.0
PORT_ATTEMPTS: Final = 3
OURS: Final = (KAFKA, CASSANDRA, "logs")
OUR_FILES: Final = (plan.PLAN_NAME, control.RECORD_NAME, control.CRASH_NAME, control.LOCK_NAME)


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """One server: address, state (running, stopping, stopped, crashed, external), memory in bytes, log, version."""

    address: str
    state: str
    pid: int | None = None
    memory: int | None = None
    log: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class StackStatus:
    """What runs for a data folder; `crash` tells how the stack ended if it ended by itself."""

    data: str
    running: bool
    supervisor: int | None
    servers: dict[str, ServerStatus]
    crash: control.Crash | None

    def as_json(self) -> dict[str, Any]:
        """Return the status as plain objects for a JSON encoder."""
        return asdict(self)


def _silent(_: str) -> None:
    """Report progress to nobody."""


def up(  # noqa: PLR0913  each is a wish a user may have
    data: Path,
    *,
    kafka_port: int | None = None,
    cassandra_port: int | None = None,
    progress: Callable[[str], None] = _silent,
    kafka_heap: str = "256m",
    kafka_log_dir: Path | None = None,
    file_size_limit: int | None = None,
    quick: bool = False,
    tied_to: int | None = None,
) -> Endpoints:
    """Have both servers run and answer; return where.

    A server named by JEJAK_KAFKA or JEJAK_CASSANDRA is used and not started. `file_size_limit` bounds every file of
    the broker, in bytes, to bring about a full disk; `quick` starts with a third less work but never reaches full
    speed; `tied_to` is the id of a process with which the stack ends (on Linux). Raises AlreadyRunning, PortTaken,
    DiskFull, NoNetwork, CorruptJar, ServerCrashed or NotReady; after any of them but the first nothing runs.
    """
    data = data.resolve()
    own = tuple(name for name in SERVERS if name not in given())
    if not own:
        return _both(combine({}), data)
    _make(data)
    if control.is_supervised(data):
        raise AlreadyRunning(data, endpoints(data))
    kafka_server.check_heap(kafka_heap)
    locked = jars.locked()
    jars.fetch(locked, jars.cache_folder(), progress)
    control.reap(data)
    asked = {KAFKA: kafka_port, CASSANDRA: cassandra_port}
    for attempt in range(PORT_ATTEMPTS):
        chosen = _choose(data, asked, own, kafka_log_dir, heap=kafka_heap, quick=quick)
        control.write_crash(data, None)
        control.start_supervisor(data, tied_to)
        try:
            _start(data, chosen, own, locked=locked, progress=progress, file_size_limit=file_size_limit)
            break
        except PortTaken as taken:  # between our choice of a free port and the server's start
            down(data)
            if asked.get(taken.server) or attempt == PORT_ATTEMPTS - 1:
                raise
        except BaseException:  # an interrupt too must not leave half a stack behind
            down(data)
            raise
    return _both(endpoints(data), data)


def _both(found: Endpoints | None, data: Path) -> Endpoints:
    if found is None:
        raise NotRunning(data)
    return found


def _make(data: Path) -> None:
    """Make the data folder, for its owner alone, with room for what a start writes."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as fault:
        if fault.errno in FULL:
            raise DiskFull(data.parent) from fault
        raise
    plan.check_room(data)


def _choose(  # noqa: PLR0913  the wishes of one start, used nowhere else
    data: Path,
    asked: dict[str, int | None],
    own: tuple[str, ...],
    log_dir: Path | None,
    *,
    heap: str,
    quick: bool,
) -> plan.Plan:
    """Return the plan for this start, and keep it: ports and cluster id of the last one stay."""
    kept = plan.load(data)
    ports = plan.choose_ports(asked, kept.ports if kept else {}, own)
    logs = str((log_dir.resolve() if log_dir else data / KAFKA) / "jejak-kafka-log")
    cluster = kept.cluster_id if kept else kafka_server.new_cluster_id()
    chosen = plan.Plan(ports, heap, logs, cluster, quick)
    plan.save(data, chosen)
    return chosen


def _start(  # noqa: PLR0913  the parts of one start, used nowhere else
    data: Path,
    chosen: plan.Plan,
    own: Sequence[str],
    *,
    locked: Sequence[jars.Jar],
    progress: Callable[[str], None],
    file_size_limit: int | None,
) -> None:
    """Start this stack's own servers and wait until each answers."""
    started = time.monotonic()
    # Cassandra first: it takes longest, and an empty broker log is formatted meanwhile.
    for name in sorted(own, key=(CASSANDRA, KAFKA).index):
        progress(f"{name}: starting on {chosen.address(name)}")
        _launch(data, chosen, name, locked, file_size_limit if name == KAFKA else None)
    for name in own:
        _wait(data, chosen, name)
        progress(f"{name}: ready after {time.monotonic() - started:.1f} s")


def _launch(
    data: Path, chosen: plan.Plan, name: str, locked: Sequence[jars.Jar], file_size_limit: int | None = None
) -> None:
    """Write a server's configuration and have the supervisor start it."""
    cache = jars.cache_folder()
    path = jars.class_path(name, cache, locked)
    if name == KAFKA:
        kafka_server.configure(data / KAFKA, chosen)
        kafka_server.format_log(data / KAFKA, chosen, path)
        launch = kafka_server.launch(data, chosen, path, file_size_limit)
    else:
        cassandra_server.configure(data / CASSANDRA, chosen)
        launch = cassandra_server.launch(data, chosen, path, locked, cache)
    try:
        control.request(data, {"do": "start", "launch": asdict(launch)})
    except StackFault as refused:
        if control.read_crash(data):
            raise _death(data, chosen, name) from refused
        raise


def _wait(data: Path, chosen: plan.Plan, name: str) -> None:
    """Wait until a server answers; raise the fault its log tells of if it ends first."""

    def alive() -> bool:
        return _state(data, name) == control.RUNNING

    if ready.wait(name, chosen.address(name), READY_SECONDS, alive):
        return
    if alive():
        raise NotReady(name, READY_SECONDS, plan.log_file(data, name))
    raise _death(data, chosen, name)


def _death(data: Path, chosen: plan.Plan, name: str) -> StackFault:
    """Return the fault of the server that ended first, as its log tells."""
    crash = control.read_crash(data)
    dead = crash.server if crash else name
    log = plan.log_file(data, dead)
    return diagnose(dead, chosen.ports[dead], log, crash.tail if crash else plan.tail(log))


def _state(data: Path, name: str) -> str:
    """Return a server's state, `stopped` if nobody supervises it."""
    record = control.read_record(data) if control.is_supervised(data) else None
    kept = record.servers.get(name) if record else None
    return kept.state if kept else control.STOPPED


def down(data: Path) -> bool:
    """Stop what runs for a data folder; return False if nothing did."""
    data = data.resolve()
    try:
        control.request(data, {"do": "shutdown"})
    except NotRunning:
        # Either nothing runs, or it is ending already, or its socket was swept away.
        was_up = control.is_supervised(data)
        if was_up and (record := control.read_record(data)) and (process := control.living(record.pid, record.started)):
            process.terminate()
    else:
        was_up = True
    if not control.wait_until_gone(data, STOP_SECONDS):
        raise StackFault(f"the stack in {data} did not stop within {STOP_SECONDS:.0f} s: see {data / 'logs'}")
    control.reap(data)
    return was_up


def reset(data: Path) -> None:
    """Stop the stack and delete all it kept in the data folder; other files there, and the jars, stay."""
    data = data.resolve()
    down(data)
    if kept := plan.load(data):
        shutil.rmtree(kept.kafka_log_dir, ignore_errors=True)
    for name in OURS:
        shutil.rmtree(data / name, ignore_errors=True)
    for name in OUR_FILES:
        (data / name).unlink(missing_ok=True)


def endpoints(data: Path) -> Endpoints | None:
    """Return where Kafka and Cassandra are: by the environment, else this folder's running stack, else None."""
    data = data.resolve()
    kept = plan.load(data)
    running = [name for name in SERVERS if kept and _state(data, name) == control.RUNNING]
    return combine({name: kept.address(name) for name in running if kept})


def status(data: Path) -> StackStatus:
    """Return what runs for a data folder, and how it ended if it ended by itself."""
    data = data.resolve()
    record = control.read_record(data) if control.is_supervised(data) else None
    kept = plan.load(data)
    servers = {name: _server_status(data, name, kept, record) for name in SERVERS if kept}
    for name, address in given().items():
        servers[name] = ServerStatus(address, "external")
    return StackStatus(str(data), record is not None, record.pid if record else None, servers, control.read_crash(data))


def _server_status(data: Path, name: str, kept: plan.Plan, record: control.Record | None) -> ServerStatus:
    known = record.servers.get(name) if record else None
    process = known.process if known else None
    artifact = kafka_server.ARTIFACT if name == KAFKA else cassandra_server.ARTIFACT
    return ServerStatus(
        address=kept.address(name),
        state=known.state if known else control.STOPPED,
        pid=process.pid if process else None,
        memory=process.memory_info().rss if process else None,
        log=str(plan.log_file(data, name)),
        version=jars.version(jars.locked(), artifact),
    )


def kill_server(data: Path, name: str) -> None:
    """Kill one server (kill -9) on purpose and return once it is gone; the other one runs on."""
    _end_server(data.resolve(), name, signal.SIGKILL)


def stop_server(data: Path, name: str) -> None:
    """Stop one server in good order and return once it is gone; the other one runs on."""
    _end_server(data.resolve(), name, signal.SIGTERM)


def _end_server(data: Path, name: str, number: int) -> None:
    control.request(data, {"do": "stop", "server": name, "signal": number})
    deadline = time.monotonic() + STOP_SECONDS
    while _state(data, name) != control.STOPPED:
        if time.monotonic() > deadline:
            raise StackFault(f"{name} did not stop within {STOP_SECONDS:.0f} s")
        time.sleep(ready.POLL_SECONDS)


def start_server(data: Path, name: str, *, file_size_limit: int | None = None) -> None:
    """Start one server of a running stack again, on its port, and return once it answers."""
    data = data.resolve()
    if (chosen := plan.load(data)) is None:
        raise NotRunning(data)
    _launch(data, chosen, name, jars.locked(), file_size_limit)
    _wait(data, chosen, name)
