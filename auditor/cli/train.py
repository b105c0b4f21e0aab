"""``audit train``."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditor import config as configs
from auditor.cli import data_flags
from auditor.cli.interrupts import INTERRUPTS
from auditor.cli.options import progress, seeded
from auditor.config import Config
from auditor.errors import UsageError, one_line

if TYPE_CHECKING:
    from auditor.training.job import Finished

HEAD = ("checkpoint", "validation", "trained", "steps", "steps/s", "time", "memory")
UNKNOWN = "–"


def run(options: Namespace) -> int:
    """Fine-tune once for each recipe of the config; what is done is kept, and what was interrupted goes on.

    The folders go to standard output; with several, a table of what each took goes to standard error.
    """
    from auditor.training import distributed, job

    if not distributed.is_first():
        options.quiet = True
    path = options.config or Path("audit.toml")
    if options.config is None and not path.is_file():
        raise UsageError("no audit.toml here", hint="write one with: audit init; or name one with --config")
    config = _asked(data_flags.applied(seeded(configs.load(path), options), options), options)
    finished: list[Finished] = []
    try:
        with configs.named(path), progress(options) as lines:
            for one in job.train(config, out=options.out, device=options.device, progress=lines, fresh=options.fresh):
                if not distributed.is_first():
                    continue
                print(one_line(str(one.folder)), flush=True)
                finished.append(one)
                if one.record.warning:
                    print(
                        one_line(f"audit train: {one.folder.name}: {one.record.warning}"), file=sys.stderr, flush=True
                    )
        INTERRUPTS.settle(0)
    finally:
        # Also of a grid that was stopped, or one of whose trainings failed.
        if len(finished) > 1 and not options.quiet:
            print("\n".join(map(one_line, _table([HEAD, *map(_cells, finished)]))), file=sys.stderr)
    return 0


def _asked(config: Config, options: Namespace) -> Config:
    """The config with the recipes and the number of seeds of the command line, checked as the config's own."""
    changed: dict[str, Any] = {}
    if options.recipes is not None:
        changed["recipes"] = tuple(word.strip() for word in options.recipes.split(","))
    if options.seeds is not None:
        changed["seeds"] = options.seeds
    if not changed:
        return config
    for flag, value in changed.items():
        if (flag == "seeds" and value < 1) or (flag == "recipes" and (not all(value) or len(set(value)) < len(value))):
            wanted = "at least 1" if flag == "seeds" else "names with commas between, each once"
            raise UsageError(f"--{flag} {getattr(options, flag)}: must be {wanted}")
    return config.model_copy(update={"training": config.training.model_copy(update=changed)})


def _cells(one: Finished) -> tuple[str, ...]:
    record, cost = one.record, one.cost
    scores = [value for entry in record.history for name, value in entry.items() if name.startswith("validation_")]
    share = record.trainable / record.parameters if record.parameters else None
    return (
        one.folder.name,
        f"{max(scores):.3f}" if scores else UNKNOWN,
        UNKNOWN if share is None else f"{share:.2%}",
        str(record.steps),
        UNKNOWN if cost is None else f"{cost.steps_per_second:.2f}",
        UNKNOWN if cost is None else f"{cost.seconds:.0f} s",
        UNKNOWN if cost is None or cost.peak_bytes is None else f"{cost.peak_bytes / 2**20:,.0f} MiB",
    )


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if not at else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
