"""Models that answer with a number: how data write it, what is right, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import tiny_checkpoint

from auditor import data, tasks
from auditor.cli.main import main
from auditor.errors import ConfigError, DataError, ModelError
from auditor.models import checkpoint
from auditor.testing import check_probe
from auditor.types import Example, Task
from probes.quality import PROBE as QUALITY

NAME = "text-regression"


def task(**settings: Any) -> Task:
    return tasks.create(NAME, ("number",), settings=settings)


def golds(*cells: Any, **settings: Any) -> list[Any]:
    rows = [{"text": f"film {number}", "label": cell} for number, cell in enumerate(cells)]
    return [row.gold for row in data.load(data.source(rows, "rows"), name="home", task=task(**settings)).examples]


def test_numbers_are_read_as_they_are_written() -> None:
    assert golds("3.5", 4, 2.0, "-1e-3", " 7 ", ".5") == [3.5, 4.0, 2.0, -0.001, 7.0, 0.5]
    assert golds("1", None, "") == [1.0]


@pytest.mark.parametrize("wrong", ["good", "nan", "inf", "1_000", "3,5", "1e999", "٣"])
def test_what_is_no_number_is_named_in_one_line(wrong: str) -> None:
    with pytest.raises(DataError) as caught:
        golds("1", wrong)
    assert caught.value.line.startswith(f"rows: row 2, column 'label': holds {wrong!r}, which is no number to learn (")


def test_a_number_beyond_the_scale_is_refused_and_an_answer_beyond_it_is_its_end() -> None:
    with pytest.raises(DataError, match=r"row 1, column 'label': holds '6', which lies beyond the scale"):
        golds(6, scale=[1, 5])
    own = task(scale=[1, 5])
    assert (own.show(7.2), own.show(0.0), task().show(7.25)) == ("5", "1", "7.25")


@pytest.mark.parametrize("wrong", [{"tolerance": 0}, {"tolerance": -1.0}, {"scale": [1]}, {"scale": [5, 1]}])
def test_settings_that_cannot_be_are_refused(wrong: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        task(**wrong)
    assert "\n" not in caught.value.line


def test_numbers_have_no_names() -> None:
    with pytest.raises(ConfigError, match="numbers have no names"):
        tasks.create(NAME, ("number",), {"1": "number"})


def test_an_answer_is_right_within_the_tolerance() -> None:
    own = task(tolerance=0.25)
    assert [own.score(3.0, answer).numerator for answer in (3.0, 3.25, 2.75, 3.26)] == [1.0, 1.0, 1.0, 0.0]
    assert own.same(3.0, 3.25)
    assert not own.same(3.0, 3.5)
    goal = own.goal(Example("x", {"text": "t"}, 3.0), 3.1)
    assert goal is not None
    for answer, stands in ((3.0, True), (3.25, True), (3.25001, False), (99.0, False)):
        scores = goal({"text": "t"}, answer)
        assert (max(scores) <= scores[0]) is stands
    assert own.goal(Example("x", {"text": "t"}, 3.0), 4.0) is None


def test_the_best_constant_answer_by_hand() -> None:
    assert task().constant([1.0, 4.0, 4.5, 5.0, None]) == 4.5
    assert task().constant([]) is None


def test_errors_are_those_of_numpy() -> None:
    rng = np.random.default_rng(5)
    gold, off = rng.uniform(1, 5, 80), rng.normal(0, 1, 80)
    rows = [Example(f"home:{n}", {"text": f"film {n}"}, float(g)) for n, g in enumerate(gold)]
    answers = dict(zip((row.inputs["text"] for row in rows), map(float, gold + off), strict=True))
    own = task(scale=[-5, 11], tolerance=1.0)
    errors: dict[str, list[float]] = {metric.name: [] for metric in own.detail_metrics}
    for row in rows:
        for detail in own.details(row.gold, answers[row.inputs["text"]]):
            errors.setdefault(detail.metric, []).append(detail.score.numerator)
    assert np.mean(errors["mean_absolute_error"]) == pytest.approx(np.abs(off).mean())
    assert np.median(errors["median_absolute_error"]) == pytest.approx(np.median(np.abs(off)))
    check_probe(QUALITY, own, examples={"home": rows}, applies=True)


def folder_of(path: Path, **config: Any) -> Path:
    folder = tiny_checkpoint(path)
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), **config}), "utf-8")
    return folder


def test_several_numbers_at_once_are_refused(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "m", problem_type="regression")
    assert checkpoint.head_of(folder) == "regression"
    with pytest.raises(ModelError, match="answers with 2 numbers at once"):
        checkpoint.describe(folder, "regression")
    with pytest.raises(ModelError, match="gives a text labels, not a number"):
        checkpoint.describe(folder_of(tmp_path / "s"), "regression")
    with pytest.raises(ModelError, match="does not choose one of two or more labels"):
        checkpoint.describe(folder, "sequence")


def test_from_training_to_the_same_bytes_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    base = tiny_checkpoint(tmp_path / "base", head=False)
    stars = {"good": 5, "bad": 1.5, "dull": 2, "film": 3}
    rows = [f"{word} film number {number},{stars[word]}" for number in range(12) for word in stars]
    for name, own in (("train", rows[:32]), ("test", rows[32:])):
        Path(f"{name}.csv").write_text("text,label\n" + "".join(f"{row}\n" for row in own), "utf-8")
    Path("audit.toml").write_text(
        f'[task]\nname = "{NAME}"\nscale = [1, 5]\n[data]\ntrain = "train.csv"\ntest = "test.csv"\n'
        f'[training]\nbase = "{base}"\nout = "ckpt"\nepochs = 1\nbatch_size = 8\nmax_length = 24\n',
        "utf-8",
    )
    assert main(["train"]) == 0
    assert json.loads(Path("ckpt/standard/config.json").read_text("utf-8"))["problem_type"] == "regression"
    for out in ("one", "two"):
        assert main(["run", "--model", "ckpt/standard", "--probe", "quality,repeatability", "--out", out]) in (1, 3)
    first, second = (Path(out, "results.json").read_bytes() for out in ("one", "two"))
    assert first == second
    (quality,) = (record for record in json.loads(first)["records"] if record["probe"] == "quality")
    values = {measured["metric"]: measured["value"] for measured in quality["measurements"]}
    assert values.keys() >= {"within_tolerance", "mean_absolute_error", "median_absolute_error"}
    assert not any("labels swapped" in doubt for doubt in json.loads(first)["doubts"])
    assert main(["gate", "one"]) in (1, 3)
    capsys.readouterr()
    Path("test.csv").write_text("text,label\ngood film,fine\n", "utf-8")
    assert main(["run", "--model", "ckpt/standard", "--data", "test.csv", "--probe", "quality", "--out", "x"]) == 2
    err = capsys.readouterr().err
    assert "test.csv: row 2, column 'label': holds 'fine', which is no number to learn" in err.splitlines()[-1]
