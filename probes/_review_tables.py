"""Which rows a reviewer looks at, as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from auditor.text import excerpts
from auditor.types import Cell, Example, Score, Table, Task
from probes._label_checks import Checked

VERDICTS = ("wrong", "right", "unclear")
"""What a reviewer may say of a label."""


def suspects(by_set: Mapping[str, Sequence[Checked]], most: int) -> list[tuple[str, Checked]]:
    """Return the rows to look at, each set's least likely label first.

    Losses of different models say different things, so that each set has an order of its own and an equal part of the
    places; places that one set leaves free are the others'. A label that is the model's answer is not looked at.
    """
    ranked = {name: _ranked(rows) for name, rows in by_set.items()}
    places, left, open_ = dict.fromkeys(ranked, 0), most, [name for name, rows in ranked.items() if rows]
    while left and open_:
        for name in open_[:left]:
            places[name] += 1
            left -= 1
        open_ = [name for name in open_ if places[name] < len(ranked[name])]
    return [(name, row) for name, rows in ranked.items() for row in rows[: places[name]]]


def _ranked(rows: Sequence[Checked]) -> list[Checked]:
    doubtful = (row for row in rows if row.answer != row.label or not row.label)
    return sorted(doubtful, key=lambda row: (-row.loss, row.example.id))


def review_table(task: Task, listed: Sequence[tuple[str, Checked]], quality: str) -> Table:
    """Return the rows whose label looks wrong.

    ``listed``: each row with the name of its set. ``quality``: the metric that corrected labels change, where an answer
    is right if it is the label.
    """
    of_words = any(row.word for _, row in listed)
    simple = not task.ratio and all(row.score == Score(float(row.answer == row.label), 1.0) for _, row in listed)
    rows = []
    for name, row in listed:
        word = (row.word,) if of_words else ()
        rows.append((row.example.id, name, row.label, row.answer, row.probability, *word, *_texts(task, row.example)))
    word_column = ("word",) if of_words else ()
    answers = ("label", "answer") if task.quotes else ()
    return Table(
        name="review",
        title="Labels that look wrong",
        columns=("id", "rows", "label", "answer", "label_probability", *word_column, *task.fields),
        rows=tuple(rows),
        clusters=tuple(row.example.cluster for _, row in listed),
        verdicts=VERDICTS,
        by="rows",
        corrections=task.labels,
        corrects=quality if simple and task.labels else None,
        texts=(*answers, *word_column, *task.fields),
    )


def conflict_table(task: Task, alike: Sequence[Sequence[tuple[str, Example]]], most: int) -> Table:
    """Return rows with equal texts and different labels, text by text.

    ``alike``: the rows of each text, each with the name of its set. ``most``: rows at most.
    """
    entries = [(number, name, row) for number, group in enumerate(alike, 1) for name, row in group][:most]
    rows = []
    for number, name, row in entries:
        twins = (twin for _, twin in alike[number - 1] if twin.id != row.id)
        others = "; ".join(f"{twin.id} ({task.show_gold(twin.gold)})" for twin in twins)
        rows.append((row.id, name, str(task.show_gold(row.gold)), others, *_texts(task, row)))
    return Table(
        name="conflicts",
        title="Equal texts with different labels",
        columns=("id", "rows", "label", "same_text_as", *task.fields),
        rows=tuple(rows),
        clusters=tuple(f"text {number}" for number, _, _ in entries),
        verdicts=VERDICTS,
        by="rows",
        corrections=task.labels if "class_scores" in task.offers else (),
        texts=(*(("label", "same_text_as") if task.quotes else ()), *task.fields),
    )


def _texts(task: Task, example: Example) -> tuple[Cell, ...]:
    return tuple(excerpts.beginning(example.inputs[field]) for field in task.fields)
