"""Page of a comparison of two audits: one self-contained HTML page.

It is a pure function of the document that ``audit compare --json`` prints.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reports.formats import amount, difference_unit, interval, labels_text, p_value, slice_text
from reports.scorecard import environment
from reports.tables import LONG
from reports.words import ENGLISH, later, recorded, say, say_counted, speaking

_MARKS = {
    "worse": {"kind": "fail", "sign": "▼"},
    "cannot tell": {"kind": "inconclusive", "sign": "?"},
    "no difference shown": {"kind": "", "sign": "="},
    "better": {"kind": "pass", "sign": "▲"},
}
_MEANINGS = {
    "worse": later("The test finds the new model worse, with the error shared over all slices compared."),
    "cannot tell": later(
        "The interval reaches beyond the tolerance, or too few cases are compared: more examples may tell."
    ),
    "no difference shown": later("The interval lies within the tolerance on both sides."),
    "better": later("The test finds the new model better, with the error shared over all slices compared."),
}
_CONCLUSIONS = {
    "worse": later("worse"),
    "cannot tell": later("cannot tell"),
    "no difference shown": later("no difference shown"),
    "better": later("better"),
}
_BETTER = {"higher": later("higher is better"), "lower": later("lower is better")}


def render(comparison: Mapping[str, Any], language: str = ENGLISH) -> str:
    """Render the page of a comparison.

    The same document gives the same bytes; nothing else is read. Every text is escaped, and its invisible characters
    are spelled out. ``language``: code of a language that has words (``reports.words.languages``).
    """
    with speaking(language):
        return environment().get_template("comparison.html.j2").render(build(comparison))


def build(comparison: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything that the page says, judged and formatted."""
    changes = comparison["changes"]
    return {
        "old": _audit(comparison["old"]),
        "new": _audit(comparison["new"]),
        "title": _title(comparison),
        "task": comparison["task"],
        "labels": labels_text(comparison["task"]["labels"]),
        "paired": comparison["paired"],
        "same_model": comparison["same_model"],
        "policy": comparison["policy"],
        "total": len(changes),
        "kind": _kind(comparison["counts"]),
        "groups": [_group(word, [change for change in changes if change["conclusion"] == word]) for word in _MARKS],
        "left_out": [_left_out(item) for item in comparison["not_compared"]],
    }


def _title(comparison: Mapping[str, Any]) -> str:
    models = {side: comparison[side]["candidate"] for side in ("old", "new")}
    if comparison["paired"]:
        return say("{new} compared with {old}", **models)
    return say("{new} compared with {old} (unpaired)", **models)


def _audit(audit: Mapping[str, Any]) -> dict[str, Any]:
    files = [
        say("{name}: {n} rows, SHA-256 {digest}", name=each["name"], n=f"{each['used']:,}", digest=each["sha256"][:12])
        for each in audit["data"]
    ]
    return {
        "candidate": audit["candidate"],
        "facts": [
            (say("model"), audit["path"]),
            (say("fingerprint"), audit["fingerprint"]),
            (say("data"), say("; ").join(files) or say("none")),
            (say("seed"), str(audit["seed"])),
            (say("decision"), recorded(audit["decision"])),
        ],
    }


def _kind(counts: Mapping[str, int]) -> str:
    """Return the colour of the first section."""
    if counts["worse"]:
        return "hold"
    return "undecided" if counts["cannot tell"] else "release"


def _group(word: str, changes: list[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "word": say(_CONCLUSIONS[word]),
        "anchor": word.replace(" ", "-"),
        "mark": {**_MARKS[word], "text": say(_CONCLUSIONS[word])},
        "meaning": say(_MEANINGS[word]),
        "folded": word != "worse" and len(changes) > LONG,
        "rows": [_row(change) for change in changes],
    }


def _row(change: Mapping[str, Any]) -> dict[str, Any]:
    unit, points = change["unit"], difference_unit(change["unit"])
    return {
        "probe": change["probe"],
        "metric": recorded(change["title"]),
        "better": say(_BETTER[change["better"]]),
        "slice": slice_text(change["slice"]),
        "required": change["required"],
        "old": amount(change["old"], unit),
        "new": amount(change["new"], unit),
        "value": amount(change["value"], points),
        "interval": interval(change["low"], change["high"], points),
        "tolerance": _tolerance(change["tolerance"], unit),
        "n": _clusters(change),
        "p": _test(change),
        "reason": recorded(change["reason"]),
        "method": recorded(change["method"]),
    }


def _tolerance(tolerance: float, unit: str) -> str:
    """Say the worsening that is accepted, which has no sign."""
    if unit in ("share", "points"):
        return say("{n} points", n=f"{100 * tolerance:.1f}")
    return amount(tolerance, unit)


def _clusters(change: Mapping[str, Any]) -> str:
    """Say how many clusters are compared, of how many."""
    old, new = change["clusters_old"], change["clusters_new"]
    if not change["paired"]:
        return say("unpaired: {old:,} old, {new:,} new", old=old, new=new)
    clusters = change["clusters"]
    if clusters == old == new:
        return f"{clusters:,}"
    return say("{n:,} common of {old:,} old, {new:,} new", n=clusters, old=old, new=new)


def _test(change: Mapping[str, Any]) -> str:
    """Say the p value, and the discordant pairs where it is McNemar's."""
    if change["p"] is None:
        return "–"
    pairs = change["mcnemar"]
    p = p_value(change["p"])
    if pairs is None:
        return p
    return say("{p} (McNemar: {new} only new, {old} only old)", p=p, new=pairs["only_new"], old=pairs["only_old"])


def _left_out(item: Mapping[str, Any]) -> dict[str, str]:
    several = say_counted("{n:,} slice", "{n:,} slices", item["slices"]) if item["slices"] > 1 else ""
    return {
        "name": f"{item['probe']}: {item['metric']}" if item["metric"] else item["probe"],
        "slice": several or slice_text(item["slice"]),
        "reason": recorded(item["reason"]),
    }
