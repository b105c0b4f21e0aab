"""Flags of ``audit run`` that control what is measured."""

from __future__ import annotations

import argparse

from auditor.cli import ci, languages
from auditor.cli.paths import path


def add(command: argparse.ArgumentParser) -> None:
    """Add the flags of ``audit run`` that control what is measured.

    The flags for the model and the data are added elsewhere.
    """
    command.add_argument("--policy", type=path, help="the policy.toml to judge by (default: the shipped one)")
    command.add_argument(
        "--probe",
        action="extend",
        type=_names,
        default=[],
        metavar="NAMES|FILE.py",
        help="measure only these probes, or add one from a file; repeatable: --probe noise,bias --probe own.py",
    )
    command.add_argument(
        "--skip",
        action="extend",
        type=_names,
        default=[],
        metavar="NAMES",
        help="leave out these probes, comma-separated; repeatable (default: [audit] skip)",
    )
    command.add_argument(
        "--fast", action="store_true", help="leave out every probe that retrains (default: [audit] fast)"
    )
    command.add_argument(
        "--budget",
        type=int,
        metavar="N",
        help="use at most N examples per data set and probe; it does not limit the sentences of bias, entailment_bias "
        "and entity_bias",
    )
    design = command.add_mutually_exclusive_group()
    design.add_argument(
        "--fixed",
        dest="design",
        action="store_const",
        const="fixed",
        help="draw no more rows than the probes' settings say, even if a required rule is undecided",
    )
    design.add_argument(
        "--until-decided",
        dest="design",
        action="store_const",
        const="until-decided",
        help="measure only what required rules read, and stop once their verdicts are decided",
    )
    command.add_argument(
        "--time-limit",
        metavar="TIME",
        help="draw no further rows for undecided rules after this long: 90s, 10m, 1h (default: to the file's end)",
    )
    command.add_argument(
        "--dry-run",
        action="store_true",
        help="check everything, list what would be measured and how long it takes, write nothing",
    )
    command.add_argument("--seed", type=int, help="seed (default: the config's)")
    command.add_argument("--out", type=path, help="results folder (default: [audit] out)")
    languages.add(command)
    command.add_argument(
        "--fresh", action="store_true", help="recompute answers and trainings that an earlier run kept"
    )
    command.add_argument("--no-texts", action="store_true", help="keep your texts out of results, page and parquet")
    command.add_argument(
        "--allow-pickle", action="store_true", help="load pytorch_model.bin, which can run arbitrary code"
    )
    command.add_argument("--trust-remote-code", action="store_true", help="run code that comes with the checkpoint")
    ci.add(command)
    command.add_argument("--json", action="store_true", help="print the decision as JSON")
    command.add_argument(
        "--events",
        metavar="FILE|-",
        help="write what happens as JSON lines, while it happens, to a file ending in .jsonl or to standard output (-)",
    )
    command.add_argument(
        "--backend", choices=("torch", "onnx"), help="library that runs the model (default: the config's, else torch)"
    )


def _names(word: str) -> list[str]:
    """Split names at commas; a file stays whole."""
    return [word] if word.endswith(".py") else [name.strip() for name in word.split(",")]
