"""When a question is said to have no answer: a factor as given, or fitted on validation rows."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor import tasks
from auditor.errors import ConfigError
from auditor.tasks import no_answer_factors
from auditor.types import Extracted, GoldAnswer

NAME = "question-answering"
ROME = (GoldAnswer("Rome", 0, 0),)


def answered(ratio: float, text: str = "Rome") -> Extracted:
    return Extracted(text, 0, 0, 0.4, 0.4 * ratio)


@pytest.mark.parametrize(
    ("scores", "factor"),
    [
        # Answered up to 3, and not from 12 on: the middle of their logarithms is 6.
        ([(3.0, 1.0, 0.0), (12.0, 0.0, 1.0)], 6.0),
        # From 0.5 on there is none: the middle of 0.08 and 0.5 is 0.2.
        ([(0.08, 1.0, 0.0), (0.5, 0.0, 1.0)], 0.2),
        # Every factor from 0.5 to 2 is as good: that is 1.
        ([(0.5, 1.0, 0.0), (2.0, 0.0, 1.0)], 1.0),
        # Nothing has an answer: half of the smallest ratio. All have: twice the largest.
        ([(0.4, 0.0, 1.0), (3.0, 0.0, 1.0)], 0.2),
        ([(0.4, 1.0, 0.0), (3.0, 1.0, 0.0)], 6.0),
        # F1 of a half on two questions is worth one that has no answer.
        ([(2.0, 0.5, 0.0), (2.0, 0.6, 0.0), (1.5, 0.0, 1.0)], 4.0),
        ([(2.0, 0.5, 0.0), (2.0, 0.4, 0.0), (1.5, 0.0, 1.0)], 1.0),
        # No factor turns what has no probability, and none is needed for what is sure.
        ([(math.inf, 1.0, 0.0)], 1.0),
        ([(0.0, 0.0, 1.0)], 1.0),
        ([], 1.0),
    ],
)
def test_the_factor_with_the_best_f1_by_hand(scores: list[no_answer_factors.Scored], factor: float) -> None:
    assert no_answer_factors.fitted(scores) == pytest.approx(factor)


ratios = st.sampled_from((0.0, 0.1, 0.5, 1.0, 1.000001, 2.0, 30.0, math.inf))
ones = st.sampled_from((0.0, 0.5, 1.0))


@given(st.lists(st.tuples(ratios, ones, ones), max_size=8))
def test_no_other_factor_is_better(scores: list[no_answer_factors.Scored]) -> None:
    def f1(factor: float) -> float:
        return sum(none if ratio > factor else span for ratio, span, none in scores)

    best = no_answer_factors.fitted(scores)
    assert 0.0 < best < math.inf
    assert f1(best) >= max(map(f1, (0.05, 0.3, 0.7, 1.0, 1.5, 8.0, 60.0)), default=0.0)


def test_the_fitted_factor_is_a_setting_of_the_task() -> None:
    task = tasks.create(NAME, (), settings={"no_answer_factor": "validation"})
    assert task.fitted_on == "validation"
    # Until it is fitted, it is the usual one.
    assert task.show(answered(1.2)) == "(no answer)"
    own = task.fitted([ROME, ()], [answered(3.0), answered(12.0)])
    assert (own.fitted_on, own.settings.no_answer_factor) == (None, 6.0)
    assert dict(own.fitted_values) == {"no_answer_factor": 6.0}
    assert (own.show(answered(5.0)), own.show(answered(7.0))) == ("Rome", "(no answer)")
    assert tasks.create(NAME, ()).fitted_on is None


def test_a_factor_for_a_model_that_always_answers_is_refused() -> None:
    with pytest.raises(ConfigError, match="no_answer_factor has nothing to decide"):
        tasks.create(NAME, (), settings={"no_answer_factor": "validation", "no_answer": False})
    with pytest.raises(ConfigError):
        tasks.create(NAME, (), settings={"no_answer_factor": "train"})
