"""Imports go one way."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BASE = {"types", "errors", "reading"}
ALLOWED: dict[str, set[str]] = {
    "types": set(),
    "errors": set(),
    "reading": {"errors"},
    "limitations": set(),
    "folders": {"errors"},
    "files": {"errors"},
    "documents": {"errors"},
    "caches": set(),
    "stats": BASE,
    "spellings": {"errors"},
    "labelling": {"errors", "spellings"},
    "tasks": BASE | {"labelling", "spans", "spellings", "text"},
    "shares": set(),
    "spans": {"errors", "text"},
    "holding": {"spans", "text", "types"},
    "text": BASE,
    "packages": set(),
    "resources": BASE | {"packages"},
    "data": BASE | {"labelling", "spans", "spellings", "text"},
    "doubts": BASE,
    "config": BASE | {"documents"},
    "metrics": BASE | {"stats"},
    "tally": {"types", "metrics"},
    "policy": BASE | {"documents"},
    "gate": BASE | {"stats", "policy"},
    "comparing": BASE | {"stats"},
    "excerpts": set(),
    "tables": BASE | {"excerpts"},
    "spool": {"types"},
    "results": BASE | {"documents", "policy", "tables"},
    "verifying": BASE
    | {
        "comparing",
        "config",
        "documents",
        "gate",
        "metrics",
        "policy",
        "registry",
        "results",
        "stats",
        "tables",
        "tasks",
    },
    "plans": {"types", "engine", "tally"},
    "available": {"types"},
    "measuring": BASE | {"available", "engine", "excerpts", "needs", "plans", "spool", "tally"},
    "needs": BASE | {"plans", "registry"},
    "provenance": {"types", "config", "data", "limitations", "resources", "results", "stats", "tables"},
    "models": BASE | {"documents", "tasks", "text"},
    "engine": BASE,
    "advice": BASE | {"remedies"},
    "estimating": BASE | {"engine", "measuring", "needs", "plans", "registry"},
    "perturbing": {"shares", "text"},
    "attacking": {"errors", "packages", "resources", "text"},
    "training": BASE
    | {"attacking", "caches", "folders", "tasks", "text", "models", "data", "config", "perturbing"}
    | {"holding", "resources", "shares", "spans"},
    "registry": BASE | {"limitations", "packages"},
    "remedies": set(),
    "retraining": BASE | {"config", "models", "plans", "training"},
    "rounds": BASE | {"gate", "measuring", "plans", "policy", "runner", "stats", "tally"},
    "runner": BASE | {"estimating", "registry", "engine", "measuring", "metrics", "needs", "plans"},
}
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
    assert found - {"__init__", "__pycache__", "cli", "prepare"} == set(ALLOWED)


def test_probes_import_only_what_is_theirs_and_no_other_probe() -> None:
    allowed = BASE | {"stats", "shares", "spans", "holding", "text", "metrics", "resources", "perturbing", "attacking"}
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
