"""The witness of this machine, so that a laptop's log is cosigned by the protocol that every witness speaks.

It proves nothing against whoever holds the machine: institutions run theirs elsewhere. Used where no policy is set.
"""

import shutil
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from jejak.audit import sequencing
from jejak.settings import Settings
from jejak.stack import plan
from schemas.quorum import PolicyRefused, parse_policy

NAME: Final = "jejak.localhost/witness"
_PLAIN: Final = "jejak.localhost-witness"
_KEPT: Final = ("audit-log", "audit-wal", "witness", "quotas")
_KEPT_FILES: Final = (
    "witness.policy",
    f"keys/{sequencing.KEY_FILE}",
    f"keys/{sequencing.ORIGIN_FILE}",
    f"keys/witness-{_PLAIN}.key",
)


def arranged(settings: Settings, year: int) -> tuple[str, ...] | None:
    """Return the arguments that start this machine's witness, once the policy file names it; None where one is set.

    Its port stays the same while it is free. The policy is `settings.own_policy()`, which every command finds.
    """
    if settings.witness_policy.name:
        return None
    from jejak.audit import witness  # noqa: PLC0415  the web library takes a second to load

    log = sequencing.signer(settings, year).verifier_key
    state = settings.data.resolve() / "witness" / _PLAIN
    key = settings.key_folder() / f"witness-{_PLAIN}.key"
    cosigner = witness.cosigner(key, state, NAME)
    port = _port(settings.own_policy())
    lines = (
        f"log {log.vkey()}",
        f"witness own {cosigner.verifier_key.vkey()} http://127.0.0.1:{port}",
        "quorum own",
    )
    settings.own_policy().write_text("\n".join(lines) + "\n")
    return ("audit", "witness", "--name", NAME, "--log-vkey", log.vkey(), "--port", str(port))


def forget(data: Path) -> None:
    """Remove what a log left whose topics are deleted, its keys too: what comes next is another log."""
    for name in _KEPT:
        shutil.rmtree(data / name, ignore_errors=True)
    for name in _KEPT_FILES:
        (data / name).unlink(missing_ok=True)


def _port(policy: Path) -> int:
    try:
        known = [urlsplit(one.url).port for one in parse_policy(policy.read_bytes()).witnesses if one.url]
    except (FileNotFoundError, PolicyRefused):
        known = []
    return next((port for port in known if port and plan.is_free(port)), None) or plan.free_port(set())
