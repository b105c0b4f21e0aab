"""Function ``auditor.compare``, and what it returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from auditor.api import arguments
from auditor.api.arguments import Place
from auditor.errors import one_line
from auditor.plugins import registry
from auditor.results import comparing
from auditor.types import Regression
from auditor.verdicts import regressions


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Comparison:
    """Two audits side by side."""

    content: Mapping[str, Any]
    """What ``audit compare --json`` prints: ``changes``, worst first, ``counts`` by conclusion, ``not_compared``."""
    regressions: tuple[Regression, ...]
    """Every slice that a required rule reads, as ``audit gate --against`` judges it: ``outcome`` and ``reason``."""
    language: str = "en"
    """Language of the page."""

    @property
    def exit_code(self) -> Literal[0, 1, 3]:
        """The code of the regression gate.

        0: nothing is worse beyond its tolerance. 1: a slice is. 3: undecided.
        """
        return regressions.decision(self.regressions).exit_code

    def html(self) -> str:
        """Render the comparison as one self-contained page.

        Returns:
            HTML without scripts; the same page as ``audit compare --out`` writes.
        """
        return page(self.content, self.language)

    def __repr__(self) -> str:
        counts = ", ".join(f"{number} {word}" for word, number in self.content["counts"].items())
        old, new = (self.content[side]["candidate"] for side in ("old", "new"))
        return one_line(f"<Comparison of {new} with {old}: {counts}>")


def compare(
    old: Place,
    new: Place,
    *,
    policy: Place | None = None,
    tolerances: Mapping[str, float] | None = None,
    unpaired: bool = False,
    language: str = "en",
) -> Comparison:
    """Compare the candidates of two audits, slice by slice.

    Does what ``audit compare`` does: both folders are verified, and the same cases are paired by their names.

    Args:
        old: The results folder of the earlier audit.
        new: The results folder of the later audit.
        policy: The ``policy.toml`` whose rules say which slices are required; None: the new audit's.
        tolerances: Metric, or ``probe.metric``, → the worsening that is accepted, in the metric's unit. Default: the
            margin of the rule that reads it, else 0.05 for shares and points.
        unpaired: Compare audits of other data, seeds or settings, as independent samples.
        language: Language of the page: ``en`` or ``zh``.

    Returns:
        The comparison.

    Raises:
        ResultsError: A folder holds no results or was changed; the audits are of different tasks, labels or versions
            of auditor; or, without ``unpaired``, they are not of the same cases.
        PolicyError: The policy is invalid.
        UsageError: A tolerance names no metric, or is not a number from 0 on; or no page speaks the
            language.

    Example:
        >>> comparison = auditor.compare("audit-1.3", "audit-1.4")  # doctest: +SKIP
        >>> [item.metric for item in comparison.regressions if item.outcome == "fail"]  # doctest: +SKIP
        ['drop_over_changed_cases']
    """
    spoken = arguments.language(language)
    compared = comparing.compare(
        Path(old),
        Path(new),
        policy=None if policy is None else Path(policy),
        unpaired=unpaired,
        tolerances=tolerances,
    )
    return Comparison(compared.document(), compared.regressions(), spoken)


def page(content: Mapping[str, Any], language: str = "en") -> str:
    """Render the page of a comparison's document."""
    registry.sibling("reports")
    from reports import comparison

    return comparison.render(content, language).encode("utf-8", "backslashreplace").decode("utf-8")
