"""Averages of entities over types and over tags, and support."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from auditor.tasks.entity_errors import COUNTS_O, MEASURES
from auditor.tasks.macro_averages import macro
from auditor.types import Measurement, Metric, Score, Sums

TITLES = dict(zip(MEASURES, ("F1", "precision", "recall"), strict=True))
MACRO = {
    measure: Metric(
        f"macro_{measure}", f"{title} of entities, mean over types", "descriptive", "share", 0.0, 1.0, "higher"
    )
    for measure, title in TITLES.items()
}
TOKEN = {
    measure: Metric(
        f"token_average_{measure}", f"{title} of tags, averaged ({COUNTS_O})", "descriptive", "share", 0.0, 1.0, None
    )
    for measure, title in TITLES.items()
}
SUPPORT = Metric("token_support", "words with this tag", "descriptive", "count", 0.0, float("inf"), None)


class EntityAverages:
    """Averages over types and over tags, and the words of each tag.

    Macro averages of the types that occur; micro, macro and weighted ones of the tags.
    """

    whole: tuple[Metric, ...] = tuple(MACRO.values())
    sliced: tuple[Metric, ...] = (*TOKEN.values(), SUPPORT)

    def __call__(self, sums: Sums) -> Iterator[Measurement]:
        """The averages of these sums."""
        types = [kind for (metric, kind), rows in sums.items() if metric == "type_f1" and _sum(rows).denominator]
        if types:
            for measure in MEASURES:
                yield from macro(MACRO[measure], [sums[f"type_{measure}", kind] for kind in types], "types")
        tags = [tag for metric, tag in sums if metric == "token_f1"]
        if tags:
            yield from _of_tags(sums, tags)


def _of_tags(sums: Sums, tags: Sequence[str]) -> Iterator[Measurement]:
    totals = {measure: {tag: _sum(sums[f"token_{measure}", tag]) for tag in tags} for measure in MEASURES}
    support = {tag: total.denominator for tag, total in totals["recall"].items()}
    words, n = sum(support.values()), len(sums["token_f1", tags[0]])
    right = sum(total.numerator for total in totals["recall"].values())
    for measure, of_tags in totals.items():
        shares = {
            tag: total.numerator / total.denominator if total.denominator else 0.0 for tag, total in of_tags.items()
        }
        by_average = {
            "micro": right / words,
            "macro": sum(shares.values()) / len(shares),
            "weighted": sum(shares[tag] * support[tag] for tag in tags) / words,
        }
        for name, value in by_average.items():
            method = "as scikit-learn averages"
            yield Measurement(TOKEN[measure].name, {"average": name}, value, value, value, int(words), n, method)
    for tag in sorted(tags):
        value = support[tag]
        yield Measurement(SUPPORT.name, {"tag": tag}, value, value, value, int(value), n, "count")


def _sum(rows: Mapping[str, Sequence[float]]) -> Score:
    return Score(sum(row[0] for row in rows.values()), sum(row[1] for row in rows.values()))
