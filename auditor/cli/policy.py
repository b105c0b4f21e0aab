"""Command ``audit policy``."""

from __future__ import annotations

from argparse import Namespace

from auditor.verdicts import policy


def run(options: Namespace) -> int:
    """Print the shipped policy of a task, as a starting point."""
    print(policy.shipped(options.task).read_text(encoding="utf-8"), end="")
    return 0
