"""Imports go one way."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BASE = {"types", "errors", "storage"}
ALLOWED: dict[str, set[str]] = {
    "types": set(),
    "errors": set(),
    "storage": {"errors"},
    "environment": {"errors"},
    "text": {"errors"},
    "labels": {"errors"},
    "stats": BASE,
    "metrics": BASE | {"stats"},
    "tasks": BASE | {"labels", "text"},
    "perturbations": BASE | {"text"},
    "attacks": BASE | {"environment", "text"},
    "engine": BASE,
    "models": BASE,
    "data": BASE | {"labels", "text"},
    "config": BASE,
    "plugins": BASE | {"environment"},
    "verdicts": BASE | {"stats"},
    "results": BASE | {"config", "data", "environment", "metrics", "plugins", "stats", "tasks", "verdicts"},
    "training": BASE | {"attacks", "config", "data", "environment", "models", "perturbations", "tasks", "text"},
    "evaluation": BASE
    | {"config", "data", "engine", "metrics", "models", "plugins", "results", "stats", "tasks", "training", "verdicts"},
}
"""Package → what it may import. Only ``cli`` may import all of them."""
HEAVY = ("torch", "transformers", "textattack", "nlpaug", "sklearn", "scipy", "pandas", "pyarrow", "accelerate", "rich")


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "auditor":
                yield from (f"auditor.{alias.name}" for alias in node.names)
            else:
                yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def files_of(package: str) -> list[Path]:
    folder = ROOT / "auditor" / package
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_a_package_imports_only_what_the_table_allows(package: str) -> None:
    for file in files_of(package):
        for name in imported(file):
            parts = name.split(".")
            if parts[0] in ("probes", "reports"):
                pytest.fail(f"{file}: imports {name}")
            if parts[0] == "auditor" and len(parts) > 1 and not parts[1].startswith("__"):
                assert parts[1] == package or parts[1] in ALLOWED[package], f"{file}: imports {name}"


def test_every_package_of_the_engine_stands_in_the_table() -> None:
    found = {path.stem for path in (ROOT / "auditor").iterdir() if path.suffix == ".py" or path.is_dir()}
    assert found - {"__init__", "__pycache__", "cli"} == set(ALLOWED)


def test_the_table_has_no_circle() -> None:
    assert tuple(TopologicalSorter(ALLOWED).static_order())


def test_probes_import_only_what_is_theirs_and_no_other_probe() -> None:
    allowed = BASE | {"stats", "text", "tasks", "metrics", "environment", "perturbations", "attacks"}
    for file in sorted((ROOT / "probes").glob("*.py")):
        for name in imported(file):
            parts = name.split(".")
            if parts[0] == "auditor":
                assert len(parts) == 1 or parts[1] in allowed, f"{file}: imports {name}"
            if parts[0] == "probes" and len(parts) > 1:
                assert parts[1].startswith("_"), f"{file}: imports {name}"
            assert parts[0] != "reports", file


def test_reports_import_only_types() -> None:
    for file in sorted((ROOT / "reports").glob("*.py")):
        for name in imported(file):
            parts = name.split(".")
            assert parts[0] != "probes", file
            assert parts[0] != "auditor" or parts[1:2] == ["types"], f"{file}: imports {name}"


def test_modules_are_at_most_300_lines_and_functions_at_most_80() -> None:
    for package in ("auditor", "probes", "reports"):
        for file in sorted((ROOT / package).rglob("*.py")):
            text = file.read_text(encoding="utf-8")
            assert text.count("\n") <= 300, f"{file} has {text.count(chr(10))} lines"
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.FunctionDef):
                    length = (node.end_lineno or 0) - node.lineno + 1
                    assert length <= 80, f"{file}: {node.name} has {length} lines"


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["run", "--help"], ["gate", "no-such-folder"], ["probes"], ["policy"], ["resources"]],
    ids=["help", "run help", "gate", "probes", "policy", "resources"],
)
def test_light_commands_load_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom auditor.cli.main import main\n"
        f"try:\n    main({arguments!r})\nexcept SystemExit:\n    pass\n"
        f"loaded = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "sys.exit(f'loaded: {loaded}' if loaded else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
