"""`jejak family | refusals | dead-letters`: look. What names a person passes the one door.

A NIK or nomor KK is never an argument: arguments are seen by every process of the machine and kept in histories.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any, Final

import typer

from consumers.gateway import telling
from consumers.gateway.authentication import NotAuthenticated
from consumers.gateway.disclosure import Door
from consumers.gateway.request import (
    Asked,
    Caller,
    CardAsked,
    FamilyAsked,
    FamilyDisclosed,
    PersonAsked,
    Purpose,
    Withheld,
)
from consumers.replay.moments import Moments
from identity import references
from jejak import composition, reading
from jejak.audit import admission
from jejak.cli import output, times
from jejak.cli.stack import Json
from jejak.cli.times import AsOf, KnownAt, Order, VisibleFrom
from jejak.settings import Settings

REFUSED = 3
DEFAULT_PURPOSE = "PENETAPAN_BANTUAN"
DEFAULT_PURPOSE_OF_REFUSALS: Final = "VERIFIKASI_VALIDASI"
DEFAULT_FIELDS = ("region", "status", "decile", "proposals", "eligibility", "members", "member.name")
_NUMBER: Final = re.compile(r"[0-9]{16}")
_FAMILY_ID: Final = re.compile(r"[a-z2-7]{26}")
family = typer.Typer(no_args_is_help=True, help="Look at one family; every look is on record before it is shown.")

Ref = Annotated[str, typer.Argument(help="family_id; or - to be asked for a NIK or nomor KK, unseen.")]
Why = Annotated[str, typer.Option(help="Purpose code of the purpose register.")]
Said = Annotated[str | None, typer.Option(help="What the officer says about the purpose.")]
Limit = Annotated[int, typer.Option(min=1, help="How many at most.")]


def caller(settings: Settings) -> Caller:
    """Return who asks on this command line, by a verified token; ends the command where there is none."""
    found = admission.operator(settings)
    if isinstance(found, NotAuthenticated):
        raise withheld(found.code)
    return found


def asked(ref: str, settings: Settings) -> Asked:
    """Return what is asked for; a number is read unseen from the terminal or standard input."""
    if ref != "-":
        if not _FAMILY_ID.fullmatch(ref):
            raise typer.BadParameter("not a family_id; give - to be asked for a NIK or nomor KK, unseen")
        return FamilyAsked(ref)
    number = typer.prompt("NIK or nomor KK", hide_input=True)
    if not _NUMBER.fullmatch(number):
        raise typer.BadParameter("a NIK or nomor KK is 16 digits 0-9, nothing else")
    kind = typer.prompt("Is it a (N)IK or a (K)K", default="N").strip().upper()
    key = settings.reference_key()
    return CardAsked(references.kk_ref(key, number)) if kind == "K" else PersonAsked(references.person_ref(key, number))


@contextmanager
def _door(settings: Settings) -> Iterator[Door]:
    with composition.connected(settings) as registry, registry.door() as door:
        yield door


def withheld(code: str) -> typer.Exit:
    """Return the end of a command that shows nothing, once it said why, as far as the asker may know."""
    output.say(f"withheld: {telling.told(code)}")
    return typer.Exit(REFUSED)


@family.command("show")
def show(
    ref: Ref,
    purpose: Why = DEFAULT_PURPOSE,
    text: Said = None,
    field: Annotated[list[str] | None, typer.Option(help="Field codes; repeat for more.")] = None,
    as_of: AsOf = "",
    known_at: KnownAt = "",
    visible_from: VisibleFrom = "",
    order: Order = None,
    json: Json = False,
) -> None:
    """Show a family's state, now or at another time, as far as the purpose permits."""
    at = times.asked_at(as_of, known_at)
    why = Purpose(purpose, text, visible_from=times.visible_from(visible_from), court_order=order)
    found = _looked(ref, why, field or DEFAULT_FIELDS, at)
    told = {"family_id": found.family_id, "sequence": found.sequence, **times.told(at), **found.fields}
    if json:
        output.as_json({**told, "receipts": [_place(receipt) for receipt in found.receipts]})
        return
    output.table(times.titled(f"Family {found.family_id}", at), ("field", "value"), list(told.items()))
    _recorded(found)


def _looked(ref: str, purpose: Purpose, fields: Sequence[str], at: Moments) -> FamilyDisclosed:
    settings = Settings()
    wanted = asked(ref, settings)
    with _door(settings) as door:
        found = door.look_family(caller(settings), purpose, wanted, fields, at)
    if isinstance(found, Withheld):
        raise withheld(found.code)
    return found


def _recorded(found: FamilyDisclosed) -> None:
    output.OUT.print(f"on record: {len(found.receipts)} audit entries, the first at {_place(found.receipts[0])}")


@family.command("eligibility")
def eligibility(
    ref: Ref,
    purpose: Why = DEFAULT_PURPOSE,
    text: Said = None,
    as_of: AsOf = "",
    known_at: KnownAt = "",
    json: Json = False,
) -> None:
    """Show what was decided on each programme; with --as-of also what the facts of that day call for, marked judged."""
    at = times.asked_at(as_of, known_at)
    found = _looked(ref, Purpose(purpose, text), ("eligibility",), at)
    told = {"family_id": found.family_id, "sequence": found.sequence, **times.told(at)}
    if json:
        output.as_json({**told, **found.fields, "receipts": [_place(receipt) for receipt in found.receipts]})
        return
    rows = [line for entry in found.fields["eligibility"] for line in _verdicts(entry)]
    heads = ("programme", "by", "result", "reasons", "rules")
    output.table(times.titled(f"Eligibility of {found.family_id}", at), heads, rows)
    _recorded(found)


def _verdicts(entry: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield a line for the decision on record and, where there is one, for the judgement beside it."""
    judged = "judged" in entry
    for by, one in (("on record", entry["on_record"] if judged else entry), ("judged", entry.get("judged"))):
        if one is not None:
            yield entry["programme"], by, one["result"], " ".join(one["reasons"]), one["rules_version"]


def _place(receipt: object) -> str:
    return f"{getattr(receipt, 'topic', '')}[{getattr(receipt, 'partition', '')}]@{getattr(receipt, 'offset', '')}"


@family.command("history")
def history(
    ref: Ref,
    purpose: Why = DEFAULT_PURPOSE,
    text: Said = None,
    as_of: AsOf = "",
    known_at: KnownAt = "",
    json: Json = False,
) -> None:
    """Show a family's life as a timeline with reasons, as known or true at a time; nothing sealed is opened."""
    at = times.asked_at(as_of, known_at)
    settings = Settings()
    wanted = asked(ref, settings)
    with _door(settings) as door:
        found = door.history(caller(settings), Purpose(purpose, text), wanted, at)
    if isinstance(found, Withheld):
        raise withheld(found.code)
    if json:
        entries = [asdict(entry) for entry in found.entries]
        output.as_json({"family_id": found.family_id, **times.told(at), "entries": entries})
        return
    rows = [
        (
            entry.sequence,
            f"{entry.true_since:%Y-%m-%d}",
            entry.step,
            entry.agency,
            " ".join(f"{name}={value}" for name, value in entry.results),
            " ".join(entry.reasons),
        )
        for entry in found.entries
    ]
    output.table(
        times.titled(f"Family {found.family_id}", at), ("#", "true since", "step", "who", "result", "reasons"), rows
    )


def refusals(
    agency: Annotated[str, typer.Argument(help="The agency the refusals are addressed to; by default your own.")] = "",
    family: Annotated[str, typer.Option(help="A family_id: what was refused of that family alone.")] = "",
    limit: Limit = 20,
    purpose: Why = DEFAULT_PURPOSE_OF_REFUSALS,
    text: Said = None,
    json: Json = False,
) -> None:
    """Show what was refused to your own agency, newest first, with rule and place; on record before it is shown."""
    settings = Settings()
    if family and not _FAMILY_ID.fullmatch(family):
        raise typer.BadParameter("not a family_id", param_hint="--family")
    asks = caller(settings)
    which = reading.Which(agency or asks.agency_id, limit, family)
    with composition.connected(settings) as registry:
        found = reading.refusals(registry, asks, Purpose(purpose, text), which)
    if isinstance(found, Withheld):
        raise withheld(found.code)
    if json:
        output.as_json(list(found.lines))
        return
    heads = ("family_id", "record", "rule", "pointer", "explanation", "source")
    rows = [[one[head] for head in heads] for one in found.lines]
    output.table(f"Refusals to {agency or asks.agency_id}", heads, rows)


def dead_letters(json: Json = False) -> None:
    """Show every dead letter's place and code; never its bytes."""
    with composition.connected(Settings()) as registry:
        found = [{**asdict(one.origin), "bytes": one.size} for one in reading.dead_letters(registry)]
    if json:
        output.as_json(found)
        return
    heads = ("topic", "partition", "offset", "code", "consumer", "bytes")
    output.table("Dead letters", heads, [[one[head] for head in heads] for one in found])
