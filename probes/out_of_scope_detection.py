"""Out of scope: does a model know what has no label?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from auditor import metrics
from auditor.settings import CheckedSettings, Count, DataColumn
from auditor.types import (
    HOME,
    Audit,
    Case,
    Example,
    Judged,
    Measurement,
    Metric,
    Planned,
    ProbeDefaults,
    Skipped,
    Task,
)
from probes import _detection, _outside_scores
from probes._detection import CAUGHT, FEWEST, REJECTED, Scores
from probes._outside_scores import ENERGY, MAHALANOBIS, MAX_PROBABILITY

TRAIN, VALIDATION = "train", "validation"
EVERY_KIND = "all"
RECALL = Metric(
    "out_of_scope_recall",
    f"texts out of scope turned away where {REJECTED:.0%} of those in scope are",
    "mean",
    "share",
    0.0,
    1.0,
    "higher",
)
REJECTIONS = Metric(
    "in_scope_rejected", "test rows in scope turned away at that threshold", "mean", "share", 0.0, 1.0, "lower"
)
AUROC = Metric(
    "auroc",
    "AUROC: chance that a text out of scope scores higher than a test row",
    "descriptive",
    "ratio",
    0.0,
    1.0,
    "higher",
)
FPR = Metric(
    "in_scope_rejected_at_95_percent_recall",
    f"test rows turned away where {CAUGHT:.0%} of the texts out of scope are",
    "descriptive",
    "share",
    0.0,
    1.0,
    "lower",
)
NO_VALIDATION = "no validation rows to fit a threshold on ([data] validation)"


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """How many rows are read."""

    examples: Count = 1000
    """Rows of the home domain, at most: as many as ``quality`` asks about."""
    validation: Count = 1000
    """Validation rows, at most, that the threshold is fitted on."""
    fitted: Count = 2000
    """Training rows, at most, that say where the classes lie."""
    kind_column: DataColumn | None = None
    """Column of the test file that says of which kind its rows out of scope are, such as near and far."""


class OutOfScope(ProbeDefaults):
    """Whether texts that no label is right for can be told.

    A classifier gives every text one of its labels; a score of how far a text is from what the model knows turns some
    texts away instead. The scores are the largest probability (Hendrycks & Gimpel 2017), the energy, made of what the
    logits have beyond the probabilities (Liu et al. 2020), and the Mahalanobis distance of the text's embedding from
    the nearest class (Lee et al. 2018), whose means and shared covariance (shrunk: Ledoit & Wolf 2004) come of training
    rows; without these, of half of the validation rows. The threshold rejects one in twenty validation rows (where rows
    have groups, of those of a further group, as each group counts alike): test rows, in scope or not, have no say in
    it. What counts is the share of the texts out of scope that it turns away, which is
    a claim about this threshold. Beside it stand the share of test rows in scope that it turns away, which is more than
    one in twenty where test rows differ from validation rows; the area under the ROC curve, which needs no threshold
    (0.5: chance); and the share of test rows turned away where 95 % of the texts out of scope are. The texts out of
    scope that the model is surest of are shown.
    """

    name = "out_of_scope_detection"
    limitation: str | None = "coverage"
    needs = frozenset({"class_scores", "out_of_scope"})
    settings = Settings()

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        """Recall of texts out of scope, and what it costs."""
        del task
        return RECALL, REJECTIONS, AUROC, FPR

    def planned(self, audit: Audit) -> Planned:
        """Every row asked about; their logits and embeddings."""
        home, rows = _home(audit), [*_validation(audit), *_outside(audit)]
        cases = len(home) + len(rows)
        return Planned(cases, embedded=2 * cases + len(_training(audit)), unchanged=len(home))

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        """Yield the rows in scope, then those out of scope."""
        for name, rows in ((HOME, _home(audit)), (VALIDATION, _validation(audit))):
            yield from (Case(row, {"rows": name}, facts={"row": row.id}) for row in rows)
        for kind, rows in _kinds(audit).items():
            slice_ = {"score": MAX_PROBABILITY, "kind": kind}
            yield from (Case(row, slice_, facts={"row": row.id}) for row in rows)

    def measure(self, cases: Iterable[Judged], audit: Audit) -> Iterator[Measurement | Skipped]:
        """Yield each score: its recall by kind, and what it costs."""
        answered = list(cases)
        sets: dict[str, dict[str, str]] = {HOME: {}, VALIDATION: {}}
        clusters: dict[str, dict[str, str]] = {}
        for judged in answered:
            # A kind may be called as a set of rows is.
            own = (
                sets[judged.slice["rows"]] if "rows" in judged.slice else clusters.setdefault(judged.slice["kind"], {})
            )
            own[str(judged.facts["row"])] = judged.cluster
        home, validation = sets[HOME], sets[VALIDATION]
        if len(clusters) > 1 and EVERY_KIND not in clusters:
            clusters[EVERY_KIND] = {row: cluster for own in clusters.values() for row, cluster in own.items()}
        for score, values, fitted in _scores(audit, answered):
            if isinstance(values, str):
                yield from (Skipped({"score": score, "kind": kind}, values, applies=False) for kind in clusters)
                continue
            threshold_rows = {row: cluster for row, cluster in validation.items() if row not in fitted}
            inside = Scores.of(home, values)
            outside = {kind: Scores.of(own, values) for kind, own in clusters.items()}
            yield from _turned_away(score, Scores.of(threshold_rows, values), inside, outside)
            yield from _told_apart(score, inside, outside)

    def worth_showing(self, judged: Judged) -> bool:
        """Those out of scope: ``quality`` shows the worst home rows."""
        return "kind" in judged.slice

    def worst_by(self, judged: Judged) -> tuple[str, float] | None:
        """The confidence of the answer, which should be low."""
        return "confidence", max(judged.after_classes.values())


def _home(audit: Audit) -> Sequence[Example]:
    return audit.examples(HOME, audit.settings.examples)


def _given(audit: Audit, name: str, n: int) -> Sequence[Example]:
    try:
        return audit.examples(name, n)
    except KeyError:
        return ()


def _validation(audit: Audit) -> Sequence[Example]:
    return _given(audit, VALIDATION, audit.settings.validation)


def _training(audit: Audit) -> Sequence[Example]:
    return _given(audit, TRAIN, audit.settings.fitted)


def _outside(audit: Audit) -> list[Example]:
    return [row for rows in audit.out_of_scope.values() for row in rows]


def _kinds(audit: Audit) -> dict[str, list[Example]]:
    """Return kind → rows; a column says it where it holds something."""
    kinds: dict[str, list[Example]] = {}
    for kind, rows in audit.out_of_scope.items():
        for row in rows:
            kinds.setdefault(row.meta.get(audit.settings.kind_column or "") or kind, []).append(row)
    return kinds


def _scores(
    audit: Audit, answered: Sequence[Judged]
) -> Iterator[tuple[str, Mapping[str, float] | str, frozenset[str]]]:
    """Yield each score, its values or why not, and its rows.

    Values are by row; the rows are those of validation that it is fitted on.
    """
    yield MAX_PROBABILITY, _outside_scores.one_minus_largest(answered), frozenset()
    training, validation = _training(audit), _validation(audit)
    samples = [_home(audit), validation, _outside(audit)]
    yield ENERGY, _outside_scores.energies(audit, samples), frozenset()
    fitted = () if training else _half(audit, validation)
    own = _outside_scores.mahalanobis(audit, training or fitted, samples)
    yield MAHALANOBIS, own, frozenset(row.id for row in fitted)


def _half(audit: Audit, rows: Sequence[Example]) -> list[Example]:
    """Return the rows of every second cluster, in a seeded order."""
    clusters = sorted({row.cluster for row in rows})
    audit.rng("half").shuffle(clusters)
    chosen = set(clusters[::2])
    return [row for row in rows if row.cluster in chosen]


def _turned_away(
    score: str, validation: Scores, inside: Scores, outside: Mapping[str, Scores]
) -> Iterator[Measurement | Skipped]:
    """Yield the shares that a threshold of validation rows turns away."""
    limit = _detection.threshold(validation)
    if limit is None:
        reason = _few(validation) if len(validation) else NO_VALIDATION
        yield from (Skipped({"score": score, "kind": kind}, reason) for kind in outside)
        return
    detail = _fitted_on(validation)
    for kind, own in outside.items():
        yield replace(_rejected(RECALL, {"score": score, "kind": kind}, own, limit), detail=detail)
    if len(inside):
        yield replace(_rejected(REJECTIONS, {"score": score}, inside, limit), detail=detail)


def _few(validation: Scores) -> str:
    rows, groups = len(validation), len(set(validation.clusters))
    if groups == rows:
        few = "1 validation row" if rows == 1 else f"{rows} validation rows"
    else:
        few = f"1 group of {rows} validation rows" if groups == 1 else f"{groups} groups of {rows} validation rows"
    return f"{few} to fit a threshold on, fewer than {FEWEST}"


def _fitted_on(validation: Scores) -> str:
    """Say how many rows it is fitted on, in how many groups."""
    rows, groups = len(validation), len(set(validation.clusters))
    if groups == rows:
        return f"the threshold is that of {rows:,} validation rows"
    return f"the threshold is that of {groups:,} groups of {rows:,} validation rows"


def _rejected(metric: Metric, slice_: dict[str, str], scores: Scores, limit: float) -> Measurement:
    measured = metrics.measurement(metric, slice_, scores.rows(scores.values > limit), n_cases=len(scores))
    return replace(metrics.in_groups(measured, scores.clusters), available=measured.n_clusters)


def _told_apart(score: str, inside: Scores, outside: Mapping[str, Scores]) -> Iterator[Measurement]:
    """Yield how well a score tells each kind from test rows."""
    for kind, own in outside.items():
        if not (len(own) and len(inside)):
            continue
        slice_, n = {"score": score, "kind": kind}, len(own) + len(inside)
        area = _detection.auroc(inside, own)
        method = "placement values (DeLong et al. 1988), bounds of both samples joined (Zou & Donner 2008)"
        yield Measurement(AUROC.name, slice_, area.value, area.low, area.high, n, area.clusters, method)
        rate = _detection.rejected_where_caught(inside, own)
        method = "bounds of the rate at the ends of the scores that 95 % may reach (Bonferroni)"
        yield Measurement(FPR.name, slice_, rate.value, rate.low, rate.high, n, rate.clusters, method)


PROBE = OutOfScope()
