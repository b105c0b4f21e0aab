"""Arguments of the commands that read a results folder."""

from __future__ import annotations

from auditor.cli import ci
from auditor.cli.command_parser import Commands, add_command
from auditor.cli.paths import path as _path


def gate(commands: Commands) -> None:
    """Add ``audit gate``."""
    parser = add_command(
        commands,
        "gate",
        "Judge a results folder, optionally by another policy.",
        "  audit gate audit/\n  audit gate audit/ --policy strict.toml --json\n"
        "  audit gate audit/ --waivers waivers.toml --ci ci/",
    )
    parser.add_argument("results", type=_path, help="the folder that audit run wrote")
    parser.add_argument("--policy", type=_path, help="the policy.toml to judge by (default: the audit's)")
    ci.add(parser)
    parser.add_argument("--json", action="store_true", help="print the decision as JSON")
    parser.add_argument("--quiet", action="store_true", help="print only the decision, without verdicts")


def report(commands: Commands) -> None:
    """Add ``audit report``."""
    parser = add_command(
        commands,
        "report",
        "Rewrite the scorecard of a results folder.",
        "  audit report audit/\n  audit report audit/ --policy strict.toml --out page.html",
    )
    parser.add_argument("results", type=_path, help="the folder that audit run wrote")
    parser.add_argument("--policy", type=_path, help="the policy.toml to judge by (default: the audit's)")
    parser.add_argument("--out", type=_path, help="the page to write (default: scorecard.html in the folder)")


def review(commands: Commands) -> None:
    """Add ``audit review``."""
    parser = add_command(
        commands,
        "review",
        "Say what a filled-in table of an audit shows: the share confirmed, and the metric with corrected labels.",
        "  audit review audit/review.csv\n  audit review checked.csv --results audit/ --json",
    )
    parser.add_argument("file", type=_path, help="the table that audit run wrote, filled in by a reviewer (CSV)")
    parser.add_argument(
        "--results", type=_path, metavar="DIR", help="the folder that audit run wrote (default: the file's folder)"
    )
    parser.add_argument("--json", action="store_true", help="print as JSON")
