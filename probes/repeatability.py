"""Repeatability: does the same text get the same answer?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from auditor import metrics
from auditor.settings import CheckedSettings, Count
from auditor.types import (
    ASKED,
    Asked,
    Audit,
    Case,
    Judged,
    Measurement,
    Metric,
    Planned,
    ProbeDefaults,
    Skipped,
    Task,
    gives_label_scores,
)

IN_WINDOWS: tuple[Asked, ...] = ("again", "reloaded")
"""Ways to ask that repeat the batches of the first answer, with all that is in them."""
LARGEST = Metric("largest_score_change", "largest change of a score", "descriptive", "points", 0.0, 1.0, "lower")


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """How many rows are asked about once more."""

    examples: Count = 300
    """Rows of the home domain, at most."""


class Repeatability(ProbeDefaults):
    """The same texts asked once more, with nothing changed.

    Each row of the home domain is asked about again in five ways, past every cache: in the same batch as before (an
    answer that changes hangs on chance: dropout left on, noise); alone, and beside longer and shorter texts (it hangs
    on its company: an attention mask that is ignored); padded to the length that the model reads, 256 tokens at most,
    with the mask set, as padding="max_length" does; and by the checkpoint loaded again. What is compared is the
    decision. Rounding alone moves scores by a millionth, and with them the decision of a text that sits between two
    labels: the largest change of a score says which it was.
    """

    name = "repeatability"
    limitation = "repeatability"
    role = "repeatability"
    settings = Settings()

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        """The share of answers that change, and the largest change."""
        changed = metrics.share(
            "changed_answers", "answers that change", lambda judged: float(not judged.same), "lower"
        )
        return (changed, LARGEST) if gives_label_scores(task) else (changed,)

    def planned(self, audit: Audit) -> Planned:
        """At most five cases for each home row."""
        rows = len(audit.examples("home", audit.settings.examples))
        return Planned(len(ASKED) * rows, exact=False, whole_windows=len(IN_WINDOWS))

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        """Yield the home rows as they stand, for each way to ask."""
        examples = audit.examples("home", audit.settings.examples)
        for asked in ASKED:
            reason = audit.why_not(asked)
            if reason is not None:
                yield Skipped({"asked": asked}, reason, applies=False)
                continue
            for example in examples:
                yield Case(example, {"asked": asked}, asked=asked)

    def measure(self, cases: Iterable[Judged], audit: Audit) -> Iterator[Measurement]:
        """Yield the largest change of a score for each way to ask."""
        if not gives_label_scores(audit.task):
            return
        largest: dict[str, float] = {}
        counts: Counter[str] = Counter()
        for judged in cases:
            changes = (abs(score - judged.before_classes[label]) for label, score in judged.after_classes.items())
            asked = judged.slice["asked"]
            largest[asked] = max(largest.get(asked, 0.0), *changes)
            counts[asked] += 1
        for asked, value in largest.items():
            method = "the largest difference of a class's probability from that of the first answer"
            yield Measurement(LARGEST.name, {"asked": asked}, value, value, value, counts[asked], counts[asked], method)


PROBE = Repeatability()
