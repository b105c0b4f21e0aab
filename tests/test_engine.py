"""The plan decides the batches: never what ran before, never the order in which cases come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pytest
from fakes import changed
from hypothesis import given
from hypothesis import strategies as st

from auditor import tasks
from auditor.engine import Scorer, plan
from auditor.models.fake import FakeModel, keyword_model
from auditor.types import REQUESTS, Case, Encoded, Example, Inputs, Model, Request, Response, ScoredCase

TASK = tasks.create("text-classification", ("negative", "positive"))


class Recording:
    """A fake that keeps each batch's keys and, as real models do, lets the batch's shape into its numbers."""

    name, labels, fingerprint, numerics = "recording", ("negative", "positive"), "0", "fake"
    device_kind, workers, notes, accepts = "cpu", 1, (), REQUESTS

    def __init__(self) -> None:
        self.batches: list[tuple[str, ...]] = []
        self._fake = FakeModel(lambda _: ())

    def encode(self, requests: Sequence[Request]) -> list[Encoded]:
        return self._fake.encode(requests)

    def run(self, batch: Sequence[Encoded]) -> list[Response]:
        self.batches.append(tuple(one.key for one in batch))
        noise = 1e-6 * len(batch) * max(one.length for one in batch)
        return [(0.5 - noise * one.length, 0.5 + noise * one.length) for one in batch]

    def reload(self) -> Model:
        return self


def encoded(key: str, length: int) -> Encoded:
    return Encoded(key, length, False, None)


def text(words: str) -> Inputs:
    return {"text": words}


def clean(n: int) -> list[Example]:
    return [
        Example(f"test:{index + 2}", text(f"review {'very ' * (index % 5)}{index}"), "positive") for index in range(n)
    ]


def noisy(examples: Iterable[Example], mark: str = "!") -> Iterator[Case]:
    for example in examples:
        yield changed(example, {"mark": mark}, text(f"{example.inputs['text']} {mark}"))


def answers(found: Iterable[ScoredCase]) -> list[tuple[Response, Response]]:
    return [(one.before, one.after) for one in found]


# The plan: pure functions.


def test_unique_keeps_the_first_of_each_key_in_order() -> None:
    found = plan.unique([encoded("b", 1), encoded("a", 2), encoded("b", 3)])
    assert [(one.key, one.length) for one in found] == [("b", 1), ("a", 2)]


def test_batches_hold_as_many_as_the_padded_budget_allows() -> None:
    items = [encoded("a", 4), encoded("b", 2), encoded("c", 3), encoded("d", 9), encoded("e", 2)]
    # By length, stable: b2 e2 c3 | a4 | d9. Three of length 3 are 9 ≤ 9; with a4 it would be 16; a4 and d9 18.
    assert [[one.key for one in batch] for batch in plan.batches(items, 9)] == [["b", "e", "c"], ["a"], ["d"]]


def test_a_text_longer_than_the_budget_goes_alone() -> None:
    assert [len(batch) for batch in plan.batches([encoded("a", 50), encoded("b", 60)], 10)] == [1, 1]


def test_nothing_makes_no_batch() -> None:
    assert list(plan.batches([], 10)) == []


@given(lengths=st.lists(st.integers(1, 40), max_size=60), budget=st.integers(1, 100))
def test_every_request_is_in_one_batch_within_the_budget(lengths: list[int], budget: int) -> None:
    items = [encoded(str(index), length) for index, length in enumerate(lengths)]
    found = list(plan.batches(items, budget))
    assert [one for batch in found for one in batch] == sorted(items, key=lambda one: one.length)
    assert all(len(batch) == 1 or max(one.length for one in batch) * len(batch) <= budget for batch in found)


def test_windows_are_consecutive_and_the_last_is_shorter() -> None:
    assert list(plan.windows(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(plan.windows(range(4), 2)) == [[0, 1], [2, 3]]


# The scorer.


def test_cases_come_back_in_order_with_both_answers() -> None:
    scorer = Scorer(keyword_model(["good"]), TASK, window=2)
    films = [Example("a", text("good film")), Example("b", text("film")), Example("c", text("good plot"))]
    cases = [
        changed(films[0], {}, text("film")),
        changed(films[1], {}, text("good film")),
        changed(films[2], {}, text("plot good")),
    ]
    found = list(scorer.score(cases))
    assert [one.case for one in found] == cases
    yes, no = (pytest.approx(0.9), pytest.approx(0.1))
    assert [(one.before[1], one.after[1]) for one in found] == [(yes, no), (no, yes), (yes, yes)]


def test_a_probe_alone_gives_the_numbers_and_batches_of_a_full_audit() -> None:
    examples = clean(25)
    asked = [examples[index] for index in (20, 3, 4, 11)]
    alone, after_others = Recording(), Recording()
    first = Scorer(alone, TASK, batch_tokens=24, window=8)
    first.prepare(examples)
    expected = answers(first.score(noisy(asked)))
    second = Scorer(after_others, TASK, batch_tokens=24, window=8)
    second.prepare(examples)
    list(second.score(noisy(reversed(examples), "?")))
    list(second.score(noisy(asked)))
    second.ask([text("review 3 !")])
    assert answers(second.score(noisy(asked))) == expected
    assert set(alone.batches) <= set(after_others.batches)


def test_the_same_cases_twice_give_the_same_batches() -> None:
    runs = []
    for _ in range(2):
        model = Recording()
        scorer = Scorer(model, TASK, batch_tokens=30, window=7)
        scorer.prepare(clean(20))
        runs.append((answers(scorer.score(noisy(clean(20)))), model.batches))
    assert runs[0] == runs[1]


def test_clean_examples_are_asked_in_whole_windows_and_once() -> None:
    model = Recording()
    scorer = Scorer(model, TASK, batch_tokens=10_000, window=4)
    examples = clean(10)
    scorer.prepare(examples)
    assert model.batches == []
    list(scorer.score([Case(examples[5], {})]))
    assert [len(batch) for batch in model.batches] == [4]
    assert next(scorer.score([Case(examples[6], {})])).vacuous is False
    assert len(model.batches) == 1
    list(scorer.score([Case(examples[9], {})]))
    assert [len(batch) for batch in model.batches] == [4, 2]


def test_an_example_with_the_id_of_a_clean_one_but_another_text_is_asked_anew() -> None:
    scorer = Scorer(keyword_model(["good"]), TASK)
    scorer.prepare([Example("a", text("good"))])
    found = list(scorer.score([Case(Example("a", text("good")), {}), Case(Example("a", text("bad")), {})]))
    assert [one.before[1] > 0.5 for one in found] == [True, False]


def test_preparing_again_forgets_what_was_known() -> None:
    scorer = Scorer(keyword_model(["good"]), TASK)
    for words, positive in (("good", True), ("bad", False)):
        example = Example("a", text(words))
        scorer.prepare([example])
        assert (next(scorer.score([Case(example, {})])).before[1] > 0.5) is positive


def test_equal_texts_pass_through_the_model_once() -> None:
    model = FakeModel(lambda _: (0.5, 0.5))
    scorer = Scorer(model, TASK)
    example = Example("a", text("a film"))
    # Five cases: a film (before), two that are one text to the model, one vacuous, one as it stands.
    films = [changed(example, {}, text(one)) for one in ("a plot", "A PLOT", "A Film", "the end")]
    found = list(scorer.score([*films, Case(example, {})]))
    assert sum(model.batches) == scorer.counts["forward_passes"] == 3
    assert [one.vacuous for one in found] == [False, False, True, False, False]
    assert scorer.counts == {"cases": 5, "vacuous": 1, "forward_passes": 3, "queries": 0}


def test_a_cased_model_sees_a_change_of_case() -> None:
    scorer = Scorer(FakeModel(lambda _: (0.5, 0.5), tokens=str.split), TASK)
    found = list(scorer.score([changed(Example("a", text("a film")), {}, text("A FILM"))]))
    assert [one.vacuous for one in found] == [False]


def test_a_fitted_model_answers_after_and_the_audited_one_before() -> None:
    audited, fitted = keyword_model(["good"]), keyword_model(["bad"], name="fitted")
    scorer = Scorer(audited, TASK)
    example = Example("a", text("good film"))
    cases = [
        Case(example, {}, model=fitted),
        changed(example, {}, text("good film"), model=fitted),
        changed(example, {}, text("GOOD film"), model=audited),
        changed(example, {}, text("bad film"), model=fitted),
    ]
    found = list(scorer.score(cases))
    assert [(one.before[1] > 0.5, one.after[1] > 0.5) for one in found] == [
        (True, False),
        (True, False),
        (True, True),
        (True, True),
    ]
    assert [one.vacuous for one in found] == [False, False, True, False]


def test_a_window_is_cut_where_the_model_changes() -> None:
    audited, fitted = FakeModel(lambda _: (1.0, 0.0)), FakeModel(lambda _: (0.0, 1.0))
    example = Example("a", text("a"))
    models: list[Model | None] = [None, audited, fitted, fitted, None]
    found = Scorer(audited, TASK, window=4).score([Case(example, {}, model=model) for model in models])
    assert [one.after[0] for one in found] == [1.0, 1.0, 0.0, 0.0, 1.0]
    assert fitted.batches == [1]


def test_invalid_cases_are_scored_too() -> None:
    scorer = Scorer(keyword_model(["good"]), TASK)
    found = list(scorer.score([changed(Example("a", text("good")), {}, text("bad"), invalid=True)]))
    assert found[0].after[1] < 0.5


def test_cases_are_read_no_further_than_one_window() -> None:
    read: list[str] = []

    def cases() -> Iterator[Case]:
        for example in clean(10):
            read.append(example.id)
            yield Case(example, {})

    scored = Scorer(Recording(), TASK, window=3).score(cases())
    assert read == []
    for taken, expected in ((1, 3), (2, 3), (3, 3), (4, 6)):
        next(scored)
        assert len(read) == expected, taken


def test_asking_dedupes_counts_queries_and_keeps_the_order() -> None:
    model = keyword_model(["good"])
    scorer = Scorer(model, TASK, batch_tokens=8)
    found = scorer.ask([text("good"), text("bad film and plot"), text("good"), text("bad")])
    assert [one is not None and one[1] > 0.5 for one in found] == [True, False, True, False]
    assert scorer.counts["queries"] == 4
    assert scorer.counts["forward_passes"] == 3
    assert model.batches == [2, 1]
    scorer.reset()
    assert set(scorer.counts.values()) == {0}
    assert scorer.ask([]) == []


def test_encoding_asks_nothing() -> None:
    model = FakeModel(lambda _: (0.5, 0.5))
    assert [one.length for one in Scorer(model, TASK).encode([text("a good film")])] == [5]
    assert model.batches == []


def test_no_cases_make_no_pass() -> None:
    model = Recording()
    scorer = Scorer(model, TASK)
    scorer.prepare(clean(3))
    assert list(scorer.score([])) == []
    assert model.batches == []
