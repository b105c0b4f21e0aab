"""Imports go one way."""

from __future__ import annotations

import ast
import math
import re
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
    "settings": {"errors"},
    "storage": {"errors"},
    "environment": {"errors"},
    "text": {"errors", "types"},
    "labels": {"errors"},
    "languages": {"errors", "text"},
    "stats": BASE,
    "metrics": BASE | {"stats"},
    "tasks": BASE | {"config", "labels", "settings", "stats", "text"},
    "perturbations": BASE | {"languages", "text"},
    "attacks": BASE | {"environment", "text"},
    "engine": BASE | {"text"},
    "models": BASE | {"environment", "text"},
    "data": BASE | {"environment", "labels", "text"},
    "config": BASE | {"languages", "settings"},
    "plugins": BASE | {"environment"},
    "verdicts": BASE | {"perturbations", "stats"},
    "results": BASE | {"config", "data", "environment", "metrics", "plugins", "stats", "tasks", "text", "verdicts"},
    "training": BASE
    | {"attacks", "config", "data", "environment", "languages", "models", "perturbations", "settings", "tasks", "text"},
    "testing": BASE
    | {"config", "data", "engine", "evaluation", "languages", "models", "plugins", "tasks", "text", "training"},
    "progress": {"errors"},
    "pytest_plugin": BASE | {"api", "results", "verdicts"},
    "audit_run": BASE
    | {
        "config",
        "data",
        "engine",
        "evaluation",
        "labels",
        "models",
        "plugins",
        "progress",
        "results",
        "tasks",
        "verdicts",
    },
    "remedy": BASE
    | {"audit_run", "config", "data", "evaluation", "models", "plugins", "progress"}
    | {"results", "stats", "tasks", "training", "verdicts"},
    "api": BASE
    | {"audit_run", "config", "data", "evaluation", "models", "plugins", "progress", "results", "training", "verdicts"},
    "evaluation": BASE
    | {
        "config",
        "data",
        "engine",
        "languages",
        "metrics",
        "models",
        "plugins",
        "results",
        "stats",
        "tasks",
        "text",
        "training",
    }
    | {"verdicts"},
}
"""Package → what it may import. Only ``cli`` may import all of them."""
WRITE_PAGES = {"audit_run", "api"}
"""Packages that may import ``reports``."""
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
            if parts[0] == "probes" or (parts[0] == "reports" and package not in WRITE_PAGES):
                pytest.fail(f"{file}: imports {name}")
            if parts[0] == "auditor" and len(parts) > 1 and not parts[1].startswith("__"):
                assert parts[1] == package or parts[1] in ALLOWED[package], f"{file}: imports {name}"


def test_nothing_but_tests_imports_testing() -> None:
    assert not any("testing" in others for others in ALLOWED.values())
    for package in ("auditor/cli", "probes", "reports"):
        for file in sorted((ROOT / package).rglob("*.py")):
            assert not any(name.startswith("auditor.testing") for name in imported(file)), file


def test_every_package_of_the_engine_stands_in_the_table() -> None:
    found = {path.stem for path in (ROOT / "auditor").iterdir() if path.suffix == ".py" or path.is_dir()}
    assert found - {"__init__", "__pycache__", "cli"} == set(ALLOWED)


def test_the_table_has_no_circle() -> None:
    assert tuple(TopologicalSorter(ALLOWED).static_order())


def test_probes_import_only_what_is_theirs_and_no_other_probe() -> None:
    allowed = BASE | {
        "attacks",
        "data",
        "environment",
        "languages",
        "metrics",
        "perturbations",
        "settings",
        "stats",
        "tasks",
        "text",
    }
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


def test_modules_are_at_most_300_lines() -> None:
    lines = {file: text.count("\n") for file, text in sources("auditor", "probes", "reports")}
    assert {file: length for file, length in lines.items() if length > 300} == {}


def function_lengths(text: str) -> Iterator[tuple[str, int]]:
    """Each function by name and place, and its number of lines without its docstring."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            documented = (first.end_lineno or 0) - first.lineno + 1 if ast.get_docstring(node) is not None else 0
            yield f"{node.name}, line {node.lineno}", (node.end_lineno or 0) - node.lineno + 1 - documented


def test_functions_are_at_most_80_lines_and_19_of_20_at_most_35() -> None:
    example = 'def f(\n    a,\n):\n    """Return a.\n\n    It is a.\n    """\n    return a\n\n\nasync def g(): ...\n'
    assert list(function_lengths(example)) == [("f, line 1", 4), ("g, line 11", 1)]
    lengths = {
        (file, name): length
        for file, text in sources("auditor", "probes", "reports")
        for name, length in function_lengths(text)
    }
    assert {place: length for place, length in lengths.items() if length > 80} == {}
    assert sorted(lengths.values())[math.ceil(0.95 * len(lengths)) - 1] <= 35


DECIDED_BY_HEADS = re.compile(
    r"For(Sequence|Token)Classification|SEQ_CLS|TOKEN_CLS|problem_type|answers_words|by_word\b|isinstance\(.*Head\b"
)
"""What depends on the kind of a model's output, by the names that say so."""


def test_what_a_kind_of_output_needs_is_decided_in_heads_alone() -> None:
    heads = ROOT / "auditor" / "models" / "heads"
    for package in ("auditor", "probes", "reports"):
        for file in sorted((ROOT / package).rglob("*.py")):
            found = DECIDED_BY_HEADS.search(file.read_text(encoding="utf-8"))
            assert found is None or heads in file.parents, f"{file}: {found and found[0]}"
    assert any(DECIDED_BY_HEADS.search(file.read_text(encoding="utf-8")) for file in heads.glob("*.py"))


def sources(*packages: str) -> Iterator[tuple[str, str]]:
    """Path from the root, and text, of each module."""
    for package in packages:
        for file in sorted((ROOT / package).rglob("*.py")):
            yield file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8")


def test_nobody_asks_whether_a_task_is_about_words() -> None:
    """A task says what it offers, how its files are laid out, and what follows from edits."""
    assert [file for file, text in sources("auditor", "probes", "reports") if "word_level" in text] == []


GOLD_OF_TAGS = re.compile(r"isinstance\([^)\n]*gold[^)\n]*,[^)\n]*\btuple\b")


def test_nobody_tells_a_task_by_the_type_of_its_gold() -> None:
    assert GOLD_OF_TAGS.search("if not isinstance(example.gold, tuple):")
    assert [file for file, text in sources("auditor", "probes", "reports") if GOLD_OF_TAGS.search(text)] == []


NO_PROBES: dict[str, set[str]] = {
    "auditor/evaluation/clean_answers.py": {"quality"},
    "auditor/plugins/registry.py": {"quality"},
    "auditor/results/model_card.py": {"quality"},
    "auditor/tasks/entity_errors.py": {"spurious"},
    "auditor/tasks/ner.py": {"entities"},
    "auditor/tasks/tag_choices.py": {"entities"},
    "auditor/testing/probe_rules.py": {"quality"},
    "auditor/training/recipes/bitfit.py": {"bias"},
    "auditor/types/choices.py": {"entities"},
    "auditor/types/limitations.py": {
        "noise",
        "bias",
        "coverage",
        "repeatability",
        "calibration",
        "interpretability",
    },
    "auditor/types/records.py": {"quality", "bias", "repeatability", "shift"},
    "auditor/verdicts/advice.py": {
        "quality",
        "noise",
        "bias",
        "coverage",
        "repeatability",
        "calibration",
        "forgetting",
        "shift",
        "interpretability",
    },
    "auditor/types/label_review.py": {"noise"},
    "auditor/verdicts/caveats.py": {"repeatability"},
    "auditor/verdicts/doubts.py": {"quality", "calibration"},
    "auditor/verdicts/remedies.py": {"quality"},
    "reports/formats.py": {"entities"},
    "reports/view.py": {"quality"},
}
"""Module → words that are called as a probe is: the roles quality, bias, repeatability and shift, rows of the
scorecard, a unit of labels, a parameter, a metric, a part of the page, a key of slices. test_probe_contract.py gives
these probes other names."""


def words_in(text: str) -> set[str]:
    """The string literals of a module that are a word or a part of a list of words."""
    return {
        node.value
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_probes_are_known_by_name_nowhere() -> None:
    names = {file.stem for file in (ROOT / "probes").glob("[!_]*.py")}
    assert {"adversarial", "quality", "label_noise"} <= names
    found = {file: words for file, text in sources("auditor", "reports") if (words := names & words_in(text))}
    assert found == NO_PROBES


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


def test_the_checks_load_nothing_heavy_before_they_run() -> None:
    code = (
        "import sys\nimport auditor.testing\n"
        f"sys.exit(', '.join(name for name in {HEAVY!r} if name in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("code", ["import auditor", "import auditor; dir(auditor)", "from auditor.types import Probe"])
def test_importing_auditor_loads_nothing_heavy(code: str) -> None:
    loaded = f"name for name in {(*HEAVY, 'pydantic')!r} if name in sys.modules"
    code = f"import sys\n{code}\nsys.exit(', '.join({loaded}) or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
