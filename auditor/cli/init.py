"""``audit init``."""

from __future__ import annotations

from argparse import Namespace

from auditor import config
from auditor.cli.interrupts import INTERRUPTS
from auditor.errors import UsageError, one_line


def run(options: Namespace) -> int:
    """Write the commented template; never over a file that exists."""
    try:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        with options.out.open("x", encoding="utf-8") as file:
            file.write(config.TEMPLATE)
    except FileExistsError:
        raise UsageError("exists already", where=str(options.out), hint="name another file with --out") from None
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", where=str(options.out)) from None
    INTERRUPTS.settle(0)
    text = f"wrote {options.out}; set [data] and [training] base in it, then: audit train --config {options.out}"
    print(one_line(text))
    return 0
