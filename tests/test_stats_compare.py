"""Two models on the same clusters."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as scipy_stats
from statsmodels.stats.contingency_tables import mcnemar

from auditor import stats
from auditor.types import Row


def rows(values: list[float], arm: str = "", count: float = 1.0) -> list[Row]:
    return [Row(f"c{index}", arm, value * count, count) for index, value in enumerate(values)]


def test_yes_or_no_answers_are_compared_by_mcnemars_exact_test() -> None:
    mine, other = [1.0] * 9 + [0.0] * 2 + [1.0] * 29, [0.0] * 9 + [1.0] * 31
    found = stats.compare("mean", rows(mine), rows(other), low=0, high=1)
    assert found.value == pytest.approx(7 / 40)
    assert found.p == pytest.approx(mcnemar([[29, 9], [2, 0]], exact=True).pvalue)
    assert found.method.startswith("McNemar exact")
    assert found.low < found.value < found.high


def test_models_that_answer_alike_do_not_differ() -> None:
    found = stats.compare("mean", rows([1.0, 0.0, 1.0]), rows([1.0, 0.0, 1.0]), low=0, high=1)
    assert (found.value, found.p) == (0.0, 1.0)
    assert found.low < 0 < found.high
    several = stats.compare("mean", rows([0.5, 0.25], count=4), rows([0.5, 0.25], count=4), low=0, high=1)
    assert several.p == 1.0


def test_several_cases_a_cluster_are_compared_by_the_paired_t_test() -> None:
    rng = np.random.default_rng(0)
    mine, other = rng.integers(0, 6, 30) / 5, rng.integers(0, 6, 30) / 5
    found = stats.compare("mean", rows(mine.tolist(), count=5), rows(other.tolist(), count=5), low=0, high=1)
    assert found.p == pytest.approx(scipy_stats.ttest_rel(mine, other).pvalue)
    assert found.method.startswith("cluster-robust paired t")


def test_clusters_that_all_differ_alike_are_judged_by_the_sign_test() -> None:
    found = stats.compare("mean", rows([0.75] * 10, count=4), rows([0.5] * 10, count=4), low=0, high=1)
    assert found.p == pytest.approx(2 * 0.5**10)
    assert found.value == pytest.approx(0.25)


def test_p_is_never_zero() -> None:
    found = stats.compare("mean", rows([1.0] * 400), rows([0.0] * 400), low=0, high=1)
    assert found.p == 1e-12
    assert (found.value, found.high) == (1.0, 1.0)


def test_only_clusters_that_both_models_have_are_read() -> None:
    mine = [*rows([1.0, 0.0]), Row("mine", "", 1.0, 1.0)]
    found = stats.compare("mean", mine, rows([0.0, 0.0]), low=0, high=1)
    assert (found.value, found.n_clusters) == (0.5, 2)
    with pytest.raises(ValueError, match="no common clusters"):
        stats.compare("mean", [Row("a", "", 1, 1)], [Row("b", "", 1, 1)], low=0, high=1)


def test_two_drops_are_compared_by_the_difference_of_differences() -> None:
    mine = rows([1.0, 1.0, 1.0, 0.0], "first") + rows([0.0, 1.0, 0.0, 0.0], "second")
    other = rows([1.0, 1.0, 0.0, 0.0], "first") + rows([1.0, 0.0, 0.0, 0.0], "second")
    found = stats.compare("change", mine, other, low=-1, high=1)
    # 0.5 − 0.25; by cluster 1, −1, 1, 0.
    assert found.value == pytest.approx(0.25)
    assert found.p == pytest.approx(scipy_stats.ttest_1samp([1.0, -1.0, 1.0, 0.0], 0.0).pvalue)
    assert -2 <= found.low < 0.25 < found.high <= 2


def test_a_cluster_that_lacks_one_arm_is_left_out_of_all() -> None:
    mine = rows([1.0, 1.0, 1.0], "first") + rows([0.0, 1.0], "second")
    other = rows([1.0, 1.0, 0.0], "first") + rows([1.0, 1.0, 0.0], "second")
    assert stats.compare("change", mine, other, low=-1, high=1).n_clusters == 2
    with pytest.raises(ValueError, match="an arm has no rows"):
        stats.compare("change", mine[:3], other, low=-1, high=1)


def test_ratios_are_compared_by_their_pseudo_values() -> None:
    rng = np.random.default_rng(1)
    counts = rng.integers(1, 6, 60).tolist()
    mine = [Row(f"c{i}", "", float(count), float(count)) for i, count in enumerate(counts)]
    other = [Row(f"c{i}", "", float(count - (i % 2)), float(count)) for i, count in enumerate(counts)]
    found = stats.compare("mean", mine, other, low=0, high=1, ratio=True)
    assert found.value == pytest.approx(30 / sum(counts))
    assert 0 < found.low < found.value < found.high
    assert found.p < 0.01


@pytest.mark.parametrize("kind", ["difference", "gap", "median", "descriptive"])
def test_other_kinds_are_not_compared(kind: str) -> None:
    with pytest.raises(ValueError, match="not compared"):
        stats.compare(kind, rows([1.0]), rows([1.0]), low=0, high=1)  # type: ignore[arg-type]
