"""Number of further examples that decide a slice, where so many exist."""

from __future__ import annotations

from dataclasses import dataclass

from auditor import stats
from auditor.verdicts.claims import Claim
from auditor.verdicts.reasons import count, plural

EXAMPLE = "example"
"""A cluster that is no more than that."""
ENOUGH_CASES = 3
"""Cases of a sentence; more of them hardly narrow an interval, because cases of one sentence agree."""


@dataclass(frozen=True, slots=True)
class Advice:
    """Words on what decides a slice, with numbers of more examples.

    There are numbers where so many examples exist.
    """

    words: str
    number: int | None = None
    """With so many a decision is as likely as not."""
    high: int | None = None
    """With so many nearly all such slices are decided."""


def ended(claim: Claim, *, failed: bool, stopped: bool) -> str | None:
    """Say why the looks drew no more of a slice.

    ``failed``: a slice of its rule fails. ``stopped``: the time limit ended the looks. None where neither did.
    """
    if claim.rule.required == "never" or not (claim.any_time or claim.measurement.look < claim.looks):
        return None
    if failed:
        return "drawn no further, as another slice of this rule fails"
    return "the time limit ended the looks: raise --time-limit" if stopped else None


def advice(claim: Claim, fail: float, ended: str | None = None) -> Advice:
    """Say what would decide a slice; never more clusters than there are.

    ``fail``: the level at which it would fail. ``ended``: why the looks drew no more of it.
    """
    measured = claim.measurement
    noun = measured.cluster_unit or EXAMPLE
    more = stats.more_clusters(
        claim.metric,
        measured.method,
        measured.rows,
        claim.goals(fail),
        value=measured.value,
        clusters=measured.n_clusters,
    )
    if more is None:
        return Advice(f"more {plural(noun)} would hardly decide it")
    would = f"{ranged(more, noun)} would decide it"
    if measured.available is None:
        return Advice(would, more.even, more.likely)
    left = max(measured.available - measured.n_clusters, 0)
    if more.even > left:
        there = f"only {left} more exist" if left else f"only {count(measured.available, noun)} exist"
        return Advice(f"{would}, and {there}: {_instead(claim, noun)}")
    all_exist = more.likely is not None and more.likely <= left
    there = f"{'' if all_exist else 'only '}{left} more are available"
    if ended is not None:
        return Advice(f"{would}; {there}: {ended}", more.even, more.likely)
    return Advice(f"{would}; {there}{_raised(claim, noun)}", more.even, more.likely)


def _setting(claim: Claim) -> str | None:
    """Return the setting that raises the number of a slice's clusters.

    A probe with sentences of its own is told how many to make, the others how many rows to read. Once all sentences are
    made, one position gets more of them as each is said of more people.
    """
    settings, measured = claim.settings, claim.measurement
    if "content" in measured.slice:
        key = "bare_sentences"
    elif "position" in measured.slice and settings.get("sentences") == measured.available:
        key = "pairs_per_sentence"
    else:
        key = "examples" if "examples" in settings else "sentences"
    return key if key in settings else None


def _raised(claim: Claim, noun: str) -> str:
    """Say which setting to raise for more clusters, if one does that."""
    key = _setting(claim)
    if key is None:
        return ""
    counts = ", which counts rows," if key == "examples" and noun != EXAMPLE else ""
    return f": raise {key}{counts} in [probes.{claim.rule.probe}], and [audit] budget if it is set"


def ranged(more: stats.More, noun: str) -> str:
    """Word a range of numbers: ``about 300 to 900 more examples``.

    It is ``at least about 300 more examples`` where no number nearly always does.
    """
    if more.likely is None:
        return f"at least about {count(more.even, f'more {noun}')}"
    low = f"{more.even} to " if more.even < more.likely else ""
    return f"about {low}{count(more.likely, f'more {noun}')}"


def _instead(claim: Claim, noun: str) -> str:
    """Say what to do where there are not enough examples.

    That is more cases of each, where the probe has a setting for them.
    """
    for name, value in claim.settings.items():
        if name.endswith(f"_per_{noun}") and isinstance(value, int) and value < ENOUGH_CASES:
            return f"raise {name} to {ENOUGH_CASES} in [probes.{claim.rule.probe}]"
    return f"this probe cannot decide it with the {plural(noun)} there are"
