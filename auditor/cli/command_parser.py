"""Parser of a command: wrong arguments are one line."""

from __future__ import annotations

import argparse
import re
import sys
from typing import NoReturn, TypeAlias

from auditor.errors import SHORTER, near_match, one_line

BAD_INPUT = 2


class Parser(argparse.ArgumentParser):
    """Parser that reports wrong arguments in one line."""

    def error(self, message: str) -> NoReturn:
        """Print one line with a hint, and exit."""
        choice = re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message)
        suggestion = near_match(choice[1], re.findall(r"'([^']+)'", choice[2])) if choice else None
        hint = "" if message.endswith(f"({SHORTER})") else f" ({suggestion or f'see {self.prog} --help'})"
        print(one_line(f"{self.prog}: {message}{hint}"), file=sys.stderr)
        raise SystemExit(BAD_INPUT)


Commands: TypeAlias = "argparse._SubParsersAction[Parser]"


def add_command(commands: Commands, name: str, summary: str, examples: str) -> argparse.ArgumentParser:
    """Add a command, with its summary and examples in its help."""
    return commands.add_parser(
        name,
        help=summary,
        description=summary,
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
