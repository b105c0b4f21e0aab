"""What a command takes, its function takes too: each difference is named here, with its reason."""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import auditor
from auditor.cli.arguments import parser

READ_ALIKE = {
    **{"text_column": "columns", "label_column": "columns", "group_column": "columns"},
    **{"domain": "domains", "slice": "slices", "probe": "probes", "no_texts": "texts"},
}
"""Flag → the argument that says the same, where the names differ."""
OF_A_CONFIG = {
    "no_header": "[data] header; rows in memory have names",
    "labels_file": "[data] labels_files; rows in memory have their labels",
    "continue_from": "settings={'continue_from': …}",
    "backend": "[audit] backend",
    "waivers": "[audit] waivers",
}
"""Flags without an argument, and how Python says the same."""
OF_A_TERMINAL = {
    "quiet": "nothing is printed unless progress=True",
    "json": "Results.decision is an object",
    "events": "for other programs; Python has the results",
    "dry_run": "prints a list, writes nothing",
    "on": "Results are judged on the day of the call; audit gate --on judges a saved folder again",
    **dict.fromkeys(("ci", "junit", "sarif", "summary", "metrics", "badge", "undecided"), "Results.save, audit gate"),
}
"""Flags that say what a process prints and writes."""
OF_PYTHON = {
    "settings": "tables of audit.toml",
    "columns": "columns of any role; the flags name three",
    "validation": "the config's [data] validation; there is no flag",
    "favourable_label": "the config's; there is no flag",
    "progress": "the command prints it unless --quiet",
}
"""Arguments without a flag of the name."""
OF_TRAINING = {
    "data": "the config's [data] train",
    "base": "the config's [training] base",
}
"""Arguments of ``train`` that ``audit train`` reads from its config."""
PAIRS: tuple[tuple[str, Callable[..., Any], Mapping[str, str]], ...] = (
    ("run", auditor.audit, {}),
    ("train", auditor.train, OF_TRAINING),
)


def flags(command: str) -> set[str]:
    """Names of what a command takes."""
    (commands,) = (action for action in parser()._actions if isinstance(action, argparse._SubParsersAction))
    listed = commands.choices[command]._actions
    names = {action.option_strings[-1].lstrip("-").replace("-", "_") for action in listed if action.option_strings}
    return names - {"help"}


@pytest.mark.parametrize(("command", "function", "further"), PAIRS, ids=[pair[0] for pair in PAIRS])
def test_a_command_and_its_function_take_the_same(
    command: str, function: Callable[..., Any], further: Mapping[str, str]
) -> None:
    own, taken = flags(command), set(inspect.signature(function).parameters)
    lacking = {flag for flag in own if READ_ALIKE.get(flag, flag) not in taken}
    assert lacking == own & (OF_A_CONFIG.keys() | OF_A_TERMINAL.keys())
    said = {READ_ALIKE.get(flag, flag) for flag in own}
    assert taken - said - {"model"} == (taken & (OF_PYTHON.keys() | further.keys())) - said


def test_every_difference_is_there() -> None:
    commands = flags("run") | flags("train")
    named = OF_A_CONFIG.keys() | OF_A_TERMINAL.keys() | READ_ALIKE.keys()
    assert named <= commands
    taken = {name for _, function, _ in PAIRS for name in inspect.signature(function).parameters}
    assert (OF_PYTHON.keys() | OF_TRAINING.keys() | set(READ_ALIKE.values())) <= taken


def test_what_only_a_config_says_is_a_key_of_it(tmp_path: Path) -> None:
    from auditor import config as configs

    (tmp_path / "audit.toml").write_text(
        '[data]\nheader = false\nlabels_files = { test = "labels.txt" }\n'
        '[training]\ncontinue_from = "ckpt"\n[audit]\nbackend = "onnx"\nwaivers = "waivers.toml"\n',
        "utf-8",
    )
    read = configs.load(tmp_path / "audit.toml")
    assert (read.data.header, read.audit.backend, str(read.training.continue_from)) == (False, "onnx", "ckpt")
    assert read.audit.waivers is not None
    assert read.data.labels_files.keys() == {"test"}
