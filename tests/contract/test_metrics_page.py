"""The page of metrics and the code name the same metrics, kinds and labels; no label can hold a person's data."""

import re
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

from consumers.gateway import audit_metrics
from consumers.read_model import health as read_model_health
from jejak import health
from stream_processors.engine import metrics as engine_metrics
from stream_processors.folds import metrics as fold_metrics
from stream_processors.sequencer import metrics as sequencer_metrics
from transport.metrics import PulseGauges
from transport.pulse import Pulse, State

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()
SPOKEN = re.compile(r"^\| `(jejak_\w+)` \| (\w+) \| (.*?) \| (.+?) \|$", re.MULTILINE)
MODULES = (engine_metrics, fold_metrics, read_model_health, sequencer_metrics, audit_metrics)
LABELS = {"topic", "partition", "stage", "reason", "rule", "kind", "state"}

Told = dict[str, tuple[str, tuple[str, ...], str]]


def in_code() -> Told:
    assert all(MODULES)
    found: Told = {}
    for wrapper in {*REGISTRY._collector_to_names}:
        if isinstance(wrapper, MetricWrapperBase) and wrapper._name.startswith("jejak_"):
            name = wrapper._name + ("_total" if wrapper._type == "counter" else "")
            found[name] = (str(wrapper._type), tuple(wrapper._labelnames), wrapper._documentation)
    for gauge in PulseGauges(Pulse()).describe():
        found[gauge.name] = ("gauge", tuple(gauge._labelnames), gauge.documentation)
    return found


def on_the_page() -> Told:
    return {
        name: (kind, tuple(re.findall(r"`(\w+)`", labels)), meaning)
        for name, kind, labels, meaning in SPOKEN.findall(PAGE)
    }


def test_the_page_and_the_code_name_the_same_metrics() -> None:
    assert on_the_page() == in_code()


def test_labels_are_of_closed_lists() -> None:
    for name, (_, labels, _) in in_code().items():
        assert set(labels) <= LABELS, name


@pytest.mark.parametrize("name", in_code())
def test_a_metric_is_named_as_prometheus_wants_it(name: str) -> None:
    kind, _, _ = in_code()[name]
    assert name.endswith("_total") == (kind == "counter")
    if kind == "histogram":
        assert name.endswith(("_seconds", "_size"))


def test_the_page_names_every_state_and_path() -> None:
    assert set(re.findall(r"^\| `([a-z]+)` \| (?:yes|no)", PAGE, re.MULTILINE)) == set(State)
    assert health.LIVE in PAGE
    assert health.READY in PAGE
