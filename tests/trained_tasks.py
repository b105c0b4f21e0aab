"""For every task, a folder with rows, a tiny base, the checkpoint that it becomes, and a config.

python tests/trained_tasks.py question-answering FOLDER
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

from auditor import tasks
from auditor.cli.main import main
from auditor.models.libraries import quiet
from auditor.testing import sample_rows
from auditor.testing.trainings import ground
from auditor.text import words_of
from auditor.types import Example, Task

SETS = {"train": 140, "validation": 26, "test": 36, "elsewhere": 26, "later": 24}
"""Name of a set → its rows."""
LABELS = {
    "ner": ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG"),
    "relation-extraction": ("Other", "Use(e1,e2)", "Use(e2,e1)"),
}
"""Task → its labels, where those that show what it is are too few, or not those of its kept cases."""
CASES = Path(__file__).resolve().parent.parent / "fixtures" / "cases"
EPOCHS, LONG = 30, dict.fromkeys(("multi-label-classification", "text-regression", "sentence-similarity"), 100)
"""Epochs after which a tiny model answers most rows rightly, and tasks that take it longer."""
CONFIG = """
task = "{task}"
candidate = "standard"
[data]
train = "train.{ending}"
validation = "validation.{ending}"
test = "test.{ending}"
domains = {{ elsewhere = "elsewhere.{ending}" }}
slices = {{ later = "later.{ending}" }}
{outside}[training]
base = "base"
recipes = ["standard"]
epochs = {epochs}
learning_rate = 1e-2
batch_size = 16
max_length = 64
"""


def task_of(name: str) -> Task:
    """The task over the labels that its rows have."""
    return tasks.create(name, LABELS.get(name, tasks.kind(name).example_labels))


def ending(task: Task) -> str:
    return "conll" if task.layout == "sentences" else "jsonl"


def written(task: Task, rows: Sequence[Example]) -> str:
    """The rows as the file of a user has them."""
    if task.layout == "sentences":
        sentences = (zip(words_of(row.inputs["text"]), row.gold, strict=True) for row in rows)
        return "\n".join("".join(f"{word} {tag}\n" for word, tag in sentence) for sentence in sentences)
    return "".join(f"{json.dumps({**row.inputs, **_gold(task, row)})}\n" for row in rows)


def _gold(task: Task, row: Example) -> Mapping[str, Any]:
    if task.layout != "answers":
        return {"label": task.dump(row.gold)}
    before = [" ".join([*words_of(row.inputs["context"])[: right.word], ""]) for right in row.gold]
    starts = [len(start) + right.letter for start, right in zip(before, row.gold, strict=True)]
    return {"answers": {"text": [right.text for right in row.gold], "answer_start": starts}}


SMALL: Mapping[str, Mapping[str, Any]] = {
    "quality": {"examples": 40},
    "adversarial": {"examples": 24, "query_budget": 30},
    "bias": {"sentences": 12, "bare_sentences": 6, "axes": ["gender"]},
    "capabilities": {"per_template": 1},
    "coverage": {"training": 60},
    "entailment_bias": {"actions": 1},
    "entity_bias": {"names_per_sentence": 1, "axes": ["persons"]},
    "interpretability": {"examples": 6, "stable": 6},
    "kept_cases": {"file": "cases.jsonl"},
    "label_errors": {"rows": 60, "steps": 30},
    "label_noise": {"rates": [0.4], "batch_size": 4, "rows": 60, "seeds": 2, "steps": 30, "examples": 24},
    "low_resource": {"sizes": [10, 40], "seeds": 2, "steps": 30, "examples": 24},
    "noise": {"examples": 12, "severities": {"middle": 0.2}},
    "pair_shortcuts": {"examples": 24, "per_template": 1},
    "shift": {"rows": 30, "elsewhere": 30},
    "spurious": {"examples": 24, "hosts": 12, "cues": 2},
    "training_strategy": {
        "source": "train",
        "recipes": ["fgm"],
        "seeds": 2,
        "steps": 30,
        "rows": 60,
        "examples": 24,
        "noisy": 4,
        "attacked": 4,
        "sentences": 4,
    },
    "triggers": {"examples": 24, "query_budget": 1000},
}
"""Settings with which an audit by every probe takes seconds."""


def small_settings(recipes: Sequence[str]) -> str:
    """``SMALL`` as lines of ``audit.toml``; ``recipes``: the attacks."""
    settings = {**SMALL, "adversarial": {**SMALL["adversarial"], "recipes": list(recipes)}}
    lines = []
    for probe, own in settings.items():
        lines += [f"[probes.{probe}]", *(f"{name} = {_toml(value)}" for name, value in own.items())]
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{name} = {_toml(inner)}" for name, inner in value.items()) + " }"
    return json.dumps(value)


def prepared(folder: Path, name: str, *, more: str = "") -> Path:
    """Write all rows that probes ask for, the base and ``audit.toml``; ``more``: further lines. Returns the config."""
    task = task_of(name)
    folder.mkdir(parents=True, exist_ok=True)
    every = iter(sample_rows(task, sum(SETS.values())))
    sets = {set_: list(islice(every, count)) for set_, count in SETS.items()}
    for set_, rows in sets.items():
        (folder / f"{set_}.{ending(task)}").write_text(written(task, rows), encoding="utf-8")
    shutil.copy(CASES / f"{name}.jsonl", folder / "cases.jsonl")
    made = ground(task, list(chain.from_iterable(sets.values())))
    with quiet():
        made.model.base_model.save_pretrained(folder / "base")
    made.tokenizer.save_pretrained(folder / "base")
    given = {"task": name, "ending": ending(task), "epochs": LONG.get(name, EPOCHS)}
    config = folder / "audit.toml"
    config.write_text(CONFIG.format(**given, outside=_outside(folder, task, sets["test"])) + more, encoding="utf-8")
    return config


def _outside(folder: Path, task: Task, rows: Sequence[Example]) -> str:
    """Write texts of words that no row has, where one label is right for a text; the line that names the file."""
    if "one_label" not in task.offers or task.marked:
        return ""
    backwards = ({field: text[::-1] for field, text in row.inputs.items()} for row in rows)
    (folder / "outside.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in backwards), encoding="utf-8")
    return 'out_of_scope = "outside.jsonl"\n'


def trained(folder: Path, name: str, *, more: str = "") -> Path:
    """As ``prepared``, and train the checkpoint ``ckpt/standard`` beside the config."""
    config = prepared(folder, name, more=more)
    code = main(["train", "--config", str(config), "--quiet"])
    if code:
        raise RuntimeError(f"audit train ended with exit code {code}")
    return config


def _command() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=tasks.names())
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    print(trained(options.folder, options.task))


if __name__ == "__main__":
    _command()
