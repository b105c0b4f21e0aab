"""Suites of capability tests in TOML, read and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from auditor.errors import DataError, near_match, near_or_known
from auditor.storage import documents
from auditor.storage.documents import short
from auditor.storage.reading import read_file
from probes._capability_templates import Template, parse
from probes._capability_tests import DIRECTION, DIRECTIONS, FUNCTIONALITY, INVARIANCE, KINDS, SHORT, TemplateTest
from probes._sentiment_labels import Labels

OWN = Path(__file__).with_name("data") / "capabilities.toml"
_TOP = ("source", "licence", "slots", "test")
_KEYS = (
    "capability",
    "kind",
    "name",
    "label",
    "direction",
    "templates",
    "pairs",
    "vary",
    "slots",
    "source",
    "licence",
)
_LONGEST = 60
"""Characters of a capability's or a test's name, at most: it names a slice."""


@dataclass(frozen=True, slots=True)
class Unlabelled:
    """A test of the shipped suite whose label the model lacks."""

    capability: str
    kind: str
    name: str
    wanted: str
    """The sentiment that no label of the model has."""


def own(labels: Labels) -> tuple[list[TemplateTest], list[Unlabelled]]:
    """Read the shipped suite for labels of sentiment."""
    tests: list[TemplateTest] = []
    lacking: list[Unlabelled] = []
    document = documents.toml(OWN.read_bytes(), DataError, OWN.name)
    shared = _slots(document["slots"], OWN.name)
    for table in document["test"]:
        wanted = table.get("label", ())
        wanted = (wanted,) if isinstance(wanted, str) else wanted
        if wanted and not any(labels.of_mood(mood) for mood in wanted):
            lacking.append(Unlabelled(table["capability"], table["kind"], table["name"], " or ".join(wanted)))
            continue
        # Not by ``meant``: a model may have a label "positive" beside one that is "very positive".
        meant = tuple(label for mood in wanted for label in labels.of_mood(mood))
        place = f"{OWN.name}: {table['name']}"
        tests.append(_test(table, shared, OWN.name, place, meant))
    return tests, lacking


def read(path: Path, labels: Labels) -> list[TemplateTest]:
    """Read the tests of a TOML file.

    Raises DataError in one line with file, test and key: for what is not TOML, an unknown key, kind, slot or label, an
    empty list, and keys that do not fit the kind.
    """
    where = str(path)
    document = documents.toml(read_file(path, DataError), DataError, where)
    for key in document:
        if key not in _TOP:
            hint = near_match(key, _TOP) or "tests are [[test]], lists of words [slots]"
            raise DataError(f"unknown key {short(key)}", where=where, hint=hint)
    shared = _slots(document.get("slots", {}), where)
    tables = document.get("test", [])
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        raise DataError("no [[test]] in it", where=where, hint="write [[test]] above each test")
    tests = []
    for number, table in enumerate(tables, 1):
        name = table.get("name")
        place = f"{where}: test {number}" + (f" {short(name)}" if isinstance(name, str) else "")
        _check_keys(table, place)
        meant = tuple(label for word in _words(table, "label", place) for label in meaning(word, labels, place))
        tests.append(_test(table, shared, path.name, place, meant))
    return tests


def meaning(word: str, labels: Labels, where: str) -> tuple[str, ...]:
    """Return the labels that a word means. Raises DataError for none."""
    meant = labels.meant(word)
    if meant is None:
        hint = near_or_known(word, labels.words)
        raise DataError(f"label {short(word)} is no label of the model", where=where, hint=hint)
    return meant


def kind_of(word: str, where: str) -> str:
    """Return the kind that a word names, also as CheckList abbreviates it.

    Raises DataError for another word.
    """
    kind = SHORT.get(word.casefold(), word.casefold())
    if kind not in KINDS:
        raise DataError(f"kind {short(word)} is unknown", where=where, hint=near_or_known(kind, KINDS))
    return kind


def direction_of(word: str, where: str) -> str:
    """Return a direction. Raises DataError for another word."""
    if word not in DIRECTIONS:
        problem = f"direction {short(word)} is unknown"
        raise DataError(problem, where=where, hint=f"one of {', '.join(DIRECTIONS)}")
    return word


def named(word: str, key: str, where: str) -> str:
    """Return a name of a capability or a test.

    Raises DataError for one that is blank or too long to stand in a table.
    """
    if not word.strip() or len(word) > _LONGEST or not word.isprintable():
        problem = f"{key} {short(word)} is no name"
        raise DataError(problem, where=where, hint=f"1 to {_LONGEST} characters in one line")
    return word.strip()


def _check_keys(table: Mapping[str, Any], where: str) -> None:
    for key in table:
        if key not in _KEYS:
            raise DataError(f"unknown key {short(key)}", where=where, hint=near_or_known(key, _KEYS))
    for key in ("capability", "kind", "name"):
        if not isinstance(table.get(key), str):
            hint = f'{key} = "{"negation" if key == "capability" else KINDS[0] if key == "kind" else "praise negated"}"'
            raise DataError(f"{key} is missing or no text", where=where, hint=hint)
    for key in ("vary", "direction"):
        if key in table and not isinstance(table[key], str):
            raise DataError(f"{key} = {short(table[key])} is no text", where=where, hint="put it in quotes")


def _test(
    table: Mapping[str, Any], shared: Mapping[str, tuple[str, ...]], source: str, where: str, labels: tuple[str, ...]
) -> TemplateTest:
    """The test of a table whose keys are known."""
    kind = kind_of(table["kind"], where)
    _check_kind(table, kind, where)
    slots = {**shared, **_slots(table.get("slots", {}), where)}
    vary = table.get("vary")
    templates = tuple(_templates(table, slots, vary, where))
    direction = direction_of(table["direction"], where) if "direction" in table else ""
    name, capability = (named(table[key], key, where) for key in ("name", "capability"))
    return TemplateTest(capability, kind, name, source, labels, direction, templates, vary, slots)


def _check_kind(table: Mapping[str, Any], kind: str, where: str) -> None:
    """Refuse keys that a kind lacks, or does not have."""
    needed = {
        FUNCTIONALITY: ({"templates", "label"},),
        INVARIANCE: ({"templates", "vary"}, {"pairs"}),
        DIRECTION: ({"pairs", "label", "direction"},),
    }[kind]
    own_keys = {"templates", "pairs", "vary", "label", "direction"} & table.keys()
    if own_keys not in needed:
        says = " or ".join(" and ".join(sorted(keys)) for keys in needed)
        present = " and ".join(sorted(own_keys)) or "none of these"
        raise DataError(f"a test of {kind} has {says}; this one has {present}", where=where)


def _templates(
    table: Mapping[str, Any], slots: Mapping[str, Sequence[str]], vary: str | None, where: str
) -> list[tuple[Template, Template | None]]:
    key = "pairs" if "pairs" in table else "templates"
    given = table[key]
    if not isinstance(given, list) or not given:
        _refuse_list(key, given, where)
    templates: list[tuple[Template, Template | None]] = []
    for number, entry in enumerate(given, 1):
        place = f"{where}: {key} {number}"
        texts = entry if key == "pairs" else [entry]
        wanted = 2 if key == "pairs" else 1
        if not isinstance(texts, list) or len(texts) != wanted or not all(isinstance(text, str) for text in texts):
            says = '["before", "after"]' if key == "pairs" else "a text in quotes"
            raise DataError(f"{short(entry)} should be {says}", where=place)
        parsed = [_template(text, slots, place) for text in texts]
        if key == "pairs" and texts[0].split() == texts[1].split():
            raise DataError("both texts are the same", where=place, hint="the second says what changes")
        if vary is not None and vary not in parsed[0].slots:
            raise DataError(f"lacks the slot {{{vary}}}, which vary names", where=place)
        templates.append((parsed[0], parsed[1] if key == "pairs" else None))
    if vary is not None and len(slots[vary]) < 2:
        problem = f"slot {vary} has one word alone, so that nothing varies"
        raise DataError(problem, where=where, hint="give it two words or more")
    return templates


def _template(text: str, slots: Mapping[str, Sequence[str]], where: str) -> Template:
    if not text.strip():
        raise DataError("is blank", where=where)
    try:
        template = parse(text.strip())
    except ValueError as error:
        raise DataError(str(error), where=where) from None
    for slot in template.slots:
        if slot not in slots:
            hint = near_or_known(slot, slots)
            raise DataError(f"unknown slot {{{slot}}}", where=where, hint=f"{hint}; lists of words stand in [slots]")
    return template


def _slots(given: Any, where: str) -> dict[str, tuple[str, ...]]:
    if not isinstance(given, dict):
        raise DataError("slots is not a table", where=where, hint='[slots] thing = ["food", "room"]')
    for name, words in given.items():
        if not isinstance(words, list | tuple) or not words:
            _refuse_list(f"slots.{name}", words, where)
        for word in words:
            if not isinstance(word, str) or not word.strip():
                raise DataError(f"slots.{name} holds {short(word)}, which is no word", where=where)
            if words.count(word) > 1:
                raise DataError(f"slots.{name} names {short(word)} twice", where=where)
    return {name: tuple(words) for name, words in given.items()}


def _words(table: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    """Return a word or a list of words, nothing without the key."""
    given = table.get(key, ())
    if isinstance(given, str):
        return (given,)
    if key in table and (not isinstance(given, list) or not given or not all(isinstance(word, str) for word in given)):
        _refuse_list(key, given, where)
    return tuple(given)


def _refuse_list(key: str, given: Any, where: str) -> NoReturn:
    if isinstance(given, list | tuple) and not given:
        raise DataError(f"{key} is empty", where=where, hint="give at least one")
    raise DataError(f"{key} = {short(given)} should be a list of texts in quotes", where=where)
