"""The best answer that ignores the input."""

from __future__ import annotations

from typing import Any

from auditor.types import Audit


def of(audit: Audit) -> Any:
    """The best constant answer; None without any gold.

    It goes by the training rows, else by all test rows.
    """
    try:
        train = audit.task.constant([example.gold for example in audit.examples("train")])
    except KeyError:
        train = None
    return audit.task.constant([example.gold for example in audit.examples("home")]) if train is None else train
