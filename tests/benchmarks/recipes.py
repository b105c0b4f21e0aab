"""B8. Cost of recipes compared with standard training: time per step and peak memory.

Each training runs in a process of its own.

Same base, rows, batch size and number of steps. FreeLB-3 and PGD-3 may take as long as their passes, LoRA less memory.
Memory is measured in further processes, in which every tensor is mapped by itself: resident memory is then what tensors
take. Otherwise the C library keeps freed blocks, the more of them the more sizes there are, as beside LoRA's maps.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import common

from auditor import tasks
from auditor.training import cost, loop, recipes
from auditor.types import Example, Silent

MAPPED = {"MALLOC_MMAP_THRESHOLD_": "131072"}
"""Of glibc: larger blocks are given back as soon as they are freed; slower, so that times are taken without it."""
GOALS = {"fgm": "≤ 2.1", "pgd": "≤ 4.2", "freelb": "≤ 4.2", "smart": "–", "online": "–", "lora": "–", "bitfit": "–"}


def one(demo: Path, recipe: str, steps: int) -> None:
    """Train here, and print seconds, peak bytes and work."""
    task = tasks.create("text-classification", ("negative", "positive"))
    texts = common.reviews(demo, "train", 32 * steps)
    rows = [Example(f"train:{index}", {"text": text}, label) for index, (text, label) in enumerate(texts)]
    settings = loop.Settings(epochs=1, batch_size=32, max_length=128)
    # Libraries that are imported when they are first needed are not what a training takes.
    for library in ("accelerate", "peft", "nlpaug", "transformers"):
        importlib.import_module(library)
    meter = cost.Meter(Silent())
    with meter.measured("cpu"):
        made = recipes.create(recipe, {})
        trained = loop.train(
            loop.TrainingRun(demo / "base", rows, (), task, made, settings, seed=0, device="cpu"), progress=meter
        )
    print(json.dumps({"seconds": meter.cost.seconds, "bytes": meter.cost.peak_bytes, "work": trained.work}))


def apart(demo: Path, recipe: str, steps: int) -> dict[str, float]:
    words = [sys.executable, __file__, "--demo", str(demo), "--one", recipe, "--steps", str(steps)]

    def found(environment: dict[str, str]) -> dict[str, float]:
        done = subprocess.run(words, check=True, capture_output=True, text=True, env={**os.environ, **environment})
        one: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        return one

    return {**found({}), "bytes": found(MAPPED)["bytes"]}


def main() -> None:
    parser = common.arguments(__doc__)
    parser.add_argument("--steps", type=int, default=15)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one(options.demo, options.one, options.steps)
        return
    times: dict[str, list[float]] = {name: [] for name in GOALS}
    memory: dict[str, list[float]] = {name: [] for name in GOALS}
    for _ in range(options.repeat):
        standard = apart(options.demo, "standard", options.steps)
        for name in GOALS:
            found = apart(options.demo, name, options.steps)
            times[name].append(found["seconds"] / standard["seconds"])
            memory[name].append(found["bytes"] / standard["bytes"])
            print(f"  {name}: work {found['work'] / standard['work']:.2f} of standard's", flush=True)
    for name, goal in GOALS.items():
        common.report(f"B8 {name} ÷ standard, time", times[name], goal)
        common.report(f"B8 {name} ÷ standard, peak memory", memory[name], "< 1" if name == "lora" else "–")


if __name__ == "__main__":
    main()
