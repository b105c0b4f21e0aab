"""Audits of a tiny checkpoint of every task: attacks hold on a fresh load, and the bytes are always the same."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from fresh_answers import JUDGES, Rechecked
from test_recorded_numbers import RECIPES, UNSERVED
from trained_tasks import small_settings, trained

from auditor import tasks
from auditor.cli.main import main
from auditor.environment import packages
from auditor.models.text_model import TextModel
from auditor.plugins import registry
from auditor.storage import user_cache

TASKS = tasks.names()
COMPARED = ("results.json", "cases.parquet", "examples.parquet")
DONE = (0, 1, 3)
SPANS = {"ner"}
"""Tasks whose decision is several entities, each of which may stand or fall."""
INTERRUPTED = 130
STOPS = (3, 40, None)
"""Batches after which a run is interrupted; None: it may end."""
HASH_SEEDS = ("1", "2")
EACH = """
import sys
from auditor.cli.main import main
for folder in sys.argv[3:]:
    words = ["--model", f"{folder}/ckpt/standard", "--config", f"{folder}/audit.toml"]
    words += ["--out", f"{folder}/{sys.argv[1]}", "--quiet", *sys.argv[2].split()]
    assert main(["run", *words]) in (0, 1, 3), folder
"""

pytestmark = pytest.mark.skipif(packages.lacking("textattack") is not None, reason="attacks need textattack")


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Task → a folder with its checkpoint and config, which is made once."""
    root, made = tmp_path_factory.mktemp("tasks"), dict[str, Path]()

    def place(task: str) -> Path:
        if task not in made:
            made[task] = trained(root / task, task, more=small_settings(RECIPES[task])).parent
        return made[task]

    return place


def words(place: Path, out: str, *more: str) -> list[str]:
    model, config = place / "ckpt" / "standard", place / "audit.toml"
    return ["run", "--model", str(model), "--config", str(config), "--out", str(place / out), "--quiet", *more]


def cases(folder: Path) -> list[dict[str, Any]]:
    """The kept rows of the attacks."""
    import pyarrow.parquet as pq

    rows = pq.read_table(folder / "cases.parquet").to_pylist()
    return [{**row, "facts": json.loads(row["facts"])} for row in rows if row["probe"] == "adversarial"]


def counted(folder: Path) -> Mapping[str, tuple[float, float]]:
    """Slice → the successes that the attack success rate counts, and the attacks."""
    import pyarrow.parquet as pq

    sums: dict[str, tuple[float, float]] = {}
    for row in pq.read_table(folder / "examples.parquet").to_pylist():
        if (row["probe"], row["metric"], row["arm"]) == ("adversarial", "attack_success_rate", ""):
            total, count = sums.get(row["slice"], (0.0, 0.0))
            sums[row["slice"]] = (total + row["total"], count + row["count"])
    return sums


def test_every_task_is_rechecked() -> None:
    assert JUDGES.keys() | SPANS == set(TASKS) == RECIPES.keys()


@pytest.mark.parametrize("task", TASKS)
def test_every_success_holds_for_a_checkpoint_that_transformers_alone_loads(
    task: str, places: Callable[[str], Path]
) -> None:
    place = places(task)
    assert main(words(place, "attacked", "--probe", "adversarial", "--fixed")) in DONE
    rechecked, own = Rechecked(task, place / "ckpt" / "standard"), dict[str, list[bool]]()
    for row in cases(place / "attacked"):
        if row["facts"].get("attacked") != 1.0:
            assert row["before"] == row["after"]
            continue
        right, stands = rechecked(row)
        assert right, row
        fell = own.setdefault(row["slice"], [])
        fell.append(not stands)
        # What the search claims is what a fresh load decides, and a failed search leaves the text alone.
        assert fell[-1] == (row["facts"]["claimed"] == 1.0) == (row["before"] != row["after"]), row
        if task not in SPANS:
            assert row["right"] == stands
    assert counted(place / "attacked") == {slice_: (sum(fell), len(fell)) for slice_, fell in own.items()}
    assert sum(map(sum, own.values())) >= 2


def test_rows_of_another_checkpoint_are_told(places: Callable[[str], Path]) -> None:
    place = places("text-classification")
    assert main(words(place, "told", "--probe", "adversarial", "--fixed")) in DONE
    rechecked = Rechecked("text-classification", place / "ckpt" / "standard")
    rechecked.fresh.model.classifier.weight.data.neg_()
    attacked = [row for row in cases(place / "told") if row["facts"].get("attacked") == 1.0]
    assert not all(rechecked(row)[0] for row in attacked)


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in COMPARED}


def audited_twice(folders: Sequence[Path], cache: Path, out: str, *more: str) -> None:
    """Audit each folder into ``<out>-1`` and ``<out>-2``, by two processes that order sets differently."""
    running = []
    for seed in HASH_SEEDS:
        command = [sys.executable, "-c", EACH, f"{out}-{seed}", " ".join(more), *map(str, folders)]
        own = {"PYTHONHASHSEED": seed, user_cache.VARIABLE: str(cache / seed)}
        running.append(subprocess.Popen(command, env={**os.environ, **own}, stderr=subprocess.PIPE, text=True))
    said = [process.communicate()[1] for process in running]
    assert [process.returncode for process in running] == [0, 0], said


def both(folder: Path, out: str) -> tuple[Path, ...]:
    return tuple(folder / f"{out}-{seed}" for seed in HASH_SEEDS)


@pytest.fixture(scope="module")
def twice(places: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Task → its folder, audited twice by every probe that trains nothing."""
    audited_twice([places(task) for task in TASKS], tmp_path_factory.mktemp("caches"), "fast", "--fast")
    return places


def silent(folder: Path) -> dict[str, str]:
    """Probes that measured nothing → why."""
    records = json.loads((folder / "results.json").read_text(encoding="utf-8"))["records"]
    assert {record["probe"] for record in records} == {probe.name for probe in registry.discover()}
    assert {record["status"] for record in records} <= {"measured", "not_applicable"}
    return {record["probe"]: record["reason"] for record in records if record["status"] != "measured"}


@pytest.mark.parametrize("task", TASKS)
def test_two_processes_write_the_same_bytes(task: str, twice: Callable[[str], Path]) -> None:
    first, second = both(twice(task), "fast")
    assert bytes_of(first) == bytes_of(second)
    assert silent(first).keys() >= UNSERVED[task] - {"kept_cases"}


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_two_processes_that_train_again_write_the_same_bytes(
    task: str, places: Callable[[str], Path], tmp_path: Path
) -> None:
    audited_twice([places(task)], tmp_path, "whole")
    first, second = both(places(task), "whole")
    assert bytes_of(first) == bytes_of(second)
    assert silent(first).keys() == UNSERVED[task] - {"kept_cases"}


def stopping(run: Callable[..., Any], stop: int | None) -> Callable[..., Any]:
    """``run``, interrupted at the batch of that number."""
    left = itertools.count()

    def interrupted(model: Any, batch: Any) -> Any:
        if next(left) == stop:
            raise KeyboardInterrupt
        return run(model, batch)

    return interrupted


@pytest.mark.parametrize("task", TASKS)
def test_an_interrupted_audit_goes_on_to_the_same_bytes(
    task: str, twice: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    place, run, codes = twice(task), TextModel.run, []
    for stop in STOPS:
        monkeypatch.setattr(TextModel, "run", stopping(run, stop))
        codes.append(main(words(place, "resumed", "--fast")))
    assert codes[:-1] == [INTERRUPTED] * len(STOPS[:-1])
    assert codes[-1] in DONE
    assert bytes_of(place / "resumed") == bytes_of(both(place, "fast")[0])
