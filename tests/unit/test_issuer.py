"""The development issuer: client credentials in, five-minute tokens out, nothing told of why not."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from consumers.gateway.authentication import Authenticator, TrustedIssuer
from consumers.gateway.request import Caller
from consumers.gateway.token_keys import IssuerKeys
from consumers.issuer import clients
from consumers.issuer.app import KEYS_PATH, TOKEN_PATH, application
from consumers.issuer.clients import ClientsRefused
from consumers.issuer.tokens import ALGORITHM, Issuer
from jejak.audit import admission
from jejak.cli.app import app
from jejak.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

ISSUER = Issuer("https://issuer.example", "jejak-gateway", bytes(32))
SECRET = "a client's secret"  # noqa: S105  a test's own
GRANT = {"grant_type": "client_credentials"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "clients.toml"
    made.write_text(
        f'[client.sik-ng]\nsecret = "{clients.hashed(SECRET)}"\nagency = "dinsos/35.71"\nrole = "verifier"\n'
        'actor = "sik-ng-system"\nassurance = "HIGH"\n'
    )
    return made


@pytest.fixture
def client(file: Path) -> TestClient:
    return TestClient(application(ISSUER, clients.load(file)))


def test_a_client_with_its_secret_gets_a_token_that_the_gateway_takes(client: TestClient) -> None:
    answer = client.post(TOKEN_PATH, data=GRANT, auth=("sik-ng", SECRET))
    assert (answer.status_code, answer.json()["token_type"], answer.json()["expires_in"]) == (200, "Bearer", 300)
    assert answer.headers["cache-control"] == "no-store"
    keys = IssuerKeys(lambda: client.get(KEYS_PATH).json())
    door = Authenticator([TrustedIssuer(ISSUER.name, ISSUER.audience, keys, (ALGORITHM,))])
    found = door.authenticate(answer.json()["access_token"])
    assert isinstance(found, Caller)
    assert (found.agency_id, found.client_id) == ("dinsos/35.71", "sik-ng")


def test_credentials_may_stand_in_a_form_or_in_json(client: TestClient) -> None:
    said = {**GRANT, "client_id": "sik-ng", "client_secret": SECRET}
    assert client.post(TOKEN_PATH, data=said).status_code == 200
    assert client.post(TOKEN_PATH, json=said).status_code == 200


@pytest.mark.parametrize("credentials", [("sik-ng", "wrong"), ("nobody", SECRET), ("", ""), ("sik-ng ", SECRET)])
def test_wrong_credentials_get_none(client: TestClient, credentials: tuple[str, str]) -> None:
    answer = client.post(TOKEN_PATH, data=GRANT, auth=credentials)
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})


def test_no_other_grant_is_given(client: TestClient) -> None:
    answer = client.post(TOKEN_PATH, data={"grant_type": "password"}, auth=("sik-ng", SECRET))
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"\xff", "text/plain"), (b"[1]", "application/json"), (b"{", "application/json"), (b"a" * 5_000, "")],
)
def test_a_body_that_says_nothing_is_refused(client: TestClient, body: bytes, kind: str) -> None:
    assert client.post(TOKEN_PATH, content=body, headers={"content-type": kind}).status_code in {400, 413}


def test_a_broken_authorization_is_refused(client: TestClient) -> None:
    for said in ("Basic", "Basic %%%", f"Bearer {base64.b64encode(b'a:b').decode()}"):
        assert client.post(TOKEN_PATH, data=GRANT, headers={"authorization": said}).status_code == 401


def test_the_key_set_holds_no_private_key(client: TestClient) -> None:
    assert all("d" not in key for key in client.get(KEYS_PATH).json()["keys"])


def test_no_secret_is_kept_or_shown(file: Path) -> None:
    assert SECRET not in file.read_text()
    assert "secret" not in repr(clients.load(file))


def test_a_file_of_no_clients_is_refused_without_its_text(tmp_path: Path) -> None:
    made = tmp_path / "clients.toml"
    made.write_text('[client.one]\nsecret = "kept"\n')
    with pytest.raises(ClientsRefused) as refused:
        clients.load(made)
    assert "kept" not in str(refused.value)


def test_a_token_never_lives_longer_than_five_minutes() -> None:
    with pytest.raises(ValueError, match="five minutes"):
        Issuer("a", "b", bytes(32), 301)


def test_outside_development_there_is_no_issuer_of_our_own(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, environment="production")
    with pytest.raises(admission.IssuerRefused):
        admission.development_issuer(settings)
    found = admission.operator(settings)
    assert not isinstance(found, Caller)
    # Nor is a token taken that it made before.
    own = admission.development_issuer(Settings(data=tmp_path, environment="development"))
    assert own.name not in admission.authenticator(settings)._issuers


def test_servers_that_are_named_are_production_until_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("JEJAK_KAFKA", "JEJAK_CASSANDRA", "JEJAK_ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)
    assert Settings(data=tmp_path).environment == "development"  # the local stack, of this machine alone
    monkeypatch.setenv("JEJAK_CASSANDRA", "node:9042")
    assert Settings(data=tmp_path).environment == "production"
    monkeypatch.setenv("JEJAK_CASSANDRA", " ")
    monkeypatch.setenv("JEJAK_KAFKA", "broker:9092")
    assert Settings(data=tmp_path).environment == "production"
    with pytest.raises(admission.IssuerRefused):
        admission.operators_token(Settings(data=tmp_path))
    monkeypatch.setenv("JEJAK_ENVIRONMENT", "development")
    assert admission.operators_token(Settings(data=tmp_path))


def test_a_demo_is_development_also_on_servers_that_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JEJAK_CASSANDRA", "JEJAK_ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JEJAK_DATA", str(tmp_path))
    monkeypatch.setenv("JEJAK_KAFKA", "broker:9092")
    seen: list[str] = []

    def run(settings: Settings, *_: object) -> bool:
        seen.append(settings.environment)
        return True

    monkeypatch.setattr("jejak.demo.district.run", run)
    assert CliRunner().invoke(app, ["demo"]).exit_code == 0
    monkeypatch.setenv("JEJAK_ENVIRONMENT", "production")
    assert CliRunner().invoke(app, ["demo"]).exit_code == 0
    assert seen == ["development", "production"]


def test_a_token_is_bound_to_the_certificate_that_its_client_came_with(file: Path) -> None:
    presented: list[bytes | None] = [bytes(32)]
    over_tls = TestClient(application(ISSUER, clients.load(file), certificate=lambda _: presented[0]))

    def asked() -> Any:
        return over_tls.post(TOKEN_PATH, data=GRANT, auth=("sik-ng", SECRET))

    keys = IssuerKeys(ISSUER.keys)
    door = Authenticator([TrustedIssuer(ISSUER.name, ISSUER.audience, keys, (ALGORITHM,))])
    token = asked().json()["access_token"]
    assert isinstance(door.authenticate(token, bytes(32)), Caller)
    assert not isinstance(door.authenticate(token, None), Caller)
    file.write_text(file.read_text() + f'certificate = "{base64.urlsafe_b64encode(bytes(32)).rstrip(b"=").decode()}"\n')
    over_tls = TestClient(application(ISSUER, clients.load(file), certificate=lambda _: presented[0]))
    assert asked().status_code == 200
    presented[0] = bytes([1]) * 32
    assert (asked().status_code, asked().json()) == (401, {"error": "invalid_client"})


def test_in_development_the_operators_token_passes_the_same_verification(tmp_path: Path) -> None:
    settings = Settings(
        data=tmp_path, environment="development", agency="dinsos/35.71", role="verifier", actor="officer-7"
    )
    found = admission.operator(settings)
    assert isinstance(found, Caller)
    assert (found.agency_id, found.actor_role, found.actor_ref, found.channel) == (
        "dinsos/35.71",
        "verifier",
        "officer-7",
        "CLI",
    )
    assert found.token_jti
