"""The shipped policy through the real gate on simulated audits: how often it is wrong, and how often it can decide.

A simulated model has accuracy 0.9 where three quarters of the rows are of one class, so that every limit can be met or
broken by a model that could exist. Cases of one example (or sentence) are beta-binomial: they come in clusters. The
slices of one audit read the same examples: an example that is hard in one is hard in the others (``SHARED``).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from scipy.special import betaincinv, ndtr, ndtri

from auditor import metrics, stats, tasks
from auditor.perturbations.catalogue import NOISE
from auditor.plugins import registry
from auditor.stats import joint
from auditor.types import ASKED, Measurement, Metric, ProbeRecord, Row, Rule, Skipped, Slice
from auditor.verdicts import gate, multiplicity, policy
from auditor.verdicts.claims import ALPHA, Claim

Rng = np.random.Generator
TASK = tasks.create("text-classification", ("negative", "positive"))
PROBES = {probe.name: probe for probe in registry.discover()}
POLICY = policy.load()
METRICS: dict[tuple[str, str], Metric] = {
    (name, metric.name): metric for name, probe in PROBES.items() for metric in probe.metrics(TASK)
}
LARGE = 20_000
"""Examples of a sample that stands for the population."""
ACCURACY, MAJORITY, CORRELATION = 0.9, 0.75, 0.3
SHARED = 0.6
"""Correlation of what makes an example hard in two slices; the slices' values are correlated by half as much. Those of
a MiniLM on film reviews were by 0.4 to 0.6 between families of noise, and by -0.3 to 0.9 between axes of bias."""
FAMILIES = {
    "typos": 7,
    "case": 4,
    "spacing and punctuation": 5,
    "words": 5,
    "insertions": 5,
    "long padding": 2,
    "final full stop": 1,
}
"""Family → cases that an example has in it."""
SINGLES = {one.name: one.family for one in NOISE if one.family in FAMILIES}
"""Perturbation that has a limit of its own → family."""
AXES = {
    "gender": 2,
    "ethnicity by name": 3,
    "nationality": 5,
    "religion": 5,
    "age": 2,
    "disability": 2,
    "sexual orientation": 2,
}
"""Axis → groups."""
POSITIONS = ("first", "later")
Place = tuple[str, str, str]
"""(probe, metric, value of the slice; of bias the axis, or axis and position with a "/" between)."""

PLACES: tuple[Place, ...] = (
    *(("repeatability", "changed_answers", asked) for asked in ASKED),
    ("quality", "gain_over_majority", ""),
    ("calibration", "confidence_gap", "home"),
    ("label_swap", "gain_from_relabelling", ""),
    ("leakage", "leaked_share", "train"),
    *(("noise", "drop_over_changed_cases", name) for name in SINGLES),
    *(("noise", "drop_over_changed_cases", name) for name in FAMILIES),
    ("adversarial", "attack_success_rate", "deepwordbug"),
    *(("triggers", "trigger_success_rate", rank) for rank in "123"),
    ("domain_shift", "drop_against_home", "far"),
    *(("bias", "counterfactual_flip_rate", f"{name}/{part}") for name in AXES for part in POSITIONS),
    *(("bias", "score_gap", f"{name}/{part}") for name in AXES for part in POSITIONS),
    *(("bias", "counterfactual_flip_rate", name) for name in AXES),
    *(("bias", "score_gap", name) for name in AXES),
)


def slice_of(place: Place) -> Slice:
    key = {
        "repeatability": "asked",
        "calibration": "input",
        "adversarial": "recipe",
        "domain_shift": "domain",
        "bias": "axis",
    }
    if place[2] in SINGLES:
        return {"family": SINGLES[place[2]], "perturbation": place[2], "severity": "middle"}
    if place[0] == "noise":
        return {"family": place[2], "severity": "middle"}
    if place[0] == "triggers":
        return {"candidates": "codes without a reason", "rank": place[2]}
    if place[0] == "leakage":
        return {"rows": "home", "in": place[2]}
    name, _, position = place[2].partition("/")
    return {key[place[0]]: name, **({"position": position} if position else {})} if place[0] in key else {}


def rule_for(place: Place) -> Rule:
    """The required rule that reads the place; of two on one metric, that of its maximum."""
    rules = [rule for rule in POLICY.rules if (rule.probe, rule.metric) == place[:2] and rule.required != "never"]
    rules = [rule for rule in rules if rule.max is not None] or rules
    (rule,) = (rule for rule in rules if policy.matches(rule, slice_of(place)))
    return rule


NAMED: dict[str, Skipped] = {
    "coverage": Skipped({"column": "none", "value": "none"}, "no column is named", applies=False),
    "drift": Skipped({"period": "none"}, "neither later test rows nor a column of dates is named", applies=False),
    "out_of_scope_detection": Skipped(
        {"score": "max probability", "kind": "none"}, "no rows out of scope are given", applies=False
    ),
    "kept_cases": Skipped({}, "no case was kept", applies=False),
    "spurious": Skipped({"listed": "none", "change": "none"}, "no word is listed", applies=False),
    "forgetting": Skipped({"period": "none"}, "no earlier checkpoint is known", applies=False),
}
"""Probes whose required rules read columns, later rows, words or an earlier checkpoint that a user names: as by
default, none is named here. The drops by column are differences between two sets of rows, as that of domain_shift is;
flips are compared within each text, and forgetting is a paired change, as a drop under noise is."""
LIMITS: dict[Place, float] = {place: rule_for(place).limit or 0.0 for place in PLACES}
KINDS = {place[1]: place for place in LIMITS}
"""One place for each metric that a required rule reads."""
ONE_SIZE = {"trigger_success_rate"}
"""Metrics that more rows do not tell better, so that three points are not told: 90 texts confirm a trigger. Nor need
they be: planted triggers turn nearly all texts, and the words of healthy models ``HEALTHY`` of them at most."""
HEALTHY = 0.36
EACH_RULE = tuple({POLICY.rules.index(rule_for(place)): place for place in LIMITS if place[1] not in ONE_SIZE}.values())
"""One place for each required rule."""
MORE_ROWS_TELL = {metric: place for metric, place in KINDS.items() if metric not in ONE_SIZE}


def outside(place: Place, points: float) -> float:
    """The value that lies so far outside the limit (inside: negative)."""
    return LIMITS[place] + (-points if place[0] == "quality" else points)


def edge(place: Place) -> float:
    """The limit with its margin."""
    return outside(place, rule_for(place).margin)


class Latents:
    """What makes examples hard, for all slices that read them: standard normal, one number an example."""

    def __init__(self, rng: Rng, n: int) -> None:
        self._rng = rng
        self._shared = {name: rng.standard_normal(n) for name in ("example", "sentence")}

    def of(self, kind: str, n: int) -> np.ndarray:
        """The first n, as one slice sees them: uniform in (0, 1)."""
        own = self._rng.standard_normal(n)
        shared = self._shared.get(kind)
        mixed = own if shared is None else SHARED**0.5 * shared[:n] + (1.0 - SHARED) ** 0.5 * own
        return ndtr(mixed)


def events(rng: Rng, hard: np.ndarray, cases: int, rate: float) -> np.ndarray:
    """Events of each cluster: beta-binomial with this intra-class correlation."""
    if rate <= 0.0:
        return np.zeros(len(hard))
    if cases == 1:
        return (hard > 1.0 - rate).astype(float)
    spread = 1 / CORRELATION - 1
    return rng.binomial(cases, betaincinv(rate * spread, (1 - rate) * spread, hard)).astype(float)


def arm(name: str, totals: np.ndarray, count: float = 1.0, of: str = "c") -> list[Row]:
    return [Row(f"{of}{index}", name, float(total), count) for index, total in enumerate(totals)]


def rows_of(rng: Rng, place: Place, value: float, n: int, draws: int = 1, latents: Latents | None = None) -> list[Row]:
    probe, metric, name = place[0], place[1], place[2].partition("/")[0]
    latents = latents or Latents(rng, n)
    if probe == "quality":
        majority = rng.random(n) < MAJORITY
        # Wrong rows are spread over both classes, so that the accuracy is the majority's share and the gain.
        wrong = 1.0 - MAJORITY - value
        right = latents.of("example", n) < np.where(majority, 1 - wrong / 2 / MAJORITY, 1 - wrong / 2 / (1 - MAJORITY))
        return arm("first", right.astype(float)) + arm("second", majority.astype(float))
    if probe == "calibration":
        sure = rng.uniform(0.75, 1.0, n)
        return arm("first", sure) + arm("second", (latents.of("example", n) < sure - value).astype(float))
    if probe == "noise":
        cases = FAMILIES.get(name, 1)
        before = (rng.random(n) < ACCURACY).astype(float) * cases
        lost = np.minimum(events(rng, latents.of("example", n), cases, value / ACCURACY), before)
        return arm("first", before, cases) + arm("second", before - lost, cases)
    if probe == "adversarial":
        return arm("", events(rng, latents.of("example", int(n * ACCURACY)), 1, value))
    if probe == "repeatability":
        return arm("", events(rng, latents.of("example", min(n, 300)), 1, value))
    if probe == "label_swap":
        read = events(rng, latents.of("example", n), 1, 1.0 - value if value > 0 else 1.0)
        return arm("first", np.ones(n)) + arm("second", read)
    if probe == "leakage":
        return arm("", events(rng, latents.of("copy", n), 1, value))
    if probe == "triggers":
        # Half of the examples confirm, and of those the rightly decided ones of the other label are turned.
        return arm("", events(rng, latents.of("example", int(min(n, 400) * ACCURACY / 4)), 1, value))
    if probe == "domain_shift":
        wrong_at_home = events(rng, latents.of("example", n), 1, 1.0 - ACCURACY)
        wrong_abroad = events(rng, latents.of("other", n), 1, 1.0 - ACCURACY + value)
        return arm("first", 1.0 - wrong_at_home) + arm("second", 1.0 - wrong_abroad, of="d")
    if metric == "counterfactual_flip_rate":
        pairs = draws * (1 if AXES[name] == 2 else AXES[name])
        return arm("", events(rng, latents.of("sentence", n), pairs, value), pairs, of="s")
    # Differences between two groups' scores vary by 0.15 from sentence to sentence; a MiniLM's by 0.03 to 0.12.
    base = rng.uniform(0.35, 0.6, n)
    shifts = [value] + [0.0] * (AXES[name] - 1)
    noise = [0.36 * (latents.of("sentence", n) - 0.5), *rng.normal(0.0, 0.11, (len(shifts) - 1, n)).clip(-0.25, 0.25)]
    return [
        row
        for index, (shift, own) in enumerate(zip(shifts, noise, strict=True))
        for row in arm(f"positive/group {index}", base + shift + own, of="s")
    ]


def measured(place: Place, rows: list[Row]) -> Measurement:
    return metrics.measurement(METRICS[place[:2]], slice_of(place), rows, n_cases=len(rows))


def records_of(found: Mapping[Place, Measurement]) -> tuple[ProbeRecord, ...]:
    return tuple(
        ProbeRecord(
            "model",
            name,
            "measured",
            metrics=tuple(probe.metrics(TASK)),
            measurements=tuple(one for place, one in found.items() if place[0] == name),
            skipped=(NAMED[name],) if name in NAMED else (),
        )
        for name, probe in PROBES.items()
    )


def exit_code(found: Mapping[Place, Measurement]) -> int:
    return gate.decide(POLICY, records_of(found), "model").exit_code


def audit(rng: Rng, values: Mapping[Place, float], n: int, draws: int = 1) -> dict[Place, Measurement]:
    """A whole audit on n examples and at most 432 bias sentences (``draws``: ``pairs_per_sentence``)."""
    latents = Latents(rng, max(n, 432))
    return {
        place: measured(place, rows_of(rng, place, value, *size(place, n, draws), latents))
        for place, value in values.items()
    }


def size(place: Place, n: int, draws: int) -> tuple[int, int]:
    """Clusters and draws of a slice: half of the sentences are of either position, or of a sentence's draws."""
    if place[0] != "bias":
        return n, draws
    sentences = min(n, 432)
    if "/" not in place[2]:
        return sentences, draws
    return (sentences, draws // 2) if draws > 1 else (sentences // 2, 1)


def faultless() -> dict[Place, Measurement]:
    """Every slice far inside its limit, so that the one that a simulation draws decides alone."""
    rng = np.random.default_rng(0)
    return audit(rng, {**dict.fromkeys(LIMITS, 0.0), KINDS["gain_over_majority"]: 1.0 - MAJORITY}, 150)


@contextmanager
def remembered(kept: Iterable[Measurement]) -> Iterator[None]:
    """Compute the bounds of these measurements once for each level."""
    same, bounds = {id(one.rows) for one in kept}, stats.bounds
    known: dict[tuple[int, float], tuple[float, float]] = {}

    def found(method: str, rows: Sequence[Row], alpha: float, *, low: float, high: float) -> tuple[float, float]:
        if id(rows) not in same:
            return bounds(method, rows, alpha, low=low, high=high)
        key = (id(rows), alpha)
        if key not in known:
            known[key] = bounds(method, rows, alpha, low=low, high=high)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stats, "bounds", found)
        yield


def holm(found: Mapping[Place, Measurement]) -> int:
    """The exit code of the gate as it was before: Holm over all slices, and no margin."""

    def bounds(place: Place, alpha: float) -> tuple[float, float]:
        one, metric = found[place], METRICS[place[:2]]
        return stats.bounds(one.method, one.rows, alpha, low=metric.low, high=metric.high)

    def fails(place: Place, alpha: float) -> bool:
        low, high = bounds(place, alpha)
        return high < LIMITS[place] if place[0] == "quality" else low > LIMITS[place]

    if any(fails(place, 0.05 / len(found)) for place in found):
        return 1
    levels = {place: bounds(place, 0.05) for place in found}
    kept = (
        low >= LIMITS[place] if place[0] == "quality" else high <= LIMITS[place]
        for place, (low, high) in levels.items()
    )
    return 0 if all(kept) else 3


def wrong_fails(seed: int, audits: int, n: int = 200) -> tuple[int, int]:
    """Audits held although every slice is at its limit and none beyond; and how many Holm held."""
    rng = np.random.default_rng(seed)
    drawn = [audit(rng, LIMITS, n) for _ in range(audits)]
    return sum(exit_code(found) == 1 for found in drawn), sum(holm(found) == 1 for found in drawn)


def with_one(
    place: Place, value: float, seed: int, audits: int, n: int, draws: int = 1, most: int = 432
) -> Iterator[dict[Place, Measurement]]:
    """Audits in which one slice has this value and the others are faultless, so that it decides alone.

    ``most``: bias sentences.
    """
    rng, others = np.random.default_rng(seed), faultless()
    n = min(n, most) if place[0] == "bias" else n
    with remembered(others.values()):
        for _ in range(audits):
            yield {**others, place: measured(place, rows_of(rng, place, value, n, draws))}


def beyond(place: Place) -> float:
    """A value three points beyond the limit with its margin."""
    return edge(place) + (outside(place, 0.03) - LIMITS[place])


def wrong_passes(place: Place, seed: int, audits: int, n: int = 200) -> int:
    """Audits released although one slice is at its limit with its margin."""
    return sum(exit_code(found) == 0 for found in with_one(place, edge(place), seed, audits, n))


def decided(place: Place, value: float, seed: int, audits: int, draws: int = 1) -> tuple[float, float]:
    """Share of audits that decide rightly at 1,000 rows and 432 sentences; and that of Holm without margin."""
    wanted = 0 if (value > LIMITS[place]) == (place[0] == "quality") else 1
    codes = [(exit_code(found), holm(found)) for found in with_one(place, value, seed, audits, 1000, draws)]
    return sum(now == wanted for now, _ in codes) / audits, sum(before == wanted for _, before in codes) / audits


def claim_of(place: Place) -> Claim:
    rule = rule_for(place)
    unmeasured = Measurement(place[1], slice_of(place), 0.0, 0.0, 0.0, 0, 0, "")
    return Claim(POLICY.rules.index(rule), rule, METRICS[place[:2]], unmeasured, {}, 1)


def needed(place: Place, draws: int = 1) -> tuple[int, int]:
    """Examples with which 9 of 10 models at the limit pass, and 9 of 10 at limit + margin fail.

    The tenth model at the limit has a measured value so much nearer to limit + margin that its bound just gets there.
    Bounds are as wide as the method makes them there; a fail has the least level that its share may come to.
    """
    share = dict(zip(PLACES, multiplicity.shares([claim_of(place) for place in PLACES]), strict=True))[place]
    ends, numbers = (LIMITS[place], edge(place)), []
    for value, other, alpha in ((*ends, ALPHA), (*reversed(ends), ALPHA * share)):
        rows = rows_of(np.random.default_rng(4), place, value, LARGE, draws)
        spread = float((joint.influence(METRICS[place[:2]], rows).values ** 2).sum() * LARGE) ** 0.5
        tenth = value + (other - value) * ndtri(0.9) / (ndtri(0.9) + ndtri(1.0 - alpha))
        width = float(np.mean([bound_width(place, tenth, seed, draws, alpha, up=other > value) for seed in range(10)]))
        numbers.append(math.ceil(((ndtri(0.9) * spread + width) / (other - value)) ** 2))
    return numbers[0], numbers[1]


def bound_width(place: Place, value: float, seed: int, draws: int, alpha: float, *, up: bool, n: int = 400) -> float:
    """The distance of a bound of n examples from their value, times √n."""
    one = measured(place, rows_of(np.random.default_rng(seed), place, value, n, draws))
    metric = METRICS[place[:2]]
    bound = stats.bounds(one.method, one.rows, alpha, low=metric.low, high=metric.high)[up]
    return float(abs(bound - one.value) * n**0.5)


def test_the_simulation_draws_every_slice_that_a_required_rule_reads() -> None:
    known = {(one.probe, one.metric) for one in POLICY.rules if one.required != "never" and one.probe not in NAMED}
    assert {place[:2] for place in LIMITS} == known
    assert set(AXES) == set(PROBES["bias"].settings.axes)


@pytest.mark.parametrize("place", LIMITS, ids=" ".join)
def test_the_simulation_draws_what_it_says(place: Place) -> None:
    value = LIMITS[place]
    found = measured(place, rows_of(np.random.default_rng(1), place, value, 20_000))
    # Texts that are asked again, or that confirm a trigger, are a fixed number: three standard errors of theirs.
    error = (value * (1.0 - value) / found.n_clusters) ** 0.5
    assert found.value == pytest.approx(value, abs=max(0.012, 3.0 * error))


def test_a_faultless_model_is_released() -> None:
    assert exit_code(faultless()) == 0


def test_the_docs_say_how_many_examples_each_metric_needs() -> None:
    """Each number is that of the metric's first slice, within a quarter: docs/how-to/gate-in-ci.md.

    The numbers of texts that are asked again and that confirm a trigger are fixed.
    """
    text = (Path(__file__).parent.parent / "docs/how-to/gate-in-ci.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|.*\| ([\d,]+) \| ([\d,]+) \|$", text, re.MULTILINE)
    said = {metric: tuple(int(number.replace(",", "")) for number in numbers) for metric, *numbers in rows}
    assert set(said) == set(KINDS) - {"changed_answers", "trigger_success_rate"}
    for metric, numbers in said.items():
        for number, computed in zip(numbers, needed(KINDS[metric], draws=3), strict=True):
            assert computed * 0.8 <= number <= computed * 1.25, (metric, number, computed)


@pytest.mark.slow
@pytest.mark.parametrize("metric", sorted(set(KINDS) - {"changed_answers", "trigger_success_rate"}))
def test_so_many_examples_decide_in_90_percent(metric: str) -> None:
    place = KINDS[metric]
    for value, n, wanted in zip((LIMITS[place], edge(place)), needed(place, 3), (0, 1), strict=True):
        found = [exit_code(one) for one in with_one(place, value, 5, 200, n, 3, most=n)]
        print(f"{' '.join(place)} at {value:g} with {n} examples: {found.count(wanted) / 2:.0f} %")
        assert found.count(wanted) >= 168  # 1 % point of Binomial(200, 0.9)


def test_slices_of_one_audit_are_correlated() -> None:
    found = audit(np.random.default_rng(1), LIMITS, 1000)
    influences = [joint.influence(METRICS[place[:2]], one.rows) for place, one in found.items()]
    matrix = joint.correlations(influences)
    places = list(found)
    families = [index for index, place in enumerate(places) if place[0] == "noise"]
    assert 0.1 < np.mean([matrix[a, b] for a in families for b in families if a < b]) < 0.6


def test_models_at_every_limit_are_seldom_held() -> None:
    assert wrong_fails(0, 20)[0] <= 4  # 99 % point of Binomial(20, 0.05)


@pytest.mark.parametrize("place", KINDS.values(), ids=list(KINDS))
def test_models_at_one_edge_are_seldom_released(place: Place) -> None:
    assert wrong_passes(place, 0, 30) <= 5  # 99 % point of Binomial(30, 0.05)


@pytest.mark.parametrize("place", MORE_ROWS_TELL.values(), ids=list(MORE_ROWS_TELL))
@pytest.mark.parametrize("side", ["inside", "beyond"])
def test_models_outside_of_the_zone_are_mostly_decided(place: Place, side: str) -> None:
    value = outside(place, -0.03) if side == "inside" else beyond(place)
    assert decided(place, value, 0, 10)[0] >= 0.60  # below the 1 % point of Binomial(10, 0.9) ÷ 10


@pytest.mark.parametrize("value", [HEALTHY, 0.95])
def test_planted_and_healthy_triggers_are_decided(value: float) -> None:
    assert decided(KINDS["trigger_success_rate"], value, 0, 10)[0] >= 0.60


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_models_at_every_limit_are_held_in_at_most_5_percent(seed: int) -> None:
    found, before = wrong_fails(seed, 400)
    print(f"wrong fails, seed {seed}: {found} of 400 (Holm: {before})")
    assert found <= 31  # 99 % point of Binomial(400, 0.05)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("place", KINDS.values(), ids=list(KINDS))
def test_models_at_one_edge_are_released_in_at_most_5_percent(place: Place, seed: int) -> None:
    found = wrong_passes(place, seed, 300)
    print(f"wrong passes at limit + margin of {' '.join(place)}, seed {seed}: {found} of 300")
    assert found <= 24


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("place", EACH_RULE, ids=" ".join)
def test_models_outside_of_the_zone_are_decided_in_90_percent(place: Place, seed: int) -> None:
    for side, value in (("inside the limit", outside(place, -0.03)), ("beyond the margin", beyond(place))):
        now, before = decided(place, value, seed, 100)
        said = f"{' '.join(place)}, 3 points {side}, seed {seed}"
        print(f"{said}: decided {now:.0%} (Holm without margins: {before:.0%})")
        assert now >= 0.82  # 1 % point of Binomial(100, 0.9)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_models_five_points_inside_every_limit_are_released_in_90_percent(seed: int) -> None:
    rng = np.random.default_rng(seed)
    inside = {place: HEALTHY if place[1] in ONE_SIZE else outside(place, -0.05) for place in LIMITS}
    drawn = [audit(rng, inside, 1000, draws=3) for _ in range(100)]
    found, before = (sum(code(one) == 0 for one in drawn) for code in (exit_code, holm))
    print(f"released five points inside, seed {seed}: {found} of 100 (without margins: {before})")
    assert found >= 82
