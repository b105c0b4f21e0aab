"""A third party's installed probe that is broken: one line where it would run, nothing where it has no record."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import small_results
from fakes import reviews, shipped
from small_results import edit
from tiny import tiny_checkpoint

from auditor.cli.main import main
from auditor.errors import ProbeError
from auditor.plugins import registry
from auditor.results import PAGE

PROBE = '''
from dataclasses import dataclass

from auditor import metrics
from auditor.types import Case, ProbeDefaults


@dataclass(frozen=True)
class Settings:
    """None."""


class Foreign(ProbeDefaults):
    """A probe of a third party."""

    name = "{name}"
    limitation = "noise"
    settings = Settings()

    def metrics(self, task):
        {metrics}

    def cases(self, audit):
        return iter(())


PROBE = Foreign()
'''
SAID = "probe foreign: metrics(task), of text-classification,"
METRICS = {
    "raises": ('raise KeyError("no such label")', f"{SAID} raises KeyError: 'no such label'"),
    "raises two lines": ('raise ValueError("first\\nsecond")', f"{SAID} raises ValueError: first\\nsecond"),
    "exits": ("raise SystemExit(3)", f"{SAID} raises SystemExit: 3"),
    "names nothing": ("return None", f"{SAID} raises TypeError: 'NoneType' object is not iterable"),
    "names no metric": ('return ("flip_rate",)', f"{SAID} holds 'flip_rate', which is no Metric"),
    "names a metric twice": (
        "return (metrics.flip_rate(), metrics.flip_rate())",
        f"{SAID} holds two metrics called 'flip_rate'",
    ),
}
"""What ``metrics(task)`` does, and what is said of it."""
SOUND = PROBE.format(name="foreign", metrics="return ()")
IMPORTS = {
    "raises": ("1 / 0", "entry point foreign: does not import: ZeroDivisionError: division by zero"),
    "exits": ("raise SystemExit(3)", "entry point foreign: does not import: SystemExit: 3"),
    "has no PROBE": ("", "entry point foreign: defines no PROBE (end the file with PROBE = YourProbe())"),
    "has a class": ("class PROBE: pass", "entry point foreign: PROBE is the class PROBE, not an instance"),
    "lacks members": ("PROBE = object()", "entry point foreign: PROBE lacks name, "),
    "has a known name": (SOUND.replace('"foreign"', '"quality"'), "two probes are called 'quality'"),
}
"""The whole module, and what is said of it."""
FAULTS = {
    **{f"metrics {name}": (PROBE.format(name="foreign", metrics=body), said) for name, (body, said) in METRICS.items()},
    **{f"module {name}": fault for name, fault in IMPORTS.items()},
}
Install = Callable[[str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    def installed(source: str) -> None:
        site, module = tmp_path / "site", f"foreign_probe_{tmp_path.parent.name}_{tmp_path.name}".replace("-", "_")
        info = site / "foreign_probe-1.0.dist-info"
        info.mkdir(parents=True)
        (site / f"{module}.py").write_text(source, encoding="utf-8")
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: foreign-probe\nVersion: 1.0\n", encoding="utf-8")
        (info / "entry_points.txt").write_text(f"[{registry.GROUP}]\nforeign = {module}\n", encoding="utf-8")
        monkeypatch.syspath_prepend(str(site))
        monkeypatch.delitem(sys.modules, module, raising=False)

    return installed


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faults")
    tiny_checkpoint(folder / "model")
    rows = [f'"{row.inputs["text"]}",{row.gold}' for row in reviews(30)]
    (folder / "test.csv").write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    small_results.write(folder / "audit")
    return folder


@pytest.mark.parametrize("fault", FAULTS)
def test_commands_that_would_run_it_end_with_one_line(
    place: Path, install: Install, fault: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    source, message = FAULTS[fault]
    install(source)
    audited = ["run", "--model", "model", "--data", "test.csv", "--probe", "quality"]
    commands = (
        ["probes", "--task", "text-classification"],
        ["probes", "--task", "text-classification", "--json"],
        [*audited, "--dry-run"],
        [*audited, "--out", "none"],
    )
    for words in commands:
        assert main(words) == 2, words
        said = capsys.readouterr()
        assert said.out == ""
        assert message in said.err.splitlines()[-1], said.err
        assert sum(message in line for line in said.err.splitlines()) == 1
    assert not (place / "none").exists()


@pytest.mark.parametrize("fault", FAULTS)
def test_results_without_its_record_are_read_as_if_it_was_not_there(
    place: Path, install: Install, fault: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shutil.copytree(place / "audit", tmp_path / "audit")
    folder = tmp_path / "audit"

    def read() -> list[tuple[int, str, str]]:
        outcomes = []
        for command in ("gate", "report", "remedy"):
            code = main([command, str(folder)])
            outcomes.append((code, *capsys.readouterr()))
        return outcomes

    before, page = read(), (folder / PAGE).read_bytes()
    install(FAULTS[fault][0])
    assert read() == before
    assert (folder / PAGE).read_bytes() == page
    assert all(code != 2 for code, _, _ in before)


@pytest.mark.parametrize("fault", METRICS)
def test_results_with_its_record_are_refused_in_one_line(
    place: Path, install: Install, fault: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shutil.copytree(place / "audit", tmp_path / "audit")

    def recorded(content: dict[str, object]) -> None:
        records: list[dict[str, object]] = content["records"]  # type: ignore[assignment]
        lacks: dict[str, object] = {"measurements": [], "skipped": [], "worst": [], "counts": {}, "metrics": []}
        left_out = {"status": "not_applicable", "reason": "not selected", **lacks}
        foreign = [{**record, "probe": "foreign", "limitation": "noise", **left_out} for record in records]
        for record in foreign:
            del record["role"]
        records += foreign

    edit(tmp_path / "audit", recorded, seal=True)
    assert main(["gate", str(tmp_path / "audit")]) != 2, capsys.readouterr().err
    capsys.readouterr()
    install(PROBE.format(name="foreign", metrics=METRICS[fault][0]))
    assert main(["gate", str(tmp_path / "audit")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"its metrics cannot be checked: {METRICS[fault][1]}" in said


def test_a_metric_of_every_shipped_probe_is_named_once() -> None:
    from auditor import tasks

    for name in tasks.names():
        task = tasks.create(name, tasks.kind(name).example_labels)
        for probe in registry.discover():
            declared = registry.metrics_of(probe, task)
            assert tuple(declared.values()) == probe.metrics(task)


def test_auditors_own_probes_are_known_by_where_they_come_from(install: Install) -> None:
    install(SOUND)
    assert {probe.name for probe in registry.discover() if not registry.is_own(probe)} == {"foreign"}
    (quality,) = shipped("quality")
    assert registry.is_own(quality)
    assert not registry.is_own(type("Renamed", (type(quality),), {"__module__": type(quality).__module__})())


def test_the_error_names_its_cause(install: Install) -> None:
    install(FAULTS["metrics raises"][0])
    from auditor import tasks

    probe = next(probe for probe in registry.discover() if probe.name == "foreign")
    with pytest.raises(ProbeError) as refused:
        registry.metrics_of(probe, tasks.create("text-classification", ("a", "b")))
    assert isinstance(refused.value.__cause__, KeyError)
