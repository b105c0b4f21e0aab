"""``audit probes``: each probe's metrics for each task that it serves, and why it serves no other."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from safetensors.torch import save_file

from auditor import tasks
from auditor.cli import probes as listings
from auditor.cli.main import main
from auditor.errors import PolicyError
from auditor.models import heads
from auditor.plugins import registry
from auditor.storage import documents
from auditor.types import NEEDS, TASK_NEEDS, Metric, Probe
from auditor.verdicts import policy

LABELS = {name: tasks.kind(name).example_labels for name in tasks.names()}
UNSERVED = {
    "text-classification": {
        *("distractors", "entailment_bias", "entities", "entity_bias", "pair_shortcuts", "relation_cues"),
    },
    "ner": {
        *("bias", "capabilities", "distractors", "entailment_bias", "pair_shortcuts", "relation_cues", "seen_rows"),
        *("out_of_scope_detection", "spurious", "triggers"),
    },
    "relation-extraction": {
        *("bias", "capabilities", "distractors", "entailment_bias", "entities", "entity_bias", "pair_shortcuts"),
    },
    "sentence-pair": {
        *("bias", "capabilities", "distractors", "entities", "entity_bias", "relation_cues"),
    },
    "dialogue-classification": {
        *("bias", "capabilities", "distractors", "entities", "entity_bias", "relation_cues"),
    },
    "multi-label-classification": {
        *("capabilities", "distractors", "entailment_bias", "entities", "entity_bias", "out_of_scope_detection"),
        *("pair_shortcuts", "relation_cues", "seen_rows", "spurious", "triggers"),
    },
    "text-regression": {
        *("bias", "capabilities", "distractors", "entailment_bias", "entities", "entity_bias"),
        *("out_of_scope_detection", "pair_shortcuts", "relation_cues", "seen_rows", "spurious", "triggers"),
    },
    "sentence-similarity": {
        *("bias", "capabilities", "distractors", "entailment_bias", "entities", "entity_bias"),
        *("out_of_scope_detection", "relation_cues", "seen_rows", "spurious", "triggers"),
    },
    "question-answering": {
        *("bias", "capabilities", "entailment_bias", "entities", "entity_bias", "out_of_scope_detection"),
        *("pair_shortcuts", "relation_cues", "seen_rows", "spurious", "triggers"),
    },
}
"""Task → probes that it gives nothing to read."""
ONLY = {"dialogue_history": "dialogue-classification", "stereotyped_answers": "question-answering"}
"""Probe → the task that it serves alone."""
for _probe, _task in ONLY.items():
    UNSERVED |= {name: {*own, _probe} for name, own in UNSERVED.items() if name != _task}


@pytest.fixture
def listed(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, object]]:
    assert main(["probes", "--json"]) == 0
    return {one["name"]: one for one in json.loads(capsys.readouterr().out)}


def test_every_task_is_listed() -> None:
    assert set(UNSERVED) == set(tasks.names())


@pytest.mark.parametrize("task", LABELS)
@pytest.mark.parametrize("probe", registry.discover(), ids=lambda probe: probe.name)
def test_a_probe_has_its_own_metrics_for_a_task_or_a_reason(
    probe: Probe, task: str, listed: dict[str, dict[str, dict[str, object]]]
) -> None:
    facts = listed[probe.name]
    if probe.name in UNSERVED[task]:
        assert task not in facts["metrics"]
        assert facts["not_applicable"][task] in {NEEDS[need] for need in TASK_NEEDS}
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


def rules_of(facts: list[dict[str, Any]], task: str) -> str:
    """A policy with a rule for each listed metric that a rule can limit, by the key and range that the list names."""
    lines = []
    for probe in facts:
        for metric in probe["metrics"].get(task, ()):
            if metric["limit"] is not None:
                low, high = metric["low"], metric["high"]
                limit = low + 1 if high is None else (low + high) / 2
                key = metric["limit"].split(" or ")[0]
                lines += ["[[rule]]", f'probe = "{probe["name"]}"', f'metric = "{metric["name"]}"', f"{key} = {limit}"]
                lines += ['why = "A test."']
    return "\n".join(lines)


@pytest.mark.parametrize("task", LABELS)
def test_a_rule_copied_from_the_list_of_a_task_is_accepted(task: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probes", "--task", task, "--json"]) == 0
    written = rules_of(json.loads(capsys.readouterr().out), task)
    tables = documents.toml(written.encode(), PolicyError, "policy.toml")["rule"]
    rules = tuple(policy.rule_of(table, "a rule") for table in tables)
    known: dict[str, dict[str, Metric]] = {
        probe.name: {metric.name: metric for metric in probe.metrics(tasks.create(task, LABELS[task]))}
        for probe in registry.discover()
        if probe.name not in UNSERVED[task]
    }
    policy.check(policy.Policy("test", "", rules), known)
    gated = [(probe, name) for probe in known for name, one in known[probe].items() if one.kind != "descriptive"]
    assert [(rule.probe, rule.metric) for rule in rules] == gated
    assert len(gated) > 20


@pytest.mark.parametrize("task", LABELS)
def test_a_task_is_listed_alone_with_the_ranges_of_its_metrics(task: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probes", "--task", task]) == 0
    lines = capsys.readouterr().out.splitlines()
    metric = tasks.kind(task).metric
    said = {"f1": "F1", "micro_f1": "micro F1", "within_tolerance": "the share within the tolerance"}.get(
        metric, metric
    )
    assert lines[1] == f'    metric = "{metric}": {said}; a rule limits it by min, between 0 and 1'
    assert '    metric = "median_queries": median queries; a rule limits it by max or min, 0 or more' in lines
    applying = [line.split(" ")[0] for line in lines if not line.startswith(" ")]
    assert set(applying[-len(UNSERVED[task]) :]) == UNSERVED[task]
    assert all(line.startswith((" ", *UNSERVED[task])) for line in lines[-2 * len(UNSERVED[task]) :])


@pytest.mark.parametrize("task", ["text-classification", "ner"])
def test_a_checkpoint_is_listed_by_its_task(task: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = checkpoint_of(tmp_path / "ckpt", task)
    assert main(["probes", "--task", task]) == 0
    by_task = capsys.readouterr().out
    assert main(["probes", "--model", str(folder)]) == 0
    assert capsys.readouterr().out == by_task
    assert main(["probes", "--model", str(folder.parent)]) == 0  # a folder of checkpoints
    assert capsys.readouterr().out == by_task


def checkpoint_of(folder: Path, task: str) -> Path:
    """A folder that describes a checkpoint with the task's labels; its weights are never loaded."""
    folder.mkdir()
    kind = "Token" if task == "ner" else "Sequence"
    labels = dict(enumerate(LABELS[task]))
    config = {
        **heads.of(tasks.kind(task).head).config,
        "architectures": [f"BertFor{kind}Classification"],
        "model_type": "bert",
        "id2label": labels,
        "label2id": {label: number for number, label in labels.items()},
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "tokenizer.json").write_text("{}", encoding="utf-8")
    save_file({"weight": torch.zeros(1)}, folder / "model.safetensors")
    return folder


@pytest.mark.parametrize(
    ("low", "high", "written"),
    [
        (0.0, 1.0, "between 0 and 1"),
        (-0.5, 2.25, "between -0.5 and 2.25"),
        (0.0, math.inf, "0 or more"),
        (-1.5, math.inf, "-1.5 or more"),
        (-math.inf, 0.0, "0 or less"),
        (-math.inf, 3.0, "3 or less"),
        (-math.inf, math.inf, "any number"),
    ],
)
@pytest.mark.parametrize(("better", "limit"), [("lower", "max"), ("higher", "min"), (None, "max or min")])
def test_a_metric_of_any_range_is_written(
    low: float, high: float, written: str, better: Literal["lower", "higher"] | None, limit: str, monkeypatch: Any
) -> None:
    quality = next(probe for probe in registry.discover() if probe.name == "quality")
    metric = Metric("words", "difference in words", "mean", "ratio", low, high, better)
    monkeypatch.setattr(type(quality), "metrics", lambda *_: (metric,))
    listing = listings.Listing({"ner": tasks.create("ner", LABELS["ner"])}, detailed=True)
    facts = json.loads(json.dumps(listing.facts(quality)))
    assert listing.lines(facts)[1] == (
        f'    metric = "words": difference in words; a rule limits it by {limit}, {written}'
    )


def test_the_settings_of_every_probe_are_toml_and_those_without_a_default_are_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["probes"]) == 0
    written = dict(re.findall(r"^    settings, \[probes\.(\w+)\]: (.*)$", capsys.readouterr().out, re.MULTILINE))
    assert set(written) == {probe.name for probe in registry.discover()}
    for probe in registry.discover():
        settings = registry.settings_of(probe.settings)
        unset = ", ".join(name for name, value in settings.items() if value is None)
        defaults, _, named = written[probe.name].partition("not set: ")
        assert named == unset
        read = tomllib.loads(defaults.replace("; ", "\n"))
        assert read == json.loads(json.dumps({name: value for name, value in settings.items() if value is not None}))
    assert written["adversarial"].endswith("; not set: recipes, max_words_changed, query_budget")


WRONG: dict[str, tuple[tuple[str, ...], str]] = {
    "unknown task": (("--task", "nerr"), "unknown task 'nerr' (did you mean 'ner'?)"),
    "no such folder": (("--model", "ckt"), "ckt: no such path (did you mean 'ckpt'?)"),
    "another task": (("--model", "ckpt", "--task", "ner"), "ckpt: is a BertForSequenceClassification, not a ...ForTok"),
    "no task": (
        ("--model", "masked"),
        f"masked: serves no task that is known (known tasks: {', '.join(tasks.names())})",
    ),
    "two tasks": (("--model", "two"), "'classes' and 'entities' are of different tasks (--model two/classes)"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_listed_is_said_in_one_line(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    checkpoint_of(tmp_path / "ckpt", "text-classification")
    config = checkpoint_of(tmp_path / "masked", "ner") / "config.json"
    config.write_text(config.read_text(encoding="utf-8").replace("ForTokenClassification", "ForMaskedLM"), "utf-8")
    (tmp_path / "two").mkdir()
    checkpoint_of(tmp_path / "two" / "classes", "text-classification")
    checkpoint_of(tmp_path / "two" / "entities", "ner")
    arguments, wanted = WRONG[case]
    assert main(["probes", *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert wanted in said.err
    assert said.err.count("\n") == 1
