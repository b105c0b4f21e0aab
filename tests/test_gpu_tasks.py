"""The part of the check for CUDA devices that trains and audits every task: on a CPU, with tiny models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
from gpu import agreeing, inputs, task_sets, tasks, watching, words
from gpu.agreeing import Difference, Read
from gpu.found import Check

from auditor import data
from auditor import tasks as known
from auditor.types import Extracted

TINY = replace(
    inputs.SMALL, hidden=16, task_train=32, task_test=20, task_noise=2, task_attacks=1, task_epochs=1, task_rate=1.0
)
SETS = {own.name: own for own in task_sets.SETS}
LABELS = {
    "classification": inputs.LABELS,
    "out-of-scope": tuple(words.INTENTS),
    "ner": ("O", "B-PER", "I-PER", "B-LOC", "I-LOC"),
    "pair": ("entailment", "neutral"),
    "similarity": ("number",),
    "dialogues": inputs.LABELS,
    "answers": (),
    "relations": tuple(words.VERBS),
    "labels": tuple(words.MOODS),
    "numbers": ("number",),
}


def check_in(folder: Path) -> Check:
    inputs.random_base(folder / "base", TINY)
    return Check("cpu", TINY, folder)


def rows(check: Check) -> dict[str, tuple[str, bool | None]]:
    return {row["what"]: (row["value"], row["ok"]) for row in check.rows}


# How answers differ


@pytest.mark.parametrize(
    ("head", "mine", "other", "expected"),
    [
        ("sequence", (0.3, 0.7), (0.3, 0.7), Difference(0.0)),
        ("sequence", (0.6, 0.4), (0.4, 0.6), Difference(0.2, changed=True)),
        ("token", ((0.9, 0.1), (0.2, 0.8)), ((0.9, 0.1), (0.3, 0.7)), Difference(0.1)),
        ("token", ((0.9, 0.1), (0.2, 0.8)), ((0.9, 0.1), (0.8, 0.2)), Difference(0.6, changed=True)),
        ("token", ((0.49999, 0.50001),), ((0.50001, 0.49999),), Difference(2e-5, tie=True)),
        ("token", (), (), Difference(0.0)),
        ("multi_label", (0.9, 0.8), (0.9, 0.6), Difference(0.2)),
        ("multi_label", (0.9, 0.8), (0.9, 0.4), Difference(0.4, changed=True)),
        ("multi_label", (0.9, 0.50001), (0.9, 0.49999), Difference(2e-5, tie=True)),
        ("multi_label", (0.50001, 0.1), (0.49999, 0.9), Difference(0.8, changed=True)),
        ("regression", 2.0, 2.0005, Difference(0.0005)),
        ("regression", 2.0, 2.5, Difference(0.5, changed=True)),
    ],
)
def test_what_counts_as_another_decision_follows_from_the_head(
    head: str, mine: Any, other: Any, expected: Difference
) -> None:
    found = agreeing.DIFFERS[head](mine, other)
    assert found.largest == pytest.approx(expected.largest)
    assert found[1:] == expected[1:]


def read(text: str, probability: float, no_answer: float, second: float = 0.1, word: int = 3) -> Read:
    return Read(Extracted(text, word, 0, probability, no_answer), second)


@pytest.mark.parametrize(
    ("mine", "other", "changed", "tie"),
    [
        (read("oslo", 0.6, 0.1), read("oslo", 0.5, 0.1), False, False),
        (read("oslo", 0.6, 0.1), read("rome", 0.6, 0.1), True, False),
        (read("oslo", 0.6, 0.1), read("oslo", 0.6, 0.1, word=5), True, False),
        (read("oslo", 0.4, 0.1), read("rome", 0.40001, 0.1, second=0.4), False, True),
        (read("oslo", 0.2, 0.6), read("rome", 0.2, 0.6), False, False),
        (read("oslo", 0.5, 0.3), read("oslo", 0.3, 0.5), True, False),
        (read("oslo", 0.40001, 0.4), read("oslo", 0.4, 0.40001), False, True),
    ],
)
def test_spans_differ_by_their_place_or_by_having_no_answer(mine: Read, other: Read, changed: bool, tie: bool) -> None:
    assert agreeing.spans(mine, other)[1:] == (changed, tie)


def test_every_head_of_a_task_can_be_compared() -> None:
    assert {known.kind(own.task).head for own in task_sets.SETS} == set(agreeing.DIFFERS)


def test_the_runner_up_is_the_second_best_span() -> None:
    import numpy as np

    from auditor.models.heads import span

    candidates = [([(1, 0, 1), (2, 2, 3)], np.array([2.0, 1.0])), ([(2, 2, 3)], np.array([1.5]))]
    with agreeing.runners_up() as seconds:
        best = span._extracted("a b", 0.0, candidates)
        alone = span._extracted("a b", 0.0, candidates[1:])
        silent = span._extracted("", 0.0, [])
    total = sum(np.exp([0.0, 2.0, 1.0, 1.5]))
    assert best.text == "a"
    assert best.probability == pytest.approx(np.exp(2.0) / total)
    assert seconds == [pytest.approx(np.exp(1.5) / total), 0.0, 0.0]
    assert agreeing.beside([best, alone, silent], seconds)[0] == Read(best, seconds[0])
    assert agreeing.beside([(0.5, 0.5)], []) == [(0.5, 0.5)]


# Data


def test_every_task_of_auditor_is_checked() -> None:
    own = {name for name, kind in known.kinds().items() if kind.__module__.startswith("auditor.")}
    assert {one.task for one in task_sets.SETS} == own


@pytest.mark.parametrize("name", SETS)
def test_data_are_the_same_every_time_and_read_without_loss(name: str, tmp_path: Path) -> None:
    own = SETS[name]
    for folder in ("first", "second"):
        task_sets.prepare(tmp_path / folder, own, TINY, "cpu", 1e-3)
    files = sorted(file.name for file in (tmp_path / "first").iterdir())
    assert all((tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes() for file in files)
    sizes = {"train": TINY.task_train, "test": TINY.task_test}
    task = known.create(own.task, LABELS[name])
    for file, size in sizes.items():
        given = data.load(tmp_path / "first" / f"{file}.{own.ending}", name=file, task=task)
        assert len(given.examples) == size
        assert len({tuple(row.inputs.values()) for row in given.examples}) == size


def test_mixed_precision_is_asked_for_as_users_do_on_a_device(tmp_path: Path) -> None:
    for kind, precision in (("cuda", "auto"), ("cpu", "bf16")):
        task_sets.prepare(tmp_path / kind, SETS["ner"], TINY, kind, 1e-3)
        assert f'precision = "{precision}"' in (tmp_path / kind / "mixed.toml").read_text(encoding="utf-8")
        assert 'precision = "fp32"' in (tmp_path / kind / "fp32.toml").read_text(encoding="utf-8")


# Training and auditing


@pytest.mark.parametrize("name", ["answers", "out-of-scope", "relations"])
def test_a_task_is_trained_audited_and_compared(name: str, tmp_path: Path) -> None:
    check = check_in(tmp_path)
    with mock.patch.object(tasks, "has_attacks", return_value=False), mock.patch.object(tasks, "SETS", (SETS[name],)):
        tasks.tasks(check)
    found = rows(check)
    assert found[f"{name}: audit"] == ("weights on cpu, batches on cpu", True)
    value, ok = found[f"{name}: probes"]
    assert ok, value
    assert all(probe in value for probe in ("quality", "noise", *SETS[name].probes))
    assert value.endswith("attacks skipped: TextAttack is not installed")
    assert found[f"{name}: against the CPU"][1] is True
    own = check.tasks[name]
    assert own["answers"] == own["texts"] > 0
    assert own["changed"] == 0
    assert {"standard, fp32", "fgm, fp32", "standard, mixed"} <= own.keys()
    assert tasks.task_table(check.tasks).count("–") == 0
    assert (found.get("relations: marks", ("", None))[1]) == (True if name == "relations" else None)


def test_a_model_that_learned_nothing_fails(tmp_path: Path) -> None:
    check = check_in(tmp_path)
    with mock.patch.object(tasks, "learned", return_value=(0.5, 0.5)):
        assert tasks.train(check, SETS["classification"])
    found = rows(check)
    assert found["classification: standard, fp32"][1] is False
    assert found["classification: fgm, fp32"][1] is True


def test_computing_elsewhere_or_nowhere_is_seen() -> None:
    assert watching.Seen(weights={"cuda"}, batches={"cuda"}).on("cuda")
    for weights, batches in (({"cpu"}, {"cuda"}), ({"cuda"}, {"cpu", "cuda"}), ({"cuda"}, set())):
        assert not watching.Seen(weights=weights, batches=batches).on("cuda")
    assert watching.Seen(weights={"cuda"}).where == "weights on cuda, batches on nothing"


def test_a_training_on_the_cpu_in_place_of_the_device_fails(tmp_path: Path) -> None:
    check = check_in(tmp_path)
    with mock.patch.object(watching.Seen, "on", return_value=False):
        tasks.train(check, SETS["numbers"])
    assert ("weights on cpu, batches on cpu", False) in rows(check).values()


def test_an_answer_or_a_logit_that_differs_fails(tmp_path: Path) -> None:
    check, text = Check("cpu", TINY, tmp_path), mock.Mock(key="k")
    mine = watching.Seen(answers=[("standard", text, (0.9, 0.1))], numbers={("standard", "embed", "k"): torch.zeros(2)})
    other = watching.Seen(answers=[("standard", text, (0.1, 0.9))], numbers={("standard", "embed", "k"): torch.ones(2)})
    tasks.compare(check, SETS["classification"], mine, other)
    assert [row["ok"] for row in check.rows] == [False, False]
    tasks.compare(again := Check("cpu", TINY, tmp_path), SETS["classification"], mine, mine)
    assert [row["ok"] for row in again.rows] == [True, True]
    tasks.compare(alone := Check("cpu", TINY, tmp_path), SETS["classification"], mine, watching.Seen(mine.answers))
    assert [row["ok"] for row in alone.rows] == [True, False]


def test_texts_that_only_the_device_read_are_read_on_the_cpu(tmp_path: Path) -> None:
    check, text = Check("cpu", TINY, tmp_path), mock.Mock(key="k")
    mine = watching.Seen(answers=[("standard", text, (0.9, 0.1))])
    with (
        mock.patch.object(task_sets, "prepare"),
        mock.patch.object(tasks, "cpu_answers", return_value={"k": (0.8, 0.2)}) as asked,
    ):
        tasks.compare(check, SETS["classification"], mine, watching.Seen())
    assert asked.call_args.args[2] == [text]
    assert check.tasks["classification"]["largest"] == pytest.approx(0.1)
    assert check.passed


@pytest.mark.parametrize("codes", [(1, 0), (0, 0)])
def test_two_trainings_give_one_digest_or_fail(codes: tuple[int, int], tmp_path: Path) -> None:
    check = Check("cpu", TINY, tmp_path)
    weights = iter((b"same", b"same", b"same", b"another"))

    def trained(_check: Check, *words: str) -> int:
        folder = Path(words[words.index("--out") + 1]) / "standard"
        folder.mkdir(parents=True)
        (folder / "model.safetensors").write_bytes(next(weights))
        return codes[0]

    with (
        mock.patch.object(tasks, "command", trained),
        mock.patch.object(tasks, "last_line", return_value="train: no"),
    ):
        tasks.repeatable(check)
    assert [row["ok"] for row in check.rows] == ([False, False] if codes[0] else [True, False])


def test_a_crash_and_a_lack_of_time_are_noted_for_their_task(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check = Check("cpu", TINY, tmp_path)

    def crashing(check: Check, _own: task_sets.TaskSet) -> bool:
        check.until = 0.0
        raise ValueError("as planned")

    with mock.patch.object(tasks, "train", crashing):
        tasks.tasks(check)
    found = rows(check)
    first, second = list(SETS)[:2]
    assert found[first] == ("crashed: ValueError: as planned", False)
    assert found[second] == ("not run: out of time", False)
    assert "Traceback" in capsys.readouterr().err


def test_an_audit_or_a_training_that_ends_without_results_says_how(tmp_path: Path) -> None:
    check = Check("cpu", TINY, tmp_path)
    (tmp_path / "log").write_text("audit: it is not there\n", encoding="utf-8")
    with mock.patch.object(tasks, "command", return_value=2):
        assert tasks.audited(check, SETS["ner"], "device", ["quality"], []) is None
        assert not tasks.train(check, SETS["ner"])
    assert rows(check)["ner: audit, device"] == ("exit code 2: audit: it is not there", False)
    assert rows(check)["ner: training, fp32"] == ("audit: it is not there", False)


def test_the_table_of_tasks_has_a_dash_for_what_was_not_reached() -> None:
    own: Mapping[str, Any] = {"answers": 1234, "largest": 1e-6, "changed": 0, "ties": 0, "seconds": 3.0}
    first, second = tasks.task_table({"ner": own}).splitlines()
    assert first.split()[0] == "task"
    assert second.split() == ["ner", "–", "–", "–", "–", "–", "–", "1,234", "1.0e-06", "0", "0", "3.0"]
