"""`jejak rules list | show | check | diff | activate`: what the programmes ask for, as files an official can read."""

import csv
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from jejak import composition
from jejak.cli import output
from jejak.cli.stack import Json
from jejak.programmes import ruling
from jejak.programmes.ruling import RulesRefused
from jejak.settings import Settings
from jejak.why.wording import Words
from stream_processors.registry import rule_file
from stream_processors.registry.components import ASKED, OLDEST, Component, Span
from stream_processors.registry.difference import Direction, RulesNotComparable
from stream_processors.registry.rule_file import RuleFileUnsound
from stream_processors.registry.rulebook import RuleBook
from stream_processors.registry.ruleset import CONDITIONS, EXCLUSIONS, FACTS, RuleSet

DOES_NOT_HOLD, REFUSED = 1, 3
app = typer.Typer(
    no_args_is_help=True, help="Rules of programmes: which there are, what they would change, since when."
)
Which = Annotated[str, typer.Argument(help="A rule file, or a version by name: pkh@2025.1.")]
Effective = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day in force (WIB); today.")]


@app.command("list")
def list_rules(json: Json = False) -> None:
    """List every version that was activated or comes with this build, and which are in force."""
    with composition.connected(Settings()) as registry:
        found = list(ruling.listed(ruling.book(registry), composition.now()))
    if json:
        output.as_json([_listed(one) for one in found])
        return
    rows = [
        (
            one.rules.name,
            one.rules.version,
            " ".join(map(ruling.day, one.effective)) or "never activated",
            "yes" if one.in_force else "",
            one.rules.digest.hex()[:12],
        )
        for one in found
    ]
    output.table("Rule sets", ("rule set", "version", "effective", "in force", "sha256"), rows)


def _listed(one: ruling.Listed) -> dict[str, Any]:
    return {
        "rule_set": one.rules.name,
        "version": one.rules.version,
        "programme": one.rules.programme,
        "effective": [ruling.day(at) for at in one.effective],
        "in_force": one.in_force,
        "sha256": one.rules.digest.hex(),
    }


@app.command()
def facts(json: Json = False) -> None:
    """Show what rows may look at: the closed lists of facts, conditions, exclusions and traits of a component."""
    rows = [("fact", name, f"{one.means}; 0 to {one.most}", one.of) for name, one in FACTS.items()]
    rows += [("condition", name, means, "") for name, means in CONDITIONS.items()]
    rows += [("exclusion", name, means, "") for name, means in EXCLUSIONS.items()]
    rows += [("component", name, means, "") for name, means in ASKED.items()]
    if json:
        output.as_json([dict(zip(("list", "name", "means", "of"), row, strict=True)) for row in rows])
        return
    output.table("What rows may name", ("list", "name", "means", "of"), rows)


@app.command()
def show(
    which: Which,
    to: Annotated[Path | None, typer.Option("--to", help="Write its file here, to begin a new version from.")] = None,
    json: Json = False,
) -> None:
    """Show a version's rows with their reason codes and sources, and its amounts; one that was activated, too."""
    with _activated(which) as book:
        rules = _named(which, book)
    if to is not None:
        _written(to, rules.file)
        output.OUT.print(f"{rules.name} {rules.version} is in {to}: give the copy a version of its own")
        return
    if json:
        output.as_json(_told(rules))
        return
    output.OUT.print(f"{rules.programme}: {rules.title}\n{rules.source}\nsha256 {rules.digest.hex()}")
    rows = [(one["code"], one["holds"], one["source"]) for one in _told(rules)["rules"]]
    output.table(f"{rules.name} {rules.version}", ("reason", "holds where", "source"), rows)
    if rules.entitlement is not None:
        amounts = [
            (one.code, _who(one), one.yearly, one.yearly // rules.amount.payments, one.most or "")
            for one in rules.entitlement.components
        ]
        output.table("Components", ("component", "who has it", "rupiah a year", "a payment", "at most"), amounts)
    elif rules.amount.rupiah:
        output.OUT.print(
            f"Rp{rules.amount.rupiah:,} x {rules.amount.payments} {'once' if rules.amount.once else 'a year'}"
        )


@contextmanager
def _activated(which: str) -> Iterator[RuleBook]:
    """Lend what was activated, where a version is asked for that this build lacks; else nothing is asked of Kafka."""
    if Path(which).exists() or ruling.comes_with_the_build(which):
        yield RuleBook()
        return
    with composition.connected(Settings()) as registry:
        yield ruling.book(registry)


def _written(to: Path, content: bytes) -> None:
    try:
        with to.open("xb") as file:
            file.write(content)
    except OSError as fault:
        raise typer.BadParameter(f"{to}: {fault.strerror}", param_hint="--to") from fault


def _told(rules: RuleSet) -> dict[str, Any]:
    return {
        "rule_set": rules.name,
        "programme": rules.programme,
        "version": rules.version,
        "title": rules.title,
        "source": rules.source,
        "sha256": rules.digest.hex(),
        "parameters": dict(rules.parameters),
        "rules": [{"code": one.code, "holds": _words(one), "source": one.source} for one in rules.rules],
        "components": [
            {"code": one.code, "who": _who(one), "yearly": one.yearly, "most": one.most, "source": one.source}
            for one in (rules.entitlement.components if rules.entitlement is not None else ())
        ],
    }


def _words(rule: Any) -> str:
    words = f"{rule.fact} {rule.of}".strip() + f" {rule.operator} {rule.value}"
    return ", or ".join([words, *(" ".join(filter(None, one)) for one in rule.unless)])


def _who(one: Component) -> str:
    """Return what a component asks of a person, in the fields of its row."""
    condition = one.condition + (f" to the {one.last_ordinal}." if one.last_ordinal else "")
    if one.ages_alone is not None:
        condition += f" (or ages_alone {_ages(one.ages_alone)})"
    asked = (
        f"ages {_ages(one.ages)}" if one.ages is not None else "",
        condition,
        "severe_disability" if one.severe_disability else "",
        f"unless {one.unless_condition}" if one.unless_condition else "",
    )
    return ", ".join(filter(None, asked))


def _ages(ages: Span) -> str:
    return f"{ages[0]}-" if ages[1] == OLDEST else f"{ages[0]}-{ages[1]}"


@app.command()
def check(file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)], json: Json = False) -> None:
    """Tell everything that is wrong with a rule file, by line and field."""
    try:
        rules = rule_file.read(file.read_bytes())
    except RuleFileUnsound as unsound:
        problems = [{"line": one.line, "field": one.field, "says": one.says} for one in unsound.problems]
        if json:
            output.as_json({"problems": problems})
        else:
            rows = [(one["line"] or "-", one["field"], one["says"]) for one in problems]
            output.table(str(file), ("line", "field", "what is wrong"), rows)
        raise typer.Exit(DOES_NOT_HOLD) from unsound
    untold = [one.code for one in rules.rules if one.says is None and Words("id").find("code", one.code) is None]
    if json:
        output.as_json({"problems": [], "without_sentence": untold, "sha256": rules.digest.hex()})
        return
    output.OUT.print(f"sound: {rules.name} {rules.version}, {len(rules.rules)} rules, sha256 {rules.digest.hex()}")
    if untold:
        output.say(
            f"no sentence for {', '.join(untold)}: give their rows says_id and says_en, or families read the code"
        )


@app.command()
def diff(
    old: Which,
    new: Which,
    on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Judge as of this day (WIB); today.")
    ] = None,
    families: Annotated[
        Path | None, typer.Option(help="Write the families concerned here, by their ids (CSV).")
    ] = None,
    json: Json = False,
) -> None:
    """Tell how many families another version would change, by district and direction, before it is in force."""
    at = composition.now() if on is None else ruling.midnight(on)
    if families is not None and not families.resolve().parent.is_dir():
        raise typer.BadParameter(f"there is no folder {families.resolve().parent}", param_hint="--families")
    with composition.connected(Settings()) as registry:
        book = ruling.book(registry)
        before, after = _named(old, book), _named(new, book)
        try:
            found, moved = ruling.compared(registry, before, after, at)
        except RulesNotComparable as fault:
            output.say(f"refused: {fault}")
            raise typer.Exit(REFUSED) from fault
    if families is not None:
        with families.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("family_id", "region", "direction", "rupiah"))
            writer.writerows((family_id, *one) for family_id, one in sorted(moved.items()))
    totals = Counter[str]()
    for (_, direction), count in found.counts.items():
        totals[direction] += count
    rows = [(region, direction.value, count) for (region, direction), count in sorted(found.counts.items())]
    told = {
        "programme": after.programme,
        "old": f"{before.name}@{before.version}",
        "new": f"{after.name}@{after.version}",
        "families": found.families,
        "changes": {one.value: totals[one] for one in Direction},
        "rupiah_a_year": found.rupiah,
    }
    if json:
        regions = [{"region": region, "direction": to, "families": count} for region, to, count in rows]
        output.as_json({**told, "by_region": regions})
        return
    output.table(f"{told['programme']}: {told['old']} to {told['new']}", ("region", "direction", "families"), rows)
    output.OUT.print(f"{sum(totals.values()):,} of {found.families:,} families; Rp{found.rupiah:+,} a year")


@app.command()
def activate(which: Which, effective: Effective = None, json: Json = False) -> None:
    """Put a rule file in force from a day on; it travels with its activation, and families are decided again then."""
    settings = Settings()
    with composition.connected(settings) as registry:
        rules = _named(which, ruling.book(registry))
        at = ruling.midnight(effective or datetime.fromisoformat(ruling.day(composition.now())))
        try:
            ruling.activate(registry, rules, at, settings.actor)
        except RulesRefused as refused:
            output.say(f"refused: {refused}")
            raise typer.Exit(REFUSED) from refused
    told = {"rule_set": rules.name, "version": rules.version, "effective": ruling.day(at), "sha256": rules.digest.hex()}
    if json:
        output.as_json(told)
    else:
        output.OUT.print(
            f"activated {rules.name} {rules.version} from {told['effective']}; the agents decide families again"
        )


def _named(which: str, book: RuleBook | None = None) -> RuleSet:
    try:
        return ruling.named(which, book if book is not None else RuleBook())
    except FileNotFoundError as fault:
        raise typer.BadParameter(f"{which} is neither a file nor a version as pkh@2025.1") from fault
    except (RuleFileUnsound, RulesRefused) as fault:
        output.say(f"refused: {fault}")
        raise typer.Exit(REFUSED) from fault
