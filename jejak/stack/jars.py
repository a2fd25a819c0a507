"""The jars of Kafka and Cassandra: fetched by the lock file, kept in a cache, checked by SHA-256.

Every jar is digested in full each time a class path is asked for (about 110 MB, some tenths of a second): no
record of an earlier check is trusted. Knows nothing of how the servers are configured.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jejak.stack.faults import FULL, CorruptJar, DiskFull, NoNetwork

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ATTEMPTS: Final = 3
AT_ONCE: Final = 8
TIMEOUT_SECONDS: Final = 60
LOCK_NAME: Final = "jars.lock.json"


@dataclass(frozen=True, slots=True)
class Jar:
    """One locked jar: `group:artifact:version[:classifier]`, its SHA-256, bytes, and the servers that load it."""

    coordinate: str
    sha256: str
    size: int
    roles: tuple[str, ...]

    @property
    def filename(self) -> str:
        """The file name a Maven repository gives this jar."""
        _, *named = self.coordinate.split(":")
        return "-".join(named) + ".jar"


Download = Callable[[Jar, Path], Path]


def locked() -> tuple[Jar, ...]:
    """Return the jars of the lock file that comes with this package."""
    text = files("jejak.stack").joinpath(LOCK_NAME).read_text(encoding="utf-8")
    return tuple(Jar(j["coordinate"], j["sha256"], j["size"], tuple(j["roles"])) for j in json.loads(text)["jars"])


def cache_folder() -> Path:
    """Return where jars are kept: `jars` under JEJAK_CACHE, or under the user's cache folder."""
    root = os.environ.get("JEJAK_CACHE")
    return (Path(root) if root else Path.home() / ".cache" / "jejak") / "jars"


def class_path(role: str, cache: Path, jars: Sequence[Jar]) -> str:
    """Return the Java class path of the jars with this role, in the order of the lock."""
    return os.pathsep.join(str(cache / jar.filename) for jar in jars if role in jar.roles)


def version(jars: Sequence[Jar], artifact: str) -> str:
    """Return the locked version of an artifact, such as `kafka_2.13`."""
    return next(jar.coordinate.split(":")[2] for jar in jars if jar.coordinate.split(":")[1] == artifact)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in lower-case hexadecimal, or "" if there is no such file."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        return ""


def missing(jars: Sequence[Jar], cache: Path) -> list[Jar]:
    """Return the jars that are absent from the cache or do not have their locked digest."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        digests = pool.map(lambda jar: sha256(cache / jar.filename), jars)
        return [jar for jar, digest in zip(jars, digests, strict=True) if digest != jar.sha256]


def fetch(
    jars: Sequence[Jar],
    cache: Path,
    progress: Callable[[str], None],
    download: Download | None = None,
) -> int:
    """Make every jar present and intact in `cache`; return how many had to be fetched.

    Raises NoNetwork, CorruptJar or DiskFull; jars fetched before the fault stay, so that a later call goes on.
    """
    if not (lacking := missing(jars, cache)):
        return 0
    try:
        with _alone(cache):
            lacking = missing(lacking, cache)
            _fetch_all(lacking, cache, progress, download or from_repository)
    except OSError as fault:
        if fault.errno in FULL:
            raise DiskFull(cache, sum(jar.size for jar in lacking)) from fault
        raise
    return len(lacking)


@contextmanager
def _alone(cache: Path) -> Iterator[None]:
    """Hold the cache's lock, so that two first starts fetch once and leftovers can be told from work in progress."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        for leftover in cache.glob("partial-*"):
            shutil.rmtree(leftover)
        yield


def _fetch_all(jars: Sequence[Jar], cache: Path, progress: Callable[[str], None], download: Download) -> None:
    total = sum(jar.size for jar in jars)
    done = 0
    with (
        tempfile.TemporaryDirectory(dir=cache, prefix="partial-") as work,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        try:
            fetched = pool.map(lambda jar: _fetch_one(jar, cache, Path(work), download), jars)
            for count, jar in enumerate(fetched, 1):
                done += jar.size
                progress(f"jars: {count}/{len(jars)}, {done // 10**6} of {total // 10**6} MB")
        except _Unreachable as fault:
            raise NoNetwork(len(missing(jars, cache)), cache, str(fault)) from fault
        finally:
            pool.shutdown(cancel_futures=True)


class _Unreachable(Exception):
    """The repository did not give a jar in any attempt."""


def _fetch_one(jar: Jar, cache: Path, work: Path, download: Download) -> Jar:
    """Fetch one jar aside, check it, and only then put it in its place."""
    found, cause = "", ""
    for attempt in range(ATTEMPTS):
        aside = work / f"{jar.filename}.{attempt}"
        try:
            path = download(jar, aside)
        except (OSError, RuntimeError) as fault:
            # The HTTP client's faults are OSErrors without a number, jgo's "not found" is a RuntimeError;
            # a numbered OSError is this machine's own (a full disk, a folder that may not be written).
            if isinstance(fault, OSError) and fault.errno is not None:
                raise
            cause = f"{jar.coordinate}: {type(fault).__name__}"
            continue
        if (found := sha256(path)) == jar.sha256:
            path.replace(cache / jar.filename)
            return jar
    if found:
        raise CorruptJar(jar.coordinate, jar.sha256, found)
    raise _Unreachable(cause)


def from_repository(jar: Jar, aside: Path) -> Path:
    """Download one jar from the public repository below `aside`; no project description is read."""
    from jgo.maven import MavenContext  # noqa: PLC0415  a warm start fetches nothing and need not pay the import

    group, artifact, release, *classifier = jar.coordinate.split(":")
    context = MavenContext(repo_cache=aside, timeout=TIMEOUT_SECONDS)
    named = context.project(group, artifact).at_version(release).artifact(classifier[0] if classifier else "", "jar")
    return Path(named.resolve())
