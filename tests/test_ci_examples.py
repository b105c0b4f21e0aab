"""Examples for CI systems: their commands are those of the parser, and no input reaches a shell as text."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from auditor.cli.arguments import parser
from auditor.storage import user_cache

ROOT = Path(__file__).resolve().parent.parent
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
AUDIT = next(step for step in STEPS if step.get("id") == "audit")
GITLAB: dict[str, Any] = yaml.safe_load((ROOT / "docs" / "ci" / "gitlab-ci.yml").read_text(encoding="utf-8"))
HOOKS: dict[str, Any] = yaml.safe_load((ROOT / "docs" / "ci" / "pre-commit-config.yaml").read_text(encoding="utf-8"))
HOW_TO = (ROOT / "docs" / "how-to" / "gate-in-ci.md").read_text(encoding="utf-8")


def commands() -> Iterator[list[str]]:
    """Every audit command in the examples, as words."""
    lines = [*GITLAB["audit"]["script"], *(hook["entry"] for repo in HOOKS["repos"] for hook in repo["hooks"])]
    for block in re.findall(r"^```(?:sh|yaml)\n(.*?)^```$", HOW_TO, flags=re.M | re.S):
        lines += [line.strip().removeprefix("- ").removeprefix("run: ") for line in block.splitlines()]
    yield from (shlex.split(line, comments=True) for line in lines if line.startswith("audit "))


def test_the_examples_hold_commands() -> None:
    assert {words[1] for words in commands()} == {"run", "gate"}


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_every_command_and_flag_exists(words: list[str]) -> None:
    assert parser().parse_args(words[1:]).command == words[1]


def test_junit_of_gitlab_is_what_the_command_writes() -> None:
    (command,) = (line for line in GITLAB["audit"]["script"] if line.startswith("audit "))
    options = parser().parse_args(shlex.split(command)[1:])
    assert GITLAB["audit"]["artifacts"]["reports"]["junit"] == str(options.ci / "junit.xml")
    assert GITLAB["audit"]["artifacts"]["paths"] == [f"{options.out}/"]
    assert user_cache.VARIABLE in GITLAB["audit"]["variables"]


# The action.


def test_the_action_sets_up_caches_audits_uploads_and_ends_with_the_code() -> None:
    uses = [step["uses"].split("@")[0] for step in STEPS if "uses" in step]
    assert uses == ["actions/setup-python", "actions/cache", "actions/upload-artifact"]
    assert set(ACTION["outputs"]) == {"decision", "exit-code"}
    assert all(step.get("shell") == "bash" for step in STEPS if "run" in step)
    assert all("description" in each for each in (*ACTION["inputs"].values(), *ACTION["outputs"].values()))


def test_no_input_is_a_part_of_a_script_and_every_input_is_used() -> None:
    assert [step["run"] for step in STEPS if "${{" in step.get("run", "")] == []
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"inputs\.([\w-]+)", text)) == set(ACTION["inputs"])


def run(tmp_path: Path, code: int, **given: str) -> tuple[list[str], dict[str, str]]:
    """What the action's script calls, and the outputs that it sets; ``code``: what the command returns."""
    stub, calls, outputs = tmp_path / "bin" / "audit", tmp_path / "calls", tmp_path / "outputs"
    stub.parent.mkdir()
    stub.write_text(f'#!/bin/sh\nfor word in "$@"; do printf "%s\\0" "$word" >> "{calls}"; done\nexit {code}\n')
    stub.chmod(0o755)
    names = {
        value.split("inputs.")[1].split(" ")[0]: name for name, value in AUDIT["env"].items() if "inputs." in value
    }
    defaults = {names[name]: str(each["default"]) for name, each in ACTION["inputs"].items() if name in names}
    path = f"{stub.parent}{os.pathsep}{os.environ['PATH']}"
    variables = {**defaults, **given, "PATH": path, "GITHUB_OUTPUT": str(outputs)}
    # As GitHub runs bash.
    words = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", AUDIT["run"]]
    subprocess.run(words, env=variables, cwd=tmp_path, check=True)
    called = calls.read_bytes().decode().split("\0")[:-1] if calls.exists() else []
    lines = outputs.read_text().splitlines()
    return called, dict(line.split("=", 1) for line in lines)


@pytest.mark.parametrize(
    ("code", "decision"), [(0, "release"), (1, "hold"), (2, "error"), (3, "undecided"), (137, "error")]
)
@pytest.mark.parametrize("command", ["run", "gate"])
def test_the_script_calls_the_command_and_says_the_decision(
    command: str, code: int, decision: str, tmp_path: Path
) -> None:
    called, outputs = run(tmp_path, code, COMMAND=command, MODEL="ckpt", POLICY="p.toml", FURTHER="--json\n--quiet\n")
    options = parser().parse_args(called)
    assert (options.command, options.policy, options.json, options.quiet) == (command, Path("p.toml"), True, True)
    assert options.ci == Path("audit/ci")
    assert outputs == {"decision": decision, "exit-code": str(code)}


def test_an_unknown_command_is_an_error(tmp_path: Path) -> None:
    assert run(tmp_path, 0, COMMAND="rm -rf") == ([], {"decision": "error", "exit-code": "2"})


HOSTILE = ("$(touch pwned)", "`touch pwned`", '"; touch pwned; "', "a b", "--fresh", "*", "$HOME", "'")


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("command", ["run", "gate"])
def test_an_input_is_one_word_whatever_it_says(command: str, text: str, tmp_path: Path) -> None:
    names = dict.fromkeys(("MODEL", "DATA", "CONFIG", "RESULTS", "POLICY", "WAIVERS"), text)
    called, _ = run(tmp_path, 0, COMMAND=command, **names)
    options: argparse.Namespace = parser().parse_args(called)
    assert options.policy == options.waivers == Path(text)
    assert (options.out if command == "run" else options.results) == Path(text)
    assert not getattr(options, "fresh", False)
    assert not (tmp_path / "pwned").exists()
