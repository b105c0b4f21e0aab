"""Check training and auditing on a CUDA device against the CPU, in one command of at most eight minutes.

    python tests/gpu_check.py                          # on a machine with a CUDA device
    python tests/gpu_check.py --device cpu --small     # every path but CUDA itself, on any machine
    python tests/gpu_check.py --wheels                 # what to bring to a machine that has no package index

Trains (standard, FGM, LoRA; fp32 and bf16), audits (noise, attacks in lockstep, bias, domain shift), compares every
answer with the CPU's, kills an audit and resumes it, fills the device's memory, and measures texts and samples a second
against the bare model. Data and base model are made in place; nothing is fetched.

Exit codes: 0 where in fp32 no decision differs from the CPU's, but for answers whose two best labels lie within 1e-4 of
each other, the resumed audit is the undisturbed one byte for byte, and a full memory changes no decision; 1 otherwise;
2 where the check cannot begin.
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
from collections.abc import Callable, Sequence
from dataclasses import asdict
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
from gpu.training import train_all
from gpu.wheels import named, print_wheels

from auditor.errors import AuditError

STEPS: tuple[Callable[[Check], None], ...] = (train_all, audit, compare, full_memory, kill_and_resume, throughput)


def run(check: Check) -> None:
    """Every step; one that crashes is noted with its traceback, and the others follow."""
    for step in STEPS:
        if time.monotonic() > check.deadline:
            check.note(step.__name__, "not run", "out of time", ok=False)
            continue
        began = time.perf_counter()
        try:
            step(check)
        except Exception as error:
            traceback.print_exc()
            check.note(step.__name__, "crashed", f"{type(error).__name__}: {error}", ok=False)
        check.note(step.__name__, "time", f"{time.perf_counter() - began:.1f} s", seconds=time.perf_counter() - began)


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
    parser.add_argument("--minutes", type=float, default=8.0, help="steps that would begin later are left out")
    parser.add_argument("--json", type=Path, default=Path("gpu_check.json"), help="where the figures go")
    parser.add_argument("--folder", type=Path, help="keep data, checkpoints and audits here")
    parser.add_argument("--wheels", action="store_true", help="print what to bring to a machine without an index")
    parser.add_argument("--present", nargs="*", default=[], help="with --wheels: more packages that are there already")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    options = options_of(arguments)
    if options.wheels:
        print_wheels([named(one) for one in options.present])
        return 0
    from auditor.models import devices

    began = time.monotonic()
    try:
        device = devices.device_named(options.device)
    except AuditError as error:
        print(f"gpu_check: {error.line}", file=sys.stderr)
        return 2
    sizes = SMALL if options.small else FULL
    if options.folder and options.folder.exists() and any(options.folder.iterdir()):
        print(f"gpu_check: {options.folder}: is not empty (name a new folder)", file=sys.stderr)
        return 2
    with contextlib.ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(mock.patch.dict(os.environ, {"AUDIT_CACHE": str(folder / "cache")}))
        base = prepare(folder, sizes, small=options.small)
        check = Check(device, sizes, folder, deadline=began + 60 * options.minutes)
        run(check)
    there = machine(device, base)
    found = {"machine": there, "sizes": asdict(sizes), "passed": check.passed, "rows": check.rows}
    seconds = round(time.monotonic() - began, 1)
    options.json.write_text(json.dumps({**found, "seconds": seconds}, indent=2) + "\n", encoding="utf-8")
    print(table(check.rows))
    outcome = "passed" if check.passed else "NOT PASSED"
    print(f"{outcome} on {there['device']} in {seconds:.0f} s; figures in {options.json}")
    return 0 if check.passed else 1


if __name__ == "__main__":
    sys.exit(main())
