"""The shipped schema of results.json takes what auditor writes and nothing else."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from auditor import results
from auditor.cli.main import main

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = json.loads((ROOT / "auditor" / "results" / "schema.json").read_text(encoding="utf-8"))
RESULTS = json.loads((ROOT / "fixtures" / "results" / "results.json").read_text(encoding="utf-8"))


def _set(*path: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(found: dict[str, Any]) -> None:
        place: Any = found
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value

    return change


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_the_recorded_results_keep_the_schema() -> None:
    assert list(Draft202012Validator(SCHEMA).iter_errors(RESULTS)) == []


@pytest.mark.parametrize("key", SCHEMA["required"])
def test_a_missing_top_level_key_breaks_it(key: str) -> None:
    found = {name: value for name, value in RESULTS.items() if name != key}
    assert not Draft202012Validator(SCHEMA).is_valid(found)


@pytest.mark.parametrize(
    "change",
    [
        _set("surprise", value=1),
        _set("schema", value=1),
        _set("records", 0, "status", value="crashed"),
        _set("records", 0, "surprise", value=1),
        _set("records", 0, "counts", "cases", value=-1),
        _set("records", 0, "measurements", 0, "vacuous", value=1.5),
        _set("records", 0, "measurements", 0, "status", value="fine"),
        _set("records", 0, "measurements", 0, "slice", value={"severity": 1}),
        _set("records", 0, "metrics", 0, "unit", value="metres"),
        _set("policy", "rules", 0, "why", value=""),
        _set("decision", "exit_code", value=130),
        _set("decision", "verdicts", 0, "outcome", value="maybe"),
        _set("decision", "verdicts", 0, "limit", value={}),
        _set("decision", "verdicts", 0, "limit", value={"max": 0.1, "min": 0.1}),
        _set("decision", "verdicts", 0, "limit", value={"about": 0.1}),
        _set("digests", "results.json", value="0"),
        _set("digests", "timings.json", value="0" * 64),
        _set("comparisons", 0, "p", value=-0.1),
        _set("data", 0, "rows", value="many"),
    ],
)
def test_what_auditor_never_writes_breaks_it(change: Callable[[dict[str, Any]], None]) -> None:
    found = copy.deepcopy(RESULTS)
    change(found)
    assert not Draft202012Validator(SCHEMA).is_valid(found)


def test_a_record_that_is_not_measured_says_why() -> None:
    found = copy.deepcopy(RESULTS)
    record = next(record for record in found["records"] if record["status"] != "measured")
    record["reason"] = None
    assert not Draft202012Validator(SCHEMA).is_valid(found)


def test_the_recorded_results_hold_every_status_and_outcome() -> None:
    assert {record["status"] for record in RESULTS["records"]} == {"measured", "not_applicable", "failed"}
    outcomes = {verdict["outcome"] for verdict in RESULTS["decision"]["verdicts"]}
    assert outcomes == {"pass", "fail", "inconclusive", "not_measured", "not_applicable"}
    statuses = {found["status"] for record in RESULTS["records"] for found in record["measurements"]}
    assert statuses == {"ok", "too_few", "removed_by_tokenizer"}


def test_the_recorded_results_are_sealed_and_have_no_rows_to_be_judged_by(capsys: pytest.CaptureFixture[str]) -> None:
    """They were drawn up by hand to show every state on a page; nothing is released by them."""
    assert results.sealed(RESULTS) == RESULTS
    for command in ("gate", "report", "remedy"):
        assert main([command, str(ROOT / "fixtures" / "results")]) == 2
        assert "examples.parquet: is missing" in capsys.readouterr().err
