"""Command ``audit train``."""

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
    """Fine-tune once for each recipe of the config.

    Finished checkpoints are kept, and interrupted trainings resume. The checkpoint folders go to standard output. With
    several checkpoints, a table of what each one took goes to standard error.
    """
    from auditor.training import distributed, job

    if not distributed.is_first():
        options.quiet = True
    path = options.config or Path("audit.toml")
    if options.config is None and not path.is_file():
        raise UsageError("no audit.toml here", hint="write one with: audit init; or name one with --config")
    config = _with_recipes(data_flags.applied(seeded(configs.load(path), options), options), options)
    finished: list[Finished] = []
    try:
        with configs.named(path), progress(options) as lines:
            for checkpoint in job.train(
                config, out=options.out, device=options.device, progress=lines, fresh=options.fresh
            ):
                if not distributed.is_first():
                    continue
                print(one_line(str(checkpoint.folder)), flush=True)
                finished.append(checkpoint)
                if checkpoint.record.warning:
                    print(
                        one_line(f"audit train: {checkpoint.folder.name}: {checkpoint.record.warning}"),
                        file=sys.stderr,
                        flush=True,
                    )
        INTERRUPTS.settle(0)
    finally:
        # Also for a grid that was stopped or whose training failed.
        if len(finished) > 1 and not options.quiet:
            print("\n".join(map(one_line, _table([HEAD, *map(_cells, finished)]))), file=sys.stderr)
    return 0


def _with_recipes(config: Config, options: Namespace) -> Config:
    """Return the config with the command line's recipes and number of seeds.

    Raises UsageError for values that the config would not accept either.
    """
    changed: dict[str, Any] = {}
    if options.recipes is not None:
        changed["recipes"] = tuple(word.strip() for word in options.recipes.split(","))
    if options.seeds is not None:
        changed["seeds"] = options.seeds
    if options.continue_from is not None:
        changed["continue_from"] = options.continue_from.absolute()
    if not changed:
        return config
    for flag, value in changed.items():
        if (flag == "seeds" and value < 1) or (flag == "recipes" and (not all(value) or len(set(value)) < len(value))):
            wanted = "at least 1" if flag == "seeds" else "names with commas between, each once"
            raise UsageError(f"--{flag} {getattr(options, flag)}: must be {wanted}")
    return config.model_copy(update={"training": config.training.model_copy(update=changed)})


def _cells(checkpoint: Finished) -> tuple[str, ...]:
    record, cost = checkpoint.record, checkpoint.cost
    scores = [value for entry in record.history for name, value in entry.items() if name.startswith("validation_")]
    share = record.trainable / record.parameters if record.parameters else None
    return (
        checkpoint.folder.name,
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
