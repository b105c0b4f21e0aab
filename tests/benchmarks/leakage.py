"""B9. Copies among 25,000 long reviews: time and memory, and how much faster the join is than one by dictionaries."""

from __future__ import annotations

import importlib
import json
import random
import re
import resource
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import common

from auditor.text import copies
from auditor.types import Example, GivenRow
from probes import _copies

PLANTED = 200
"""Test rows that are training rows with one word in twenty replaced."""


Pairs: TypeAlias = set[tuple[int, int]]
Join: TypeAlias = Callable[[Sequence[str]], Pairs]


def reviews(n: int) -> list[str]:
    """Reviews of the demo's other domain, of about 230 words."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "fixtures" / "demo"))
    prepare = importlib.import_module("prepare")
    return [text for text, _ in prepare.rows_of("imdb")][:n]


def reworded(text: str, rng: random.Random) -> str:
    words = text.split()
    for place in rng.sample(range(len(words)), max(1, round(0.05 * len(words)))):
        words[place] = f"other{rng.randrange(1000)}"
    return " ".join(words)


def given(name: str, texts: Sequence[str]) -> list[GivenRow]:
    return [GivenRow(Example(f"{name}:{place}", {"text": text}), text) for place, text in enumerate(texts)]


def child(n: int) -> None:
    """All that the probe looks up, in a process of its own; prints seconds, MiB and what was found."""
    texts = reviews(n)
    importlib.import_module("scipy.sparse")
    rng, size = random.Random(0), n // 5
    train = texts[size:]
    home = [*(reworded(text, rng) for text in train[:PLANTED]), *texts[PLANTED:size]]
    rows = {"home": given("home", home), "train": given("train", train)}
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, (time.perf_counter(), time.process_time())
    sets = _copies.row_sets(rows)
    copied = _copies.copies_in(sets["home"], sets["train"], 0.5)
    _copies.copies_within(sets["home"], 0.5)
    clock, processor = time.perf_counter() - began[0], time.process_time() - began[1]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = sum(copy is not None and copy.twin.id == f"train:{place}" for place, copy in enumerate(copied[:PLANTED]))
    memory = {"more": (peak - before) / 1024, "peak": peak / 1024}
    print(json.dumps({"clock": clock, "processor": processor, "found": found, **memory}))


def by_dictionaries(texts: Sequence[str]) -> Pairs:
    """The pairs that are alike, by sets of tuples and a dictionary of who has which."""
    owners: dict[tuple[str, ...], list[int]] = defaultdict(list)
    sizes, pairs = [], Counter[tuple[int, int]]()
    for place, text in enumerate(texts):
        words = ["<"] * 4 + re.findall(r"\w+", text.lower()) + [">"] * 4
        runs = {tuple(words[start : start + 5]) for start in range(len(words) - 4)}
        sizes.append(len(runs))
        for run in runs:
            pairs.update((other, place) for other in owners[run])
            owners[run].append(place)
    return {(one, two) for (one, two), both in pairs.items() if both >= 0.5 * (sizes[one] + sizes[two] - both)}


def by_join(texts: Sequence[str]) -> Pairs:
    shingled = copies.Shingler().shingled({"text": text} for text in texts)
    return {
        (int(one), int(two))
        for alike in copies.near_pairs(shingled)
        for one, two in zip(alike.first, alike.second, strict=True)
    }


def timed(join: Join, texts: Sequence[str]) -> tuple[float, Pairs]:
    """Seconds of the processor, which other work on the machine does not lengthen as it does the clock's."""
    began = time.process_time()
    pairs = join(texts)
    return time.process_time() - began, pairs


def main() -> None:
    parser = common.arguments(__doc__)
    parser.add_argument("--child", type=int, help=importlib.import_module("argparse").SUPPRESS)
    parser.add_argument("--rows", type=int, default=25_000)
    parser.add_argument("--subset", type=int, default=2_000, help="rows that both joins compare")
    options = parser.parse_args()
    if options.child:
        child(options.child)
        return
    texts, rng = reviews(options.subset), random.Random(1)
    texts += [reworded(text, rng) for text in texts[:PLANTED]]
    ratios = []
    for _ in range(options.repeat):
        (slow, expected), (fast, pairs) = timed(by_dictionaries, texts), timed(by_join, texts)
        assert pairs == expected
        print(f"  {len(texts):,} reviews: dictionaries {slow:.1f} s, join {fast:.1f} s, {len(pairs)} pairs", flush=True)
        ratios.append(slow / fast)
    common.report("B9 dictionaries against the join", ratios, "≥ 1.5")
    words = [sys.executable, __file__, "--child", str(options.rows)]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    whole = json.loads(done.stdout.splitlines()[-1])
    print(
        f"B9 {options.rows:,} reviews: {whole['processor']:.1f} s of the processor (goal: < 60), {whole['clock']:.1f}"
        f" s by the clock, {whole['more']:.0f} MiB more, {whole['peak']:.0f} MiB in all (goal: < 1,024), "
        f"{whole['found']} of {PLANTED} planted found",
        flush=True,
    )


if __name__ == "__main__":
    main()
