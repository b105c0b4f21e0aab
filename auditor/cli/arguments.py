"""Argument parsers of all commands; loads nothing heavy."""

from __future__ import annotations

import argparse

from auditor import __version__
from auditor.cli import data_flags, results_arguments, run_flags
from auditor.cli.command_parser import Commands, Parser, add_command
from auditor.cli.paths import path as _path

EXIT_CODES = """\
exit codes:
  0    release: every required rule passed
  1    hold: a required rule failed
  2    error: wrong usage, bad input, or a crashed probe
  3    undecided, or a required measurement is missing
  129, 130, 143  hung up, interrupted, terminated
"""

DECISION_ALONE = "print only the decision: no progress, no verdicts"


def parser() -> argparse.ArgumentParser:
    """Build the parser of ``audit`` with all its commands; loads nothing heavy."""
    top = Parser(
        prog="audit",
        description="Audit a fine-tuned language model before it is released.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"auditor {__version__}")
    commands = top.add_subparsers(dest="command", metavar="command")
    _init(commands)
    _train(commands)
    _run(commands)
    results_arguments.gate(commands)
    results_arguments.compare(commands)
    results_arguments.report(commands)
    results_arguments.review(commands)
    results_arguments.export_cases(commands)
    results_arguments.card(commands)
    results_arguments.export(commands)
    results_arguments.import_(commands)
    _remedy(commands)
    _listings(commands)
    return top


def _task(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--task",
        metavar="NAME",
        help="task of the policy, such as ner; `audit probes` names all of them (default: text-classification)",
    )


def _init(commands: Commands) -> None:
    command = add_command(
        commands,
        "init",
        "Write a commented audit.toml, or the shipped policy.toml as a starting point.",
        "  audit init\n  audit init --out review/audit.toml\n  audit init --policy --task ner",
    )
    command.add_argument("--out", type=_path, help="where to write it (default: audit.toml, or policy.toml)")
    command.add_argument("--policy", action="store_true", help="write the shipped policy instead")
    _task(command)


def _train(commands: Commands) -> None:
    command = add_command(
        commands,
        "train",
        "Fine-tune a model, once for each recipe.",
        "  audit train\n  audit train --config audit.toml --seed 1 --out ckpt/\n  audit train --fresh\n"
        "  audit train --recipes standard,fgm,freelb --seeds 3\n"
        "  audit train --continue-from ckpt/standard --config new.toml --recipes replay --out new/",
    )
    command.add_argument("--config", type=_path, help="the audit.toml to use (default: ./audit.toml)")
    command.add_argument("--out", type=_path, help="folder for the checkpoints (default: [training] out)")
    command.add_argument("--recipes", metavar="A,B", help="comma-separated recipes (default: the config's)")
    further = "train this checkpoint further (default: [training] continue_from)"
    command.add_argument("--continue-from", type=_path, metavar="CKPT", help=further)
    command.add_argument("--seed", type=int, help="seed (default: the config's)")
    command.add_argument(
        "--seeds",
        type=int,
        metavar="N",
        help="train with N consecutive seeds, starting at --seed (default: the config's)",
    )
    command.add_argument(
        "--fresh", action="store_true", help="retrain everything, including finished and interrupted trainings"
    )
    data_flags.add(command, labels_file=False)
    _common(command, device=True)


def _run(commands: Commands) -> None:
    command = add_command(
        commands,
        "run",
        "Audit a checkpoint, or a folder of them: measure, write results and scorecard, judge.",
        "  audit run --model ckpt/\n"
        "  audit run --model my-model/ --data test.csv --train train.csv --domain tweets=tweets.csv\n"
        "  audit run --model ckpt/ --candidate standard --probe noise --budget 100\n"
        "  audit run --model ckpt/ --probe my_probe.py\n"
        "  audit run --model ckpt/ --fast --skip adversarial\n"
        "  audit run --model ckpt/ --time-limit 10m\n"
        "  audit run --model ckpt/ --until-decided --budget 2000\n"
        "  audit run --model ckpt/ --dry-run",
    )
    command.add_argument("--model", type=_path, required=True, help="a checkpoint folder, or a folder of checkpoints")
    command.add_argument("--candidate", help="the checkpoint to judge, if there are several")
    command.add_argument("--data", type=_path, help="file of labelled rows to audit on (CSV, TSV, JSONL, Parquet)")
    command.add_argument(
        "--train", type=_path, help="training rows, for the leakage check, majority baseline and learning curve"
    )
    data_flags.add(command)
    command.add_argument(
        "--domain", action="append", default=[], metavar="NAME=FILE", help="rows of another domain; repeatable"
    )
    command.add_argument(
        "--slice",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="test rows of a later time, compared with --data; repeatable, in the order of time",
    )
    command.add_argument(
        "--cases", type=_path, metavar="FILE", help="cases that audit export-cases kept: each of them has to pass"
    )
    command.add_argument(
        "--base", type=_path, help="the model that this one was fine-tuned from (default: [training] base)"
    )
    command.add_argument("--config", type=_path, help="the audit.toml to use (default: ./audit.toml if it exists)")
    run_flags.add(command)
    _common(command, device=True, quiet=DECISION_ALONE)


def _remedy(commands: Commands) -> None:
    command = add_command(
        commands,
        "remedy",
        "Propose a recipe for what failed; with --train, train it and audit before and after.",
        "  audit remedy audit/\n  audit remedy audit/ --train --out remedy/\n"
        "  audit remedy audit/ --train --base base-model/ --train-data train.csv",
    )
    command.add_argument("results", type=_path, help="the folder that audit run wrote")
    command.add_argument("--train", action="store_true", help="train the proposed checkpoints and audit them")
    command.add_argument("--base", type=_path, help="the model to train from (default: the audited checkpoint's)")
    command.add_argument(
        "--train-data",
        type=_path,
        metavar="FILE",
        help="the rows to train on (default: the checkpoint's or the audit's)",
    )
    command.add_argument(
        "--out", type=_path, help="folder for checkpoints and audit (default: results folder + -remedy)"
    )
    command.add_argument("--policy", type=_path, help="the policy.toml to judge by (default: the audit's)")
    command.add_argument("--no-texts", action="store_true", help="keep your texts out of results, page and parquet")
    _common(command, device=True)


def _listings(commands: Commands) -> None:
    probes = add_command(
        commands,
        "probes",
        "List every probe: its scorecard row, metrics, needs, and whether it can run here.",
        "  audit probes\n  audit probes --task ner\n  audit probes --model ckpt/\n"
        "  audit probes --probe my_probe.py --json",
    )
    probes.add_argument("--task", metavar="TASK", help="list what applies to this task, with the range of each metric")
    probes.add_argument("--model", type=_path, metavar="DIR", help="likewise, for the task and labels of a checkpoint")
    probes.add_argument(
        "--probe", action="append", default=[], metavar="FILE.py", help="also list the probe in this file; repeatable"
    )
    probes.add_argument("--json", action="store_true", help="print as JSON")
    policy = add_command(
        commands,
        "policy",
        "Print the shipped policy: the limits that a model must meet, and why.",
        "  audit policy\n  audit policy --task ner\n  audit policy > policy.toml",
    )
    _task(policy)
    cache = add_command(
        commands,
        "cache",
        "Show or clear the cache: model outputs and trained weights.",
        "  audit cache\n  audit cache --clear",
    )
    cache.add_argument("--clear", action="store_true", help="empty the cache")
    cache.add_argument("--json", action="store_true", help="print as JSON")
    resources = add_command(
        commands,
        "resources",
        "List optional resources and what their absence disables.",
        "  audit resources\n  audit resources --json",
    )
    resources.add_argument("--json", action="store_true", help="print as JSON")


def _common(command: argparse.ArgumentParser, *, device: bool, quiet: str = "print no progress") -> None:
    if device:
        command.add_argument("--device", help="auto, cpu, cuda, cuda:1 or mps (default: the config's, else auto)")
    command.add_argument("--quiet", action="store_true", help=quiet)
