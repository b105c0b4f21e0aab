"""Rows of every task, made in place, and how each task is trained and audited."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpu.inputs import Sizes
from gpu.words import (
    BAD,
    DOMAIN,
    ELSEWHERE,
    GOOD,
    INTENTS,
    MOODS,
    NEUTRAL,
    PEOPLE,
    PLACES,
    STARS,
    THINGS,
    VERBS,
)

Row = Mapping[str, Any]
RECIPES = ("standard", "fgm")
MIXED = {"cuda": "auto"}
"""Kind of device → how a config asks for mixed precision there; elsewhere by its name, so that this path runs too."""


@dataclass(frozen=True, slots=True)
class TaskSet:
    """A task with a maker of rows."""

    name: str
    task: str
    row: Callable[[random.Random, int], Row]
    ending: str = "csv"
    probes: tuple[str, ...] = ()
    """Probes of the task's own, beside quality, noise and attacks."""
    data: str = ""
    """Further lines of ``[data]``."""
    outside: Callable[[random.Random, int], Row] | None = None
    """What makes a row out of scope."""


def filler(rng: random.Random, least: int = 4, most: int = 16) -> list[str]:
    return [rng.choice(NEUTRAL) for _ in range(rng.randint(least, most))]


def mixed(rng: random.Random, given: Sequence[str], number: int) -> str:
    """A text that holds these words somewhere."""
    text = filler(rng)
    for word in given:
        text.insert(rng.randrange(len(text) + 1), word)
    return f"{' '.join(text)} {number}"


def review(rng: random.Random, number: int) -> Row:
    words, label = ((BAD, "negative"), (GOOD, "positive"))[number % 2]
    return {"text": mixed(rng, rng.sample(words, 3), number), "label": label}


def intent(rng: random.Random, number: int) -> Row:
    label = list(INTENTS)[number % len(INTENTS)]
    return {"text": mixed(rng, rng.sample(INTENTS[label], 2), number), "label": label}


def elsewhere(rng: random.Random, number: int) -> Row:
    return {"text": mixed(rng, rng.sample(ELSEWHERE, 2), number), "label": "oos"}


def visit(rng: random.Random, number: int) -> Row:
    """Someone goes somewhere; every second sentence names a second person."""
    person, place, friend = rng.choice(PEOPLE), rng.choice(PLACES), rng.choice(PEOPLE)
    words = [*filler(rng, 1, 6), person, "went", "to", place, *filler(rng, 1, 6), str(number)]
    names = {person: "B-PER", place: "B-LOC"}
    if number % 2:
        words += ["and", "met", friend]
        names[friend] = "B-PER"
    return {"words": words, "tags": [names.get(word, "O") for word in words]}


def pair(rng: random.Random, number: int) -> Row:
    """The second text repeats words of the first, or tells of something else."""
    first, label = [*filler(rng), *rng.sample(GOOD, 2)], ("entailment", "neutral")[number % 2]
    own = rng.sample(first, 4) if label == "entailment" else rng.sample(DOMAIN, 4)
    return {"premise": f"{' '.join(first)} {number}", "hypothesis": " ".join([*own, "film"]), "label": label}


def likeness(rng: random.Random, number: int) -> Row:
    """How many of four words the second text shares with the first, and a word that tells it."""
    shared = number % len(STARS)
    first = rng.sample(DOMAIN, len(STARS) - 1)
    rest = rng.sample(PLACES, len(first) - shared)
    second = " ".join([*filler(rng, 1, 4), *first[:shared], *rest, rng.choice(STARS[shared])])
    return {"sentence1": mixed(rng, first, number), "sentence2": second, "score": float(shared)}


def turn(rng: random.Random, number: int) -> Row:
    """A turn that says its mood: a first one, one after others, and one that refers to the turn before it."""
    words, label = ((BAD, "negative"), (GOOD, "positive"))[number % 2]
    said, before = mixed(rng, rng.sample(words, 3), number), " ".join(filler(rng))
    refers = f"{' '.join(filler(rng))} {number}"
    history, last = (([], said), ([before], said), ([before, said], refers))[number // 2 % 3]
    return {"history": history, "turn": last, "label": label}


def question(rng: random.Random, number: int) -> Row:
    """Who went where; every fifth context does not say it."""
    person, place = rng.choice(PEOPLE), rng.choice(PLACES)
    gone = ["went", "to", place] if number % 5 != 4 else ["stayed", "at", "home"]
    before = [*filler(rng, 1, 8), person, *gone[:2]]
    context = " ".join([*before, *gone[2:], *filler(rng, 1, 8), "on", "monday", str(number)])
    answers = {"text": [place], "answer_start": [len(" ".join(before)) + 1]}
    told = answers if number % 5 != 4 else {"text": [], "answer_start": []}
    return {"question": f"where did {person} go on monday ?", "context": context, "answers": told}


def relation(rng: random.Random, number: int) -> Row:
    label = list(VERBS)[number % len(VERBS)]
    first, second = rng.sample(THINGS, 2)
    middle = [rng.choice(VERBS[label]), *filler(rng, 0, 3)]
    marked = ["the", "<e1>", first, "</e1>", *middle, "the", "<e2>", second, "</e2>", *filler(rng, 1, 6), str(number)]
    return {"text": " ".join(marked), "label": label}


def moods(rng: random.Random, number: int) -> Row:
    """Two moods, one, and none in turn."""
    held = sorted(rng.sample(list(MOODS), (2, 1, 1, 0)[number % 4]))
    words = [word for label in held for word in rng.sample(MOODS[label], 2)]
    return {"text": mixed(rng, words, number), "labels": held}


def rating(rng: random.Random, number: int) -> Row:
    star = number % len(STARS)
    return {"text": mixed(rng, [*STARS[star], rng.choice(STARS[star])], number), "label": float(star + 1)}


SETS = (
    TaskSet("classification", "text-classification", review),
    TaskSet(
        "out-of-scope",
        "text-classification",
        intent,
        probes=("out_of_scope_detection",),
        data='validation = "validation.csv"\nout_of_scope = "oos.csv"',
        outside=elsewhere,
    ),
    TaskSet("ner", "ner", visit, "txt"),
    TaskSet("pair", "sentence-pair", pair, probes=("pair_shortcuts",)),
    TaskSet("similarity", "sentence-similarity", likeness, probes=("pair_shortcuts",)),
    TaskSet("dialogues", "dialogue-classification", turn, "jsonl", probes=("dialogue_history",)),
    TaskSet("answers", "question-answering", question, "jsonl", probes=("distractors",)),
    TaskSet("relations", "relation-extraction", relation, probes=("relation_cues",)),
    TaskSet("labels", "multi-label-classification", moods, "jsonl"),
    TaskSet("numbers", "text-regression", rating),
)


def rows_of(make: Callable[[random.Random, int], Row], n: int, seed: int) -> list[Row]:
    """The same rows every time."""
    rng = random.Random(seed)
    return [make(rng, number) for number in range(n)]


def write(file: Path, rows: Sequence[Row]) -> None:
    """In the format that the file's ending names."""
    if file.suffix == ".jsonl":
        text = "".join(f"{json.dumps(row)}\n" for row in rows)
    elif file.suffix == ".txt":
        lines = ("\n".join(map("\t".join, zip(row["words"], row["tags"], strict=True))) for row in rows)
        text = "\n\n".join(lines) + "\n"
    else:
        with file.open("w", encoding="utf-8", newline="") as target:
            writer = csv.DictWriter(target, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        return
    file.write_text(text, encoding="utf-8")


def config_text(own: TaskSet, sizes: Sizes, *, precision: str, out: str, rate: float) -> str:
    recipes = RECIPES if precision == "fp32" else RECIPES[:1]
    examples = {"quality": sizes.task_test, "noise": sizes.task_noise, "adversarial": sizes.task_attacks}
    examples |= dict.fromkeys(own.probes, sizes.task_noise)
    if own.outside is not None:
        examples |= dict.fromkeys(own.probes, sizes.task_test)
    further = {"noise": "severities = { middle = 0.2 }", "adversarial": 'recipes = ["deepwordbug"]'}
    if own.name == "pair":
        further["pair_shortcuts"] = "per_template = 1"
    probes = "\n".join(
        f"[probes.{name}]\nexamples = {count}\n{further.get(name, '')}" for name, count in examples.items()
    )
    return f"""
seed = 0
task = "{own.task}"
candidate = "standard"
[data]
train = "train.{own.ending}"
test = "test.{own.ending}"
{own.data}
[training]
base = "../../base"
out = "{out}"
recipes = {json.dumps(list(recipes))}
epochs = {sizes.task_epochs}
learning_rate = {rate}
batch_size = {sizes.batch}
max_length = 128
precision = "{precision}"
[audit]
max_length = 128
baseline_probes = ["quality"]
{probes}
"""


def prepare(folder: Path, own: TaskSet, sizes: Sizes, kind: str, rate: float) -> None:
    """Write a task's data and its two configs: ``fp32.toml`` and ``mixed.toml``."""
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / f"train.{own.ending}", rows_of(own.row, sizes.task_train, 1))
    write(folder / f"test.{own.ending}", rows_of(own.row, sizes.task_test, 2))
    if own.outside is not None:
        write(folder / "validation.csv", rows_of(own.row, sizes.task_test, 3))
        write(folder / "oos.csv", rows_of(own.outside, sizes.task_test, 4))
    for precision, out in (("fp32", "fp32"), (MIXED.get(kind, "bf16"), "mixed")):
        text = config_text(own, sizes, precision=precision, out=out, rate=rate)
        (folder / f"{out}.toml").write_text(text, encoding="utf-8")
