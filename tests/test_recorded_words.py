"""Every text that results.json has in English has words in each other language of the page."""

from __future__ import annotations

import itertools
import json
import re
import string
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import test_languages
import written_texts
from composed_texts import COMPOSED, VERDICTS

from auditor import languages as text_languages
from auditor import stats, tasks
from auditor.environment import resources
from auditor.evaluation import needs, spoken
from auditor.perturbations.by_language import in_language
from auditor.perturbations.catalogue import CATALOGUE
from auditor.plugins import registry
from auditor.types import LEFT_OUT, NEEDS, OUT_OF_SCOPE, UNPRESERVED, Example, limitations
from auditor.verdicts import advice
from probes import _row_properties
from reports.words import ENGLISH, catalogue, languages, recorded, speaking

ROOT = Path(__file__).resolve().parent.parent
OTHERS = [language for language in languages() if language != ENGLISH]
RESULTS = json.loads((ROOT / "fixtures/results/results.json").read_text(encoding="utf-8"))
COMPARISON = json.loads((ROOT / "fixtures/results/comparison.json").read_text(encoding="utf-8"))
LATIN = re.compile(r"[A-Za-z][A-Za-z'’-]*(?:[ ,]+[A-Za-z][A-Za-z'’-]*){2,}")
"""A run of three words or more."""
SAMPLES = ("7", "Zq")
"""What stands for a field: a number, a name."""
MIXED = 5
"""Fields of a text up to which every mixture of samples is tried."""
INSTALL = r"pip[ ]install [\w. -]+"
CODE = re.compile(
    r"``.*?``|“[^”]*”|audit [a-z]+(?= --)|--[a-z-]+(?: [A-Za-z=,.-]+)?|python -m [\w. ]+|" + INSTALL,
)
"""Code, titles and commands: they are the same in every language."""
SOURCES = (
    *(f"probes.{file.stem}" for file in sorted((ROOT / "probes").glob("*.py")) if file.stem != "__init__"),
    *("auditor.evaluation.earlier", "auditor.metrics.worst_parts", "auditor.stats.audits"),
)
"""Modules with reasons and details."""
JUDGING = tuple(
    f"auditor.verdicts.{name}"
    for name in ("reasons", "gate", "more_examples", "changes", "regressions", "pooled", "caveats", "doubts", "pairs")
)
"""Modules that compose the reasons of verdicts."""
ATTACKS = ("its synonyms are of the English WordNet", "it edits Latin letters")
"""What attacks need, where the data have another language."""
NOT_SHOWN = ("a worsening in the metric's unit", "five percent are 0.05")
"""Pieces that only an error says."""
IMPOSSIBLE = re.compile(r"the month first \(\0\), such as|comes first; dates of this form")
"""Halves of two texts that one name has in turn."""


def is_said(text: str) -> bool:
    """Tell whether a text has words in the spoken language, and no run of English is left."""
    said = recorded(text)
    return said != text and not LATIN.search(CODE.sub("", said))


def unsaid(texts: Iterator[str] | list[str]) -> list[str]:
    """The texts without words in a language, each with what is left of it."""
    return [f"{text!r} -> {recorded(text)!r}" for text in dict.fromkeys(texts) if not is_said(text)]


def filled(text: str) -> Iterator[str]:
    """Yield the text with samples in its fields."""
    fields = text.count(written_texts.FIELD)
    for samples in itertools.product(SAMPLES, repeat=min(fields, MIXED)):
        *rest, last = text.split(written_texts.FIELD)
        values = itertools.chain(samples, itertools.repeat(SAMPLES[0]))
        yield "".join(part + value for part, value in zip(rest, values, strict=False)) + last


@pytest.fixture(params=OTHERS, autouse=True)
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every language but that of the texts."""
    with speaking(request.param):
        yield request.param


def prose(texts: Iterator[str] | list[str]) -> list[str]:
    return [text for text in dict.fromkeys(texts) if " " in text.strip()]


def described(records: list[dict[str, Any]], *keys: str) -> list[str]:
    return [record[key] for record in records for key in keys if record.get(key)]


def test_every_probe_says_what_it_asks_and_how() -> None:
    parts = [registry.description(probe).partition("\n") for probe in registry.discover()]
    assert unsaid([summary for summary, _, _ in parts]) == []
    # As they stand in the docstring, and in one line.
    assert unsaid([method.strip() for _, _, method in parts]) == []
    assert unsaid([" ".join(method.split()) for _, _, method in parts]) == []


def test_every_metric_has_a_title() -> None:
    every = [tasks.create(name, tasks.kind(name).example_labels) for name in tasks.names()]
    titles = [
        metric.title
        for probe in registry.discover()
        for task in every
        if needs.unserved(probe, task) is None
        for metric in registry.metrics_of(probe, task).values()
    ]
    recorded_titles = [metric["title"] for record in RESULTS["records"] for metric in record["metrics"]]
    assert unsaid([*titles, *recorded_titles]) == []


def test_every_row_of_the_scorecard_is_said() -> None:
    assert unsaid([text for row in limitations.LIMITATIONS for text in (row.limitation, row.question)]) == []


@pytest.mark.parametrize(
    "policy", sorted((ROOT / "auditor/verdicts/policies").glob("*.toml")), ids=lambda file: file.stem
)
def test_every_rule_says_why(policy: Path) -> None:
    assert unsaid([rule["why"] for rule in tomllib.loads(policy.read_text(encoding="utf-8"))["rule"]]) == []


def test_every_method_of_intervals_is_said() -> None:
    assert unsaid(list(stats.METHODS.values())) == []
    assert unsaid([name.replace("_", " ") for name in stats.METHODS]) == []


def test_every_need_and_next_step_is_said() -> None:
    ways = [*NEEDS.values(), *OUT_OF_SCOPE.values(), *LEFT_OUT, UNPRESERVED, advice.REMEDY]
    kinds: tuple[Mapping[Any, str], ...] = (advice.BY_ROLE, advice.BY_LIMITATION, advice.BY_METRIC, advice.NO_RECIPE)
    assert unsaid([*ways, *(text for kind in kinds for text in kind.values()), *advice.HOW.values()]) == []


def test_every_optional_resource_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    here = [resource.note for resource in resources.survey()]
    monkeypatch.setattr(resources, "_in_nltk", lambda *_: False)
    monkeypatch.setattr(
        "auditor.environment.packages.lacking", lambda *_: "nlpaug is not installed; get it with: pip install nlpaug"
    )
    assert unsaid([*here, *(resource.note for resource in resources.survey())]) == []


def test_what_a_perturbation_wants_of_a_text_is_said() -> None:
    assert unsaid([f"no text has {kind.wanted}" for kind in CATALOGUE.values()]) == []


@pytest.mark.parametrize("code", [*text_languages.listed(), "ko", "pl", "sv", "th"])
def test_what_a_perturbation_is_in_another_language_is_said(code: str) -> None:
    made = [in_language(name, code) for name in CATALOGUE]
    assert unsaid([each if isinstance(each, str) else f"no text has {each.wanted}" for each in made]) == []
    name = text_languages.named(code)
    signs = [has for has in _row_properties.signs_in(code).values() if isinstance(has, str)]
    attacks = [f"{what}; the data are in {name}" for what in ATTACKS]
    assert unsaid([*signs, *attacks]) == []


@pytest.mark.parametrize("given", [None, "de", "fr"])
@pytest.mark.parametrize("texts", [("en",), ("de",), ("de", "de", "en"), ()], ids=str)
def test_the_language_of_the_data_is_said(texts: tuple[str, ...], given: str | None) -> None:
    rows = [
        Example(f"home:{n}", {"text": text})
        for n, text in enumerate(text for code in texts for text in test_languages.SAMPLES[code])
    ]
    assert unsaid([spoken.facts(rows, given)["said"]]) == []


def test_every_reason_and_detail_of_the_source_is_said() -> None:
    texts = dict.fromkeys(text for source in SOURCES for _, text in written_texts.of(source))
    assert len(texts) > 100
    left = [
        text
        for text in texts
        if " " in text.strip() and not IMPOSSIBLE.search(text) and not any(map(is_said, filled(text)))
    ]
    assert sorted(left) == sorted(COMPOSED)
    assert unsaid(list(COMPOSED.values())) == []


@pytest.mark.parametrize("module", JUDGING)
def test_every_piece_of_a_verdict_is_in_the_catalogue(module: str) -> None:
    known = "\n".join(sections())
    pieces = list(written_texts.pieces(module))
    assert pieces
    assert [piece for piece in pieces if piece[1] not in known and piece[1] not in NOT_SHOWN] == []


def test_texts_that_functions_compose_are_said() -> None:
    assert unsaid(list(VERDICTS)) == []


def test_recorded_results_are_said() -> None:
    records, decision = RESULTS["records"], RESULTS["decision"]
    hostile = [record["reason"] for record in records if record["status"] == "failed"]
    texts = [
        *(gap["reason"] for record in records for gap in record["skipped"]),
        *(
            measured[key]
            for record in records
            for measured in record["measurements"]
            for key in ("method", "detail")
            if measured.get(key)
        ),
        *described([record for record in records if record["status"] != "failed"], "reason"),
        *described(RESULTS["resources"], "note"),
        *RESULTS["methods"].values(),
        *described(RESULTS["policy"]["rules"], "why"),
        *described(decision["verdicts"], "reason"),
        *(text for text in (decision["headline"], *decision["reasons"]) if not any(crash in text for crash in hostile)),
    ]
    assert unsaid(prose(texts)) == []
    (crash,) = [text for text in decision["reasons"] if hostile[0] in text]
    assert recorded(crash).endswith(hostile[0])
    assert recorded(crash) != crash


def test_a_recorded_comparison_is_said() -> None:
    texts = [
        *described(COMPARISON["changes"], "reason", "method", "conclusion"),
        *described(COMPARISON["not_compared"], "reason"),
        COMPARISON["old"]["decision"],
    ]
    assert unsaid(texts) == []


def sections() -> Mapping[str, str]:
    words: Mapping[str, str] = catalogue()["recorded"]
    return words


def fields(text: str) -> list[str]:
    return sorted(re.findall(r"\{(\w+)\}", text))


def test_words_have_the_fields_of_their_text() -> None:
    # Braces of a text itself are doubled in its words, which are a format.
    named = {
        english: [name for _, name, _, _ in string.Formatter().parse(said) if name]
        for english, said in sections().items()
    }
    assert [english for english, names in named.items() if sorted(names) != fields(english)] == []
    assert [english for english in sections() if len(set(fields(english))) < len(fields(english))] == []


def test_every_text_of_the_catalogue_is_matched_by_its_own_words() -> None:
    """What another pattern takes is never said."""
    hidden = []
    for english, said in sections().items():
        values = {
            name: f"{40 + place}" if re.fullmatch(r"n\d*", name) else f"Zq{place}"
            for place, name in enumerate(fields(english))
        }
        filled_in = english
        for name, value in values.items():
            filled_in = filled_in.replace(f"{{{name}}}", value)
        if recorded(filled_in) != said.format(**values):
            hidden.append(f"{filled_in} -> {recorded(filled_in)}")
    assert hidden == []


@pytest.mark.parametrize(
    "value", ["<script>{n}</script>", "{0} {said} %s \\1", "a: b", "“Zq”; no", "\u202eZq\u200b", "no value"]
)
def test_values_of_fields_stay_as_they_are(value: str) -> None:
    assert value in recorded(f"m: probe bias crashed: {value}")
    assert value in recorded(f"outside its limit by an exact count; waived until 2027-01-01: {value} (Zq)")
    assert value in recorded(f"no label of the model is {value}")


@pytest.mark.parametrize(
    "text", ["", "Zq", "a sentence that nobody knows; and its end", "x" * 100_000, "{n}", "a: b: c, d; " * 200]
)
def test_what_the_catalogue_lacks_stays_english(text: str) -> None:
    assert recorded(text) == text


def test_part_of_a_text_that_is_known_is_said() -> None:
    assert recorded("within its limit by an exact count; Zq qz").endswith("Zq qz")
    assert recorded("within its limit by an exact count; Zq qz") != "within its limit by an exact count; Zq qz"


def test_english_is_as_recorded() -> None:
    with speaking(ENGLISH):
        assert recorded("within its limit by an exact count") == "within its limit by an exact count"
