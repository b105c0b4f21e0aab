"""The probe repeatability: each planted defect is found under its own name, and a sound model passes."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from fakes import LABELS, nowhere, plan_of, reviews, shipped

from auditor import metrics, tasks
from auditor.engine import repeating
from auditor.errors import NoAnswerError, OutOfMemoryError
from auditor.evaluation import runner
from auditor.evaluation.plan import AuditedModel
from auditor.models.fake import FakeModel
from auditor.testing import sample_rows
from auditor.types import (
    ASKED,
    Case,
    Encoded,
    Example,
    Model,
    ProbeRecord,
    Request,
    Response,
    Row,
    Rule,
    Silent,
    Verdict,
)
from auditor.verdicts import caveats, gate, policy

GOOD = (0.1, 0.9)
BAD = (0.9, 0.1)
(PROBE,) = shipped("repeatability")


def told(request: Request) -> Response:
    """Right by the reviews' keyword."""
    return GOOD if any(word in request.texts[0] for word in ("good", "great", "fine", "lovely", "superb")) else BAD


class Sound(FakeModel):
    """Answers by the text alone; every reload gives another instance."""

    def __init__(self, answer: Callable[[Request], Response] = told, labels: Sequence[str] = LABELS) -> None:
        super().__init__(answer, labels)
        self.made = (answer, labels)

    def reload(self) -> Model:
        return type(self)(*self.made)


SEEDS = itertools.count()


class Dropout(Sound):
    """Each pass flips a quarter of the answers."""

    def __init__(self, *made: Any) -> None:
        super().__init__(*made)
        self.chance = random.Random(next(SEEDS))

    def run(self, batch: Sequence[Encoded]) -> list[Response]:
        return [answer[::-1] if self.chance.random() < 0.25 else answer for answer in super().run(batch)]


class NoMask(Sound):
    """Reads the padding: a text at most half as long as the longest beside it gets another answer.

    Its ``run`` asks one by one, as auditor runs such a checkpoint.
    """

    def run_together(self, batch: Sequence[Encoded], *, length: int = 0) -> list[Response]:
        longest = max(length, *(request.length for request in batch))
        return [
            answer[::-1] if 2 * request.length <= longest else answer
            for request, answer in zip(batch, self.run(batch), strict=True)
        ]


class LongPadding(Sound):
    """Loses its way behind 100 tokens of padding."""

    def run_together(self, batch: Sequence[Encoded], *, length: int = 0) -> list[Response]:
        answers = self.run(batch)
        return [
            answer[::-1] if length - request.length > 100 else answer
            for request, answer in zip(batch, answers, strict=True)
        ]


class NewHead(Sound):
    """Weights that are missing from the checkpoint: each loading draws others."""

    def reload(self) -> Model:
        answer, labels = self.made
        return Sound(lambda request: answer(request)[::-1], labels)


def texts(n: int = 300) -> tuple[Example, ...]:
    """Reviews of 10 and of 30 tokens."""
    rows = reviews(n)
    return tuple(
        row if place % 2 else Example(row.id, {"text": f"{row.inputs['text']}{' and so on' * 7}"}, row.gold)
        for place, row in enumerate(rows)
    )


def record_of(model: Model, examples: Sequence[Example] | None = None, **given: Any) -> ProbeRecord:
    rows = texts() if examples is None else examples
    (record,) = runner.run(plan_of(model, (PROBE,), examples={"home": rows}, **given), nowhere, Silent())
    assert record.status == "measured", record.reason
    return record


def changed(record: ProbeRecord) -> dict[str, int]:
    """Way to ask → answers that changed."""
    return {
        number.slice["asked"]: round(number.value * number.n_clusters)
        for number in record.measurements
        if number.metric == "changed_answers"
    }


def test_a_sound_model_gives_the_same_answers_and_passes() -> None:
    record = record_of(Sound())
    assert changed(record) == dict.fromkeys(ASKED, 0)
    for number in record.measurements:
        assert (number.n_cases, number.n_clusters) == (300, 300)
        if number.metric == "changed_answers":
            # Exact: 0 of 300 lie below 1 − 0.025^(1/300).
            assert number.low == 0.0
            assert number.high == pytest.approx(1 - 0.025 ** (1 / 300))
        else:
            assert number.value == 0.0


@pytest.mark.parametrize(
    ("model", "ways"),
    [
        (Dropout(), set(ASKED)),
        (NoMask(), {"in company", "padded"}),
        (LongPadding(), {"padded"}),
        (NewHead(), {"reloaded"}),
    ],
    ids=["dropout", "no mask", "long padding", "new head"],
)
def test_each_defect_changes_answers_in_its_own_ways(model: Model, ways: set[str]) -> None:
    record = record_of(model)
    found = changed(record)
    assert {asked for asked, count in found.items() if count} == ways
    assert all(found[asked] > 30 for asked in ways)
    largest = {
        number.slice["asked"]: number.value for number in record.measurements if number.metric != "changed_answers"
    }
    assert {asked for asked, value in largest.items() if value == pytest.approx(0.8)} == ways


def test_every_short_text_stands_beside_a_long_one() -> None:
    # 150 of the 300 texts are short, and read the padding behind them.
    assert changed(record_of(NoMask()))["in company"] == 150


def test_answers_are_asked_for_again_past_the_cache() -> None:
    class Kept:
        """Keeps everything that it is given."""

        def __init__(self) -> None:
            self.answers: dict[bytes, Any] = {}
            self.hits = 0

        def get(self, key: bytes) -> Any:
            return self.answers.get(key)

        def put(self, key: bytes, answers: Any) -> None:
            self.answers[key] = answers

        def recall(self, work: str) -> None:
            del work

        def remember(self, work: str, cases: int) -> None:
            del work, cases

    cache, model = Kept(), Dropout()
    first = changed(record_of(model, cache=cache))
    kept = len(cache.answers)
    again = changed(record_of(model, cache=cache))
    assert len(cache.answers) == kept
    assert min(*first.values(), *again.values()) > 30


@pytest.mark.parametrize("budget", [1, 30, 64, 10_000])
@pytest.mark.parametrize("lengths", [[5], [5, 5], [3, 9, 40], [4, 5, 6, 7, 8, 9, 60], list(range(2, 60))])
def test_company_is_mixed_and_whole(lengths: list[int], budget: int) -> None:
    requests = [Encoded(str(place), length, False, None) for place, length in enumerate(lengths)]
    beside = [Encoded("short", 4, False, None), Encoded("long", 80, False, None)]
    batches = list(repeating.mixed(requests, [*requests, *beside], budget))
    asked = [request.key for batch in batches for request in batch]
    assert sorted(set(asked) - {"short", "long"}) == sorted(map(str, range(len(lengths))))
    assert len(asked) == len(set(asked))
    assert all(len(batch) > 1 for batch in batches)
    assert ("long" in asked) == (len(lengths) == 1)
    for batch in batches:
        padded = max(request.length for request in batch) * len(batch)
        # The last batch takes a text that would otherwise be left alone.
        assert padded <= budget or len(batch) <= 3
    if len(lengths) > 1 and budget == 64:
        shortest, longest = min(lengths), max(lengths)
        assert {shortest, longest} <= {request.length for request in batches[0]}


def test_ways_that_a_model_lacks_are_said() -> None:
    class Plain:
        """A third party's model: Model and no more."""

        def __init__(self) -> None:
            self._fake = FakeModel(told)

        def __getattr__(self, name: str) -> Any:
            if name in ("run_together", "padded_length", "_fake"):
                raise AttributeError(name)
            return getattr(self._fake, name)

        def reload(self) -> Model:
            return self

    model: Any = Plain()
    record = record_of(model)
    assert {gap.slice["asked"]: (gap.reason, gap.applies) for gap in record.skipped} == {
        "padded": (repeating.UNPADDED, False),
        "reloaded": (repeating.IN_MEMORY, False),
    }
    assert changed(record) == {"again": 0, "alone": 0, "in company": 0}


def test_texts_that_fail_when_asked_again_are_left_out_and_counted() -> None:
    class Failing(Sound):
        def run_together(self, batch: Sequence[Encoded], *, length: int = 0) -> list[Response]:
            if length and any(request.payload.texts[0][-8:] == "number 7" for request in batch):
                raise NoAnswerError("has no answer")
            return super().run_together(batch, length=length)

    record = record_of(Failing())
    assert record.counts["unanswered"] == 1
    assert {number.slice["asked"]: number.n_cases for number in record.measurements} == {
        **dict.fromkeys(ASKED, 300),
        "padded": 299,
    }


def test_company_that_does_not_fit_is_halved() -> None:
    class Small(Sound):
        def run_together(self, batch: Sequence[Encoded], *, length: int = 0) -> list[Response]:
            if len(batch) > 2:
                raise OutOfMemoryError("full")
            return super().run_together(batch, length=length)

    assert changed(record_of(Small()))["in company"] == 0


def test_a_probe_that_asks_again_about_edited_texts_is_refused() -> None:
    class Wrong(type(PROBE)):  # type: ignore[misc]  # the shipped probe's own class
        """Asks again about edited texts."""

        name = "wrong"

        def cases(self, audit: Any) -> Any:
            from auditor.text import edits_between

            for example in audit.examples("home", 20):
                value = example.inputs["text"]
                yield Case(example, {"asked": "again"}, {"text": edits_between(value, f"{value} so")}, asked="again")

    (record,) = runner.run(plan_of(Sound(), (Wrong(),)), nowhere, Silent())
    assert record.status == "failed"
    assert record.reason == "probe wrong: asks again ('again') about an edited text (leave edits empty)"


# The decision.


def decided(model: Model) -> Any:
    probes = shipped("quality", "repeatability")
    records = runner.run(plan_of(model, probes, examples={"home": texts()}), nowhere, Silent())
    rules = tuple(rule for rule in policy.load().rules if rule.probe in ("quality", "repeatability"))
    return gate.decide(policy.Policy("two", "", rules), records, model.name)


def test_a_sound_model_is_released() -> None:
    decision = decided(Sound())
    assert decision.word == "release"
    assert not any(caveats.NOTE in verdict.reason for verdict in decision.verdicts)


def test_what_changes_when_asked_again_is_the_first_reason_and_a_note_of_the_others() -> None:
    decision = decided(NoMask())
    assert decision.word == "hold"
    assert decision.reasons[0] == (
        "the model's answers change when asked again: 150 of 300 (asked in company), 300 of 300 (asked padded);"
        " every other number depends on answers that may change too"
    )
    for verdict in decision.verdicts:
        assert (caveats.NOTE in verdict.reason) == ("asked" not in (verdict.slice or {}))


def test_answers_are_counted_and_not_groups_where_rows_are_grouped() -> None:
    # Two rows each of five authors: by hand, three of the ten answers changed.
    rows = [Row(f"group:{author}", "", float(author < 2) + float(author == 0), 2.0) for author in range(5)]
    share = metrics.share("changed_answers", "answers that change", lambda _: None, "lower")
    again = metrics.measurement(share, {"asked": "padded"}, rows, n_cases=10)
    record = ProbeRecord(
        "m", "repeatability", "measured", role="repeatability", metrics=(share,), measurements=(again,)
    )
    rules = policy.Policy("one", "", (Rule("repeatability", "changed_answers", {"asked": "*"}, "x", max=0.01),))
    verdict = Verdict(0, {"asked": "padded"}, "fail", "", 0.3)
    said = caveats.of(rules, {"repeatability": record}, [verdict])
    assert said is not None
    assert said.startswith("the model's answers change when asked again: 3 of 10 (asked padded); ")


@pytest.mark.parametrize("name", ["text-classification", "ner"])
def test_the_rule_comes_first_and_300_texts_decide_it(name: str) -> None:
    rules = policy.load(None, name).rules
    assert (rules[0].probe, rules[0].metric, rules[0].required) == ("repeatability", "changed_answers", "always")
    assert rules[0].max is not None
    # Of 300 texts none may change, or one.
    assert 1 - 0.05 ** (1 / PROBE.settings.examples) < rules[0].max


def test_named_entities_are_compared_by_their_entities() -> None:
    task = tasks.create("ner", ("O", "B-PER", "I-PER", "B-LOC", "I-LOC"))
    rows = sample_rows(task, 40, words=range(6))
    golds = {row.inputs["text"]: row.gold for row in rows}

    def answer(request: Request) -> Response:
        return tuple(
            tuple(0.9 if label == tag else 0.025 for label in task.labels) for tag in golds[" ".join(request.texts)]
        )

    class Swapped(Sound):
        """Loaded again, it calls persons places."""

        def reload(self) -> Model:
            kept = self.made[0]
            order = (0, 3, 4, 1, 2)
            return Sound(
                lambda request: tuple(tuple(row[place] for place in order) for row in kept(request)), self.labels
            )

    for model, expected in ((Sound(answer, task.labels), 0), (Swapped(answer, task.labels), 1)):
        found = changed(record_of(model, rows, task=task, models=(AuditedModel(model),), candidate=model.name))
        assert found["again"] == found["alone"] == found["in company"] == found["padded"] == 0
        assert (found["reloaded"] > 0) == bool(expected)
