"""Attacks that have nothing to try.

They are no attempts that a model withstood.
"""

from __future__ import annotations

from collections.abc import Mapping

from auditor.metrics import share
from auditor.types import Case, Example, Judged, Metric, Slice

NOTHING = "nothing_to_change"

Offers = Mapping[str, bool]
"""Id of an example that might be attacked → whether it offers the attack anything to change."""


def mostly_nothing(offers: Offers, texts: str, changes: str) -> str | None:
    """Why an attack says nothing of these texts; None where it does.

    It does where half of the texts or more offer it something to change. ``texts``: what they are, ``changes``: what
    the attack changes, in words.
    """
    without = sum(not offered for offered in offers.values())
    if 2 * without <= len(offers):
        return None
    return f"{without} of the {len(offers)} {texts} offer nothing to change: {changes}"


def left_alone(example: Example, slice_: Slice, offers: Offers) -> Case:
    """A case that need not, or cannot, be attacked."""
    nothing = {NOTHING: 1.0} if example.id in offers else {}
    return Case(example, slice_, facts={"attacked": 0.0, **nothing})


def nothing_to_change(title: str) -> Metric:
    """The share of attackable examples that offer nothing to change."""

    def read(judged: Judged) -> float | None:
        if NOTHING in judged.facts:
            return 1.0
        return 0.0 if judged.facts.get("attacked") == 1.0 else None

    return share(NOTHING, title, read, comparable=False)
