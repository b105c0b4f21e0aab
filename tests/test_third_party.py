"""A third party's probe, one file outside the project: found by path and by entry point, in results and page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fakes import reviews
from tiny import tiny_checkpoint

from auditor.cli.main import main
from auditor.plugins import registry

PROBE = '''
"""How the model bears shouting."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from auditor import metrics, text
from auditor.types import Audit, Case, Metric, ProbeDefaults, Skipped, Task


@dataclass(frozen=True)
class Mark:
    text: str = "!"


@dataclass(frozen=True)
class Settings:
    examples: int = 30
    mark: Mark = Mark()


class Shouting(ProbeDefaults):
    """Exclamation marks at the end.

    The same text with three more of them.
    """

    name = "shouting"
    limitation = "noise"
    needs: frozenset[str] = frozenset()
    settings = Settings()
    pools: tuple[frozenset[str], ...] = ()

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        return (metrics.drop(task), metrics.flip_rate())

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        for example in audit.examples("home", audit.settings.examples):
            edits = {
                name: text.edits_between(value, value + 3 * audit.settings.mark.text)
                for name, value in example.inputs.items()
            }
            yield Case(example, {"marks": "three"}, edits)


PROBE = Shouting()
'''


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("third")
    tiny_checkpoint(folder / "model")
    rows = [f'"{row.inputs["text"]}",{row.gold}' for row in reviews(30)]
    (folder / "test.csv").write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    (folder / "audit.toml").write_text("[probes.shouting]\nexamples = 20\nmark = { text = '?' }\n", encoding="utf-8")
    return folder


def audit(place: Path, out: str, *chosen: str) -> dict[str, object]:
    words = ["run", "--model", "model", "--data", "test.csv", "--out", out, "--quiet", *chosen]
    assert main([*words, "--config", "audit.toml"]) in (1, 3)
    found: dict[str, object] = json.loads((place / out / "results.json").read_text(encoding="utf-8"))
    return found


def check(found: dict[str, object], page: str, *measured: str) -> None:
    records = {record["probe"]: record for record in found["records"]}  # type: ignore[attr-defined]
    assert {name for name, record in records.items() if record["status"] == "measured"} == set(measured)
    shouting = records["shouting"]
    assert shouting["settings"] == {"examples": 20, "mark": {"text": "?"}}
    assert shouting["counts"]["cases"] == 20
    assert [one["metric"] for one in shouting["measurements"]] == ["drop", "flip_rate"]
    assert "Exclamation marks at the end." in page


def test_by_path_it_runs_beside_the_probes_that_are_named(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    Path("shouting.py").write_text(PROBE, encoding="utf-8")
    found = audit(place, "by-path", "--probe", "quality", "--probe", "shouting.py")
    check(found, (place / "by-path" / "scorecard.html").read_text(encoding="utf-8"), "quality", "shouting")


def test_by_entry_point_it_is_one_probe_like_any_other(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = place / "site"
    info = site / "shouting_probe-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "shouting_probe.py").write_text(PROBE, encoding="utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shouting-probe\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[{registry.GROUP}]\nshouting = shouting_probe\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.chdir(place)
    found = audit(place, "by-entry", "--probe", "shouting")
    check(found, (place / "by-entry" / "scorecard.html").read_text(encoding="utf-8"), "shouting")


def test_a_path_alone_adds_the_probe_to_all_the_others(tmp_path: Path) -> None:
    file = tmp_path / "shouting.py"
    file.write_text(PROBE, encoding="utf-8")
    probes = registry.discover([file])
    assert registry.selected(probes, (), [file]) == {probe.name for probe in probes}
    assert registry.selected(probes, ("noise",), [file]) == {"noise", "shouting"}
    assert registry.discover([file]) == probes


def test_an_entry_point_that_does_not_import_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    info = tmp_path / "broken_probe-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-probe\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[{registry.GROUP}]\nbroken = no_such_module_at_all\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert main(["probes"]) == 2
    said = capsys.readouterr().err
    assert "entry point broken: does not import: ModuleNotFoundError" in said
    assert len(said.splitlines()) == 1
