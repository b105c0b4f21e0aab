"""Entry point of ``audit``: parse the arguments and run one command.

An error becomes one line and an exit code.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import traceback
from collections.abc import Sequence

from auditor.cli import surroundings
from auditor.cli.arguments import parser
from auditor.cli.command_parser import BAD_INPUT
from auditor.cli.interrupts import INTERRUPTS
from auditor.cli.streams import guarded
from auditor.errors import AuditError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``audit`` and return the exit code; bugs keep their traceback.

    Without ``arguments`` the process's own are used, and signals that arrive after the command has finished are
    ignored.
    """
    INTERRUPTS.install()
    options = argparse.Namespace(command=None)
    with guarded() as (output, _):
        try:
            options = parser().parse_args(arguments)
            code = _run_command(options)
            output.flush()
            return code
        except KeyboardInterrupt:
            INTERRUPTS.ignore()
            # The reader may be what the process was waiting for.
            output.drop()
            return _interrupted(options)
        finally:
            output.flush()
            if output.trouble is not None:
                reason = f"its output could not be printed: {output.trouble}"
                print(f"{_name(options)}: {reason}", file=sys.stderr)
            if arguments is None:
                INTERRUPTS.ignore()
            else:
                INTERRUPTS.restore()


def _run_command(options: argparse.Namespace) -> int:
    if options.command is None:
        parser().print_help()
        return BAD_INPUT
    try:
        surroundings.prepare(options)
        name = {"import": "import_"}.get(options.command, options.command.replace("-", "_"))
        module = importlib.import_module(f"auditor.cli.{name}")
        return int(module.run(options))
    except Exception as error:
        if INTERRUPTS.received is not None:
            raise KeyboardInterrupt from error
        if isinstance(error, AuditError):
            print(f"{_name(options)}: {error.line}", file=sys.stderr)
        else:
            # A bug must not exit with the code of a held model.
            traceback.print_exc()
        return BAD_INPUT


def _interrupted(options: argparse.Namespace) -> int:
    """Print what became of the work and return the exit code.

    If the results are complete, this is their exit code.
    """
    command = "the same command without --fresh" if getattr(options, "fresh", False) else "the same command"
    kept = {
        "train": f"finished checkpoints are kept; run {command} to continue",
        "remedy": f"finished checkpoints are kept; run {command} to continue",
        "run": f"no results were written; run {command} to continue",
    }.get(options.command, "nothing was written")
    complete = INTERRUPTS.outcome is not None
    print(f"{_name(options)}: {INTERRUPTS.word}; {'the results are complete' if complete else kept}", file=sys.stderr)
    return INTERRUPTS.exit_code if INTERRUPTS.outcome is None else INTERRUPTS.outcome


def _name(options: argparse.Namespace) -> str:
    return f"audit {options.command}" if options.command else "audit"


if __name__ == "__main__":
    sys.exit(main())
