"""Names say what they hold, and docstrings begin with a short line."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted(path for package in ("auditor", "probes", "reports") for path in (ROOT / package).rglob("*.py"))
EMPTY_NAMES = frozenset({"one", "found", "some", "other"})
LONGEST_SUMMARY = 12
"""Words of a docstring's first paragraph."""


def names_of(node: ast.AST) -> list[str | None]:
    """The names that a node gives to something."""
    match node:
        case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name) | ast.Attribute(attr=name, ctx=ast.Store()):
            return [name]
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.ExceptHandler(name=name) | ast.MatchAs(name=name) | ast.MatchStar(name=name):
            return [name]
        case ast.MatchMapping(rest=name) | ast.alias(asname=name):
            return [name]
    return []


def bare(name: str | None) -> str:
    """The name without underscores at its ends and without capitals."""
    return (name or "").strip("_").lower()


def empty_names(text: str) -> Iterator[str]:
    """Place and name of whatever has a name that says nothing."""
    for node in ast.walk(ast.parse(text)):
        yield from (f"{getattr(node, 'lineno', 0)}: {name}" for name in names_of(node) if bare(name) in EMPTY_NAMES)


def long_summaries(text: str) -> Iterator[str]:
    """Place, length and beginning of summaries that are too long."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            summary = (ast.get_docstring(node) or "").split("\n\n")[0].split()
            if len(summary) > LONGEST_SUMMARY:
                yield f"{getattr(node, 'lineno', 1)}: {len(summary)} words: {' '.join(summary[:8])}"


def everywhere(scan: Callable[[str], Iterator[str]]) -> list[str]:
    """What a scanner reports of every module."""
    texts = ((path.relative_to(ROOT), path.read_text(encoding="utf-8")) for path in MODULES)
    return [f"{path}:{place}" for path, text in texts for place in scan(text)]


def test_every_module_is_read() -> None:
    files = {path.relative_to(ROOT).as_posix() for path in MODULES}
    assert {"auditor/__init__.py", "auditor/types/task.py", "probes/quality.py", "reports/view.py"} <= files


def test_nothing_has_a_name_that_says_nothing() -> None:
    assert everywhere(empty_names) == []


def test_docstrings_begin_with_a_short_line() -> None:
    assert everywhere(long_summaries) == []


@pytest.mark.parametrize(
    "text",
    [
        "def {}(): ...",
        "async def {}(): ...",
        "class {}: ...",
        "def f({}): ...",
        "def f(*{}): ...",
        "def f(*, {}=1): ...",
        "lambda {}: 1",
        "{} = 1",
        "{}: int",
        "{} += 1",
        "a, *{} = b",
        "self.{} = 1",
        "if ({} := 1): ...",
        "for {} in a: ...",
        "for a, {} in b: ...",
        "[a for {} in b]",
        "{{1: a for a, {} in b}}",
        "with a as {}: ...",
        "import a as {}",
        "from a import b as {}",
        "try: ...\nexcept E as {}: ...",
        "match a:\n case {}: ...",
        "match a:\n case [*{}]: ...",
        "match a:\n case {{**{}}}: ...",
    ],
)
@pytest.mark.parametrize("name", [*sorted(EMPTY_NAMES), "_other", "Found", "SOME"])
def test_the_scanner_sees_names_of_every_kind(text: str, name: str) -> None:
    assert [place.split(": ")[1] for place in empty_names(text.format(name))] == [name]
    assert list(empty_names(text.format("entity"))) == []


def test_names_that_are_only_used_are_no_concern() -> None:
    assert list(empty_names("import one\nprint(some, other.found, f(found=1))")) == []


@pytest.mark.parametrize("head", ["", "class A:\n ", "def f():\n ", "async def f():\n ", "class A:\n def f(self):\n  "])
def test_the_scanner_sees_summaries_of_every_kind(head: str) -> None:
    # A summary may go over two lines: the first paragraph counts, and no further one does.
    twelve = (
        '"""'
        + "word " * 6
        + "\n"
        + "word " * 5
        + 'word.\n\nAny number of words may follow here, as it is only details."""'
    )
    thirteen = twelve.replace("word.", "word word.")
    assert list(long_summaries(head + twelve)) == []
    (place,) = long_summaries(head + thirteen)
    assert "13 words: word word" in place
