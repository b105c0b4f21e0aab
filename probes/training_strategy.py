"""Would another training recipe be more robust, and at what cost?"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from annotated_types import MinLen

from auditor.errors import AuditError
from auditor.settings import CheckedSettings, Count, Share
from auditor.stats import seeds as over
from auditor.types import (
    Audit,
    Case,
    Judged,
    Measurement,
    Metric,
    Planned,
    ProbeDefaults,
    Role,
    Skipped,
    Task,
    TrainedModel,
)
from probes._learning_curves import Steps, over_seeds, steps_of, stratified
from probes._recipe_measures import COSTS, Arms, Measure, RecipeFindings, ask, inquiries, measures, pick_domain

FEWEST_SEEDS = 3
"""For a claim about a recipe."""


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """The trainings to compare, their length, and the examples they answer."""

    source: Literal["auto", "checkpoints", "train"] = "auto"
    """checkpoints: those beside the audited one, of the same base and rows. train: trained here. auto: checkpoints
    where they are of two recipes or more."""
    recipes: Annotated[tuple[str, ...], MinLen(1)] = ("fgm", "online")
    """Trained here, beside standard."""
    seeds: Count = 3
    """Of each recipe trained here."""
    steps: Steps | None = None
    """Optimiser steps of every training here; None: 60, and 200 where words have labels."""
    batch_size: Count = 16
    rows: Count = 1000
    """Training rows, at most."""
    examples: Count = 200
    """Rows of each domain, at most."""
    noisy: Count = 50
    """Home rows that get every noise of the probe noise."""
    words: Share = 0.2
    """Share of their words that it touches."""
    attacked: Count = 50
    """Home rows that are attacked by DeepWordBug."""
    sentences: Count = 60
    """Sentences of the probe bias."""


class TrainingStrategy(ProbeDefaults):
    """Recipes against standard fine-tuning: clean quality, robustness, cost.

    Models of several recipes and seeds, from the same base on the same rows, are asked what the probes quality, noise
    (all its perturbations at one severity, averaged), adversarial (DeepWordBug), domain_shift (the other domain that
    standard training does worst on) and, of texts, bias (all axes, averaged) ask: checkpoints beside the audited one,
    or models trained here for a fixed number of steps without validation. Intervals hold the spread between seeds (t
    with seeds − 1 degrees of freedom) and between examples. Differences from standard are paired by seed and by
    example; Holm (1979) corrects over all of them, and with fewer than three seeds none is called one. Cost: tokens
    that went through the model, those with a gradient three times (a backward pass costs about two forward ones),
    over those of standard training; of checkpoints also their time and memory, as measured. Descriptive: no limit
    reads it.
    """

    name = "training_strategy"
    limitation = "training-strategy"
    scope = "candidate"
    retrains = True
    settings = Settings()

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        """The measures of the task, costs, and differences from standard."""
        of_measures = [
            Metric(measure.name, measure.title, "descriptive", measure.unit, measure.low, 1.0, measure.better)
            for measure in measures(task)
        ]
        infinite = float("inf")
        return (
            *of_measures,
            Metric(COSTS["work"], "tokens passed ÷ standard's", "descriptive", "ratio", 0.0, infinite, "lower"),
            Metric(COSTS["seconds"], "training time ÷ standard's", "descriptive", "ratio", 0.0, infinite, "lower"),
            Metric(COSTS["peak_bytes"], "peak memory ÷ standard's", "descriptive", "ratio", 0.0, infinite, "lower"),
            Metric("difference", "difference from standard", "descriptive", "points", -2.0, 2.0, None),
            Metric("adjusted_p", "p of the difference, Holm-adjusted", "descriptive", "ratio", 0.0, 1.0, None),
        )

    def planned(self, audit: Audit) -> Planned:
        """None of its own: what other probes ask of each model."""
        reason = unavailable(audit)
        if reason is not None:
            return Planned(0, reason=reason)
        settings: Settings = audit.settings
        number = sum(1 for _ in models(audit, reference(audit)))
        return Planned(
            0,
            trainings=0 if from_checkpoints(audit) else number,
            steps=steps_of(settings.steps, audit.task),
            batch_size=settings.batch_size,
            models=number,
            inquiries=tuple(inquiries(audit.task, smaller(settings)).values()),
        )

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        """None of its own: what it asks are other probes' cases."""
        reason = unavailable(audit)
        if reason is not None:
            yield Skipped({}, reason)

    def measure(self, cases: Iterable[Judged], audit: Audit) -> Iterator[Measurement | Skipped]:
        """Ask the other probes about every model, and compare the recipes."""
        del cases
        if unavailable(audit) is not None:
            return
        standard = reference(audit)
        recipes: dict[str, RecipeFindings] = {standard: RecipeFindings()}
        reasons: dict[str, str] = {}
        for recipe, seed, make in models(audit, standard):
            try:
                of_seed, missing = ask(audit, make(), seed, smaller(audit.settings))
            except AuditError as error:
                # One that diverges, or cannot be made or read, says nothing of the others.
                yield Skipped({"recipe": recipe, "seed": str(seed)}, error.line)
                continue
            recipes.setdefault(recipe, RecipeFindings()).add(of_seed)
            reasons |= missing
        if not recipes[standard].sums:
            return
        pick_domain(recipes, standard, audit.task)
        yield from (Skipped({"measure": name}, reason) for name, reason in reasons.items())
        yield from values(recipes, audit.task)
        yield from costs(recipes, standard)
        yield from differences(recipes, standard, audit.task)


def unavailable(audit: Audit) -> str | None:
    """Why nothing can be compared; None where something can."""
    if from_checkpoints(audit):
        if not any(trained.standard for trained in audit.checkpoints):
            return "none of the checkpoints beside it was trained by recipe standard"
        return None
    if audit.settings.source == "checkpoints":
        return "no checkpoint of another recipe, from the same base and rows, stands beside it (audit train --recipes)"
    missing = [need for need in ("train", "base") if not audit.has(need)]
    return (
        f"no other recipe's checkpoint beside it, and no {' and no '.join(missing)} to train from" if missing else None
    )


def from_checkpoints(audit: Audit) -> bool:
    """Whether checkpoints are compared that stand there."""
    if audit.settings.source == "train":
        return False
    return len({trained.recipe for trained in audit.checkpoints}) > 1


def reference(audit: Audit) -> str:
    """The label of standard training.

    Of several (other learning rates) it is the plain one, else that of most seeds.
    """
    labels = [trained.recipe for trained in audit.checkpoints if trained.standard] if from_checkpoints(audit) else []
    return "standard" if "standard" in labels or not labels else max(sorted(set(labels)), key=labels.count)


def models(audit: Audit, standard: str) -> Iterator[tuple[str, int, Callable[[], TrainedModel]]]:
    """Yield recipe, seed, and how to come by the model.

    The reference's come first, those trained here seed by seed.
    """
    settings: Settings = audit.settings
    if from_checkpoints(audit):
        for trained in sorted(
            audit.checkpoints, key=lambda trained: (trained.recipe != standard, trained.recipe, trained.seed)
        ):
            yield trained.recipe, trained.seed, functools.partial(_itself, trained)
        return
    train = audit.examples("train")
    for seed in range(settings.seeds):
        rng = audit.rng(seed)
        rows, start = stratified(audit.task, train, min(settings.rows, len(train)), rng), rng.getrandbits(31)
        how = {"seed": start, "steps": steps_of(settings.steps, audit.task), "batch_size": settings.batch_size}
        for name in (standard, *(name for name in settings.recipes if name != standard)):
            # By its place: seeds are paired, whatever number stands for them.
            yield name, seed, functools.partial(audit.train_by, name, rows, **how)


def _itself(trained: TrainedModel) -> TrainedModel:
    return trained


def smaller(settings: Settings) -> dict[Role, dict[str, Any]]:
    """Role → what its probe is asked: less than for its record."""
    return {
        "quality": {"examples": settings.examples},
        "robustness": {"examples": settings.noisy, "severities": {"middle": settings.words}},
        "attack": {"examples": settings.attacked, "recipes": ("deepwordbug",), "freedom": False},
        "shift": {"examples": settings.examples, "home": settings.examples},
        "bias": {"sentences": settings.sentences, "bare_sentences": 0},
    }


def tabulated(by_seed: Mapping[int, Arms], ratio: bool) -> over.Table:
    """Seeds in their order; of a change first − second."""
    arms = [by_seed[seed] for seed in sorted(by_seed)]
    if "second" not in arms[0]:
        return over.table([arm[""] for arm in arms], ratio=ratio)
    first, second = (over.table([arm[name] for arm in arms], ratio=ratio) for name in ("first", "second"))
    return over.difference(first, second)


def values(recipes: Mapping[str, RecipeFindings], task: Task) -> Iterator[Measurement]:
    """Each measure of each recipe: mean over seeds."""
    for measure in measures(task):
        for recipe, of_recipe in recipes.items():
            if of_recipe.sums.get(measure.name):
                table = tabulated(of_recipe.sums[measure.name], measure.ratio)
                low, high = over.bounds(table, over.SIDE, low=measure.low, high=1.0)
                n, seeds = len(table.clusters), len(table.values)
                yield Measurement(
                    measure.name, {"recipe": recipe}, table.value, low, high, n * seeds, n, over_seeds(seeds)
                )


def costs(recipes: Mapping[str, RecipeFindings], standard: str) -> Iterator[Measurement]:
    """Yield each recipe's cost over standard training's of the same seed.

    The range over seeds stands beside the mean.
    """
    for name in COSTS.values():
        against = recipes[standard].costs.get(name, {})
        for recipe, of_recipe in recipes.items():
            own = of_recipe.costs.get(name, {})
            ratios = [own[seed] / against[seed] for seed in sorted(own) if against.get(seed)]
            if ratios:
                mean = sum(ratios) / len(ratios)
                n = len(ratios)
                words = f"mean over {n} seed{'s' if n > 1 else ''}; smallest and largest"
                yield Measurement(name, {"recipe": recipe}, mean, min(*ratios, mean), max(*ratios, mean), n, n, words)


def differences(recipes: Mapping[str, RecipeFindings], standard: str, task: Task) -> Iterator[Measurement]:
    """Yield the differences of every other recipe from standard.

    Holm-adjusted p values stand beside them where there are seeds enough.
    """
    tables: list[tuple[dict[str, str], Measure, over.Table]] = []
    for measure in measures(task):
        for recipe in recipes:
            own, baseline = (recipes[name].sums.get(measure.name, {}) for name in (recipe, standard))
            common = sorted(set(own) & set(baseline))
            if recipe != standard and common:
                ours, theirs = (
                    tabulated({seed: side[seed] for seed in common}, measure.ratio) for side in (own, baseline)
                )
                tables.append(({"recipe": recipe, "measure": measure.name}, measure, over.difference(ours, theirs)))
    claims = [table for _, _, table in tables if len(table.values) >= FEWEST_SEEDS]
    widths = [measure.width for _, measure, table in tables if len(table.values) >= FEWEST_SEEDS]
    adjusted = iter(over.holm([over.p_value(table, width) for table, width in zip(claims, widths, strict=True)]))
    for slice_, measure, table in tables:
        low, high = over.bounds(table, over.SIDE, low=-measure.width, high=measure.width)
        n, seeds = len(table.clusters), len(table.values)
        p = next(adjusted) if seeds >= FEWEST_SEEDS else None
        said = claimed(p, seeds, len(claims))
        yield Measurement("difference", slice_, table.value, low, high, n * seeds, n, said)
        if p is not None:
            yield Measurement("adjusted_p", slice_, p, p, p, n * seeds, n, said)


def claimed(p: float | None, seeds: int, claims: int) -> str:
    """What a difference says, in words."""
    if p is None:
        return (
            f"{seeds} seed{'s' if seeds > 1 else ''}: no claim, which needs {FEWEST_SEEDS}; paired by seed and example"
        )
    word = "differs from standard" if p <= 0.05 else "not told apart from standard"
    return f"{word}: paired by seed and example, Holm over {claims} differences"


PROBE = TrainingStrategy()
