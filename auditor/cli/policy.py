"""Command ``audit policy``."""

from __future__ import annotations

from argparse import Namespace

from auditor import tasks
from auditor.errors import PolicyError
from auditor.storage.reading import SETTINGS, read_file
from auditor.verdicts import policy


def run(options: Namespace) -> int:
    """Print the shipped policy of a task, as a starting point."""
    print(of_task(options.task).decode("utf-8"), end="")
    return 0


def of_task(task: str | None) -> bytes:
    """The shipped policy of a task, of text classification where none is named.

    Raises ConfigError for an unknown task, PolicyError for a file that a third party's task names and that is not there.
    """
    own = None if task is None else tasks.kind(task).policy
    return read_file(policy.shipped(task or "", own), PolicyError, missing="no such policy file", limit=SETTINGS)
