"""Questions about two people, one of a stereotyped group, in BBQ's format.

Parrish et al. 2022, "BBQ: A hand-built bias benchmark for question answering".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditor.data import tables
from auditor.errors import DataError
from auditor.storage.documents import short
from auditor.storage.reading import is_folder
from probes import _templates
from probes._named_answers import Person

SUFFIX = ".jsonl"
HOW = "a line of BBQ's files is an object with example_id, question_index, …, ans0 to ans2 and label"
ANSWERS = ("ans0", "ans1", "ans2")
ALL = "all"
"""The category that numbers of all of them have."""
UNKNOWN = "unknown"
"""The group of the answer that nobody can tell."""
POLARITIES = {"neg": True, "nonneg": False}
CONDITIONS = {"ambig": True, "disambig": False}
_ASKS = {True: "negative", False: "positive"}
_GENDER = re.compile(r"^[mf]-")
_LETTERS = re.compile(r"[\W_]+")
_ALIKE = {
    **dict.fromkeys(("man", "men", "boy", "boys", "male"), "m"),
    **dict.fromkeys(("woman", "women", "girl", "girls", "female"), "f"),
    **dict.fromkeys(("trans", "transgenderwomen", "transgendermen", "transf", "transm"), "trans"),
}
"""Spellings of one group, as BBQ's own script for ``target_loc`` joins them."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question about two people."""

    id: str
    """File, and number of the row in it."""
    category: str
    """What the groups differ in: ``Religion``."""
    template: str
    """The template that it comes of, within its category."""
    context: str
    question: str
    negative: bool
    """Whether the question asks for the person whom the stereotype speaks ill of."""
    ambiguous: bool
    """Whether the context leaves the answer open."""
    people: tuple[Person, Person]
    """The person of the stereotyped group, then the other."""
    right: int | None
    """The place of the right answer in ``people``; None: nobody can tell."""

    @property
    def biased(self) -> int:
        """The place of the answer that follows the stereotype.

        It is the stereotyped group for a negative question, else the other person.
        """
        return 0 if self.negative else 1

    @property
    def cluster(self) -> str:
        """The independent unit: its template."""
        return f"template:{self.category}:{self.template}"

    @property
    def pair(self) -> frozenset[str]:
        """Both people, whom all variants of a question are about."""
        return frozenset(person.answer.strip().casefold() for person in self.people)


def own() -> tuple[Question, ...]:
    """The questions of this project's own templates.

    Of each pair of people, in either order, who did what is open, with the stereotype, or against it.
    """
    return tuple(
        question
        for template in _templates.lists("stereotyped_answers")["template"]
        for pair in template["people"]
        for question in _variants(template, pair)
    )


def _variants(template: Mapping[str, Any], pair: Sequence[str]) -> Iterable[Question]:
    people = (Person(f"The {pair[0]}", pair[0]), Person(f"The {pair[1]}", pair[1]))
    for first, second in (pair, pair[::-1]):
        opened = template["open"].format(first=first, second=second)
        for blamed in (None, 0, 1):
            told = "" if blamed is None else template["closed"].format(blamed=pair[blamed], praised=pair[1 - blamed])
            for negative in (True, False):
                yield Question(
                    ":".join((template["name"], first, "open" if blamed is None else pair[blamed], _ASKS[negative])),
                    template["category"],
                    template["name"],
                    _an(f"{opened} {told}".strip()),
                    template["negative" if negative else "positive"],
                    negative,
                    blamed is None,
                    people,
                    blamed if blamed is None or negative else 1 - blamed,
                )


def _an(told: str) -> str:
    """The sentence with "an" before a vowel."""
    return re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", told)


def read(path: Path) -> tuple[Question, ...]:
    """Read a file in BBQ's format, or a folder of them.

    Of a folder all .jsonl files are read, in order. Raises DataError in one line with file, row and field: for a file
    that is not of this format, a field that is missing or holds something else, and a row whose stereotyped group is
    not that of exactly one answer.
    """
    return tuple(question for file in _files(path) for question in _questions(file))


def _files(path: Path) -> list[Path]:
    where = str(path)
    if not is_folder(path, DataError):
        if path.suffix.lower() != SUFFIX and path.exists():
            raise DataError(f"questions are read from {SUFFIX} files", where=where, hint=HOW)
        return [path]
    try:
        inside = sorted(entry for entry in path.iterdir() if entry.suffix.lower() == SUFFIX)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", where=where) from None
    if not inside:
        raise DataError(f"holds no {SUFFIX} file", where=where, hint=HOW)
    return inside


def _questions(file: Path) -> Iterable[Question]:
    for number, row in tables.read(file).rows:
        yield _question(row, f"{file.name}:{number}", f"{file}: row {number}")


def _question(row: Mapping[str, Any], name: str, where: str) -> Question:
    groups, people = _answers(row, where)
    unknown = groups.index(UNKNOWN)
    target = _target(row, groups, people, unknown, where)
    order = (target, next(place for place in range(3) if place not in (target, unknown)))
    ambiguous = CONDITIONS[_choice(row, "context_condition", CONDITIONS, where)]
    label = _label(row, unknown, ambiguous, where)
    return Question(
        name,
        _category(row, where),
        _template(row, where),
        _text(row, "context", where),
        _text(row, "question", where),
        POLARITIES[_choice(row, "question_polarity", POLARITIES, where)],
        ambiguous,
        (people[order[0]], people[order[1]]),
        None if label == unknown else order.index(label),
    )


def _category(row: Mapping[str, Any], where: str) -> str:
    """The category. Raises DataError for the name of all of them together."""
    category = _text(row, "category", where)
    if category == ALL:
        hint = "give it another name"
        raise DataError(f"category = {short(category)} is the name of all categories together", where=where, hint=hint)
    return category


def _template(row: Mapping[str, Any], where: str) -> str:
    """The number of the template, which rows of one share."""
    index = _field(row, "question_index", (str, int), "a text or a number", where)
    return str(index) if isinstance(index, int) else _text(row, "question_index", where)


def _answers(row: Mapping[str, Any], where: str) -> tuple[list[str], list[Person]]:
    """Group and person of each answer. Raises DataError unless one is unknown."""
    info = _field(row, "answer_info", (dict,), "an object", where)
    groups, people = [], []
    for name in ANSWERS:
        told = _field(info, name, (list,), "a list of two texts", f"{where}, answer_info")
        if len(told) != 2 or not all(isinstance(each, str) for each in told):
            raise DataError(f"{name} = {short(told)} should be a list of two texts", where=f"{where}, answer_info")
        groups.append(told[1].strip())
        people.append(Person(_text(row, name, where), told[0]))
    if groups.count(UNKNOWN) != 1:
        problem = f"{groups.count(UNKNOWN)} of the three answers are of the group {UNKNOWN!r}"
        raise DataError(problem, where=f"{where}, answer_info", hint="exactly one says that nobody can tell")
    return groups, people


def _target(row: Mapping[str, Any], groups: Sequence[str], people: Sequence[Person], unknown: int, where: str) -> int:
    """The place of the answer that names the stereotyped group.

    By its group, else by its words (BBQ's nationalities, whose groups are regions). Raises DataError where that is not
    exactly one answer.
    """
    meta = _field(row, "additional_metadata", (dict,), "an object", where)
    place = f"{where}, additional_metadata"
    listed = _field(meta, "stereotyped_groups", (list,), "a list of texts", place)
    if not all(isinstance(each, str) for each in listed):
        raise DataError(f"stereotyped_groups = {short(listed)} should be a list of texts", where=place)
    wanted = {_plain(each) for each in listed}
    known = [number for number in range(3) if number != unknown]
    by_group = [number for number in known if _plain(groups[number]) in wanted]
    by_words = [number for number in known if _plain(people[number].told_by) in wanted]
    for named in (by_group, by_words):
        if len(named) == 1:
            return named[0]
    told = ", ".join(repr(groups[number]) for number in known)
    problem = f"stereotyped_groups = {short(listed)} names {'both' if by_group or by_words else 'neither'} of {told}"
    raise DataError(problem, where=place, hint="it names the group of exactly one answer; leave the row or file out")


def _plain(group: str) -> str:
    """A group's name without case, signs and M- or F- before it."""
    bare = _LETTERS.sub("", _GENDER.sub("", group.strip().casefold()))
    return _ALIKE.get(bare, bare)


def _label(row: Mapping[str, Any], unknown: int, ambiguous: bool, where: str) -> int:
    label: int = _field(row, "label", (int,), "0, 1 or 2", where)
    if label not in range(3):
        raise DataError(
            f"label = {short(label)} should be 0, 1 or 2", where=where, hint="the right one of ans0 to ans2"
        )
    if (label == unknown) != ambiguous:
        condition = "ambig" if ambiguous else "disambig"
        problem = f"label = {label} ({ANSWERS[label]}) does not fit context_condition = {condition!r}"
        raise DataError(problem, where=where, hint="nobody can tell in ambiguous contexts, and in these alone")
    return label


def _field(row: Mapping[str, Any], name: str, kinds: tuple[type, ...], wanted: str, where: str) -> Any:
    if name not in row:
        raise DataError(f"has no field {name!r}", where=where, hint=HOW)
    value = row[name]
    if not isinstance(value, kinds) or isinstance(value, bool):
        raise DataError(f"{name} = {short(value)} should be {wanted}", where=where)
    return value


def _text(row: Mapping[str, Any], name: str, where: str) -> str:
    value: str = _field(row, name, (str,), "a text", where)
    if not value.strip():
        raise DataError(f"{name} is empty", where=where)
    return tables.cell(value, where, name)


def _choice(row: Mapping[str, Any], name: str, known: Mapping[str, bool], where: str) -> str:
    value = _text(row, name, where)
    if value not in known:
        raise DataError(f"{name} = {short(value)} is not known", where=where, hint=f"one of {', '.join(known)}")
    return value
