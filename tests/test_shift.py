"""The probe shift: another domain, label mix, length or vocabulary is found; samples of one distribution are not."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from fakes import GOOD, LABELS, nowhere, plan_of, shipped
from scipy import stats as scipy_stats
from test_estimating import sentences, tagger

from auditor.errors import ConfigError
from auditor.evaluation import runner
from auditor.models.fake import FakeModel, hashed_words
from auditor.tasks.ner import NamedEntityRecognition
from auditor.types import Example, Measurement, ProbeRecord, Request, Response, Silent
from probes import _two_samples
from probes.shift import Settings

(PROBE,) = shipped("shift")
GOOD_WORD = sorted(GOOD)[0]
WORDS = ("plot", "music", "scene", "story", "actor", "light", "humour", "camera", "ending", "dialogue")
ELSEWHERE = ("engine", "wheel", "brake", "seat", "gear")


def right(request: Request) -> Response:
    """Right by the review's keyword."""
    return (0.1, 0.9) if any(word in GOOD for word in request.texts[0].split()) else (0.9, 0.1)


def texts(
    n: int, name: str, *, seed: int, positive: float = 0.5, longer: int = 0, words: Sequence[str] = WORDS
) -> tuple[Example, ...]:
    """Reviews of random words, of which a share says that it is good."""
    rng = random.Random(f"{seed} {name}")
    rows = []
    for place in range(n):
        gold = LABELS[rng.random() < positive]
        said = [*rng.choices(words, k=rng.randint(4, 9) + longer), GOOD_WORD if gold == LABELS[1] else "dull"]
        rows.append(Example(f"{name}:{place + 2}", {"text": " ".join(said)}, gold))
    return tuple(rows)


def record_of(examples: Mapping[str, Sequence[Example]], embed: Any = hashed_words, **settings: Any) -> ProbeRecord:
    model = FakeModel(right, LABELS, embed=embed)
    plan = plan_of(model, (PROBE,), examples=examples, settings={"shift": Settings(**settings)})
    (record,) = runner.run(plan, nowhere, Silent())
    assert record.status == "measured", record.reason
    return record


def number(record: ProbeRecord, metric: str, rows: str = "home") -> Measurement:
    return next(each for each in record.measurements if each.metric == metric and each.slice["rows"] == rows)


FOUND: dict[str, dict[str, Any]] = {
    "label_mix_distance": {"positive": 0.75},
    "length_distance": {"longer": 2},
    "more_unknown_words": {"words": (*WORDS[:8], *ELSEWHERE[:2])},
    "inputs_told_apart": {"words": (*WORDS[:5], *ELSEWHERE)},
}
"""Metric → what differs from training."""
SAID = {"differs", "more", "told apart"}


def alarmed(record: ProbeRecord, rows: str = "home") -> set[str]:
    """The metrics that say that the rows differ from training."""
    return {name for name in FOUND if number(record, name, rows).detail.split(" (")[0] in SAID}


@pytest.mark.parametrize("metric", FOUND)
def test_what_differs_from_training_is_found(metric: str) -> None:
    home = texts(300, "home", seed=1, **FOUND[metric])
    record = record_of({"home": home, "train": texts(300, "train", seed=1)})
    assert metric in alarmed(record)
    assert number(record, metric).low > (0.5 if metric == "inputs_told_apart" else 0.0)


def test_a_domain_is_compared_with_training_and_with_home_where_there_is_none() -> None:
    examples = {"home": texts(200, "home", seed=2), "cars": texts(120, "cars", seed=2, words=ELSEWHERE)}
    both = record_of({**examples, "train": texts(200, "train", seed=2)})
    assert {each.slice.get("against") for each in both.measurements} == {"train", None}
    alone = record_of(examples)
    assert {(each.slice["rows"], each.slice.get("against")) for each in alone.measurements} == {
        ("cars", "home"),
        ("home", None),
    }
    for record in (both, alone):
        assert {"more_unknown_words", "inputs_told_apart"} <= alarmed(record, "cars")
        assert number(record, "unknown_words", "cars").value > 0.8
    assert number(both, "unknown_words", "train").value == 0.0


def test_where_nothing_is_there_to_compare_with_or_to_compare_by_that_is_said() -> None:
    record = record_of({"home": texts(100, "home", seed=3)})
    (gap,) = record.skipped
    assert (gap.reason, gap.applies) == ("no training data given (--train), and no other domain", False)
    record = record_of({"home": texts(100, "home", seed=3), "train": texts(100, "train", seed=3)}, embed=None)
    assert [(gap.slice["compared"], gap.reason, gap.applies) for gap in record.skipped] == [
        ("inputs", "the model tells no embeddings of texts", False)
    ]
    assert number(record, "label_mix_distance")
    record = record_of({"home": texts(15, "home", seed=3), "train": texts(100, "train", seed=3)})
    assert [(gap.slice["compared"], gap.reason) for gap in record.skipped] == [
        ("labels", "fewer than 20 rows with a label"),
        ("lengths", "fewer than 20 rows"),
        ("inputs", "fewer than 40 texts of each to fit and test a classifier on"),
    ]


def test_entities_are_mixed_by_type() -> None:
    task = NamedEntityRecognition(("O", "B-PER", "I-PER", "B-LOC", "I-LOC"))
    train = sentences(120, "train")
    home = tuple(row for place, row in enumerate(sentences(240, "home")) if place % 2 == 0 or place % 8 == 1)
    model = FakeModel(lambda request: tagger().run(tagger().encode([request]))[0], task.labels, embed=hashed_words)
    examples = {"home": home, "train": train}
    plan = plan_of(model, (PROBE,), examples=examples, task=task, settings={"shift": Settings(priors={"PER": 1.0})})
    (record,) = runner.run(plan, nowhere, Silent())
    mix = number(record, "label_mix_distance")
    # Of 150 sentences 120 name a place and 30 a person; in training it is half and half.
    assert mix.value == pytest.approx(0.3)
    assert mix.detail.startswith("differs (p = 0.001), LOC: 80.0%, 50.0% in train")
    assert {each.metric for each in record.measurements} == {*FOUND, "unknown_words"}
    assert [gap.reason for gap in record.skipped] == ["priors are of labels of whole texts, and this task has others"]


def test_accuracy_at_priors_is_the_sum_of_recalls_by_share() -> None:
    rows = texts(200, "home", seed=4)
    # Every second positive row says that it is dull.
    wrong = {row.id for place, row in enumerate(row for row in rows if row.gold == LABELS[1]) if place % 2}
    rows = tuple(
        replace(row, inputs={"text": row.inputs["text"].replace(GOOD_WORD, "dull")}) if row.id in wrong else row
        for row in rows
    )
    counts = Counter(row.gold for row in rows)
    recall = 1 - len(wrong) / counts[LABELS[1]]
    record = record_of({"home": rows}, priors={LABELS[0]: 0.9, LABELS[1]: 0.1})
    measured = number(record, "accuracy_at_priors")
    assert measured.value == pytest.approx(0.9 + 0.1 * recall)
    assert measured.low < measured.value < measured.high
    assert record.counts["cases"] == len(rows)
    same = record_of({"home": rows}, priors={label: counts[label] / len(rows) for label in LABELS})
    assert number(same, "accuracy_at_priors").value == pytest.approx(1 - len(wrong) / len(rows))


def test_priors_that_cannot_be_are_refused_or_named() -> None:
    with pytest.raises(ConfigError, match=r"priors add up to 0\.9, not 1"):
        Settings(priors={"positive": 0.9})
    rows = texts(60, "home", seed=5)
    record = record_of({"home": rows}, priors={"neutral": 1.0})
    assert record.skipped[-1].reason == (
        "[probes.shift] priors names 'neutral', which is no label of the model (negative, positive)"
    )
    assert record.skipped[-1].applies
    negative = [row for row in rows if row.gold == LABELS[0]]
    record = record_of({"home": negative}, priors={"negative": 0.5, "positive": 0.5})
    assert record.skipped[-1].reason == (
        "no home row has the label 'positive', to which [probes.shift] priors gives a share"
    )


def singly(kinds: Any) -> list[dict[str, int]]:
    return [{str(kind): 1} for kind in kinds]


def test_total_variation_and_its_permutations_are_those_of_other_computations() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.choice(3, 60, p=(0.5, 0.3, 0.2)), rng.choice(3, 80, p=(0.3, 0.3, 0.4))
    far = _two_samples.distance(
        [{str(kind): 1} for kind in first], [{str(kind): 1} for kind in second], random.Random(0)
    )
    assert far is not None
    shares = [np.bincount(sample, minlength=3) / len(sample) for sample in (first, second)]
    assert far.value == pytest.approx(np.abs(shares[0] - shares[1]).sum() / 2)

    def statistic(one: Any, two: Any) -> float:
        return float(np.abs(np.bincount(one, minlength=3) / 60 - np.bincount(two, minlength=3) / 80).sum() / 2)

    other = scipy_stats.permutation_test(
        (first, second), statistic, permutation_type="independent", alternative="greater", n_resamples=1999, rng=rng
    )
    assert far.p == pytest.approx(other.pvalue, abs=0.02)
    assert far.low < far.value < far.high


def test_groups_of_rows_change_sets_together() -> None:
    rng = random.Random(0)
    # Forty authors a sample who always give one label: the rows are many, what they tell is not.
    authors = [[{rng.choice("ab"): 25} for _ in range(40)] for _ in range(2)]
    rows = [[{kind: 1} for author in sample for kind in author for _ in range(25)] for sample in authors]
    together, apart = (_two_samples.distance(first, second, random.Random(1)) for first, second in (authors, rows))
    assert together is not None
    assert apart is not None
    assert together.value == apart.value
    assert together.high - together.low > 3 * (apart.high - apart.low)


def test_the_interval_covers_and_equal_mixes_alarm_in_one_of_twenty() -> None:
    rng = np.random.default_rng(3)
    draws, missed, alarms = 120, 0, 0
    mixes = {True: ((0.6, 0.3, 0.1), (0.6, 0.3, 0.1)), False: ((0.6, 0.3, 0.1), (0.45, 0.35, 0.2))}
    for equal, draw in product(mixes, range(draws)):
        samples = [
            [{str(kind): 1} for kind in rng.choice(3, n, p=mix)]
            for n, mix in zip((200, 300), mixes[equal], strict=True)
        ]
        far = _two_samples.distance(samples[0], samples[1], random.Random(draw))
        assert far is not None
        if equal:
            alarms += far.p <= 0.05
        else:
            missed += not far.low <= 0.15 <= far.high
    # 99.9th percentile of a binomial at 5 %.
    most = int(scipy_stats.binom.ppf(0.999, draws, 0.05))
    assert (alarms <= most, missed <= most) == (True, True), (alarms, missed)


def told_apart(guesses: list[tuple[str, bool]] | None) -> bool:
    """By the exact binomial test of scipy."""
    assert guesses is not None
    right = sum(correct for _, correct in guesses)
    return bool(scipy_stats.binomtest(right, len(guesses), 0.5, alternative="greater").pvalue <= 0.025)


def test_a_fifth_of_another_distribution_is_told_apart_and_the_same_is_not() -> None:
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(8, 64))

    def of(n: int, share: float) -> _two_samples.Sample:
        points = rng.normal(size=(n, 8)) @ mixing * 0.5 + rng.normal(size=(n, 64))
        points[rng.random(n) < share, :16] += 1.0
        return _two_samples.Sample([str(rng.integers(1 << 60)) for _ in range(n)], points)

    found = sum(
        told_apart(_two_samples.guesses(of(1000, 0.0), of(1000, 0.2), random.Random(draw))) for draw in range(5)
    )
    false = sum(told_apart(_two_samples.guesses(of(400, 0.0), of(400, 0.0), random.Random(draw))) for draw in range(20))
    assert found >= 4
    assert false <= 3  # of 20 at 2.5 %: more than 3 in 1 of 600


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_equal_samples_are_told_apart_in_at_most_one_of_twenty_of_200(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(8, 128))
    alarms = 0
    for draw in range(200):
        samples = []
        for n in (500, 300):
            points = rng.normal(size=(n, 8)) @ mixing * 0.5 + rng.normal(size=(n, 128))
            samples.append(_two_samples.Sample([str(rng.integers(1 << 60)) for _ in range(n)], points))
        alarms += told_apart(_two_samples.guesses(samples[0], samples[1], random.Random(draw)))
    assert alarms <= 10, alarms


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_rows_of_one_distribution_alarm_in_at_most_one_of_twenty_comparisons(seed: int) -> None:
    alarms: Counter[str] = Counter()
    for draw in range(200):
        name = 1000 * seed + draw + 10
        alarms.update(
            alarmed(record_of({"home": texts(120, "home", seed=name), "train": texts(200, "train", seed=name)}))
        )
    assert all(count <= 10 for count in alarms.values()), alarms
