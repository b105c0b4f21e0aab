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
    """Return the shipped policy of a task.

    Without a task it is the policy of text classification. Raises ConfigError for an unknown task, and PolicyError
    where a third party's task names a file that is not there.
    """
    own = None if task is None else tasks.kind(task).policy
    return read_file(policy.shipped(task or "", own), PolicyError, missing="no such policy file", limit=SETTINGS)
