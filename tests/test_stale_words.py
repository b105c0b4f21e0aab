"""No words in another language are left of a text that the program no longer writes.

A text of results.json may be composed, so that the catalogue's keys are compared by their words: each stands in a run
of four words of a text of the sources, or in a short text of them (a name, a unit, a part of a composed text). A
sentence with a full stop and no field is a text of the sources as a whole.
"""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from reports.words import ENGLISH, catalogue, languages, speaking

ROOT = Path(__file__).resolve().parent.parent
WORD, FIELD, PART = re.compile(r"\w+"), re.compile(r"\{\w+\}"), re.compile(r"[;:] ")
RUN, SHORT = 4, 12
"""Words of a run, and most words of a short text."""
OTHERS = [language for language in languages() if language != ENGLISH]


def strings(document: Any) -> Iterator[str]:
    """Keys and texts of a document."""
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict):
        for key, value in document.items():
            yield key
            yield from strings(value)
    elif isinstance(document, list):
        for value in document:
            yield from strings(value)


def in_module(file: Path) -> Iterator[str]:
    """Texts and names in a module."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def written() -> Iterator[str]:
    """Every text that results may have, or that a part of one is of."""
    for folder in ("auditor", "probes"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            yield from in_module(file)
        for file in sorted((ROOT / folder).rglob("*.toml")):
            yield from strings(tomllib.loads(file.read_text(encoding="utf-8")))
    for file in sorted((ROOT / "reports").glob("*.py")):
        yield from in_module(file)
    for name in ("results.json", "comparison.json"):
        yield from strings(json.loads((ROOT / "fixtures" / "results" / name).read_text(encoding="utf-8")))


def words(text: str) -> tuple[str, ...]:
    return tuple(WORD.findall(text.lower().replace("_", " ")))


@cache
def known() -> tuple[frozenset[str], frozenset[tuple[str, ...]], frozenset[tuple[str, ...]]]:
    """Whole texts, short texts and runs of words of the sources."""
    texts = list(written())
    short = {own for text in texts for part in (text, *PART.split(text)) if 0 < len(own := words(part)) <= SHORT}
    every = [words(text) for text in texts]
    runs = {own[start : start + RUN] for own in every for start in range(len(own) - RUN + 1)}
    whole = {" ".join(text.split()) for text in texts}
    # The first sentence of a docstring says what a probe asks, the others how.
    parts = {part for text in whole if ". " in text for part in (text[: text.index(". ") + 1], text.partition(". ")[2])}
    # "Of named entities: …" is said in two parts.
    parts |= {text.partition(": ")[2] for text in whole}
    return frozenset(whole | parts), frozenset(short), frozenset(runs)


def unknown(key: str) -> list[str]:
    """Words of a key that no text of the sources has in such a place; of a whole sentence all or none."""
    whole, short, runs = known()
    if key.endswith(".") and not FIELD.search(key) and " ".join(key.split()) not in whole:
        return list(words(key))
    return [word for piece in FIELD.split(key) for word in _uncovered(words(piece), short, runs)]


def _uncovered(
    own: tuple[str, ...], short: frozenset[tuple[str, ...]], runs: frozenset[tuple[str, ...]]
) -> Iterator[str]:
    inside: set[int] = set()
    for start in range(len(own)):
        if own[start : start + RUN] in runs:
            inside |= set(range(start, start + RUN))
        for stop in range(min(len(own), start + SHORT), start, -1):
            # The plural of a counted text.
            if own[start:stop] in short or (*own[start : stop - 1], own[stop - 1].removesuffix("s")) in short:
                inside |= set(range(start, stop))
                break
    yield from (word for place, word in enumerate(own) if place not in inside and not word.isdigit())


@pytest.mark.parametrize("language", OTHERS)
def test_no_words_are_left_of_a_text_that_nothing_writes(language: str) -> None:
    with speaking(language):
        keys = list(catalogue()["recorded"])
    assert len(keys) > 1000
    assert {key: left for key in keys if (left := unknown(key))} == {}


@pytest.mark.parametrize(
    "stale",
    [
        "Models that are trained on the hypotheses of SNLI alone gain 35 points.",
        "{n} validation rows to train a forest on",
        "words between the organisms",
        "label preservation {value} by an oracle",
        "the zebras of {domain}",
    ],
)
def test_a_stale_text_is_told(stale: str) -> None:
    assert unknown(stale) != []


@pytest.mark.parametrize(
    "text",
    ["label probability", "{n} validation rows to fit a threshold on, fewer than {n2}", "they count in {said_pool}"],
)
def test_a_text_that_is_written_is_none(text: str) -> None:
    assert unknown(text) == []
