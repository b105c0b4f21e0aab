"""Check training and auditing on a CUDA device against the CPU, in one command of at most eight minutes.

    python tests/gpu_check.py                          # on a machine with a CUDA device
    python tests/gpu_check.py --device cpu --small     # every path but CUDA itself, on any machine
    python tests/gpu_check.py --wheels                 # what to bring to a machine that has no package index

    python tests/gpu_check.py --steps tasks,repeatable # these steps and what they need
    python tests/gpu_check.py --base FOLDER            # fine-tune this encoder

Trains (standard, FGM, LoRA; fp32 and bf16), audits (noise, attacks in lockstep, bias, domain shift), compares every
answer with the CPU's, kills an audit and resumes it, fills the device's memory, trains and audits every task, trains
twice, and measures texts and samples a second against the bare model. Data are made in place, and so is a base model
where none is given; nothing is fetched.

Exit codes: 0 where in fp32 no decision differs from the CPU's, but for answers whose two best choices lie within 1e-4
of each other, every task learns, and is computed on the device alone, a repeated training gives the same weights, the
resumed audit is the undisturbed one byte for byte, and a full memory changes no decision; 1 otherwise; 2 where the
check cannot begin.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from gpu.auditing import audit, compare
from gpu.found import Check
from gpu.inputs import FULL, SMALL, prepare
from gpu.limits import full_memory, kill_and_resume
from gpu.speed import throughput
from gpu.tasks import repeatable, task_table, tasks
from gpu.training import train_all
from gpu.wheels import named, print_wheels

from auditor.errors import AuditError


@dataclass(frozen=True, slots=True)
class Step:
    """A part of the check."""

    work: Callable[[Check], None]
    seconds: float
    """What it may take of eight minutes, where all steps run."""
    needs: tuple[str, ...] = ()


STEPS: Mapping[str, Step] = {
    "tasks": Step(tasks, 200),
    "repeatable": Step(repeatable, 15),
    "train": Step(train_all, 50),
    "audit": Step(audit, 40, ("train",)),
    "compare": Step(compare, 70, ("train", "audit")),
    "memory": Step(full_memory, 20, ("train",)),
    "resume": Step(kill_and_resume, 40, ("train",)),
    "speed": Step(throughput, 45, ("train",)),
}
MINUTES = 8.0


def chosen(given: str | None) -> list[str]:
    """The steps that are named, and those that they need, in their order. KeyError: there is no such step."""
    named = list(STEPS) if given is None else given.split(",")
    wanted = {*named, *(need for name in named for need in STEPS[name].needs)}
    return [name for name in STEPS if name in wanted]


def run(check: Check, names: Sequence[str] | None = None, seconds: float = 60 * MINUTES) -> None:
    """The steps, which share the seconds; one that crashes is noted with its traceback, and the others follow.

    What a step leaves of its share, the next ones have.
    """
    names = list(STEPS) if names is None else names
    start, share, planned = time.monotonic(), seconds / sum(STEPS[name].seconds for name in names), 0.0
    for name in names:
        planned += STEPS[name].seconds * share
        check.until = start + planned
        if time.monotonic() > check.deadline:
            check.note(name, "not run", "out of time", ok=False)
            continue
        began = time.monotonic()
        try:
            STEPS[name].work(check)
        except Exception as error:
            traceback.print_exc()
            check.note(name, "crashed", f"{type(error).__name__}: {error}", ok=False)
        taken, budget = time.monotonic() - began, STEPS[name].seconds * share
        check.note(name, "time", f"{taken:.1f} s of {budget:.0f}", seconds=taken, budget=budget)


def machine(device: str, base: str) -> dict[str, Any]:
    import torch

    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else "CPU"
    versions = {one: metadata.version(one) for one in ("torch", "transformers", "accelerate", "peft")}
    return {"device": name, "cuda": torch.version.cuda, "threads": torch.get_num_threads(), "base": base, **versions}


def table(rows: Sequence[dict[str, Any]]) -> str:
    cells = [
        (row["step"], row["what"], {None: "", True: "ok", False: "NOT OK"}[row["ok"]], row["value"]) for row in rows
    ]
    widths = [max(len(row[place]) for row in cells) for place in range(3)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]).rstrip()
        for row in cells
    )


def options_of(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1 or cpu (default: cuda)")
    parser.add_argument(
        "--small", action="store_true", help="a tiny model and few rows, for a machine without a device"
    )
    parser.add_argument("--steps", metavar="A,B", help=f"only these, and what they need: {', '.join(STEPS)}")
    parser.add_argument("--base", type=Path, help="folder of the encoder to fine-tune; half precision becomes float32")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="steps that would begin later are left out")
    parser.add_argument("--json", type=Path, default=Path("gpu_check.json"), help="where the figures go")
    parser.add_argument("--folder", type=Path, help="keep data, checkpoints and audits here")
    parser.add_argument("--wheels", action="store_true", help="print what to bring to a machine without an index")
    parser.add_argument("--present", nargs="*", default=[], help="with --wheels: more packages that are there already")
    parser.add_argument("--attacks", action="store_true", help="with --wheels: what attacks need too")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    options = options_of(arguments)
    if options.wheels:
        print_wheels([named(one) for one in options.present], attacks=options.attacks)
        return 0
    from auditor.models import devices

    began = time.monotonic()
    try:
        names = chosen(options.steps)
        device = devices.device_named(options.device)
    except KeyError as error:
        print(f"gpu_check: no step is called {error} (known: {', '.join(STEPS)})", file=sys.stderr)
        return 2
    except AuditError as error:
        print(f"gpu_check: {error.line}", file=sys.stderr)
        return 2
    problem = unusable(options)
    if problem:
        print(f"gpu_check: {problem}", file=sys.stderr)
        return 2
    sizes = SMALL if options.small else FULL
    with contextlib.ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(mock.patch.dict(os.environ, {"AUDIT_CACHE": str(folder / "cache")}))
        base, rate = prepare(folder, sizes, small=options.small, given=options.base)
        check = Check(device, sizes, folder, rate=rate, deadline=began + 60 * options.minutes)
        run(check, names, 60 * options.minutes)
    return told(check, base, time.monotonic() - began, options.json)


def unusable(options: argparse.Namespace) -> str | None:
    """What is wrong with the folders that were given."""
    if options.folder and options.folder.exists() and any(options.folder.iterdir()):
        return f"{options.folder}: is not empty (name a new folder)"
    if options.base and not (options.base / "config.json").is_file():
        return f"{options.base}: holds no config.json (name the folder of a pretrained encoder)"
    return None


def told(check: Check, base: str, seconds: float, file: Path) -> int:
    """Print the tables and write the figures; the exit code."""
    there = machine(check.device, base)
    found = {"machine": there, "sizes": asdict(check.sizes), "passed": check.passed, "rows": check.rows}
    content = {**found, "tasks": check.tasks, "seconds": round(seconds, 1)}
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    print(table(check.rows))
    if check.tasks:
        print(task_table(check.tasks))
    outcome = "passed" if check.passed else "NOT PASSED"
    print(f"{outcome} on {there['device']} in {seconds:.0f} s; figures in {file}")
    return 0 if check.passed else 1


if __name__ == "__main__":
    sys.exit(main())
