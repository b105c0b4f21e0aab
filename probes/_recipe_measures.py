"""What several probes find of one trained model: clean quality, robustness, cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from auditor.stats import seeds as over
from auditor.types import Audit, Inquiry, Measurement, Role, Task, TrainedModel, metric_words

FLIPS = "counterfactual_flip_rate"
DROP = "mean_drop_under_noise"
COSTS = {"work": "relative_work", "seconds": "relative_time", "peak_bytes": "relative_memory"}

Arms = Mapping[str, Mapping[str, tuple[float, float]]]
"""Arm of a metric → cluster → (total, count)."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A number of every trained model, and whose probe finds it."""

    name: str
    title: str
    role: Role
    metric: str
    better: Literal["higher", "lower"]
    ratio: bool
    low: float = 0.0

    @property
    def unit(self) -> Literal["share", "points"]:
        """Points where it may be negative: a difference of shares."""
        return "points" if self.low else "share"

    @property
    def width(self) -> float:
        """Width of the range of a difference between two models."""
        return 1.0 - self.low


@dataclass(slots=True)
class RecipeFindings:
    """What the models of one recipe show, by measure and seed."""

    sums: dict[str, dict[int, Arms]] = field(default_factory=dict)
    costs: dict[str, dict[int, float]] = field(default_factory=dict)
    domains: dict[int, dict[str, Arms]] = field(default_factory=dict)

    def add(self, of_seed: RecipeFindings) -> None:
        """Add the findings of another seed."""
        for name, sums in of_seed.sums.items():
            self.sums.setdefault(name, {}).update(sums)
        for name, costs in of_seed.costs.items():
            self.costs.setdefault(name, {}).update(costs)
        self.domains |= of_seed.domains


def measures(task: Task) -> tuple[Measure, ...]:
    """Clean quality first."""
    title = metric_words(task.metric)
    attacked = f"{task.metric}_under_attack"
    worst = f"{title} on the worst domain"
    flips = Measure(FLIPS, "counterfactual flip rate", "bias", FLIPS, "lower", False)
    return (
        Measure(task.metric, title, "quality", task.metric, "higher", task.ratio),
        Measure(DROP, "mean drop under noise", "robustness", "drop", "lower", task.ratio, low=-1.0),
        Measure(attacked, f"{title} under attack", "attack", attacked, "higher", task.ratio),
        Measure(worst_domain(task), worst, "shift", task.metric, "higher", task.ratio),
        *((flips,) if "class_scores" in task.offers else ()),
    )


def worst_domain(task: Task) -> str:
    return f"worst_domain_{task.metric}"


def inquiries(task: Task, settings: Mapping[Role, Mapping[str, Any]]) -> dict[Measure, Inquiry]:
    """Measure → what is asked of the probe that finds it.

    ``settings``: role → what is changed of its probe's settings.
    """
    return {measure: Inquiry(measure.role, measure.metric, settings[measure.role]) for measure in measures(task)}


def ask(
    audit: Audit, trained: TrainedModel, seed: int, settings: Mapping[Role, Mapping[str, Any]]
) -> tuple[RecipeFindings, dict[str, str]]:
    """What the probes find of one model, and which measures it lacks.

    The second value is measure → reason. ``seed``: what the arms are paired by. ``settings``: role → changed settings
    of its probe.
    """
    model, of_model, reasons = trained.load(), RecipeFindings(), {}
    for kind, name in COSTS.items():
        value = getattr(trained, kind)
        if value is not None:
            of_model.costs[name] = {seed: value}
    for measure, inquiry in inquiries(audit.task, settings).items():
        answer = audit.findings(inquiry, model)
        if isinstance(answer, str):
            reasons[measure.name] = answer
            continue
        own = [measured for measured in answer if measured.metric == measure.metric]
        if measure.role == "shift":
            others = {measured.slice["domain"]: summed([measured]) for measured in own}
            of_model.domains[seed] = {name: arms for name, arms in others.items() if name != "home"}
            continue
        if not own:
            # A ratio of sums may have nothing to divide by, where other numbers of the probe have.
            reasons[measure.name] = "nothing could be measured"
            continue
        # Pooled slices hold the same cases again.
        full = max((len(measured.slice) for measured in own), default=0)
        of_model.sums[measure.name] = {seed: summed([measured for measured in own if len(measured.slice) == full])}
    return of_model, reasons


def summed(measurements: Sequence[Measurement]) -> Arms:
    """Arm → cluster → (total, count), over all slices."""
    sums: dict[str, dict[str, tuple[float, float]]] = {}
    for measured in measurements:
        for row in measured.rows:
            arm = sums.setdefault(row.arm, {})
            total, count = arm.get(row.cluster, (0.0, 0.0))
            arm[row.cluster] = total + row.total, count + row.count
    return sums


def pick_domain(recipes: Mapping[str, RecipeFindings], standard: str, task: Task) -> None:
    """Compare all recipes on the domain where standard training does worst.

    Each recipe's own worst domain would pair with none.
    """
    name, ratio = worst_domain(task), task.ratio
    tables = {
        domain: over.table([arms[domain][""] for arms in recipes[standard].domains.values()], ratio=ratio)
        for domain in next(iter(recipes[standard].domains.values()), {})
    }
    if not tables:
        return
    worst = min(tables, key=lambda domain: tables[domain].value)
    for of_recipe in recipes.values():
        of_recipe.sums[name] = {seed: arms[worst] for seed, arms in of_recipe.domains.items()}
