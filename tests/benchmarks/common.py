"""What the benchmarks share: the demo's checkpoint and reviews, pairs of timings, one line of result."""

from __future__ import annotations

import argparse
import csv
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

DEMO = Path(__file__).resolve().parents[2] / "demo"


def arguments(description: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--demo", type=Path, default=DEMO, help="the folder that `make audit` fills")
    parser.add_argument("--model", default="standard", help="checkpoint in its ckpt folder")
    parser.add_argument("--repeat", type=int, default=3)
    return parser


def reviews(demo: Path, name: str, n: int) -> list[tuple[str, str]]:
    """The first n (text, label) of one of the demo's files."""
    with (demo / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return [(row["text"], row["label"]) for row in csv.DictReader(file)][:n]


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def report(what: str, ratios: Sequence[float], goal: str) -> None:
    shown = ", ".join(f"{one:.2f}" for one in ratios)
    print(f"{what}: median ratio {statistics.median(ratios):.2f} of [{shown}] (goal: {goal})", flush=True)
