"""Addresses of a Cassandra cluster."""

from __future__ import annotations

import pytest

from transport.cassandra import contact


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
