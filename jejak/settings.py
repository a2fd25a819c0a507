"""What an operator may set, from the environment (JEJAK_...). Knows names and defaults; opens nothing."""

import os
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from identity.master_key import MasterKey, load_or_create_master_key
from identity.references import ReferenceKey
from identity.secret_file import load_or_create_secret, secret_from
from transport.pulse import STUCK_AFTER_S

_SECRET_NAMES = ("MASTER_KEY", "REFERENCE_KEY")


class Settings(BaseSettings):
    """Every setting with its default; secrets are named here only by where they are read from."""

    model_config = SettingsConfigDict(env_prefix="JEJAK_", extra="ignore")

    data: Path = Field(Path(".jejak"), description="Folder of the local stack: servers' data, logs, keys.")
    kafka: str = Field("", description="Use this running Kafka (host:port) instead of a local one.")
    cassandra: str = Field("", description="Use this running Cassandra (host:port) instead of a local one.")
    cassandra_replication: int = Field(1, description="Copies of each row; 3 in production.")
    worker: str = Field("local", description="Name of this worker process; part of its transactional id.")
    gateway: str = Field("cli", description="Name of this gateway in the audit trail.")
    audit_seconds: float = Field(2.0, description="Seconds after which a look that isn't on record yet is refused.")
    read_seconds: float = Field(1.7, description="Seconds after which a look is refused that the database hangs over.")
    grace_minutes: float = Field(
        15.0, description="Minutes that a gateway still shows data while no published checkpoint covers its entries."
    )
    agency: str = Field("kemensos", description="Agency in whose name this command line asks.")
    actor: str = Field("operator", description="Pseudonym of the officer who asks; never a name.")
    role: str = Field("operator", description="Role of the officer who asks.")
    environment: Literal["development", "production"] = Field(
        "production",
        description="In production no token of our own issuer is made or taken; by default development on the servers"
        " of the local stack alone.",
    )
    audience: str = Field("jejak-gateway", description="Our name in access tokens.")
    trusted_issuers: Path = Field(Path(), description="TOML file of the issuers whose tokens are taken.")
    issuer: str = Field("https://jejak.localhost/issuer", description="Name of our own issuer, in development.")
    issuer_clients: Path = Field(Path(), description="TOML file of our own issuer's clients and hashed secrets.")
    issuer_port: int = Field(8312, description="Port of our own issuer on loopback.")
    gateways: int = Field(1, ge=1, description="Gateways that serve at once, by names of their own: each has a share.")
    parent: int = Field(0, description="Process that this worker ends with; 0 is none. Set by `run all` and `demo`.")
    metrics_port: int = Field(
        0, description="Port of a worker's metrics and health on loopback, 0: none; `run all` takes six."
    )
    stuck_seconds: float = Field(
        STUCK_AFTER_S, description="A worker without a turn or a commit for so long is stuck, says its health."
    )
    reevaluations_per_second: int = Field(
        500, ge=1, description="Families that the agents ask to be decided again in a second, after rules changed."
    )
    digest_minutes: float = Field(
        60.0, description="Minutes between two digests of a partition's state in the fold's health, 0: none."
    )
    api_port: int = Field(8313, description="Port of the HTTP API on loopback.")
    listen: str = Field(
        "127.0.0.1", description="Address that the API and the log listen on; other than loopback only over TLS."
    )
    tls_certificate: Path = Field(
        Path(), description="PEM file of the servers' TLS certificate and those between it and its root; none: no TLS."
    )
    tls_key: Path = Field(Path(), description="PEM file of the certificate's private key, unencrypted.")
    tls_client_ca: Path = Field(
        Path(),
        description="PEM file of who signs clients' certificates: tokens are then taken bound to one (RFC 8705) alone.",
    )
    tls_client_crl: Path = Field(
        Path(),
        description="PEM file of those authorities' revocation lists; TLS files are read again when they change.",
    )
    thresholds: Path = Field(Path(), description="TOML file of what use is usual; the one that is shipped by default.")
    honey: Path = Field(
        Path(), description="File of person references, one a line, that nobody should look at; read again on change."
    )
    log_origin: str = Field(
        "",
        description="Origin of the audit log, never changed; by default jejak.localhost/audit/<first year>.",
    )
    witness_policy: Path = Field(
        Path(),
        description="File of the log's witnesses and their quorum (C2SP tlog-policy); by default our own witness.",
    )
    log_level: str = Field("WARNING", description="Least severe log line that is shown.")

    @model_validator(mode="after")
    def _local_stack_is_development(self) -> Self:
        """Have the default of the environment be the safe one wherever servers are named that others may use, too."""
        if "environment" not in self.model_fields_set and not (self.kafka.strip() or self.cassandra.strip()):
            self.environment = "development"
        return self

    def replication(self) -> dict[str, str | int]:
        """Return Cassandra's replication map."""
        return {"class": "SimpleStrategy", "replication_factor": self.cassandra_replication}

    def master_key(self) -> MasterKey:
        """Return the key that wraps data keys: from the environment, or a file of the data folder made on first use."""
        if _given("MASTER_KEY"):
            return MasterKey(secret_from(os.environ, "JEJAK_MASTER_KEY"))
        return load_or_create_master_key(self.key_folder() / "master.key")

    def reference_key(self) -> ReferenceKey:
        """Return the key that references are made with, likewise."""
        if _given("REFERENCE_KEY"):
            return ReferenceKey(secret_from(os.environ, "JEJAK_REFERENCE_KEY"))
        return ReferenceKey(load_or_create_secret(self.key_folder() / "reference.key"))

    def token(self, name: str = "TOKEN") -> str:
        """Return an access token from the environment, or the file named there; empty where neither is set."""
        if file := os.environ.get(f"JEJAK_{name}_FILE"):
            return Path(file).read_text("ascii").strip()
        return os.environ.get(f"JEJAK_{name}", "")

    def own_policy(self) -> Path:
        """Return the file that names this machine's own witness, for where no policy is set."""
        return self.data.resolve() / "witness.policy"

    def policy_file(self) -> Path | None:
        """Return the policy of the log's witnesses: the one set, else our own witness's where it was started once."""
        found = self.witness_policy if self.witness_policy.name else self.own_policy()
        return found if self.witness_policy.name or found.exists() else None

    def key_folder(self) -> Path:
        """Return the folder of key files, made for its owner alone."""
        folder = self.data.resolve() / "keys"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def shown(self) -> dict[str, Any]:
        """Return every setting for people, and for each secret only where it comes from."""
        values: dict[str, Any] = {name: str(value) for name, value in self.model_dump().items()}
        for name in _SECRET_NAMES:
            values[name.lower()] = "environment" if _given(name) else str(self.data / "keys")
        return values


def _given(name: str) -> bool:
    return bool(os.environ.get(f"JEJAK_{name}") or os.environ.get(f"JEJAK_{name}_FILE"))
