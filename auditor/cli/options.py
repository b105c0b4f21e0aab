"""What several commands make of their flags."""

from __future__ import annotations

import contextlib
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from auditor.cli.live import Live, on_terminal
from auditor.cli.progress import Lines, Quiet
from auditor.config import SEEDS, Config
from auditor.engine import Cache, SQLiteCache
from auditor.errors import ConfigError, UsageError, one_line
from auditor.storage import user_cache


def seeded(config: Config, options: Namespace) -> Config:
    """The config with the seed of ``--seed``, if it was given. Raises UsageError for one out of range."""
    if options.seed is None:
        return config
    if not 0 <= options.seed < SEEDS:
        raise UsageError(f"--seed {options.seed} is no seed", hint=f"a whole number from 0 to {SEEDS - 1}")
    return config.model_copy(update={"seed": options.seed})


@contextlib.contextmanager
def named(file: Path | None) -> Iterator[None]:
    """Inside, an error about a table of the config also names its file."""
    try:
        yield
    except ConfigError as error:
        if file is None or (error.where or "").startswith(str(file)):
            raise
        raise error.at(f"{file}: {error.where}" if error.where else str(file)) from None


def progress(options: Namespace) -> Lines:
    """Where progress goes: standard error, a terminal or a log, or nowhere with ``--quiet``."""
    if options.quiet:
        return Quiet()
    return Live() if on_terminal(sys.stderr) else Lines()


@contextlib.contextmanager
def kept_answers(options: Namespace) -> Iterator[Cache]:
    """Where answers are kept between runs; a folder that cannot be written is said once and costs nothing else."""
    file = user_cache.folder() / user_cache.ANSWERS
    cache = SQLiteCache(file, limit_bytes=user_cache.LIMIT_BYTES // 4, fresh=options.fresh)
    try:
        yield cache
    finally:
        cache.close()
        if cache.trouble is not None:
            print(one_line(f"answers are not kept: {file}: {cache.trouble}"), file=sys.stderr)
        elif cache.hits and not options.quiet:
            print(f"{cache.hits:,} answers were known from an earlier run (--fresh asks again)", file=sys.stderr)
