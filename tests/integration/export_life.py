"""One life of an export: a process that stops amid a chunk, to be killed there.

`python export_life.py '{"chunk": 3, "at": "disclosed", ...}'` says `held` and waits for its end, or says what it made.
"""

import json
import signal
import sys
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[2])]

from consumers.gateway import audit_log  # noqa: E402  a script beside the tests, not installed
from consumers.gateway import export as exporting  # noqa: E402  idem
from consumers.gateway.admission import Gate  # noqa: E402  idem
from consumers.gateway.agreements import FollowedAgreements  # noqa: E402  idem
from consumers.gateway.audit_log import AuditLog  # noqa: E402  idem
from consumers.gateway.disclosure import door  # noqa: E402  idem
from consumers.gateway.export import Export, Made  # noqa: E402  idem
from consumers.gateway.export_journal import Journal, Reached  # noqa: E402  idem
from consumers.gateway.request import Caller, Withheld  # noqa: E402  idem
from consumers.read_model.queries import ReadModel  # noqa: E402  idem
from identity.audit_reference import load_or_create_epoch_key  # noqa: E402  idem
from identity.export_mark import MarkKey  # noqa: E402  idem
from identity.keys_cassandra import CassandraKeyStore  # noqa: E402  idem
from identity.master_key import MasterKey  # noqa: E402  idem
from transport.cassandra import closing_session  # noqa: E402  idem

DISCLOSED, IN_FILE, IN_JOURNAL = "disclosed", "in file", "in journal"
HELD = "held"


def holding(chunk: int, at: str) -> None:
    """Have this process stop in that chunk: its persons on record, or its bytes in the file too, or its line."""
    write = Journal.write

    def held_write(journal: Journal, body: bytes, reached: Reached) -> None:
        here = reached.chunks == chunk
        if here and at == DISCLOSED:
            hold()
        if here and at == IN_FILE:
            journal._body.write(body)
            journal._body.flush()
            hold()
        write(journal, body, reached)
        if here:
            hold()

    Journal.write = held_write  # type: ignore[method-assign, assignment]


def hold() -> None:
    sys.stdout.write(f"{HELD}\n")
    sys.stdout.flush()
    signal.pause()


def run(told: dict[str, Any]) -> Made | Withheld:
    """Export as the product does, through the one door."""
    folder, bootstrap = Path(told["folder"]), told["kafka"]
    exporting.CHUNK = told["families"]  # type: ignore[misc]  # few families make many chunks
    epoch = load_or_create_epoch_key(folder, 2025)
    with (
        closing_session(told["cassandra"]) as session,
        AuditLog(audit_log.producer(bootstrap), "gw", told["audit"], folder=folder / "wal", deadline_seconds=10) as log,
        FollowedAgreements(bootstrap, told["states"]) as agreements,
    ):
        model = ReadModel(session, told["version"])
        keys = CassandraKeyStore(session, MasterKey(bytes.fromhex(told["master"])))
        wanted = Export(**{**told["wanted"], "fields": tuple(told["wanted"]["fields"])})
        passage = door(model, keys, log, epoch, gate=Gate(agreements=agreements))
        mark, caller = MarkKey(bytes.fromhex(told["mark"])), Caller(**told["caller"])
        return exporting.export(passage, model, mark, caller, wanted, Path(told["target"]))


if __name__ == "__main__":
    life = json.loads(sys.argv[1])
    holding(life["chunk"], life["at"])
    made = run(life)
    if not isinstance(made, Made):
        sys.exit(f"withheld: {made.code}")
    sys.stdout.write(json.dumps({"digest": made.digest.hex(), "rows": made.reached.rows}) + "\n")
