"""What several commands make of their flags."""

from __future__ import annotations

import sys
from argparse import Namespace

from auditor.cli.interrupts import INTERRUPTS
from auditor.cli.live import Live, on_terminal
from auditor.config import SEEDS, Config
from auditor.errors import UsageError
from auditor.progress import Lines, Quiet


def seeded(config: Config, options: Namespace) -> Config:
    """The config with the seed of ``--seed``, if it was given. Raises UsageError for one out of range."""
    if options.seed is None:
        return config
    if not 0 <= options.seed < SEEDS:
        raise UsageError(f"--seed {options.seed} is no seed", hint=f"a whole number from 0 to {SEEDS - 1}")
    return config.model_copy(update={"seed": options.seed})


def progress(options: Namespace) -> Lines:
    """Where progress goes: standard error, a terminal or a log, or nowhere with ``--quiet``."""
    if options.quiet:
        return Quiet(check=INTERRUPTS.check)
    return Live(check=INTERRUPTS.check) if on_terminal(sys.stderr) else Lines(check=INTERRUPTS.check)
