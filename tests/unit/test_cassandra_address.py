"""Addresses of a Cassandra cluster, and how long an answer is waited for."""

from __future__ import annotations

from typing import Any

import pytest

from transport.cassandra import contact, hasty


@pytest.mark.parametrize(
    ("address", "hosts", "port"),
    [
        ("127.0.0.1:9999", ["127.0.0.1"], 9999),
        ("node", ["node"], 9042),
        ("a:9043, b:9043", ["a", "b"], 9043),
    ],
)
def test_an_address_names_hosts_and_their_port(address: str, hosts: list[str], port: int) -> None:
    assert contact(address) == (hosts, port)


def test_nodes_on_different_ports_are_refused() -> None:
    with pytest.raises(ValueError, match="one port"):
        contact("a:9042,b:9043")


class Session:
    """Notes how long it was told to wait."""

    keyspace = "jejak_keys"

    def __init__(self) -> None:
        self.waited: list[float] = []

    def execute(self, query: str, parameters: Any = None, timeout: float = 10.0) -> None:
        del query, parameters
        self.waited.append(timeout)

    execute_async = execute


def test_who_is_hasty_waits_no_longer_than_it_says_and_may_say_otherwise() -> None:
    session: Any = Session()
    left = iter([2.0, 1.5, 1.0])
    lent = hasty(session, lambda: next(left))
    lent.execute("SELECT", (1,))
    lent.execute_async("SELECT", (1,))
    lent.execute("SELECT", timeout=5.0)
    assert session.waited == [2.0, 1.5, 5.0]
    assert lent.keyspace == "jejak_keys"
