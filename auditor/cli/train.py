"""``audit train``."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from auditor import config as configs
from auditor.cli.options import named, progress, seeded
from auditor.errors import UsageError


def run(options: Namespace) -> int:
    """Fine-tune once for each recipe of the config; what is done is kept, and what was interrupted goes on."""
    from auditor.training import job

    path = options.config or Path("audit.toml")
    if options.config is None and not path.is_file():
        raise UsageError("no audit.toml here", hint="write one with: audit init; or name one with --config")
    config = seeded(configs.load(path), options)
    with named(path), progress(options) as lines:
        for checkpoint in job.train(
            config, out=options.out, device=options.device, progress=lines, fresh=options.fresh
        ):
            print(checkpoint)
    return 0
