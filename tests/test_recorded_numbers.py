"""Every probe with every task of auditor's own: measurements, skips and verdicts are those that are recorded.

The audits run in the real engine, on models that count words: what they find depends on no weights and no training.
For an intended change of numbers, which CHANGELOG names, ``python tests/test_recorded_numbers.py --record`` writes the
file anew.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch
from zlib import crc32

import pytest

from auditor import tasks
from auditor.environment import packages, resources
from auditor.evaluation import runner
from auditor.evaluation.plan import AuditedModel, Plan
from auditor.plugins import registry
from auditor.results.canonical_json import plain, slice_text
from auditor.testing import FakeModel, counting_fit, counting_model, counting_trainer, sample_rows
from auditor.text import words_of
from auditor.types import Example, ProbeRecord, Request, Response, ScoredCase, Silent, Task
from auditor.verdicts import gate
from auditor.verdicts import policy as policies

FILE = Path(__file__).resolve().parent.parent / "fixtures" / "numbers" / "recorded.json"
TASKS: dict[str, Task] = {
    "text-classification": tasks.create("text-classification", ("negative", "positive")),
    "ner": tasks.create("ner", ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")),
    "sentence-pair": tasks.create("sentence-pair", ("neutral", "entailment"), settings={"symmetric": True}),
    "dialogue-classification": tasks.create("dialogue-classification", ("question", "statement")),
    "multi-label-classification": tasks.create("multi-label-classification", ("anger", "joy", "sadness")),
    "text-regression": tasks.create("text-regression", ("number",)),
    "sentence-similarity": tasks.create("sentence-similarity", ("number",)),
    "relation-extraction": tasks.create("relation-extraction", ("Other", "Use(e1,e2)", "Use(e2,e1)")),
    "question-answering": tasks.create("question-answering", ()),
}
SMALL: dict[str, dict[str, Any]] = {
    "repeatability": {"examples": 48},
    "quality": {"examples": 48},
    "calibration": {"examples": 48, "elsewhere": 24},
    "label_swap": {"examples": 48},
    "seen_rows": {"examples": 48},
    "leakage": {"examples": 48},
    "capabilities": {"per_template": 2},
    "kept_cases": {},
    "coverage": {"examples": 48},
    "spurious": {"examples": 48, "hosts": 24, "cues": 2},
    "drift": {"examples": 48, "later": 48},
    "out_of_scope_detection": {"examples": 48, "validation": 40},
    "shift": {"rows": 48, "elsewhere": 48},
    "forgetting": {"examples": 48},
    "interpretability": {"examples": 12, "stable": 20},
    "noise": {"examples": 24, "severities": {"middle": 0.2}},
    "distractors": {"examples": 48},
    "domain_shift": {"examples": 48},
    "adversarial": {"examples": 24, "query_budget": 30},
    "bias": {"sentences": 24, "bare_sentences": 12, "axes": ("gender", "religion")},
    "dialogue_history": {"examples": 48},
    "pair_shortcuts": {"examples": 48, "per_template": 2},
    "entailment_bias": {"actions": 1},
    "relation_cues": {},
    "stereotyped_answers": {"per_template": 1},
    "entities": {"examples": 48},
    "entity_bias": {"names_per_sentence": 2, "axes": ("persons", "places")},
    "low_resource": {"sizes": (20, 80), "seeds": 2, "steps": 30, "examples": 48},
    "label_noise": {"rates": (0.1, 0.4), "rows": 120, "seeds": 2, "steps": 30, "examples": 48},
    "label_errors": {"rows": 120, "steps": 30, "examples": 48},
    "triggers": {"examples": 48, "query_budget": 1000},
    "training_strategy": {
        "source": "train",
        "recipes": ("fgm",),
        "seeds": 2,
        "steps": 30,
        "rows": 120,
        "examples": 48,
        "noisy": 4,
        "attacked": 4,
        "sentences": 4,
    },
}
"""Settings of every shipped probe that are quick, and yet leave slices with enough clusters for a verdict."""
RECIPES: dict[str, tuple[str, ...]] = {
    "text-classification": ("deepwordbug", "pruthi"),
    "ner": ("deepwordbug", "entity swap"),
    "sentence-pair": ("deepwordbug", "pruthi"),
    "dialogue-classification": ("deepwordbug",),
    "multi-label-classification": ("deepwordbug",),
    "text-regression": ("deepwordbug",),
    "sentence-similarity": ("deepwordbug",),
    "relation-extraction": ("deepwordbug",),
    "question-answering": ("deepwordbug",),
}
"""Attacks that need no corpus of NLTK."""
NO_WORDNET = {"wordnet": lambda: resources.Resource("NLTK WordNet", False, "")}
"""What machines without WordNet say of it: the recorded numbers are theirs."""
LEFT_OUT = {
    "proxy_distance": "a classifier of scikit-learn decides it, and its numbers depend on BLAS and version",
    "domain_classifier_accuracy": "likewise",
    "baseline_gain": "likewise",
}
"""Metrics that are not recorded → why."""
UNSERVED = {
    "text-classification": {
        *("distractors", "entailment_bias", "entities", "entity_bias", "forgetting", "kept_cases", "pair_shortcuts"),
        "relation_cues",
    },
    "ner": {
        *("bias", "capabilities", "entailment_bias", "forgetting", "kept_cases", "pair_shortcuts", "seen_rows"),
        *("distractors", "out_of_scope_detection", "relation_cues", "spurious", "triggers"),
    },
    "sentence-pair": {
        *("bias", "capabilities", "distractors", "entities", "entity_bias", "forgetting", "kept_cases"),
        "relation_cues",
    },
    "dialogue-classification": {
        *("bias", "capabilities", "distractors", "entities", "entity_bias", "forgetting", "kept_cases"),
        "relation_cues",
    },
    "multi-label-classification": {
        *("capabilities", "distractors", "entailment_bias", "entities", "entity_bias", "forgetting"),
        *("kept_cases", "out_of_scope_detection", "pair_shortcuts", "relation_cues"),
        *("seen_rows", "spurious", "triggers"),
    },
    "text-regression": {
        *("bias", "capabilities", "distractors", "entailment_bias", "entities", "entity_bias", "forgetting"),
        *(
            "kept_cases",
            "out_of_scope_detection",
            "pair_shortcuts",
            "relation_cues",
            "seen_rows",
            "spurious",
            "triggers",
        ),
    },
    "sentence-similarity": {
        *("bias", "capabilities", "distractors", "entailment_bias", "entities", "entity_bias", "forgetting"),
        *("kept_cases", "out_of_scope_detection", "relation_cues", "seen_rows", "spurious", "triggers"),
    },
    "relation-extraction": {
        *("bias", "capabilities", "distractors", "entailment_bias", "entities", "entity_bias", "forgetting"),
        *("kept_cases", "out_of_scope_detection", "pair_shortcuts"),
    },
    "question-answering": {
        *("bias", "capabilities", "entailment_bias", "entities", "entity_bias", "forgetting", "kept_cases"),
        *("out_of_scope_detection", "pair_shortcuts", "relation_cues", "seen_rows", "spurious", "triggers"),
    },
}
"""Task → probes that it gives nothing to read; the plan has no earlier checkpoint and no kept cases."""
ONLY = {"dialogue_history": "dialogue-classification", "stereotyped_answers": "question-answering"}
"""Probe → the task that it serves alone."""
for _probe, _task in ONLY.items():
    UNSERVED |= {name: {*own, _probe} for name, own in UNSERVED.items() if name != _task}
BOTH = ("first", "second")
CHANGED = {
    "sentence-pair": {
        **dict.fromkeys(("adversarial", "calibration", "noise", "pair_shortcuts", "seen_rows", "triggers"), BOTH),
        "entailment_bias": ("second",),
    },
    "question-answering": {
        **dict.fromkeys(("calibration", "noise"), ("context", "question")),
        "distractors": ("context",),
    },
    "dialogue-classification": {
        **dict.fromkeys(("adversarial", "calibration", "noise", "pair_shortcuts", "seen_rows"), ("history", "turn")),
        "triggers": ("history", "turn"),
        "dialogue_history": ("history",),
    },
    "sentence-similarity": dict.fromkeys(("adversarial", "noise", "pair_shortcuts"), BOTH),
}
"""Task of several texts → probe → the texts that it changes. Those of entailment_bias differ in their second text, and
a distractor is a sentence of a context. training_strategy asks other probes to change texts."""
FIXED = {"question-answering": {"adversarial"}}
"""Probes whose attacks find nothing here: the model of answers reads the answer's words alone."""
ATTACKS = {"adversarial", "training_strategy", "verdicts"}
"""Parts that need the real TextAttack."""
PARTS = (*SMALL, "verdicts")


def guessing(task: Task, rows: Sequence[Example]) -> FakeModel:
    """A model that has learned rows, and guesses by a checksum of the letters where it knows little."""
    knows = counting_model(task, rows, cased=True)
    met = {word for row in rows for text in row.inputs.values() for word in words_of(text)}

    def answer(request: Request) -> Response:
        (known,) = knows.run(knows.encode([request]))
        if "labelled_spans" in task.offers:
            return tuple(guessed(word, tag) for word, tag in zip(request.texts, known, strict=True))
        if "answers_in_context" in task.offers:
            return known
        guess = (crc32(" ".join(request.texts).encode()) % 97 + 1) / 98
        if "numbers" in task.offers:
            return known + guess
        if "label_sets" in task.offers:
            return tuple(chance if chance > 0.75 else chance * guess for chance in known)
        rest = tuple((1 - guess) / (len(task.labels) - 1) for _ in task.labels[1:])
        return known if max(known) > 0.75 else (guess, *rest)

    def guessed(word: str, known: tuple[float, ...]) -> tuple[float, ...]:
        place = crc32(word.encode()) % (3 * len(task.labels))
        if word in met or place >= len(task.labels):
            return known
        return tuple(float(number == place) for number in range(len(task.labels)))

    return FakeModel(answer, task.labels, name="guessing", tokens=words_of)


def outside(task: Task) -> dict[str, tuple[Example, ...]]:
    """Texts of words that no row has, of a task that gives a text one label."""
    if "one_label" not in task.offers or task.marked:
        return {}
    rows = sample_rows(task, 40, "outside")
    backwards = ({field: text[::-1] for field, text in row.inputs.items()} for row in rows)
    return {"all": tuple(replace(row, inputs=inputs, gold=None) for row, inputs in zip(rows, backwards, strict=True))}


def audit_of(task: Task) -> Plan:
    """An audit of a model that has learned some words of home, and tells capitals from small letters."""
    train = sample_rows(task, 120, "train", words=range(6))
    weak = {"fgm": counting_fit(task, least=12)}
    model = guessing(task, train)
    probes = registry.discover()
    small = {**SMALL, "adversarial": {**SMALL["adversarial"], "recipes": RECIPES[task.name]}}
    return Plan(
        task=task,
        models=(AuditedModel(model, counting_fit(task, least=3), counting_trainer(task, weak)),),
        candidate=model.name,
        examples={
            "home": sample_rows(task, 48, words=range(8)),
            "elsewhere": sample_rows(task, 48, "elsewhere", words=range(4, 12)),
            "later": sample_rows(task, 48, "later", words=range(6, 14)),
            "train": train,
            **(
                {}
                if "labelled_spans" in task.offers
                else {"validation": sample_rows(task, 40, "validation", words=range(8, 12))}
            ),
        },
        out_of_scope=outside(task),
        time_slices=("later",),
        probes=probes,
        settings={probe.name: replace(probe.settings, **small[probe.name]) for probe in probes},
        selected=frozenset(probe.name for probe in probes),
        favourable_label="positive" if "positive" in task.labels else None,
    )


def numbers_of(record: ProbeRecord) -> Iterator[tuple[str, list[Any]]]:
    """Each line of a probe's record → what it says."""
    yield "status", [record.status, record.reason]
    for skipped in record.skipped:
        yield f"skipped {slice_text(skipped.slice)}", [skipped.reason]
    for each in record.measurements:
        if each.metric not in LEFT_OUT:
            numbers = [each.value, each.low, each.high, each.n_cases, each.n_clusters, each.method, each.status]
            yield f"{each.metric} {slice_text(each.slice)}", numbers


def verdicts_of(plan: Plan, records: tuple[ProbeRecord, ...]) -> Iterator[tuple[str, list[Any]]]:
    """Each verdict of the task's shipped policy → what it says, and the decision."""
    policy = policies.load(task=plan.task.name)
    decision = gate.decide(policy, records, plan.candidate)
    yield "decision", [decision.exit_code, decision.headline]
    for each in decision.verdicts:
        rule = policy.rules[each.rule]
        if rule.metric in LEFT_OUT:
            continue
        place = "" if each.slice is None else slice_text(each.slice)
        said = [each.outcome, each.reason, each.value, each.low, each.high, each.more_examples]
        yield f"rule {each.rule}: {rule.probe} {rule.metric} {place}", said


def gathered(lines: Iterator[tuple[str, list[Any]]]) -> dict[str, list[Any]]:
    """The lines by name, rounded as results.json is; no two have the same name."""
    named: dict[str, list[Any]] = {}
    for name, said in lines:
        assert name not in named, name
        named[name] = plain(said)
    return named


TOUCHED: dict[str, dict[str, set[str]]] = {}
"""Task → probe → the texts that it changed, of the tasks that are measured."""


@functools.cache
def measured(task: str) -> Mapping[str, dict[str, list[Any]]]:
    """Probe, and ``verdicts`` → its lines."""
    plan, touched = audit_of(TASKS[task]), TOUCHED.setdefault(task, {})

    def sink(_model: str, probe: str, case: ScoredCase) -> None:
        touched.setdefault(probe, set()).update(field for field, edits in case.case.edits.items() if edits)

    with patch.dict(resources.SERVED, NO_WORDNET):
        records = runner.run(plan, sink, Silent())
    assert plan.errors == []
    numbers = {record.probe: gathered(numbers_of(record)) for record in records}
    return {**numbers, "verdicts": gathered(verdicts_of(plan, records))}


def differing(recorded: Mapping[str, list[Any]], now: Mapping[str, list[Any]]) -> list[str]:
    """What differs, a line each."""
    names = dict.fromkeys((*recorded, *now))
    return [
        f"{name}: recorded {recorded.get(name, 'nothing')}, now {now.get(name, 'nothing')}"
        for name in names
        if recorded.get(name) != now.get(name)
    ]


@functools.cache
def recorded() -> Any:
    return json.loads(FILE.read_text(encoding="utf-8"))


def test_every_probe_and_every_task_is_recorded() -> None:
    assert TASKS.keys() == set(tasks.names()) == recorded().keys()
    assert SMALL.keys() == {probe.name for probe in registry.discover()}
    for parts in recorded().values():
        assert tuple(sorted(parts)) == tuple(sorted(PARTS))


def test_the_recorded_audits_measure_and_judge() -> None:
    """Numbers that are all 0 or 1, or never judged, would hide what changes."""
    for task, parts in recorded().items():
        silent = {part for part in SMALL if parts[part]["status"][0] != "measured"}
        assert silent == UNSERVED[task]
        assert {line[0] for line in parts["verdicts"].values()} >= {"pass", "fail", "inconclusive"}
        ok = [line for part in SMALL for line in parts[part].values() if line[-1] == "ok"]
        assert sum(0 < line[0] < 1 for line in ok) > 50


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("task", TASKS)
def test_numbers_stay_what_they_are(task: str, part: str) -> None:
    if part in ATTACKS and (reason := packages.lacking("textattack")) is not None:
        pytest.skip(reason)
    differences = differing(recorded()[task][part], measured(task)[part])
    assert not differences, "\n".join([f"{len(differences)} lines of {part} of {task} differ:", *differences])


@pytest.mark.parametrize("task", CHANGED)
def test_probes_change_every_text_of_several_that_they_can(task: str) -> None:
    if (reason := packages.lacking("textattack")) is not None:
        pytest.skip(reason)
    assert {each for each in TASKS if len(TASKS[each].fields) > 1} == CHANGED.keys()
    measured(task)
    changed = {probe: tuple(sorted(fields)) for probe, fields in TOUCHED[task].items() if fields}
    assert changed == CHANGED[task]
    assert not FIXED.get(task, set()) & changed.keys()


def test_a_difference_is_named() -> None:
    before: dict[str, list[Any]] = {"drop {}": [0.1, "ok"], "flips {}": [1], "gone {}": [2]}
    now: dict[str, list[Any]] = {"drop {}": [0.2, "ok"], "flips {}": [1], "new {}": [3]}
    assert differing(before, now) == [
        "drop {}: recorded [0.1, 'ok'], now [0.2, 'ok']",
        "gone {}: recorded [2], now nothing",
        "new {}: recorded nothing, now [3]",
    ]


def written(numbers: Mapping[str, Mapping[str, Mapping[str, list[Any]]]]) -> str:
    """The numbers as JSON, with a line for each."""
    tables = []
    for task, parts in numbers.items():
        blocks = []
        for part, lines in parts.items():
            rows = (f"   {json.dumps(name)}: {json.dumps(said, ensure_ascii=False)}" for name, said in lines.items())
            blocks.append(f"  {json.dumps(part)}: {{\n" + ",\n".join(rows) + "\n  }")
        tables.append(f" {json.dumps(task)}: {{\n" + ",\n".join(blocks) + "\n }")
    return "{\n" + ",\n".join(tables) + "\n}\n"


def record() -> None:
    """Write what is measured now, and say what differs from before."""
    numbers = {task: measured(task) for task in TASKS}
    if FILE.exists():
        for task, part in ((task, part) for task in TASKS for part in PARTS):
            for line in differing(recorded().get(task, {}).get(part, {}), numbers[task][part]):
                print(f"{task}, {part}: {line}")
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(written(numbers), encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] != ["--record"]:
        sys.exit("usage: python tests/test_recorded_numbers.py --record")
    record()
