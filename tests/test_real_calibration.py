"""Real checkpoints: one trained for many epochs on few rows is held for being too sure. Slow: minutes of training."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from fakes import script

import auditor
from auditor.cli.main import main
from auditor.verdicts import policy

EPOCHS, ROWS = 12, 300

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's folder, with a checkpoint that was trained for long on few rows."""
    folder = tmp_path_factory.mktemp("calibration")
    script("fixtures/demo/prepare.py").main(folder)
    with (folder / "train.csv").open(encoding="utf-8", newline="") as source:
        rows = list(csv.reader(source))[: ROWS + 1]
    with (folder / "few.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    given = {"epochs": EPOCHS, "learning_rate": 8e-5, "max_length": 64}
    (folder / "few.toml").write_text(
        '[data]\ntrain = "few.csv"\ntest = "test.csv"\n[training]\nbase = "base"\nout = "few"\n'
        + "".join(f"{key} = {json.dumps(value)}\n" for key, value in given.items()),
        encoding="utf-8",
    )
    assert main(["train", "--config", str(folder / "few.toml"), "--quiet"]) == 0
    return folder


def test_a_checkpoint_trained_for_many_epochs_on_few_rows_is_held_for_being_too_sure(place: Path) -> None:
    results = auditor.audit(place / "few" / "standard", place / "test.csv", probes=["calibration"])
    (record,) = (record for record in results.content["records"] if record["probe"] == "calibration")
    home: dict[str, Any] = {
        found["metric"]: found for found in record["measurements"] if found["slice"] == {"input": "home"}
    }
    print({name: (found["value"], found["low"], found["high"]) for name, found in home.items()})
    rules = policy.load().rules
    outcomes = {
        rules[verdict.rule].max: verdict.outcome
        for verdict in results.decision.verdicts
        if rules[verdict.rule].probe == "calibration"
    }
    assert outcomes == {0.05: "fail", None: "pass"}
    assert results.decision.exit_code == 1
    assert any(doubt.startswith("too sure: its mean confidence is ") for doubt in results.content["doubts"])
    # A temperature mends most of it.
    assert home["temperature"]["value"] > 1.3
    mended, gap = home["confidence_gap_at_temperature"]["value"], home["confidence_gap"]["value"]
    assert abs(mended) < gap / 2
    lower = home["negative_log_likelihood_at_temperature"]["value"]
    assert lower < home["negative_log_likelihood"]["value"]
