"""The probe label_swap: exchanged names are found, named and held; a sound model gains nothing."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from fakes import nowhere, plan_of, shipped

from auditor import tasks
from auditor.evaluation import runner
from auditor.models.fake import FakeModel
from auditor.types import Example, ProbeRecord, Request, Response, Silent, Task
from auditor.verdicts import doubts, gate, policy
from probes import label_swap
from probes.label_swap import best_names, in_words

FOUR = ("anger", "fear", "joy", "sadness")
SWAPPED = {"fear": "joy", "joy": "fear"}
(PROBE,) = shipped("label_swap")


def answers(n: int, right: float, names: Mapping[str, str], seed: int = 0) -> list[tuple[str, str]]:
    """Gold and answer of a model that is right so often, then named otherwise."""
    rng = random.Random(seed)
    pairs = []
    for place in range(n):
        gold = FOUR[place % 4]
        answer = gold if rng.random() < right else rng.choice(FOUR)
        pairs.append((gold, names.get(answer, answer)))
    return pairs


def records(pairs: Sequence[tuple[str, str]], probes: Sequence[Any] = (PROBE,)) -> tuple[ProbeRecord, ...]:
    told = {f"text {place}": answer for place, (_, answer) in enumerate(pairs)}

    def answer(request: Request) -> Response:
        return tuple(0.7 if label == told[request.texts[0]] else 0.1 for label in FOUR)

    rows = tuple(Example(f"home:{place}", {"text": f"text {place}"}, gold) for place, (gold, _) in enumerate(pairs))
    model = FakeModel(answer, FOUR, name="told")
    plan = plan_of(model, probes, task=tasks.create("text-classification", FOUR), examples={"home": rows})
    return runner.run(plan, nowhere, Silent())


def test_two_of_four_labels_that_are_exchanged_are_named_and_held() -> None:
    # By hand: 90 % of the answers are meant right, half of them carry an exchanged name.
    pairs = [(gold, SWAPPED.get(gold, gold)) for gold in FOUR for _ in range(25)]
    pairs += [(gold, FOUR[(FOUR.index(gold) + 1) % 4]) for gold in FOUR for _ in range(2)]
    found = records(pairs)
    ((measured,),) = [record.measurements for record in found]
    # As read 50 are right, and of the 8 wrong ones fear → joy is meant as fear, joy → sadness stays wrong.
    assert (measured.metric, measured.n_cases, measured.detail) == (
        "gain_from_relabelling",
        108,
        "fear and joy exchanged",
    )
    renamed = sum(SWAPPED.get(answer, answer) == gold for gold, answer in pairs)
    read = sum(answer == gold for gold, answer in pairs)
    assert measured.value == pytest.approx((renamed - read) / 108)
    said = doubts.exchanged_labels(found, "told")
    assert said is not None
    assert said.startswith(
        f"labels swapped? fear and joy exchanged: {renamed} of 108 labels are right so, and {read} as"
    )
    assert doubts.all_of(found, "told") == (said,)
    rules = tuple(rule for rule in policy.load().rules if rule.probe == "label_swap")
    assert gate.decide(policy.Policy("one", "", rules), found, "told").word == "hold"


def test_swapped_labels_pass_the_rule_of_quality_and_are_held_all_the_same() -> None:
    found = records(answers(800, 0.95, SWAPPED), shipped("quality", "label_swap"))
    (gain,) = (number for number in found[0].measurements if number.metric == "gain_over_majority")
    assert gain.low > 0.10
    assert doubts.swapped_labels(found, "told") is None
    assert "fear and joy exchanged" in (doubts.of_labels(found, "told") or "")
    rules = tuple(rule for rule in policy.load().rules if rule.probe in ("quality", "label_swap"))
    decision = gate.decide(policy.Policy("two", "", rules), found, "told")
    assert {decision.verdicts[0].outcome, decision.verdicts[1].outcome} == {"pass", "fail"}


def test_a_circle_of_three_is_named() -> None:
    names = {"anger": "fear", "fear": "joy", "joy": "anger"}
    found = records(answers(400, 0.9, names))
    assert found[0].measurements[0].detail == "anger for joy, joy for fear, fear for anger"


@pytest.mark.parametrize("right", [0.3, 0.6, 0.9, 1.0])
def test_a_model_with_its_own_names_is_not_doubted(right: float) -> None:
    found = records(answers(400, right, {}))
    (measured,) = found[0].measurements
    assert measured.value <= 0.02
    assert doubts.all_of(found, "told") == ()
    if right > 0.5:
        # No half would rename anything: an exact bound of no change in 400.
        assert (measured.value, measured.detail) == (0.0, "")
        assert measured.high < 0.05


def test_one_answer_for_every_text_is_no_exchange() -> None:
    found = records([(gold, "joy") for gold in ("anger",) * 60 + ("joy",) * 20])
    (measured,) = found[0].measurements
    assert (measured.value, measured.detail) == (0.0, "")


def test_best_names_are_the_best_of_all_permutations() -> None:
    rng = random.Random(5)
    for _ in range(200):
        pairs: Counter[tuple[str, str]] = Counter(
            {(gold, answer): rng.randint(1, 9) for gold in FOUR for answer in FOUR}
        )

        def right(names: Mapping[str, str], pairs: Counter[tuple[str, str]] = pairs) -> int:
            return sum(times for (gold, answer), times in pairs.items() if names.get(answer, answer) == gold)

        best = max(right(dict(zip(FOUR, order, strict=True))) for order in itertools.permutations(FOUR))
        names = best_names(pairs)
        assert right(names) == best
        assert sorted(names.values()) == sorted(names)
        assert all(label != name for label, name in names.items())


def test_equally_good_names_are_kept_as_read() -> None:
    assert best_names(Counter({("a", "a"): 3, ("a", "b"): 3, ("b", "a"): 3, ("b", "b"): 3})) == {}
    assert best_names(Counter()) == {}
    assert in_words({}) == ""


def ner_task() -> Task:
    return tasks.create("ner", ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG"))


def ner_records(names: Mapping[str, str]) -> tuple[ProbeRecord, ...]:
    """Each sentence has a person of two words, and a place or an organisation."""
    task = ner_task()
    golds = {}
    for place in range(120):
        kind = ("LOC", "ORG")[place % 2]
        golds[f"Ann Lee{place} went to X{place}"] = ("B-PER", "I-PER", "O", "O", f"B-{kind}")

    def renamed(tag: str) -> str:
        return tag if tag == "O" else f"{tag[:2]}{names.get(tag[2:], tag[2:])}"

    def answer(request: Request) -> Response:
        tags = list(map(renamed, golds[" ".join(request.texts)]))
        if request.texts[-1].endswith("7"):
            tags[0] = "O"  # other boundaries: no pair
        return tuple(tuple(0.94 if label == tag else 0.01 for label in task.labels) for tag in tags)

    rows = tuple(Example(f"home:{n}", {"text": words}, gold) for n, (words, gold) in enumerate(golds.items()))
    model = FakeModel(answer, task.labels, name="told")
    return runner.run(plan_of(model, (PROBE,), task=task, examples={"home": rows}), nowhere, Silent())


def test_types_of_entities_that_are_exchanged_are_named() -> None:
    found = ner_records({"PER": "LOC", "LOC": "PER"})
    (measured,) = found[0].measurements
    assert measured.detail == "LOC and PER exchanged"
    # 12 of the 120 persons have other boundaries; of 228 entities 108 persons and 60 places are gained.
    assert measured.value == pytest.approx(168 / 228)
    assert "LOC and PER exchanged: 228 of 228 labels are right so, and 60 as read" in (
        doubts.exchanged_labels(found, "told") or ""
    )


def test_types_with_their_own_names_are_not_doubted() -> None:
    found = ner_records({})
    (measured,) = found[0].measurements
    assert (measured.value, measured.detail) == (0.0, "")
    assert 0.0 < measured.high < 0.05
    assert doubts.exchanged_labels(found, "told") is None


def test_no_labels_are_nothing_to_compare() -> None:
    rows = tuple(Example(f"home:{n}", {"text": f"text {n}"}) for n in range(5))
    model = FakeModel(lambda _: (0.1, 0.9))
    (record,) = runner.run(plan_of(model, (PROBE,), examples={"home": rows}), nowhere, Silent())
    assert [(gap.reason, gap.applies) for gap in record.skipped] == [(label_swap.NOTHING, True)]


@pytest.mark.parametrize("labels", [2, 4, 8])
def test_chance_raises_the_doubt_at_most_at_its_level(labels: int) -> None:
    """A model that guesses, where every name is as good: the doubt's p-value is uniform or larger."""
    names = tuple(map(str, range(labels)))
    rng = random.Random(labels)
    draws, small = 600, 0
    for _ in range(draws):
        clusters = [(str(n), Counter([(rng.choice(names), rng.choice(names))])) for n in range(120)]
        sums = []
        halves = [clusters[0::2], clusters[1::2]]
        for own, other in ((0, 1), (1, 0)):
            best = best_names(label_swap._sum(pairs for _, pairs in halves[other]))
            totals = [row.total for row in label_swap._rows(halves[own], best)]
            sums.append(list(zip(totals[0::2], totals[1::2], strict=True)))
        small += 2 * min(map(doubts._chance_of_more, sums)) <= 0.05
    # 5 % of 600 draws, and three standard errors.
    assert small <= 30 + 3 * 5.4
