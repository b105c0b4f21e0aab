"""Handling of flags that several commands share."""

from __future__ import annotations

import sys
from argparse import Namespace

from auditor.cli.interrupts import INTERRUPTS
from auditor.cli.live import Live, on_terminal
from auditor.config import SEEDS, Config
from auditor.errors import UsageError
from auditor.progress import Lines, Quiet


def seeded(config: Config, options: Namespace) -> Config:
    """Return the config with the seed of ``--seed``, if given.

    Raises UsageError for a seed out of range.
    """
    if options.seed is None:
        return config
    if not 0 <= options.seed < SEEDS:
        raise UsageError(f"--seed {options.seed}: must be a whole number from 0 to {SEEDS - 1}")
    return config.model_copy(update={"seed": options.seed})


def progress(options: Namespace) -> Lines:
    """Return the progress display for standard error.

    It is a changing line on a terminal, plain lines in a log, and nothing with ``--quiet``.
    """
    if options.quiet:
        return Quiet(check=INTERRUPTS.check)
    return Live(check=INTERRUPTS.check) if on_terminal(sys.stderr) else Lines(check=INTERRUPTS.check)
