"""Page of a comparison of two audits: one self-contained HTML page.

It is a pure function of the document that ``audit compare --json`` prints.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reports.formats import amount, difference_unit, interval, p_value, slice_text
from reports.scorecard import environment
from reports.tables import LONG
from reports.words import ENGLISH, speaking

_MARKS = {
    "worse": {"kind": "fail", "sign": "▼"},
    "cannot tell": {"kind": "inconclusive", "sign": "?"},
    "no difference shown": {"kind": "", "sign": "="},
    "better": {"kind": "pass", "sign": "▲"},
}
_MEANINGS = {
    "worse": "The test finds the new model worse, with the error shared over all slices compared.",
    "cannot tell": "The interval reaches beyond the tolerance, or too few cases are compared: more examples may tell.",
    "no difference shown": "The interval lies within the tolerance on both sides.",
    "better": "The test finds the new model better, with the error shared over all slices compared.",
}


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
        "task": comparison["task"],
        "paired": comparison["paired"],
        "same_model": comparison["same_model"],
        "policy": comparison["policy"],
        "total": len(changes),
        "kind": _kind(comparison["counts"]),
        "groups": [_group(word, [change for change in changes if change["conclusion"] == word]) for word in _MARKS],
        "left_out": [_left_out(item) for item in comparison["not_compared"]],
    }


def _audit(audit: Mapping[str, Any]) -> dict[str, Any]:
    files = [f"{facts['name']}: {facts['used']:,} rows, SHA-256 {facts['sha256'][:12]}" for facts in audit["data"]]
    return {
        "candidate": audit["candidate"],
        "facts": [
            ("model", audit["path"]),
            ("fingerprint", audit["fingerprint"]),
            ("data", "; ".join(files) or "none"),
            ("seed", str(audit["seed"])),
            ("decision", audit["decision"]),
        ],
    }


def _kind(counts: Mapping[str, int]) -> str:
    """Return the colour of the first section."""
    if counts["worse"]:
        return "hold"
    return "undecided" if counts["cannot tell"] else "release"


def _group(word: str, changes: list[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "word": word,
        "anchor": word.replace(" ", "-"),
        "mark": {**_MARKS[word], "text": word},
        "meaning": _MEANINGS[word],
        "folded": word != "worse" and len(changes) > LONG,
        "rows": [_row(change) for change in changes],
    }


def _row(change: Mapping[str, Any]) -> dict[str, Any]:
    unit, points = change["unit"], difference_unit(change["unit"])
    return {
        "probe": change["probe"],
        "metric": change["title"],
        "better": change["better"],
        "slice": slice_text(change["slice"]),
        "required": change["required"],
        "old": amount(change["old"], unit),
        "new": amount(change["new"], unit),
        "value": amount(change["value"], points),
        "interval": interval(change["low"], change["high"], points),
        "tolerance": _tolerance(change["tolerance"], unit),
        "n": _clusters(change),
        "p": _test(change),
        "reason": change["reason"],
        "method": change["method"],
    }


def _tolerance(tolerance: float, unit: str) -> str:
    """Say the worsening that is accepted, which has no sign."""
    return f"{100 * tolerance:.1f} points" if unit in ("share", "points") else amount(tolerance, unit)


def _clusters(change: Mapping[str, Any]) -> str:
    """Say how many clusters are compared, of how many."""
    old, new = change["clusters_old"], change["clusters_new"]
    if not change["paired"]:
        return f"unpaired: {old:,} old, {new:,} new"
    clusters = change["clusters"]
    return f"{clusters:,}" if clusters == old == new else f"{clusters:,} common of {old:,} old, {new:,} new"


def _test(change: Mapping[str, Any]) -> str:
    """Say the p value, and the discordant pairs where it is McNemar's."""
    if change["p"] is None:
        return "–"
    pairs = change["mcnemar"]
    p = p_value(change["p"])
    return p if pairs is None else f"{p} (McNemar: {pairs['only_new']} only new, {pairs['only_old']} only old)"


def _left_out(item: Mapping[str, Any]) -> dict[str, str]:
    several = f"{item['slices']:,} slices" if item["slices"] > 1 else ""
    return {
        "name": f"{item['probe']}: {item['metric']}" if item["metric"] else item["probe"],
        "slice": several or (slice_text(item["slice"]) if item["slice"] else "all"),
        "reason": item["reason"],
    }
