"""Results as a run of MLflow, on a stand-in of its API."""

from __future__ import annotations

import contextlib
import importlib
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import small_results

from auditor.cli.main import main
from auditor.results import mlflow_run, verification


class RefusedError(Exception):
    """What mlflow raises."""


class FakeMlflow(ModuleType):
    """The functions of mlflow that are called, with what they were given."""

    def __init__(self, *, refuse: bool = False) -> None:
        super().__init__("mlflow")
        self.calls: dict[str, Any] = {}
        self.exceptions = SimpleNamespace(MlflowException=RefusedError)
        self._refuse, self._active = refuse, False

    @contextlib.contextmanager
    def start_run(self, run_name: str | None = None) -> Iterator[Any]:
        self.calls["run"], self._active = run_name, True
        yield SimpleNamespace(info=SimpleNamespace(run_id="0a1b"))
        self._active = False

    def set_experiment(self, name: str) -> None:
        assert not self._active
        self.calls["experiment"] = name

    def log_metrics(self, metrics: dict[str, float]) -> None:
        if self._refuse:
            raise RefusedError("INVALID_PARAMETER_VALUE: too many\nmore")
        self._keep("metrics", metrics)

    def log_params(self, params: dict[str, Any]) -> None:
        self._keep("params", params)

    def set_tags(self, tags: dict[str, Any]) -> None:
        self._keep("tags", tags)

    def log_text(self, text: str, artifact_file: str) -> None:
        self._keep(artifact_file, text)

    def _keep(self, name: str, value: Any) -> None:
        assert self._active
        self.calls[name] = value


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_results.write(tmp_path_factory.mktemp("mlflow") / "audit", "quality")


def test_metrics_tags_and_the_page_are_logged(
    audit: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = FakeMlflow()
    monkeypatch.setitem(sys.modules, "mlflow", fake)
    assert main(["export", str(audit), "--mlflow", "--experiment", "reviews", "--run-name", "first"]) == 0
    assert capsys.readouterr().out == "mlflow run 0a1b\n"
    audited = verification.load(audit)
    accuracy = next(
        measured
        for record in audited.records
        if record.model == "candidate"
        for measured in record.measurements
        if measured.metric == "accuracy" and not measured.slice
    )
    logged = fake.calls["metrics"]
    assert (logged["quality.accuracy"], logged["quality.accuracy.low"], logged["quality.accuracy.high"]) == (
        accuracy.value,
        accuracy.low,
        accuracy.high,
    )
    assert all(re.fullmatch(r"[A-Za-z0-9_\-. /]{1,250}", name) for name in logged)
    assert (fake.calls["experiment"], fake.calls["run"]) == ("reviews", "first")
    assert fake.calls["tags"] == {"auditor.version": "0.1.0", "auditor.decision": "release", "auditor.exit_code": "0"}
    assert fake.calls["params"] == {"seed": 0, "policy": "small.toml", "task": "text-classification"}
    assert fake.calls["scorecard.html"].startswith("<!doctype html>")


def test_names_are_those_that_mlflow_takes_and_unique(audit: Path) -> None:
    audited = verification.load(audit)
    record = next(each for each in audited.records if each.model == "candidate")
    measured = replace(record.measurements[0], metric="gap", value=0.5, low=float("-inf"), high=0.75)
    slices = ({"word": "a/b"}, {"word": "a?b"}, {"word": "é" * 300})
    changed = replace(record, probe="own", measurements=tuple(replace(measured, slice=each) for each in slices))
    named = mlflow_run.metrics(replace(audited, records=(changed,)))
    assert list(named) == [
        "own.gap/a_b",
        "own.gap/a_b.high",
        "own.gap/a_b_2",
        "own.gap/a_b_2.high",
        *(f"{('own.gap/' + '_' * 300)[:240]}{end}" for end in ("", ".high")),
    ]


def test_without_mlflow_the_error_says_how_to_install_it(
    audit: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    assert main(["export", str(audit), "--mlflow"]) == 2
    assert capsys.readouterr().err == "audit export: mlflow is not installed (pip install mlflow)\n"
    project: Any = tomllib.loads((Path(__file__).resolve().parent.parent / "pyproject.toml").read_text())["project"]
    assert [word.partition(">")[0] for word in project["optional-dependencies"]["mlflow"]] == ["mlflow"]


def test_an_mlflow_that_lacks_a_package_keeps_its_error(audit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_name: str) -> ModuleType:
        raise ModuleNotFoundError("no flask", name="flask")

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ModuleNotFoundError, match="no flask"):
        mlflow_run.log(verification.load(audit), "")


def test_what_mlflow_refuses_is_one_line(
    audit: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", FakeMlflow(refuse=True))
    assert main(["export", str(audit), "--mlflow"]) == 2
    expected = "audit export: mlflow refuses the results: INVALID_PARAMETER_VALUE: too many\n"
    assert capsys.readouterr().err == expected
