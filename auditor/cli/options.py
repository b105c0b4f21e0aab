"""What several commands make of their flags."""

from __future__ import annotations

from argparse import Namespace

from auditor.cli.progress import Lines, Quiet
from auditor.config import SEEDS, Config
from auditor.errors import UsageError


def seeded(config: Config, options: Namespace) -> Config:
    """The config with the seed of ``--seed``, if it was given. Raises UsageError for one out of range."""
    if options.seed is None:
        return config
    if not 0 <= options.seed < SEEDS:
        raise UsageError(f"--seed {options.seed} is no seed", hint=f"a whole number from 0 to {SEEDS - 1}")
    return config.model_copy(update={"seed": options.seed})


def progress(options: Namespace) -> Lines:
    """Where progress goes: standard error, or nowhere with ``--quiet``."""
    return Quiet() if options.quiet else Lines()
