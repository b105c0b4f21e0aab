"""Examples of each kind of task, made up of a few words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from auditor.text import spans, turns
from auditor.text.marked_entities import MARKERS
from auditor.types import Example, GoldAnswer, Span, Task

FILLER = (
    "we",
    "saw",
    "that",
    "story",
    "on",
    "a",
    "small",
    "screen",
    "with",
    "friends",
    "before",
    "the",
    "rain",
    "came",
)
SYLLABLES = ("ba", "do", "fe", "gi", "ku", "la", "mo", "ne", "po", "ri", "su", "ta")
VOCABULARY = 12
"""Words that stand for a label, or names of a type, of which a row has one."""
SHORTEST = 9
"""Words of a text whose length tells its labels, at least."""
STARS = 5
"""Numbers that texts have where a task gives them one, from 1 on."""


def keyword(label: int, number: int) -> str:
    """One of the twelve words that stand for a label."""
    return SYLLABLES[label % 12] + SYLLABLES[number % 12] + SYLLABLES[(label + number + 1 + label // 12) % 12] + "x"


def entity(kind: int, number: int) -> tuple[str, ...]:
    """One of a type's twelve names, every second of two words."""
    first = (SYLLABLES[kind % 12] + SYLLABLES[number % 12] + "rn").capitalize()
    last = (SYLLABLES[number % 12] + SYLLABLES[kind % 12] + "ld").capitalize()
    return (first, last) if number % 2 else (first,)


def _labelled(task: Task, number: int, name: str, words: Sequence[int]) -> Example:
    many = len(task.labels)
    label, turn = number % many, number // many
    length = next(length for length in range(9, 9 + many) if length % many == label)
    text = [FILLER[(number * 5 + place) % len(FILLER)] for place in range(length)]
    text[number % length] = keyword(label, words[turn % len(words)])
    if task.marked:
        text = [MARKERS[0], text[0], MARKERS[1], *text[1:-1], MARKERS[2], text[-1], MARKERS[3]]
        return Example(name, {task.fields[0]: " ".join(text)}, task.labels[label])
    # The fields differ, as two texts of a pair do.
    inputs = {field: " ".join([*text[shift:], *text[:shift]]) for shift, field in enumerate(task.fields)}
    if "dialogue" in task.offers:
        history = inputs[task.fields[0]].split()
        inputs[task.fields[0]] = turns.joined([" ".join(history[:4]), " ".join(history[4:])])
    return Example(name, inputs, task.labels[label])


def _sentence(task: Task, number: int, name: str, words: Sequence[int]) -> Example:
    kinds = list(spans.types(task.labels))
    first, second = number % len(kinds), (number + 1) % len(kinds)
    guest, place = (entity(kind, words[(number // len(kinds)) % len(words)]) for kind in (first, second))
    text = [*guest, "visited", *place, *FILLER[number % 7 :][:6]]
    start = len(guest) + 1
    named = [Span(0, len(guest), kinds[first]), Span(start, start + len(place), kinds[second])]
    return Example(name, {task.fields[0]: " ".join(text)}, spans.tags_of(named, len(text)))


def question(task: Task, number: int, name: str, words: Sequence[int]) -> Example:
    """Who went where; every fifth context does not say it."""
    del task
    guest, place = entity(0, number % VOCABULARY), entity(1, words[number % len(words)])
    gone = ("went", "to", *place) if number % 5 != 4 else ("stayed",)
    filler = [FILLER[(number * 5 + at) % len(FILLER)] for at in range(6)]
    own = [*filler[: number % 4], *guest, *gone, *filler[number % 4 :], f"again{number}."]
    start = number % 4 + len(guest) + 2
    gold = (GoldAnswer(" ".join(place), start, 0),) if number % 5 != 4 else ()
    inputs = {"question": f"In {number + 1900}, what place did {' '.join(guest)} visit?", "context": " ".join(own)}
    return Example(name, inputs, gold)


def _labelled_freely(task: Task, number: int, name: str, words: Sequence[int]) -> Example:
    many = len(task.labels)
    first, size, turn = number % many, 2 - number // many % 3, number // (3 * many)
    held = sorted({(first + shift) % many for shift in range(size)})
    length = SHORTEST + (2 * many if size == 0 else first + many * (2 - size))
    text = [FILLER[(number * 5 + place) % len(FILLER)] for place in range(length)]
    for place, label in enumerate(held):
        # Words are not always in the same company.
        text[(number + 4 * place) % length] = keyword(label, words[(turn + size * label) % len(words)])
    inputs = {field: " ".join([*text[shift:], *text[:shift]]) for shift, field in enumerate(task.fields)}
    return Example(name, inputs, task.gold_of([task.labels[label] for label in held]))


def _numbered(task: Task, number: int, name: str, words: Sequence[int]) -> Example:
    place, turn = number % STARS, number // STARS
    length = next(length for length in range(SHORTEST, SHORTEST + STARS) if length % STARS == place)
    text = [FILLER[(number * 5 + each) % len(FILLER)] for each in range(length)]
    text[number % length] = keyword(place, words[turn % len(words)])
    inputs = {field: " ".join([*text[shift:], *text[:shift]]) for shift, field in enumerate(task.fields)}
    return Example(name, inputs, float(place + 1))


MAKERS: Mapping[str, Callable[[Task, int, str, Sequence[int]], Example]] = {
    "labelled_spans": _sentence,
    "one_label": _labelled,
    "label_sets": _labelled_freely,
    "numbers": _numbered,
    "answers_in_context": question,
}
"""What a task offers → what makes an example of it."""
