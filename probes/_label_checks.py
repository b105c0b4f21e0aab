"""Labels and models that have not learned them: folds, answers, equal texts."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from auditor.text import spans, words_of
from auditor.types import Choice, Example, FloatArray, GivenRow, Judged, Score, Task

LEAST = 1e-12
"""A smaller probability counts as this, so that every loss is finite."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a model that never learned a row says of its label."""

    example: Example
    loss: float
    """Negative log-probability of the label; of named entities that of the word's tag that is least likely; of answers
    in a context that of the most that it can be."""
    label: str
    """The label, or the tag of that word; empty where the word is not known."""
    answer: str
    """What the model finds likeliest in its place."""
    word: str
    """That word; empty for a label of the whole text."""
    score: Score

    @property
    def probability(self) -> float:
        """The probability that the model gives the label."""
        return math.exp(-self.loss)


@dataclass(frozen=True, slots=True)
class Fold:
    """Rows that are held out, and those that their model learns from."""

    learned: Sequence[Example]
    held_out: Sequence[Example]


def folds(rows: Sequence[GivenRow], task: Task, count: int, rng: random.Random) -> list[Fold]:
    """Return so many folds, with the classes in proportion.

    Rows of one group, and rows that the model sees alike, are held out together: it would have learned the label of one
    from another. A row whose label no row has that its model learns from is held out by none: any model would find it
    unlikely.
    """
    units: dict[str, list[Example]] = {}
    for name, row in zip(_joined(rows), rows, strict=True):
        units.setdefault(name, []).append(row.example)
    by_class: dict[str, list[list[Example]]] = {}
    for unit in units.values():
        by_class.setdefault(task.stratum(unit[0].gold) or "", []).append(unit)
    held_out: list[list[Example]] = [[] for _ in range(count)]
    place = 0
    for name in sorted(by_class):
        members = by_class[name]
        rng.shuffle(members)
        for unit in members:
            held_out[place % count] += unit
            place += 1
    return [_fold(held_out, place, task) for place in range(count)]


def _fold(held_out: Sequence[Sequence[Example]], place: int, task: Task) -> Fold:
    learned = [row for part, rows in enumerate(held_out) if part != place for row in rows]
    known = {task.stratum(row.gold) for row in learned}
    return Fold(learned, [row for row in held_out[place] if task.stratum(row.gold) in known])


def _joined(rows: Sequence[GivenRow]) -> list[str]:
    """Return a name for each row, shared by rows to keep together."""
    parents: dict[str, str] = {}

    def first(name: str) -> str:
        while parents.setdefault(name, name) != name:
            name = parents[name]
        return name

    for row in rows:
        parents[first(f"key {row.key}")] = first(f"cluster {row.example.cluster}")
    return [first(f"key {row.key}") for row in rows]


def checked(judged: Judged, example: Example, task: Task) -> Checked | None:
    """Return what the answer says of the row's label.

    None where it gives labels no probabilities.
    """
    labelled = [choice for choice in judged.choices if choice.of in ("texts", "words", "labels")]
    if not labelled or judged.after is None:
        return None
    losses = [-math.log(max(choice.chances[choice.gold], LEAST)) for choice in labelled]
    place = max(range(len(losses)), key=losses.__getitem__)
    choice = labelled[place]
    if choice.of == "labels":
        return Checked(example, losses[place], *_with_and_without(example, choice, place, task), "", judged.after)
    if choice.names:
        return _of_answer(judged.after, example, choice, task)
    if choice.of == "texts":
        names, word = tuple(judged.after_classes), ""
    else:
        names, word = tuple(spans.read_alike(task.labels)), _word(labelled, example, place, task)
    label, answer = names[choice.gold], names[choice.chosen]
    if choice.of == "words" and not word:
        label = answer = ""
    return Checked(example, losses[place], label, answer, word, judged.after)


def _of_answer(score: Score, example: Example, choice: Choice, task: Task) -> Checked:
    """Return what a model says of a text's right answer.

    It tells the probability of its own answer alone. Where that is another one, the right answer has at most what is
    left; the words that they share count for it.
    """
    label = task.show_gold(example.gold)
    apart = 0.0 if choice.right else 1.0 - score.numerator / max(score.denominator, LEAST)
    chance = choice.confidence if choice.right else 1.0 - choice.confidence * apart
    return Checked(example, -math.log(max(chance, LEAST)), label, label if choice.right else choice.names[0], "", score)


def _with_and_without(example: Example, choice: Choice, place: int, task: Task) -> tuple[str, str]:
    """Return the row's labels, and these with the decision about a label."""
    own, name = set(example.gold), task.labels[place]
    answer = own if choice.right else own ^ {name}
    return task.show_gold(example.gold), task.show_gold(task.gold_of(sorted(answer)))


def _word(labelled: Sequence[Choice], example: Example, place: int, task: Task) -> str:
    """Return the word that a choice is about.

    Empty where words before it may have no choice of their own.
    """
    tags = tuple(spans.read_alike(task.labels))
    own = [spans.among(tag, tags) for tag in example.gold]
    words = words_of(example.inputs["text"])
    alike = [tags[choice.gold] for choice in labelled] == own[: len(labelled)]
    return words[place] if alike and len(words) == len(own) else ""


def by_linear_head(parts: Iterable[Fold], vectors: Mapping[str, FloatArray], task: Task) -> Iterator[Checked]:
    """Yield what a logistic regression of each fold says of its rows.

    ``vectors``: row id → embedding; rows without one are left out. Every feature is scaled by the rows that the head
    learns from.
    """
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    for part in parts:
        learned, held_out = ([row for row in rows if row.id in vectors] for rows in (part.learned, part.held_out))
        golds = [str(task.stratum(row.gold)) for row in learned]
        asked = [row for row in held_out if str(task.stratum(row.gold)) in golds]
        if len(set(golds)) < 2 or not asked:
            continue
        head = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
        head.fit(np.array([vectors[row.id] for row in learned]), golds)
        names = list(map(str, head.classes_))
        rows = head.predict_proba(np.array([vectors[row.id] for row in asked]))
        for row, chances in zip(asked, rows, strict=True):
            label, answer = str(task.stratum(row.gold)), names[int(chances.argmax())]
            loss = -math.log(max(float(chances[names.index(label)]), LEAST))
            yield Checked(row, loss, label, answer, "", Score(float(answer == label), 1.0))


def conflicts(rows: Mapping[str, Sequence[Example]], task: Task) -> list[list[tuple[str, Example]]]:
    """Return the rows with equal texts and different labels, text by text.

    ``rows``: by set. Texts are equal if they differ in blanks alone. Each row stands with the name of its set.
    """
    by_text: dict[tuple[str, ...], list[tuple[str, Example]]] = {}
    for name, examples in rows.items():
        for example in examples:
            if example.gold is not None:
                by_text.setdefault(as_read(example), []).append((name, example))
    return [alike for alike in by_text.values() if len({repr(task.dump(example.gold)) for _, example in alike}) > 1]


def as_read(example: Example) -> tuple[str, ...]:
    """Return the texts of a row with single blanks between words."""
    return tuple(" ".join(value.split()) for _, value in sorted(example.inputs.items()))
