"""Kill `audit run` at random moments, go on after each, and compare with a run that nobody disturbed.

    python tests/kill_and_resume.py --model demo/ckpt/standard --config demo/audit.toml --kills 20
    python tests/kill_and_resume.py --task question-answering --kills 5 -- --probe noise --probe adversarial

With ``--task`` the checkpoint is a tiny one of that task, which is made and trained first.

As many SIGKILLs as asked for, each at a moment drawn evenly from the time that the shortest run took. When a run
comes to its end between two of them its results, cases and page have to be the undisturbed ones byte for byte, and the
next one begins with an empty cache.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

COMPARED = ("results.json", "cases.parquet", "examples.parquet")
DONE = (0, 1, 3)


def started(words: Sequence[str], out: Path, cache: Path, log: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "auditor.cli.main", "run", *words, "--out", str(out)]
    with log.open("ab") as file:
        return subprocess.Popen(command, stderr=file, stdout=file, env={**os.environ, "AUDIT_CACHE": str(cache)})


def finished(words: Sequence[str], out: Path, cache: Path, log: Path) -> float:
    """Seconds that a whole run took."""
    began = time.monotonic()
    code = started(words, out, cache, log).wait()
    if code not in DONE:
        raise SystemExit(f"exit code {code}: {log.read_text(encoding='utf-8')[-2000:]}")
    return time.monotonic() - began


def check(expected: Path, out: Path, folder: Path) -> None:
    for name in COMPARED:
        if (expected / name).read_bytes() != (out / name).read_bytes():
            raise SystemExit(f"{name} differs: {expected / name} and {out / name}")
    left = sorted(one.name for one in folder.iterdir() if one.name.startswith(f".{out.name}-"))
    if left:
        raise SystemExit(f"left behind: {left}")


def disturbed(words: Sequence[str], folder: Path, kills: int, seed: int) -> list[float]:
    """Raises SystemExit where a resumed run differs. Returns the moments of the kills, in seconds after a start."""
    rng, log = random.Random(seed), folder / "log"
    expected, out, cache = folder / "expected", folder / "out", folder / "cache"
    whole = finished(words, expected, folder / "another-cache", log)
    print(f"undisturbed: {whole:.1f} s", flush=True)
    moments: list[float] = []
    ends = 0
    while True:
        process, began = started(words, out, cache, log), time.monotonic()
        try:
            wait = rng.uniform(0.0, whole) if len(moments) < kills else None
            code = process.wait(wait)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            assert wait is not None
            moments.append(wait)
            continue
        if code not in DONE:
            raise SystemExit(f"exit code {code}: {log.read_text(encoding='utf-8')[-2000:]}")
        check(expected, out, folder)
        ends += 1
        # What one run keeps makes the next shorter, and other work on the machine any of them longer.
        whole = min(whole, time.monotonic() - began)
        print(f"the same after {len(moments)} kills", flush=True)
        if len(moments) >= kills:
            break
        shutil.rmtree(cache)
    print(f"{len(moments)} kills, {ends} runs ended, every one the same", flush=True)
    return moments


def of_task(task: str, folder: Path) -> list[str]:
    """Make and train a tiny checkpoint of the task. Returns the words that audit it."""
    from trained_tasks import small_settings, trained

    config = trained(folder, task, more=small_settings(["deepwordbug"]))
    return ["--model", str(folder / "ckpt" / "standard"), "--config", str(config)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model")
    parser.add_argument("--config")
    parser.add_argument("--task", help="in place of a model and a config: a task of which both are made")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=Path("kill-and-resume"))
    parser.add_argument("more", nargs="*", help="further words for audit run, after --")
    options = parser.parse_args()
    if (options.task is None) != (options.model is not None and options.config is not None):
        parser.error("either --task, or --model and --config")
    shutil.rmtree(options.folder, ignore_errors=True)
    options.folder.mkdir(parents=True)
    given = ["--model", options.model, "--config", options.config]
    words = given if options.task is None else of_task(options.task, options.folder / "made")
    disturbed([*words, *options.more], options.folder, options.kills, options.seed)


if __name__ == "__main__":
    main()
