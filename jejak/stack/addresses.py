"""Where Kafka and Cassandra answer: given by the environment, or found in a data folder's stack.

Holds addresses only; it does not know how servers are started.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

KAFKA: Final = "kafka"
CASSANDRA: Final = "cassandra"
SERVERS: Final = (KAFKA, CASSANDRA)
LOOPBACK: Final = "127.0.0.1"
VARIABLES: Final = {KAFKA: "JEJAK_KAFKA", CASSANDRA: "JEJAK_CASSANDRA"}


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Addresses as `host:port`; several, separated by commas, when a cluster is used."""

    kafka: str
    cassandra: str


def given(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the addresses set by JEJAK_KAFKA and JEJAK_CASSANDRA, by server; empty ones do not count."""
    return {name: address for name, variable in VARIABLES.items() if (address := environ.get(variable, "").strip())}


def combine(own: Mapping[str, str], environ: Mapping[str, str] = os.environ) -> Endpoints | None:
    """Return both addresses, those of the environment before `own`, or None if one is unknown."""
    found = {**own, **given(environ)}
    if KAFKA not in found or CASSANDRA not in found:
        return None
    return Endpoints(found[KAFKA], found[CASSANDRA])
