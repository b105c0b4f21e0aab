"""Quality of models that answer for every word: by type of entity, by kind of error, and by token."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from auditor import metrics, stats
from auditor.types import Judged, Measurement, Metric, Row, Score

PRECISION = metrics.part("precision", "entity-level precision", "precision")
RECALL = metrics.part("recall", "entity-level recall", "recall")

LENIENT = metrics.part(
    "lenient_f1",
    "F1 as conlleval and seqeval's default count it: I- after O or another type begins an entity "
    "([data] lenient = true reads the model so)",
    "lenient",
)


def _by(name: str, title: str, better: metrics.Better | None = "higher") -> Metric:
    return Metric(name, title, "mean", "share", 0.0, 1.0, better, ratio=True)


BY_TYPE = {
    "f1": _by("type_f1", "F1 by type of entity"),
    "precision": _by("type_precision", "precision by type of entity"),
    "recall": _by("type_recall", "recall by type of entity"),
}
ERROR = _by("error_rate", "share of entities by kind of error (spurious: of those that the model sees)", "lower")
COUNTS_O = "token level, O counted: most words are outside every entity, so this looks better than F1 of entities"
BY_TAG = {
    "f1": _by("token_f1", f"F1 of tags ({COUNTS_O})", None),
    "precision": _by("token_precision", f"precision of tags ({COUNTS_O})", None),
    "recall": _by("token_recall", f"recall of tags ({COUNTS_O})", None),
}
MEASURES = ("f1", "precision", "recall")
TITLES = dict(zip(MEASURES, ("F1", "precision", "recall"), strict=True))
MACRO = {
    one: Metric(
        f"macro_{one}", f"{TITLES[one]} of entities, mean over types", "descriptive", "share", 0.0, 1.0, "higher"
    )
    for one in MEASURES
}
TOKEN = {
    one: Metric(
        f"token_average_{one}", f"{TITLES[one]} of tags, averaged ({COUNTS_O})", "descriptive", "share", 0.0, 1.0, None
    )
    for one in MEASURES
}
SUPPORT = Metric("token_support", "words with this tag", "descriptive", "count", 0.0, float("inf"), None)

# The first three with slices are drawn.
METRICS = (
    *(PRECISION, RECALL, LENIENT, *MACRO.values(), BY_TYPE["f1"], ERROR, BY_TYPE["recall"], BY_TYPE["precision"]),
    *(*BY_TAG.values(), *TOKEN.values(), SUPPORT),
)


def measured(cases: Iterable[Judged]) -> Iterator[Measurement]:
    """Every number beside precision, recall and F1 of all entities."""
    sums: dict[str, dict[str, list[float]]] = {}
    counts: dict[str, int] = {}
    for judged in cases:
        for name, score in judged.parts.items():
            counts[name] = counts.get(name, 0) + 1
            row = sums.setdefault(name, {}).setdefault(judged.cluster, [0.0, 0.0])
            row[0] += score.numerator
            row[1] += score.denominator
    for name in sums:
        metric, slice_ = _named(name)
        if metric is not None:
            rows = [Row(cluster, "", *row) for cluster, row in sums[name].items()]
            if any(row.count for row in rows):
                yield metrics.measurement(metric, slice_, rows, n_cases=counts[name])
    yield from _averages(sums)


def _named(name: str) -> tuple[Metric | None, Mapping[str, str]]:
    """The metric and the slice of a part such as ``f1 PER``, ``error missed`` or ``token recall O``."""
    first, _, rest = name.partition(" ")
    if first == "error":
        return ERROR, {"error": rest}
    if first == "token":
        second, _, tag = rest.partition(" ")
        return BY_TAG[second], {"tag": tag}
    return (BY_TYPE[first], {"type": rest}) if rest else (None, {})


def _averages(sums: Mapping[str, Mapping[str, list[float]]]) -> Iterator[Measurement]:
    """Macro averages over the types that occur; micro, macro and weighted ones of the tags, and how many words have each."""
    types = [name[3:] for name, rows in sums.items() if name.startswith("f1 ") and _sum(rows).denominator]
    if types:
        for one in MEASURES:
            yield from _macro(one, [sums[f"{one} {kind}"] for kind in types])
    tags = [name.removeprefix("token f1 ") for name in sums if name.startswith("token f1 ")]
    if tags:
        yield from _of_tags(sums, tags)


def _macro(measure: str, of_types: Sequence[Mapping[str, list[float]]]) -> Iterator[Measurement]:
    """The mean over types. One without a share, as of precision where the model never sees it, counts as 0, as in seqeval."""
    import numpy as np

    clusters = list(dict.fromkeys(cluster for rows in of_types for cluster in rows))
    columns = np.array([[rows.get(cluster, (0.0, 0.0)) for rows in of_types] for cluster in clusters])
    there = columns[:, :, 1].sum(axis=0) > 0
    if there.any():
        value, (low, high) = stats.mean_of_ratios(columns[:, :, 0], columns[:, :, 1], 0.025)
        value, low, high = (float(one * there.mean()) for one in (value, low, high))
        method = "jackknife over clusters of the mean of the types' ratios"
        yield Measurement(MACRO[measure].name, {}, value, low, high, len(clusters), len(clusters), method)


def _of_tags(sums: Mapping[str, Mapping[str, list[float]]], tags: Sequence[str]) -> Iterator[Measurement]:
    support = {tag: _sum(sums[f"token recall {tag}"]).denominator for tag in tags}
    words, n = sum(support.values()), len(sums[f"token f1 {tags[0]}"])
    right = sum(_sum(sums[f"token recall {tag}"]).numerator for tag in tags)
    for measure in MEASURES:
        total = {tag: _sum(sums[f"token {measure} {tag}"]) for tag in tags}
        shares = {tag: one.numerator / one.denominator if one.denominator else 0.0 for tag, one in total.items()}
        averages = {
            "micro": right / words,
            "macro": sum(shares.values()) / len(shares),
            "weighted": sum(shares[tag] * support[tag] for tag in tags) / words,
        }
        for name, value in averages.items():
            method = "as scikit-learn averages"
            yield Measurement(TOKEN[measure].name, {"average": name}, value, value, value, int(words), n, method)
    for tag in sorted(tags):
        value = support[tag]
        yield Measurement(SUPPORT.name, {"tag": tag}, value, value, value, int(value), n, "count")


def _sum(rows: Mapping[str, list[float]]) -> Score:
    return Score(sum(row[0] for row in rows.values()), sum(row[1] for row in rows.values()))
