"""What an auditor and a citizen's receipt are made of here: where the log lies, and whose signatures count."""

import time
from dataclasses import dataclass
from pathlib import Path

from consumers.auditor import receipt
from consumers.auditor.receipt import NotYet
from consumers.auditor.source import OVERSIGHT, LogReader, Unreadable, found_at
from jejak.audit import sequencing
from jejak.settings import Settings
from schemas.quorum import Policy, parse_policy


@dataclass(frozen=True, slots=True)
class AccessToken:
    """The access token of a file that somebody renews, read each time; without one, as the environment says."""

    settings: Settings
    file: Path | None = None

    def __call__(self) -> str:
        """Return the token of this moment; raises Unreadable where the file can't be read."""
        try:
            return self.settings.token() if self.file is None else self.file.read_text("ascii").strip()
        except (OSError, ValueError) as fault:
            raise Unreadable(f"the token's file can't be read: {type(fault).__name__}") from fault


def log_of(settings: Settings, where: str = "", token: Path | None = None, purpose: str = OVERSIGHT) -> LogReader:
    """Return the log at a folder or address, this installation's own without one.

    An address opens its entries to the access token in the file, by default to that of JEJAK_TOKEN or JEJAK_TOKEN_FILE.
    """
    return found_at(where or str(sequencing.log_folder(settings)), AccessToken(settings, token), purpose)


def is_own(settings: Settings, where: str) -> bool:
    """Return whether this is the log that this installation writes: reading an entry of it passes the door."""
    return not where or Path(where).resolve() == sequencing.log_folder(settings).resolve()


def policy_text(settings: Settings, file: Path | None = None) -> bytes:
    """Return the policy as text: of the file, as set, or else this log's own key and no witness.

    The last proves nothing against whoever holds the log's key.
    """
    path = file or settings.policy_file()
    if path is not None:
        return path.read_bytes()
    key = sequencing.signer(settings, time.gmtime().tm_year).verifier_key
    return f"log {key.vkey()}\nquorum none\n".encode()


def policy_of(settings: Settings, file: Path | None = None) -> Policy:
    """Return the policy; raises PolicyRefused where the text isn't one."""
    return parse_policy(policy_text(settings, file))


@dataclass(frozen=True, slots=True)
class Receipts:
    """Makes the receipts of this installation's log."""

    log: LogReader
    policy: Policy

    @classmethod
    def of(cls, settings: Settings) -> "Receipts":
        """Return the receipts of the log that this installation writes."""
        return cls(log_of(settings), policy_of(settings))

    def receipt(self, partition: int, offset: int) -> str | None:
        """Return the receipt of the entry at that place of the audit topic; None until a checkpoint covers it."""
        try:
            found = receipt.make(self.log, partition, offset, self.policy)
        except Unreadable:  # no sequencer has begun here yet
            return None
        return None if isinstance(found, NotYet) else found.format()
