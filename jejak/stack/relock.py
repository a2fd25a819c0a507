"""Regenerates the lock file of the jars, for maintainers: `python -m jejak.stack.relock`.

Compare what it writes with `mvn dependency:copy-dependencies -DincludeScope=runtime` for the same roots before
it is committed: the resolver is not Maven. Not used at run time.
"""

from __future__ import annotations

import json
import sys
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from jgo.maven import MavenContext

from jejak.stack.addresses import CASSANDRA, KAFKA
from jejak.stack.jars import LOCK_NAME, TIMEOUT_SECONDS, Jar, sha256

ROOTS: Final = {
    KAFKA: (
        "org.apache.kafka:kafka_2.13:4.3.0",
        "org.apache.logging.log4j:log4j-slf4j-impl:2.25.1",
        "org.apache.logging.log4j:log4j-core:2.25.1",
    ),
    CASSANDRA: ("org.apache.cassandra:cassandra-all:5.0.6",),
}
RUNTIME_SCOPES: Final = ("compile", "runtime")


def resolve(role: str, repository: Path) -> list[Jar]:
    """Return the jars that a server needs at run time, downloaded into `repository`."""
    context = MavenContext(repo_cache=repository, timeout=TIMEOUT_SECONDS)
    # "!" asks for the roots as they are; without it they would govern each other's versions.
    roots, below = context.resolver.resolve([context.create_dependency(f"{root}!") for root in ROOTS[role]])
    needed = [*roots, *(dependency for dependency in below if dependency.scope in RUNTIME_SCOPES)]
    return [_jar(dependency.artifact, role) for dependency in needed]


def _jar(artifact: Any, role: str) -> Jar:
    path = Path(artifact.resolve())
    parts = [getattr(artifact, name) for name in ("groupId", "artifactId", "version", "classifier")]
    return Jar(":".join(part for part in parts if part), sha256(path), path.stat().st_size, (role,))


def lock_text(jars: list[Jar]) -> str:
    """Return the lock file's text: sorted, one line a jar, jars that both servers load merged."""
    merged: dict[str, Jar] = {}
    for jar in jars:
        roles = (*merged[jar.coordinate].roles, *jar.roles) if jar.coordinate in merged else jar.roles
        merged[jar.coordinate] = Jar(jar.coordinate, jar.sha256, jar.size, roles)
    rows = [
        json.dumps({"coordinate": j.coordinate, "sha256": j.sha256, "size": j.size, "roles": j.roles})
        for j in sorted(merged.values(), key=lambda jar: jar.coordinate)
    ]
    return '{"jars": [\n' + ",\n".join(rows) + "\n]}\n"


def main() -> None:
    """Write the lock file anew in the source tree."""
    with tempfile.TemporaryDirectory() as work:
        jars = [jar for role in ROOTS for jar in resolve(role, Path(work))]
    target = Path(str(files("jejak.stack").joinpath(LOCK_NAME)))
    target.write_text(lock_text(jars), encoding="utf-8")
    sys.stdout.write(f"{lock_text(jars).count('coordinate')} jars locked in {target}\n")


if __name__ == "__main__":
    main()
