"""B6. Ten times the examples: how much longer an audit takes, and how much more memory above the imports it needs."""

from __future__ import annotations

import importlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import common
from forward_ceiling import IMPORTS

CONFIG = """
[data]
test = "{test}"
[probes.noise]
examples = {n}
perturbations = [
  "keyboard typo", "swapped letters", "deleted letter", "added punctuation", "swapped words", "deleted word",
]
[probes.quality]
examples = {n}
"""


def resident() -> float:
    """MiB of this process now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


def child(demo: Path, model: str, n: int) -> None:
    """One audit in a process of its own; prints seconds and MiB."""
    for name in IMPORTS:
        importlib.import_module(name)
    from auditor.cli import main as cli

    with tempfile.TemporaryDirectory() as folder:
        os.environ["AUDIT_CACHE"] = str(Path(folder) / "cache")
        config = Path(folder) / "audit.toml"
        config.write_text(CONFIG.format(test=demo / "many.csv", n=n), encoding="utf-8")
        words = ["run", "--config", str(config), "--model", str(demo / "ckpt" / model), "--quiet"]
        words += ["--probe", "noise", "--probe", "quality", "--out", str(Path(folder) / "out")]
        before, began = resident(), time.perf_counter()
        cli.main(words)
        took = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": took, "mebibytes": peak - before}))


def measured(options: object, n: int) -> dict[str, float]:
    demo, model = options.demo, options.model  # type: ignore[attr-defined]
    words = [sys.executable, __file__, "--child", str(n), "--demo", str(demo), "--model", model]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = common.arguments(__doc__)
    parser.add_argument("--child", type=int, help=argparse_hidden())
    parser.add_argument("--examples", type=int, default=200)
    options = parser.parse_args()
    if options.child:
        child(options.demo, options.model, options.child)
        return
    _many(options.demo, 10 * options.examples)
    time_ratios, memory_ratios = [], []
    for _ in range(options.repeat):
        few, many = measured(options, options.examples), measured(options, 10 * options.examples)
        print(
            f"  {options.examples} and {10 * options.examples} examples: "
            f"{few['seconds']:.1f} and {many['seconds']:.1f} s; "
            f"{few['mebibytes']:.0f} and {many['mebibytes']:.0f} MiB above the imports",
            flush=True,
        )
        time_ratios.append(many["seconds"] / few["seconds"])
        memory_ratios.append(many["mebibytes"] / few["mebibytes"])
    common.report("B6 ten times the examples, time", time_ratios, "≤ 10.5")
    common.report("B6 ten times the examples, memory", memory_ratios, "≤ 1.5")


def argparse_hidden() -> str:
    import argparse

    return argparse.SUPPRESS


def _many(demo: Path, n: int) -> None:
    """Reviews of the home domain that the demo left over."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "fixtures" / "demo"))
    prepare = importlib.import_module("prepare")
    start = sum(prepare.SIZES.values())
    prepare.write(demo / "many.csv", prepare.rows_of("rotten_tomatoes")[start : start + n])


if __name__ == "__main__":
    main()
