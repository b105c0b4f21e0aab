"""An audit of texts of 600 kB: what the model does not read of them takes no time and no room."""

from __future__ import annotations

import csv
import json
import random
import time
from pathlib import Path
from typing import Any

import pandas
import pytest
from tiny import WORDS, tiny_checkpoint

from auditor.cli.main import main
from auditor.text.excerpts import AROUND, CHANGED
from reports.marks import CUT

HAN = "好坏电影看的不很大人"
BYTES = 600_000
CONFIG = """
[probes.noise]
perturbations = ["repeated letter", "added punctuation", "swapped words"]
severities = { middle = 0.2 }
"""


def with_spaces(seed: int) -> str:
    draw = random.Random(seed)
    return " ".join(draw.choice(WORDS) for _ in range(BYTES // 3))[:BYTES]


def without_spaces(seed: int) -> str:
    draw = random.Random(seed)
    return "".join(draw.choice(HAN) for _ in range(BYTES // 3))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint and its test file: each kind of text under both labels, so that half of the answers are wrong."""
    place = tmp_path_factory.mktemp("long")
    tiny_checkpoint(place / "model", words=(*WORDS, *HAN))
    texts = [with_spaces(0), with_spaces(1), without_spaces(2), without_spaces(3), "a good film", "a bad film"]
    with (place / "test.csv").open("w", encoding="utf-8", newline="") as file:
        rows = [(text, ("negative", "positive")[number % 2]) for number, text in enumerate(texts)]
        csv.writer(file).writerows([("text", "label"), *rows])
    (place / "audit.toml").write_text(CONFIG, encoding="utf-8")
    return place


def test_an_audit_of_long_texts_is_as_quick_and_small_as_one_of_what_is_read(place: Path) -> None:
    out = place / "out"
    began = time.process_time()
    arguments = ["--model", str(place / "model"), "--data", str(place / "test.csv"), "--out", str(out)]
    code = main(["run", *arguments, "--config", str(place / "audit.toml"), "--probe", "quality", "--probe", "noise"])
    # A second or two; minutes when every case was read and written whole.
    assert time.process_time() - began < 10
    assert code == 3
    sizes = {file.name: file.stat().st_size for file in out.iterdir()}
    assert set(sizes) == {"results.json", "cases.parquet", "examples.parquet", "timings.json", "scorecard.html"}
    assert max(sizes.values()) < 2**20
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert (results["data"][0]["used"], results["data"][0]["truncated"]) == (6, 4)
    check(results, out)
    # Whatever reads the folder again says the same of it.
    page = (out / "scorecard.html").read_bytes()
    assert "characters left out" in page.decode("utf-8")
    assert main(["gate", str(out)]) == code
    assert main(["report", str(out)]) == 0
    assert (out / "scorecard.html").read_bytes() == page


def check(results: Any, out: Path) -> None:
    """Long texts are cut with the mark, before and after alike, and short ones whole, in both files."""
    worst = [case for record in results["records"] for case in record["worst"]]
    shown = [(case["example"], case["before"]["text"], case["after"]["text"]) for case in worst]
    table = pandas.read_parquet(out / "cases.parquet")
    texts = [[json.loads(cell)["text"] for cell in table[name]] for name in ("before", "after")]
    shown += zip(table["example"], *texts, strict=True)
    long = {f"home:{row}" for row in (2, 3, 4, 5)}
    assert {name for name, _, _ in shown} == {*long, "home:6", "home:7"}
    # Half of the answers are wrong: worst cases of both kinds, with spaces and without.
    assert {name for name, _, _ in shown[: len(worst)]} & {"home:2", "home:3"}
    assert {name for name, _, _ in shown[: len(worst)]} & {"home:4", "home:5"}
    for name, before, after in shown:
        marks = CUT.findall(before)
        assert CUT.findall(after) == marks
        assert bool(marks) is (name in long)
        assert max(len(before), len(after)) <= CHANGED + 2 * AROUND + 100
