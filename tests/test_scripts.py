"""Texts of every script × every attack and every family of noise: measured, or skipped with the real reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attack_texts
import pytest
from fakes import nowhere, plan_of, shipped

from auditor import tasks
from auditor.environment import resources
from auditor.environment.resources import Resource
from auditor.evaluation import runner
from auditor.evaluation.plan import AuditedModel
from auditor.models.fake import FakeModel
from auditor.perturbations.catalogue import NOISE
from auditor.types import Example, ProbeRecord, Rule, Silent, Slice
from auditor.verdicts import gate
from auditor.verdicts.policy import Policy
from probes._attack_strength import Settings as AttackSettings
from probes._attack_strength import strength
from probes.noise import Settings as NoiseSettings

SCRIPTS: Mapping[str, Sequence[str]] = {
    "Latin": ("Der Film war wirklich großartig, aber lang.", "A brilliant story, told twice by 2 friends."),
    "Cyrillic": ("Фильм был очень хорошим, но слишком длинным.", "Мы смотрели его вечером 3 раза."),
    "Greek": ("Η ταινία ήταν πολύ καλή αλλά μεγάλη.", "Την είδαμε το βράδυ με φίλους."),
    "Chinese": ("这部电影非常好看，我很喜欢。", "太无聊了，不想再看。"),
    "Japanese": ("この映画はとても面白かったです。", "とてもつまらない映画でした。"),
    "Thai": ("หนังเรื่องนี้ดีมาก", "ผมไม่ชอบหนังเรื่องนี้เลย"),
    "Arabic": ("كان الفيلم رائعا جدا", "لم يعجبني هذا الفيلم أبدا"),
    "emoji": ("😀😀 🎉", "😡 👎👎"),
    "digits": ("10 9 8", "2024 1 15"),
    "punctuation": ("!!! ... ?", "— … !"),
}
TAGS = ("O", "B-PER", "I-PER")
OF_TEXTS, OF_WORDS = tasks.create("text-classification", ("negative", "positive")), tasks.create("ner", TAGS)


@pytest.fixture(autouse=True)
def _wordnet(monkeypatch: pytest.MonkeyPatch) -> None:
    from auditor.attacks import attacker

    assert attacker.RECIPES
    from textattack.transformations.word_swaps import word_swap_wordnet

    monkeypatch.setattr(word_swap_wordnet, "wordnet", attack_texts.wordnet())
    monkeypatch.setattr(resources, "wordnet", lambda: Resource("NLTK WordNet", True, ""))


def texts(script: str) -> list[Example]:
    given = [f"{one}{' ' * (number % 2)}{one}" for number in range(6) for one in SCRIPTS[script]]
    return [
        Example(f"{script}:{number + 2}", {"text": one}, "positive" if attack_texts.label(one) else "negative")
        for number, one in enumerate(given)
    ]


def sentences(script: str) -> list[Example]:
    given = [f"Ann Lee {one}" for number in range(6) for one in SCRIPTS[script]]
    return [
        Example(f"test:{number + 2}", {"text": one}, ("B-PER", "I-PER", *("O",) * (len(one.split()) - 2)))
        for number, one in enumerate(given)
    ]


def tagger() -> FakeModel:
    """Finds the name at the beginning, while the letters of the rest add up to what they did in half of the texts."""

    def answer(words: Sequence[str]) -> tuple[tuple[float, ...], ...]:
        sure = 0.95 if sum(map(ord, "".join(words))) % 2 else 0.6
        rest = (1 - sure) / 2
        rows = [(rest, sure, rest), (rest, rest, sure)]
        return (*rows, *((sure, rest, rest) for _ in words[2:]))[: len(words)]

    return FakeModel(lambda request: answer(request.texts), TAGS, tokens=str.split)


def record(probe: str, examples: Sequence[Example], settings: Any, *, of_words: bool) -> ProbeRecord:
    fake = tagger() if of_words else FakeModel(lambda request: tuple(attack_texts.answers(request.texts)[0]))
    task = OF_WORDS if of_words else OF_TEXTS
    plan = plan_of(
        fake, shipped(probe), task=task, models=(AuditedModel(fake),), settings={probe: settings},
        examples={"home": tuple(examples), "train": tuple(examples)},
    )  # fmt: skip
    (found,) = runner.run(plan, nowhere, Silent())
    assert found.status == "measured", found.reason
    return found


def check(found: ProbeRecord, metric: str, slice_: Slice) -> None:
    """The slice has a number from one case or more, or a reason; and a rule says so."""
    measured = [one for one in found.measurements if one.metric == metric and dict(one.slice) == dict(slice_)]
    gaps = [gap for gap in found.skipped if dict(gap.slice) == dict(slice_)]
    assert bool(measured) is not bool(gaps), (slice_, measured, gaps)
    rule = Rule(found.probe, metric, dict(slice_), "a reason", max=0.99)
    (verdict,) = gate.decide(Policy("test", "", (rule,)), [found], found.model).verdicts
    if measured:
        assert measured[0].n_cases > 0
        assert measured[0].n_clusters > 0
        assert verdict.outcome in ("pass", "inconclusive", "not_applicable")
    else:
        assert verdict.outcome == "not_applicable"
        assert verdict.reason == gaps[0].reason
        assert "no slice" not in verdict.reason


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_attack_on_texts_is_measured_or_says_why(script: str) -> None:
    settings = AttackSettings(query_budget=40)
    found = record("adversarial", texts(script), settings, of_words=False)
    for recipe in strength(settings, OF_TEXTS).recipes:
        check(found, "attack_success_rate", {"recipe": recipe})


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_attack_on_entities_is_measured_or_says_why(script: str) -> None:
    settings = AttackSettings(query_budget=40)
    found = record("adversarial", sentences(script), settings, of_words=True)
    for recipe in strength(settings, OF_WORDS).recipes:
        check(found, "attack_success_rate", {"recipe": recipe})


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("of_words", [False, True])
def test_every_noise_is_measured_or_says_why(script: str, of_words: bool) -> None:
    given = sentences(script) if of_words else texts(script)
    settings = NoiseSettings(severities={"middle": 0.2}, context_only=of_words)
    found = record("noise", given, settings, of_words=of_words)
    for family in dict.fromkeys(one.family for one in NOISE):
        check(found, "drop", {"family": family, "severity": "middle"})
    for name, family in ((one.name, one.family) for one in NOISE):
        check(found, "drop", {"family": family, "perturbation": name, "severity": "middle"})


def test_what_offers_nothing_is_counted_beside_the_rate() -> None:
    given = [*texts("Latin"), *texts("punctuation")[:3]]
    found = record("adversarial", given, AttackSettings(recipes=("deepwordbug",)), of_words=False)
    numbers = {one.metric: one for one in found.measurements}
    assert numbers["attack_success_rate"].n_cases == 12
    assert numbers["nothing_to_change"].value == pytest.approx(3 / 15)
    assert numbers["accuracy_under_attack"].n_cases == 15
