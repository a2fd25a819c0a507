"""`jejak family why`: why a family stands where it stands, in plain Indonesian or English, through the one door.

Parses and prints; what is said lies in jejak/why.
"""

from functools import cache
from typing import Annotated, Any

import typer

from consumers.gateway.request import Purpose, Withheld
from consumers.gateway.why import Life
from jejak import composition
from jejak.cli import output
from jejak.cli.read import DEFAULT_PURPOSE, Ref, Said, Why, asked, caller, withheld
from jejak.cli.stack import Json
from jejak.programmes import ruling
from jejak.ranking import explaining, record
from jejak.settings import Settings
from jejak.why import story
from jejak.why.wording import LANGUAGES, Words

Lang = Annotated[str, typer.Option("--lang", help="id or en.")]


def why(ref: Ref, purpose: Why = DEFAULT_PURPOSE, text: Said = None, lang: Lang = "id", json: Json = False) -> None:
    """Tell why a family stands where it stands: what happened, what was refused, rank, programmes, what comes next."""
    language = next((one for one in LANGUAGES if one == lang), None)
    if language is None:
        raise typer.BadParameter("--lang is id or en")
    settings = Settings()
    wanted = asked(ref, settings)
    with composition.connected(settings) as registry, registry.door() as door:
        tables = registry.in_time().read_model()

        @cache
        def words() -> Words:
            return Words(language, ruling.sentences(ruling.book(registry)))

        def tell(life: Life) -> dict[str, Any]:
            refused = tuple(tables.refusals_of(life.state.family_id))
            ranking = explaining.explained(life.rankings, record.runs(registry.endpoints.kafka))
            return story.story(life, refused, ranking, composition.now(), words())

        found = door.life(caller(settings), Purpose(purpose, text), wanted, tell)
    if isinstance(found, Withheld):
        raise withheld(found.code)
    if json:
        output.as_json(found.told)
        return
    _print(found.told, words())
    output.OUT.print(f"on record: {len(found.receipts)} audit entries")


def _print(told: dict[str, Any], words: Words) -> None:
    show = output.OUT.print
    show(words.line("title", family=told["family_id"]), style="bold")
    show(told["family"], markup=False)
    for title, part in (("timeline", "happened"), ("place", "rank"), ("programmes", "programmes"), ("next", "next")):
        show(f"\n{words.line(title)}", style="bold", markup=False)
        for line in told[part]:
            show(f"- {line}", markup=False)
