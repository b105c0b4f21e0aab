"""``audit probes``: each probe's metrics for each task that it serves, and why it serves no other."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from auditor import tasks
from auditor.cli.main import main
from auditor.plugins import registry
from auditor.types import NEEDS, Probe

LABELS = {"text-classification": ("a", "b"), "ner": ("O", "B-LOC", "I-LOC")}
UNSERVED = {
    "text-classification": {"entities", "entity_bias"},
    "ner": {"bias"},
}
"""Task → probes that it gives nothing to read."""


@pytest.fixture
def listed(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, object]]:
    assert main(["probes", "--json"]) == 0
    return {one["name"]: one for one in json.loads(capsys.readouterr().out)}


def test_every_task_is_listed() -> None:
    assert set(LABELS) == set(UNSERVED) == set(tasks.names())


@pytest.mark.parametrize("task", LABELS)
@pytest.mark.parametrize("probe", registry.discover(), ids=lambda probe: probe.name)
def test_a_probe_has_its_own_metrics_for_a_task_or_a_reason(
    probe: Probe, task: str, listed: dict[str, dict[str, dict[str, object]]]
) -> None:
    facts = listed[probe.name]
    if probe.name in UNSERVED[task]:
        assert task not in facts["metrics"]
        assert facts["not_applicable"][task] in {NEEDS["labelled_spans"], NEEDS["class_scores"]}
    else:
        assert facts["metrics"][task] == [one.name for one in probe.metrics(tasks.create(task, LABELS[task]))]
        assert task not in facts["not_applicable"]


def test_the_terminal_says_metrics_by_task(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probes"]) == 0
    lines = capsys.readouterr().out.splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith("entity_bias (row: bias)"))
    assert lines[start + 1 : start + 3] == [
        "    metrics, ner: recall, recall_gap",
        "    not applicable, text-classification: the task labels texts, not their words",
    ]


def test_it_loads_no_torch() -> None:
    code = (
        "import sys\nfrom auditor.cli.main import main\nmain(['probes', '--json'])\n"
        "sys.exit(str([name for name in ('torch', 'transformers', 'textattack') if name in sys.modules] or ''))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""
