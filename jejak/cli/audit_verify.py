"""`jejak audit verify | receipt | check-receipt`: the auditor's full check of the log, and one entry's proof.

Parses and prints; what is checked lies in consumers/auditor. A receipt holds an entry, so of our own log it passes the
door; a full check shows figures and places alone, and an auditor's copy of the log has no door.
"""

import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from consumers.auditor import receipt as receipts
from consumers.auditor.source import OVERSIGHT, Malformed, Unreadable
from consumers.auditor.topics import Broker
from consumers.auditor.verdict import Verdict
from consumers.auditor.verify import Show, Wishes
from consumers.auditor.verify import verify as audit
from consumers.gateway.request import Purpose, Withheld
from jejak import composition, stack
from jejak.audit import own_receipt, verifying
from jejak.cli import output
from jejak.cli.audit_trail import SECURITY
from jejak.cli.read import REFUSED, caller
from jejak.cli.stack import Json
from jejak.settings import Settings
from schemas.quorum import Policy, PolicyRefused

DOES_NOT_HOLD, WRONG_USAGE, NOT_YET, UNREACHABLE = 1, 2, 3, 4
_SHOWN_EACH_SECONDS = 1.0
_ID_DIGITS = 32

Where = Annotated[str, typer.Argument(help="The log's directory, a copy of it, or its address; by default our own.")]
From = Annotated[str, typer.Option("--log", help="The log's directory or its address; by default our own.")]
PolicyFile = Annotated[Path | None, typer.Option("--policy", help="Keys and quorum, in tlog-policy syntax.")]
Token = Annotated[
    Path | None, typer.Option(help="File of the access token that opens entries at an address; renewed by another.")
]


def verify(
    where: Where = "",
    policy: PolicyFile = None,
    kept: Annotated[
        list[Path] | None, typer.Option(help="A checkpoint that a witness or citizen kept: the log must know it.")
    ] = None,
    hash_only: Annotated[bool, typer.Option("--hash-only", help="Decode no entry; count no gateway.")] = False,
    topics: Annotated[bool, typer.Option(help="Compare with both topics of the broker.")] = False,
    workers: Annotated[int, typer.Option(min=0, help="Processes; 0 is one for each core.")] = 0,
    token: Token = None,
    purpose: Annotated[str, typer.Option(help="Purpose code for reading entries at an address.")] = OVERSIGHT,
    json: Json = False,
) -> None:
    """Check every entry, tile, round, checkpoint, cosignature and gateway; name the first that does not hold."""
    settings = Settings()
    try:
        keys = verifying.policy_of(settings, policy)
        wishes = Wishes(
            decode=not hash_only,
            broker=Broker(_broker(settings)) if topics else None,
            kept=tuple(path.read_bytes() for path in kept or ()),
            workers=workers or os.cpu_count() or 1,
        )
        found = audit(verifying.log_of(settings, where, token, purpose), keys, wishes, _progress())
    except (PolicyRefused, Unreadable) as fault:
        _end(fault)
    _show(found, json)
    if not found.holds:
        raise typer.Exit(DOES_NOT_HOLD)


def receipt(
    place: Annotated[str, typer.Argument(help="PARTITION:OFFSET of a trail line, or its event id in 32 hex digits.")],
    log: From = "",
    policy: PolicyFile = None,
    to: Annotated[Path | None, typer.Option(help="File of the receipt; standard output without one.")] = None,
    token: Token = None,
    purpose: Annotated[
        str,
        typer.Option(help="Purpose code: reading the trail is on record; by default as fits our own log or others."),
    ] = "",
) -> None:
    """Make the receipt of one entry: its proof, for `verify_receipt.py` and any C2SP tlog-proof verifier."""
    settings = Settings()
    wanted = _place(place) or bytes.fromhex(place)
    try:
        keys = verifying.policy_of(settings, policy)
        if verifying.is_own(settings, log):
            found = _on_record(settings, wanted, keys, purpose or SECURITY)
        else:
            source = verifying.log_of(settings, log, token, purpose or OVERSIGHT)
            found = own_receipt.unrecorded(source, wanted, keys)
    except (PolicyRefused, Unreadable) as fault:
        _end(fault)
    except (receipts.LogDamaged, Malformed) as fault:
        output.say(f"the log makes no receipt that holds: {fault}: look with `jejak audit verify`")
        raise typer.Exit(DOES_NOT_HOLD) from fault
    if isinstance(found, Withheld):
        output.say(f"withheld: {found.code}")
        raise typer.Exit(REFUSED)
    if isinstance(found, receipts.NotYet):
        output.say("no published checkpoint covers this entry yet: try again in a few seconds")
        raise typer.Exit(NOT_YET)
    if to is None:
        typer.echo(found.format(), nl=False)
    else:
        to.write_text(found.format(), encoding="utf-8")


def _on_record(
    settings: Settings, wanted: own_receipt.Wanted, keys: Policy, purpose: str
) -> receipts.Receipt | receipts.NotYet | Withheld:
    source = verifying.log_of(settings)
    with composition.connected(settings) as registry, registry.door() as door:
        return own_receipt.receipt(source, door, caller(settings), Purpose(purpose), wanted, keys)


def check_receipt(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The receipt.")],
    policy: PolicyFile = None,
    json: Json = False,
) -> None:
    """Check a receipt by the code of this house; `verify_receipt.py` checks it by none of it."""
    try:
        found = receipts.check(file.read_bytes(), verifying.policy_of(Settings(), policy))
    except PolicyRefused as fault:
        _end(fault)
    if json:
        output.as_json(asdict(found))
    else:
        seen = f"holds; seen by {', '.join(found.witnesses) or 'no witness'}"
        output.OUT.print(seen if found.holds else f"refused: {found.code}: {found.text}")
    if not found.holds:
        raise typer.Exit(DOES_NOT_HOLD)


def _broker(settings: Settings) -> str:
    if settings.kafka:
        return settings.kafka
    found = stack.endpoints(settings.data)  # an auditor needs no database
    if found is None:
        raise stack.NotRunning(settings.data.resolve())
    return found.kafka


def _place(text: str) -> tuple[int, int] | None:
    """Return partition and offset; None for an event id."""
    partition, colon, offset = text.partition(":")
    if colon and partition.isdecimal() and offset.isdecimal():
        return int(partition), int(offset)
    try:
        if len(bytes.fromhex(text)) * 2 == _ID_DIGITS:
            return None
    except ValueError:
        pass
    raise typer.BadParameter("give PARTITION:OFFSET, or an event id in 32 hex digits")


def _progress() -> Show:
    say = output.progress()
    begun = last = time.monotonic()

    def show(checked: int, whole: int) -> None:
        nonlocal last
        now = time.monotonic()
        if checked and now - last >= _SHOWN_EACH_SECONDS:
            last = now
            left = (now - begun) / checked * (whole - checked)
            say(f"{checked:,} of {whole:,} entries, about {left:,.0f} s left")

    return show


def _end(fault: PolicyRefused | Unreadable) -> NoReturn:
    output.say(f"error: {'the policy: ' if isinstance(fault, PolicyRefused) else ''}{fault}")
    raise typer.Exit(WRONG_USAGE if isinstance(fault, PolicyRefused) else UNREACHABLE) from fault


def _show(found: Verdict, json: bool) -> None:
    if json:
        output.as_json({**asdict(found), "root": found.root.hex(), "holds": found.holds})
        return
    who = f"cosigned by {', '.join(found.witnesses)}" if found.witnesses else "cosigned by nobody"
    if found.broken is not None:
        output.OUT.print(f"does not hold: {found.broken}")
        return
    counted = [(name.replace("_", " "), count) for name, count in asdict(found.figures).items()]
    output.table(f"{found.origin}, {found.size:,} entries, {who}: all of it holds", ("counted", "figure"), counted)
    for place in found.open_intents:
        output.say(f"an intent without outcome, which counts as disclosed: {place}")
