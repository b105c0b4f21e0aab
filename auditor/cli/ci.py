"""Outputs for CI, and the flags of waivers.

``audit run`` and ``audit gate`` have them both.
"""

from __future__ import annotations

import argparse
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from auditor.cli.paths import path
from auditor.errors import UsageError, one_line
from auditor.plugins import registry
from auditor.results import outputs
from auditor.types import Regression
from auditor.verdicts import advice

FLAGS = {
    "junit": (("junit.xml",), (".xml",), "verdicts as JUnit XML"),
    "sarif": (("audit.sarif",), (".sarif", ".json"), "verdicts as SARIF 2.1.0"),
    "summary": (("summary.md",), (".md",), "a summary in Markdown; also appended to $GITHUB_STEP_SUMMARY"),
    "metrics": (("metrics.json", "metrics.csv"), (".json", ".csv"), "every measurement as a flat row, .json or .csv"),
    "badge": (("badge.svg",), (".svg",), "the decision as an SVG badge"),
}
"""Flag → its files with --ci, endings that a file may have, and what is written."""
STEP_SUMMARY = "GITHUB_STEP_SUMMARY"
"""Variable in which GitHub Actions names the file of a job's summary."""
UNDECIDED = ("failure", "skipped")


def add(command: argparse.ArgumentParser) -> None:
    """Add the flags of waivers and of outputs for CI."""
    command.add_argument(
        "--waivers", type=path, metavar="FILE", help="required rules that may be broken until a date (waivers.toml)"
    )
    command.add_argument(
        "--on", type=_day, metavar="DATE", help="the day on which waivers are judged: 2026-12-01 (default: today, UTC)"
    )
    command.add_argument("--ci", type=path, metavar="DIR", help="write every output for CI to this folder")
    for name, (_, endings, what) in FLAGS.items():
        command.add_argument(f"--{name}", type=path, metavar=f"FILE{'|'.join(endings)}", help=f"write {what}")
    command.add_argument(
        "--undecided", choices=UNDECIDED, help="what an undecided rule is in JUnit XML (default: failure)"
    )


def _day(word: str) -> date:
    try:
        return date.fromisoformat(word)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{word} is not a date such as 2026-12-01") from None


def targets(options: Namespace) -> dict[Path, str]:
    """Return file → flag of every output asked for.

    Raises UsageError for an ending that does not fit, for a file that two flags name, and for a file that another
    program wrote.
    """
    files: dict[Path, str] = {}
    if options.ci is not None:
        if options.ci.exists() and not options.ci.is_dir():
            raise UsageError(f"--ci {options.ci}: exists and is not a folder")
        files = {options.ci / name: flag for flag, (names, _, _) in FLAGS.items() for name in names}
    for flag, (_, endings, _) in FLAGS.items():
        file = getattr(options, flag)
        if file is None:
            continue
        if file.suffix not in endings:
            raise UsageError(f"--{flag} {file}: the name must end in {' or '.join(endings)}")
        if file in files:
            raise UsageError(f"--{flag} {file}: --{files[file] if options.ci is None else 'ci'} writes that file too")
        files[file] = flag
    for file, flag in files.items():
        _check_target(file, flag)
    if options.undecided is not None and "junit" not in files.values():
        raise UsageError("--undecided is about JUnit XML", hint="give --junit FILE or --ci DIR too")
    return files


def _check_target(file: Path, flag: str) -> None:
    """Refuse to write over what is not an earlier output."""
    try:
        above = next(parent for parent in file.absolute().parents if parent.exists())
        if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
            raise UsageError(f"cannot be written: {above.name or above} is no folder to write to", where=str(file))
        if not file.exists():
            return
        if not file.is_file():
            raise UsageError("exists and is not a file", where=str(file))
        with file.open("rb") as content:
            begins = content.read(256)
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", where=str(file)) from None
    if begins and not begins.startswith(_head(file, flag).encode()):
        raise UsageError("exists and was not written by this flag", where=str(file), hint="name another file")


def _head(file: Path, flag: str) -> str:
    """Return how an earlier output begins."""
    registry.sibling("reports")
    from reports import badge, flat, junit, markdown, sarif

    if flag == "metrics":
        return flat.HEAD_CSV if file.suffix == ".csv" else flat.HEAD_JSON
    return {"junit": junit.HEAD, "sarif": sarif.HEAD, "summary": markdown.HEAD, "badge": badge.HEAD}[flag]


def write(
    files: Mapping[Path, str],
    options: Namespace,
    content: Mapping[str, Any],
    regressions: Sequence[Regression] | None = None,
) -> None:
    """Write the outputs, and append the summary to that of the job.

    ``content``: results.json, judged. ``regressions``: against an audit before. Raises ResultsError.
    """
    for file, text in _rendered(files, options, content, regressions):
        outputs.write(file, text.encode("utf-8", "backslashreplace"))
        if files[file] == "summary":
            _append(text)
        if not options.quiet:
            print(one_line(f"{files[file]}: {file}"), file=sys.stderr)


def _rendered(
    files: Mapping[Path, str], options: Namespace, content: Mapping[str, Any], regressions: Sequence[Regression] | None
) -> Iterator[tuple[Path, str]]:
    if not files:
        return
    registry.sibling("reports")
    from reports import badge, flat, junit, markdown, sarif

    # Without the folder's name, as the page: the same results give the same bytes wherever they lie.
    steps = advice.next_steps(content)
    renderers: dict[str, Callable[[Path], str]] = {
        "junit": lambda _: junit.render(content, regressions, steps, undecided=options.undecided or "failure"),
        "sarif": lambda _: sarif.render(content, regressions, steps),
        "summary": lambda _: markdown.render(content, regressions, steps),
        "metrics": lambda file: (flat.as_csv if file.suffix == ".csv" else flat.as_json)(content, regressions),
        "badge": lambda _: badge.render(content, regressions),
    }
    for file, flag in files.items():
        yield file, renderers[flag](file)


def _append(text: str) -> None:
    """Append to the job's summary.

    A file that cannot be written is a warning: the summary stands in its own file.
    """
    named = os.environ.get(STEP_SUMMARY)
    if named:
        try:
            with Path(named).open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
        except (OSError, ValueError) as error:
            print(one_line(f"{STEP_SUMMARY}: {named}: cannot be written: {error}"), file=sys.stderr)
