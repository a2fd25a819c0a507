"""TLS over a real socket: a bound token is taken with its own certificate alone, and half a setting starts nothing."""

from __future__ import annotations

import ssl
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from typer.testing import CliRunner

from consumers.api.app import application as api_application
from consumers.api.cursors import Cursors
from consumers.api.service import Service
from consumers.gateway.trail import Trails
from consumers.issuer import clients
from consumers.issuer.app import TOKEN_PATH
from consumers.issuer.app import application as issuer_application
from consumers.read_model.rows import day_of
from jejak.audit import admission, web_server
from jejak.cli.app import app
from jejak.settings import Settings
from tests.unit.api_rig import KEY, WHY, Door, Homes, Log, person_ref
from tests.unit.audit_rig import NOW, Database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = "a client's secret"  # noqa: S105  a test's own
OWN_DAY = "/v1/accesses/agency"


@dataclass(frozen=True)
class Authority:
    """Signs certificates for a test, all keys in the test's own folder."""

    folder: Path
    name: str
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def made(cls, folder: Path, name: str) -> Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        made = _unsigned(name, name, key).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        authority = cls(folder, name, key, made.sign(key, hashes.SHA256()))
        authority.file.write_bytes(authority.certificate.public_bytes(serialization.Encoding.PEM))
        return authority

    @property
    def file(self) -> Path:
        return self.folder / f"{self.name}.pem"

    def issue(self, name: str, *, ended: bool = False) -> tuple[Path, Path]:
        """Return the files of a certificate for 127.0.0.1 and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        loopback = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
        made = _unsigned(name, self.name, key, ended=ended).add_extension(loopback, critical=False)
        certificate, secret = self.folder / f"{name}.pem", self.folder / f"{name}-key.pem"
        certificate.write_bytes(made.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        secret.write_bytes(_pem(key))
        return certificate, secret


def _pem(key: ec.EllipticCurvePrivateKey, password: bytes = b"") -> bytes:
    kept = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, kept)


def _unsigned(
    name: str, issuer: str, key: ec.EllipticCurvePrivateKey, *, ended: bool = False
) -> x509.CertificateBuilder:
    today = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(days=2))
        .not_valid_after(today + timedelta(days=-1 if ended else 1))
    )


@contextmanager
def serving(served: Any, place: web_server.Place) -> Iterator[int]:
    """Lend the port of an application that is served as `jejak run` serves it."""
    server = uvicorn.Server(web_server.configured(served, 0, place))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(30)


@dataclass(frozen=True)
class Served:
    """An issuer and an API over TLS, and the clients that a ministry may have."""

    authority: Authority
    issuer: int
    api: int

    def session(self, identity: tuple[Path, Path] | None) -> httpx.Client:
        context = ssl.create_default_context(cafile=self.authority.file)
        if identity is not None:
            context.load_cert_chain(*identity)
        return httpx.Client(verify=context, timeout=30)

    def token(self, identity: tuple[Path, Path] | None) -> str:
        with self.session(identity) as session:
            said = {"grant_type": "client_credentials"}
            answer = session.post(f"https://127.0.0.1:{self.issuer}{TOKEN_PATH}", data=said, auth=("sik-ng", SECRET))
        return str(answer.json()["access_token"])

    def asked(self, token: str, identity: tuple[Path, Path] | None, **headers: str) -> tuple[int, str | None]:
        """Return status and code of the answer to a question at the API."""
        with self.session(identity) as session:
            sent = {"Authorization": f"Bearer {token}", **WHY, **headers}
            answer = session.get(f"https://127.0.0.1:{self.api}{OWN_DAY}", headers=sent)
        return answer.status_code, answer.json().get("code")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    tmp_path = tmp_path_factory.mktemp("tls")
    authority = Authority.made(tmp_path, "authority")
    certificate, key = authority.issue("server")
    settings = Settings(
        data=tmp_path / "data",
        environment="development",
        tls_certificate=certificate,
        tls_key=key,
        tls_client_ca=authority.file,
    )
    place = web_server.place_of(settings)
    file = tmp_path / "clients.toml"
    file.write_text(
        f'[client.sik-ng]\nsecret = "{clients.hashed(SECRET)}"\nagency = "dinsos/35.71"\nrole = "supervisor"\n'
        'actor = "sik-ng-system"\nassurance = "HIGH"\n'
    )
    tell = web_server.client_certificate
    issuer = issuer_application(admission.development_issuer(settings), clients.load(file), certificate=tell)
    trails = Trails(Door(), Database(), Homes(), lambda: [KEY], Log(), lambda: NOW)
    verified = admission.of_connections(settings, bound=place.asks_clients)
    api = api_application(Service(verified, person_ref, trails, Cursors(bytes(32)), lambda: day_of(NOW), tell))
    with serving(issuer, place) as first, serving(api, place) as second:
        yield Served(authority, first, second)


def test_a_bound_token_is_taken_with_its_own_certificate_alone(served: Served) -> None:
    own, others = served.authority.issue("dinsos"), served.authority.issue("another")
    token = served.token(own)
    assert served.asked(token, own) == (200, None)
    assert served.asked(token, others) == (401, "TOKEN_NOT_BOUND")
    assert served.asked(token, None) == (401, "TOKEN_NOT_BOUND")


def test_a_token_that_is_bound_to_nothing_is_refused_where_certificates_are_asked_for(served: Served) -> None:
    own = served.authority.issue("dinsos")
    token = served.token(None)
    assert served.asked(token, None) == (401, "TOKEN_NOT_BOUND")
    assert served.asked(token, own) == (401, "TOKEN_NOT_BOUND")


def test_no_header_stands_for_a_certificate(served: Served) -> None:
    own = served.authority.issue("dinsos")
    token, said = served.token(own), own[0].read_text().replace("\n", " ").strip()
    for name in ("X-Client-Cert", "X-Forwarded-Client-Cert", "Client-Cert", "X-SSL-Client-Cert"):
        assert served.asked(token, None, **{name: said}) == (401, "TOKEN_NOT_BOUND")


def test_a_certificate_of_nobody_we_know_and_one_that_ran_out_end_the_connection(served: Served) -> None:
    own = served.authority.issue("dinsos")
    token = served.token(own)
    foreign = Authority.made(served.authority.folder, "foreign").issue("dinsos-of-foreign")
    for identity in (foreign, served.authority.issue("ended", ended=True)):
        with pytest.raises(httpx.TransportError):
            served.asked(token, identity)
    assert served.asked(token, own) == (200, None)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"tls_certificate": "server.pem"}, "JEJAK_TLS_KEY is not set"),
        ({"tls_key": "server-key.pem"}, "JEJAK_TLS_CERTIFICATE is not set"),
        ({"tls_client_ca": "authority.pem"}, "JEJAK_TLS_CERTIFICATE is not set"),
        ({"tls_certificate": "server.pem", "tls_key": "nothing.pem"}, "JEJAK_TLS_KEY names no file"),
        ({"tls_certificate": "server.pem", "tls_key": "other-key.pem"}, "JEJAK_TLS_CERTIFICATE and JEJAK_TLS_KEY"),
        ({"tls_certificate": "server.pem", "tls_key": "locked-key.pem"}, "JEJAK_TLS_CERTIFICATE and JEJAK_TLS_KEY"),
        (
            {"tls_certificate": "server.pem", "tls_key": "server-key.pem", "tls_client_ca": "server-key.pem"},
            "JEJAK_TLS_CLIENT_CA holds no",
        ),
        ({"listen": "0.0.0.0"}, "JEJAK_LISTEN is not a loopback address"),  # noqa: S104  refused
        ({"listen": "localhost.example"}, "JEJAK_LISTEN is not a loopback address"),
    ],
)
def test_half_a_setting_starts_nothing_and_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], named: str
) -> None:
    authority = Authority.made(tmp_path, "authority")
    for name in ("server", "other"):
        authority.issue(name)
    (tmp_path / "locked-key.pem").write_bytes(_pem(ec.generate_private_key(ec.SECP256R1()), b"a password"))
    monkeypatch.setenv("JEJAK_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("JEJAK_ENVIRONMENT", "development")
    for setting, value in given.items():
        monkeypatch.setenv(f"JEJAK_{setting.upper()}", value if setting == "listen" else str(tmp_path / value))
    for command in (["run", "api"], ["run", "issuer"], ["audit", "serve", "--hashes-only"]):
        ended = CliRunner().invoke(app, command)
        assert ended.exit_code == 3
        assert named in " ".join(ended.stderr.split())
        assert "a password" not in ended.stderr
