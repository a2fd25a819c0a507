"""What the real tests run on: containers where images are named and a daemon answers, else our own launcher."""

from collections.abc import Callable

import pytest

from tests.integration import containers
from tests.integration.containers import CASSANDRA_IMAGE, KAFKA_IMAGE, Images, choose

NAMED = {KAFKA_IMAGE: "kafka:4", CASSANDRA_IMAGE: "cassandra:5"}


def answers() -> str:
    return ""


def silent() -> str:
    return "ConnectionRefused"


def never_asked() -> str:
    raise AssertionError("the daemon was asked")


def test_images_and_a_daemon_make_containers() -> None:
    found = choose(NAMED, answers)
    assert found.images == Images("kafka:4", "cassandra:5")
    assert "containers of kafka:4 and cassandra:5" in found.why


def test_images_without_a_daemon_make_none_and_it_is_said_why() -> None:
    found = choose(NAMED, silent)
    assert found.images is None
    assert "no Docker daemon answers (ConnectionRefused)" in found.why


@pytest.mark.parametrize("daemon", [never_asked])
@pytest.mark.parametrize("absent", [KAFKA_IMAGE, CASSANDRA_IMAGE])
@pytest.mark.parametrize("blank", [None, "", "  "])
def test_one_image_alone_makes_none_and_the_other_is_named(
    daemon: Callable[[], str], absent: str, blank: str | None
) -> None:
    named = {name: image for name, image in NAMED.items() if name != absent}
    if blank is not None:
        named[absent] = blank
    found = choose(named, daemon)
    assert found.images is None
    assert f"{absent} not set" in found.why


@pytest.mark.parametrize("server", ["JEJAK_KAFKA", "JEJAK_CASSANDRA"])
def test_servers_that_run_already_come_before_containers(server: str) -> None:
    found = choose({**NAMED, server: "127.0.0.1:1"}, never_asked)
    assert found.images is None
    assert server in found.why


def test_the_reason_is_one_line() -> None:
    for environ in ({}, NAMED):
        for daemon in (answers, silent):
            assert "\n" not in choose(environ, daemon).why


def test_a_daemon_that_is_not_there_is_told_by_its_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    assert containers.docker_trouble() == "DockerException"
