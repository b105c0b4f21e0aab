"""Why a probe has no numbers, for the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auditor.types import lacked_by_task
from reports.lookup import INAPPLICABLE, applies
from reports.words import recorded, say


def has_measured(record: Mapping[str, Any] | None) -> bool:
    """Tell whether the record has numbers; every slice may be skipped."""
    return record is not None and record["status"] == "measured" and bool(record["measurements"])


def unmeasured_text(record: Mapping[str, Any] | None) -> str:
    """Say why nothing was measured, failed or does not apply: ``word: reason``."""
    if record is None:
        return say("not measured: not run on this model")
    failed = record["status"] == "failed"
    word = say("failed") if failed else say("not measured") if applies(record) else say(INAPPLICABLE)
    if record["status"] == "measured":
        reasons = say("; ").join(dict.fromkeys(recorded(gap["reason"]) for gap in record["skipped"]))
        return say("{word}: {reason}", word=word, reason=reasons or say("no slice could be measured"))
    # Also of a probe that was not selected: selecting it would change nothing.
    given = lacked_by_task(record["missing"]) or record["reason"]
    # What crashed says itself why, perhaps with texts of the data.
    reason = (given if failed else recorded(given)) if given else say("no reason recorded")
    return say("{word}: {reason}", word=word, reason=reason)
