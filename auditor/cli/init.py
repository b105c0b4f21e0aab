"""Command ``audit init``."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from auditor import config
from auditor.cli.interrupts import INTERRUPTS
from auditor.cli.policy import of_task
from auditor.errors import UsageError, one_line
from auditor.storage import files

CONFIG, POLICY = Path("audit.toml"), Path("policy.toml")
"""Default paths to write to."""


def run(options: Namespace) -> int:
    """Write the commented config template, or the shipped policy.

    An existing file is never overwritten.
    """
    if options.policy:
        out = options.out or POLICY
        files.write_whole(out, of_task(options.task), UsageError, over=False)
        INTERRUPTS.settle(0)
        print(one_line(f"wrote {out}; change its limits, then: audit gate audit/ --policy {out}"))
        return 0
    if options.task is not None:
        raise UsageError("--task applies to --policy only", hint="audit init --policy --task ner")
    out = options.out or CONFIG
    files.write_whole(out, config.TEMPLATE.encode("utf-8"), UsageError, over=False)
    INTERRUPTS.settle(0)
    print(one_line(f"wrote {out}; set [data] and [training] base in it, then: audit train --config {out}"))
    return 0
