"""The demo's closing scene: an officer looks at a family, the citizen asks who saw it, and both verifiers check it.

Everything is real: the sequencer, a witness that cosigns, the stand-alone script in a process of its own.
"""

import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Final

from consumers.auditor import verify_receipt
from consumers.auditor.verdict import Verdict
from consumers.auditor.verify import Wishes, verify
from consumers.gateway.authentication import NotAuthenticated
from consumers.gateway.disclosure import Door
from consumers.gateway.request import Caller, FamilyAsked, FamilyDisclosed, Purpose, Withheld
from consumers.gateway.trail import OWN_DATA, Trails
from consumers.gateway.trail_lines import Became, Line
from consumers.issuer.tokens import Subject
from jejak.audit import admission, own_witness, sequencing, verifying
from jejak.audit.trail import trails_of
from jejak.cli import output
from jejak.cli.read import DEFAULT_FIELDS, caller
from jejak.composition import Registry
from jejak.demo.show import Verdicts
from jejak.processes import Children
from jejak.settings import Settings

PROOF_SECONDS: Final = 90.0
_LOOK_SECONDS: Final = 2.0
_HOLDS, _REFUSED = 0, 1
_SCRIPT: Final = Path(verify_receipt.__file__)


def scene(
    registry: Registry, family_id: str, workers: Children, made: Verdicts, progress: Callable[[str], None]
) -> None:
    """Play the scene with a sequencer, a witness and the read model at work, and note what held."""
    settings = registry.settings
    own = own_witness.arranged(settings, time.gmtime().tm_year)
    if own is not None:
        workers.start("witness", *own)
    workers.start("read-model", "run", "read-model")
    workers.start("sequencer", "run", "sequencer")
    progress("an officer looks at a family; its citizen asks who saw it; waiting for a cosigned checkpoint")
    with registry.door() as door:
        line = _asked(registry, door, family_id, made)
    if line is not None:
        with tempfile.TemporaryDirectory() as folder:
            _checked(settings, Path(folder), line, made)


def _asked(registry: Registry, door: Door, family_id: str, made: Verdicts) -> Line | None:
    """Return the citizen's line about the officer's look, proved; None where there is none in time."""
    settings = registry.settings
    found = door.look_family(
        caller(settings), Purpose("PENETAPAN_BANTUAN", "demo"), FamilyAsked(family_id), DEFAULT_FIELDS
    )
    citizen = _citizen(settings, found)
    if isinstance(found, Withheld) or citizen is None:
        made.check("an officer looks at a family on record", holds=False)
        return None
    trails = trails_of(registry, door)
    line = _until_proved(trails, citizen, found.receipts[0].event_id)
    made.check("the citizen sees that look, with its proof", holds=line is not None)
    return line


def _citizen(settings: Settings, found: FamilyDisclosed | Withheld) -> Caller | None:
    """Return the first member of the family as a caller, by a token of theirs."""
    if isinstance(found, Withheld) or not found.fields.get("members"):
        return None
    person = str(found.fields["members"][0]["person_ref"])
    subject = Subject("portal", "warga", "warga", "self", "HIGH", person=person)
    token = admission.development_issuer(settings).issue(subject, int(time.time()), str(uuid.uuid4()))
    known = admission.authenticator(settings).authenticate(token)
    return None if isinstance(known, NotAuthenticated) else known


def _until_proved(trails: Trails, citizen: Caller, intent_id: bytes) -> Line | None:
    deadline = time.monotonic() + PROOF_SECONDS
    while time.monotonic() < deadline:
        trail = trails.of_person(citizen, Purpose(OWN_DATA), str(citizen.person_ref), prove=True)
        if not isinstance(trail, Withheld):
            for line in trail.lines:
                if line.row.intent_id == intent_id and line.proof and line.became is Became.DISCLOSED:
                    _shown(trail.lines)
                    return line
        time.sleep(_LOOK_SECONDS)
    return None


def _shown(lines: tuple[Line, ...]) -> None:
    rows = [
        (line.row.agency, line.row.role, line.row.action, line.row.purpose, line.row.legal_basis, str(line.became))
        for line in lines
    ]
    output.table("Who saw me, asked by the citizen", ("agency", "role", "action", "purpose", "basis", "became"), rows)


def _checked(settings: Settings, folder: Path, line: Line, made: Verdicts) -> None:
    receipt, policy = folder / "receipt", folder / "policy"
    receipt.write_text(line.proof, encoding="utf-8")
    policy.write_bytes(verifying.policy_text(settings))
    code, said = _alone(receipt, policy)
    output.OUT.print(f"verify_receipt.py, standard library alone: {said}")
    made.check("the stand-alone script verifies the receipt", holds=code == _HOLDS)

    whole = _copied(settings, folder)
    made.check("the auditor verifies the whole log", holds=_audited(settings, whole).holds)
    spoiled = bytearray(receipt.read_bytes())
    spoiled[len(spoiled) // 3] ^= 1
    receipt.write_bytes(bytes(spoiled))
    code, said = _alone(receipt, policy)
    output.OUT.print(f"one bit of the receipt flipped: {said}")
    made.check("the script refuses the receipt with a flipped bit", holds=code == _REFUSED)

    where = _flipped(whole)
    found = _audited(settings, whole)
    named = str(found.broken)
    output.OUT.print(f"one byte of {where} flipped: {named}")
    made.check("the auditor names what a flipped byte broke", holds=not found.holds and found.broken is not None)


def _alone(receipt: Path, policy: Path) -> tuple[int, str]:
    """Return the exit code and the line of the stand-alone script, run without anything of this project."""
    ran = subprocess.run(
        [sys.executable, "-I", str(_SCRIPT), str(receipt), str(policy)], capture_output=True, text=True, check=False
    )
    return ran.returncode, ran.stdout.strip()


def _copied(settings: Settings, folder: Path) -> Path:
    """Return a copy of the log as an auditor would hold it, its checkpoint no newer than its files."""
    whole = folder / "log"
    source = sequencing.log_folder(settings)
    whole.mkdir()
    shutil.copy(source / "checkpoint", whole / "checkpoint")
    shutil.copytree(source, whole, ignore=shutil.ignore_patterns("checkpoint", "*.tmp"), dirs_exist_ok=True)
    return whole


def _audited(settings: Settings, whole: Path) -> Verdict:
    return verify(verifying.log_of(settings, str(whole)), verifying.policy_of(settings), Wishes(workers=1))


def _flipped(whole: Path) -> str:
    """Flip one byte in the middle of the first bundle of entries and return its name."""
    bundle = min(path for path in (whole / "tile" / "entries").rglob("*") if path.is_file())
    content = bytearray(bundle.read_bytes())
    content[len(content) // 2] ^= 1
    bundle.write_bytes(bytes(content))
    return str(bundle.relative_to(whole))
