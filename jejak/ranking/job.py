"""The ranking job from end to end: begin or go on with a run, compute it, publish it.

The composition of the run's parts with a registry's broker, keys and publisher; holds no rule of its own.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jejak.composition import Registry, now
from jejak.ranking import changes, columns, computing, record, taking
from jejak.ranking.run import Asked, Folder, Result, RunRefused, checked
from jejak.ranking.taking import Show
from jejak.rebuild.pointer import STATE
from producers.publish import Progress, Published
from schemas import catalogue
from stream_processors.ranking import model_file
from stream_processors.ranking.model import Model

RUNS: Final = "ranking"
_BATCH: Final = 5_000


@dataclass(frozen=True, slots=True)
class Wish:
    """What a run is to be; `as_of` (µs) is the time it begins where None. `model` is the model's file."""

    run_id: str
    basis: str
    model: bytes
    as_of: int | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A run that was computed; `kept`: before now, over the families as they were then."""

    folder: Folder
    asked: Asked
    model: Model
    result: Result
    kept: bool = False


def folder_of(data: Path, run_id: str) -> Folder:
    """Return the folder of a run in a data folder; raises RunRefused for no name of a run."""
    return Folder(data / RUNS, run_id)


def ranked(registry: Registry, wish: Wish, workers: int, show: Show) -> Run:
    """Return the run, computed now, or gone on with where it was interrupted, or as it came out before.

    Raises RunRefused, InputRefused, ModelRefused, and what the log raises.
    """
    folder, asked = _begun(registry, wish)
    model = folder.model()
    result = folder.result()
    kept = result is not None
    if result is None:
        taking.take(registry.endpoints.kafka, folder, asked, workers, show)
        show("score and cut")
        result = computing.compute(folder, asked, model)
        folder.end(result)
    return Run(folder, asked, model, result, kept)


def _begun(registry: Registry, wish: Wish) -> tuple[Folder, Asked]:
    checked(wish.run_id, wish.basis)
    model = model_file.parse(wish.model)
    folder = folder_of(registry.settings.data, wish.run_id)
    asked = folder.asked()
    if asked is None:
        topic = catalogue.families_topic(registry.serving.of(STATE).version)
        as_of = now() if wish.as_of is None else wish.as_of
        if as_of > now():
            raise RunRefused("AHEAD_OF_NOW", "that day has not come: no change may be said to be true from then on")
        topics = (topic, catalogue.EVENTS_TOPIC)
        ends = taking.position(registry.endpoints.kafka, *topics)
        asked = Asked(wish.run_id, wish.basis, as_of, model.digest.hex(), *topics, *ends)
        folder.begin(asked, wish.model)
        return folder, asked
    same_day = wish.as_of is None or wish.as_of == asked.as_of
    if (asked.basis, asked.model_digest) != (wish.basis, model.digest.hex()) or not same_day:
        raise RunRefused(taking.OTHER_RUN, f"{wish.run_id} began with another basis, model or day: name a new run")
    return folder, asked


def publish(
    registry: Registry, run: Run, actor: str, *, changed_only: bool, progress: Progress = lambda _: None
) -> Published:
    """Publish the run's changes and, after them, the run; what the broker acknowledged before is not sent again.

    Raises RunRefused where another run of this name was published before.
    """
    bootstrap = registry.endpoints.kafka
    unsaid = record.check_free(record.runs(bootstrap), run.asked, run.result)
    made = changes.maker(run.asked, run.model, registry.settings.reference_key(), actor)
    given = changes.rows(run.folder, run.asked, changed_only=changed_only)
    kind = "changed" if changed_only else "all"
    document = (changes.AGENCY, f"{changes.document(run.asked.run_id)}/{run.result.output_digest}/{kind}")
    sent = registry.publisher(_BATCH).publish(document, given, made, progress=progress)
    if unsaid:
        said = record.Published(now(), actor, changed_only, sent.sent + sent.skipped)
        record.say(bootstrap, record.of(run.asked, run.model, run.folder.model_text(), run.result, said))
    return sent


def recomputed(run: Run, work: Path) -> Result:
    """Return what the run's kept input comes to when it is computed again, in a folder of its own."""
    again = Folder(work, run.asked.run_id)
    again.begin(run.asked, run.folder.model_text())
    for number in range(len(run.asked.states)):
        again.input(number).symlink_to(run.folder.input(number).resolve())
        again.keep(number, columns.digest(columns.read(again.input(number))))
    return computing.compute(again, run.asked, run.model)
