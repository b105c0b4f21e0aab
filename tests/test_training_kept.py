"""What is kept between trainings: finished checkpoints, fitted models, and how far an interrupted one has come."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from test_training_job import CONFIG, written
from tiny import tiny_checkpoint

from auditor import tasks
from auditor.cli.main import main
from auditor.errors import ModelError
from auditor.models.devices import device_words
from auditor.models.hugging_face import HuggingFaceModel
from auditor.storage import user_cache
from auditor.training import checkpoint_writer, cost, loop, recipes, record, refit, resume, training_key
from auditor.types import Classify, Example

TASK = tasks.create("text-classification", ("no", "yes"))
ROWS = [Example(str(i), {"text": f"film {i}"}, TASK.labels[i % 2]) for i in range(5)]
KEPT = "inputs unchanged since training; --fresh trains again"


def audit_train(folder: Path, *more: str) -> int:
    return main(["train", "--config", str(folder / "audit.toml"), "--device", "cpu", *more])


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != cost.NAME
    }


def no_training(*_: Any, **__: Any) -> Any:
    raise AssertionError("trained")


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keepers that write after each step."""

    def keeper(key: str) -> resume.Keeper:
        return resume.Keeper(user_cache.folder() / user_cache.FITS / key, key, interval=0, times=0)

    monkeypatch.setattr(resume, "keeper", keeper)


def test_a_finished_checkpoint_is_kept_until_asked_otherwise(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path)
    assert audit_train(tmp_path) == 0
    first, before = capsys.readouterr(), contents(tmp_path)
    assert KEPT not in first.err
    with monkeypatch.context() as patch:
        patch.setattr(loop, "train", no_training)
        assert audit_train(tmp_path) == 0
        second = capsys.readouterr()
        assert audit_train(tmp_path, "--quiet") == 0
        # No progress; that these learned nothing in their two steps is said all the same.
        warned = [line for line in first.err.splitlines() if "WARNING" in line]
        assert len(warned) == 2
        assert capsys.readouterr() == (first.out, "".join(f"{line}\n" for line in warned))
    assert second.out == first.out
    assert [line.partition(", ")[0] for line in second.err.splitlines() if KEPT in line] == [
        f"training {name}: {KEPT}" for name in ("standard", "fgm")
    ]
    assert contents(tmp_path) == before
    (tmp_path / "ckpt" / "standard" / "model.safetensors").write_bytes(b"not what was trained")
    assert audit_train(tmp_path, "--fresh") == 0
    assert KEPT not in capsys.readouterr().err
    assert contents(tmp_path) == before
    assert not list(cache.rglob("*.safetensors"))


def test_other_inputs_train_again(tmp_path: Path) -> None:
    written(tmp_path)
    audit_train(tmp_path, "--quiet")
    before = contents(tmp_path)
    audit_train(tmp_path, "--quiet", "--seed", "6")
    assert contents(tmp_path)["ckpt/standard/model.safetensors"] != before["ckpt/standard/model.safetensors"]


def test_what_decides_no_weight_is_brought_up_to_date_without_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, CONFIG.replace("[data]", '[data]\ntest = "validation.csv"'))
    audit_train(tmp_path, "--quiet")
    before = contents(tmp_path / "ckpt")
    (tmp_path / "test.csv").write_text("text,label\ngreat plot,yes\nawful film,no\n", encoding="utf-8")
    written(tmp_path, CONFIG.replace("[data]", '[data]\ntest = "test.csv"'))
    monkeypatch.setattr(loop, "train", no_training)
    assert audit_train(tmp_path, "--quiet") == 0
    after = contents(tmp_path / "ckpt")
    assert {name for name in before if before[name] != after[name]} == {
        "standard/training.json",
        "fgm/training.json",
    }
    folder = tmp_path / "ckpt" / "standard"
    found = record.read(folder)
    assert found is not None
    assert record.check_data(found, folder, "test").name == "test.csv"
    assert before.keys() == after.keys()


def test_a_record_that_cannot_be_brought_up_to_date_is_a_model_error(tmp_path: Path) -> None:
    written(tmp_path)
    audit_train(tmp_path, "--quiet")
    found = record.read(tmp_path / "ckpt" / "fgm")
    assert found is not None
    with pytest.raises(ModelError, match=r"cannot be written: No such file"):
        checkpoint_writer.rewrite(tmp_path / "gone" / "fgm", found)


@pytest.mark.parametrize("damage", ["no inputs", "no weights", "a broken record"])
def test_a_checkpoint_that_is_not_whole_or_of_unknown_inputs_is_trained_again(tmp_path: Path, damage: str) -> None:
    written(tmp_path)
    audit_train(tmp_path, "--quiet")
    before, folder = contents(tmp_path), tmp_path / "ckpt" / "standard"
    if damage == "no weights":
        (folder / "model.safetensors").unlink()
    else:
        found = json.loads((folder / record.NAME).read_text(encoding="utf-8"))
        del found["inputs" if damage == "no inputs" else "labels"]
        (folder / record.NAME).write_text(json.dumps(found), encoding="utf-8")
    if damage == "no inputs":
        old = record.read(folder)
        assert old is not None
        assert old.inputs == ""
    assert audit_train(tmp_path, "--quiet") == 0
    assert contents(tmp_path) == before


def interrupting(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Ctrl-C at that step of the next training."""
    step, left = loop._Loop._step, [after]

    def interrupted(self: Any) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt
        step(self)

    monkeypatch.setattr(loop._Loop, "_step", interrupted)


@pytest.mark.usefixtures("eager")
def test_an_interrupted_command_is_continued_by_the_same_command(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("whole", "broken"):
        written(tmp_path / name)
    audit_train(tmp_path / "whole", "--quiet")
    with monkeypatch.context() as patch:
        interrupting(patch, 4)  # the second of the second recipe's two steps
        assert audit_train(tmp_path / "broken") == 130
    said = "audit train: interrupted; finished checkpoints are kept; run the same command to continue\n"
    assert capsys.readouterr().err.endswith(said)
    assert len(list(cache.rglob("running.safetensors"))) == 1
    assert audit_train(tmp_path / "broken") == 0
    err = capsys.readouterr().err
    assert f"training standard: {KEPT}" in err
    assert "training fgm from step 1: …" in err
    assert contents(tmp_path / "broken") == contents(tmp_path / "whole")
    assert not list((cache / user_cache.FITS).iterdir())


@pytest.mark.usefixtures("eager")
def test_fresh_does_not_go_on_from_what_was_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path)
    with monkeypatch.context() as patch:
        interrupting(patch, 2)
        assert audit_train(tmp_path, "--fresh") == 130
    assert capsys.readouterr().err.endswith("; run the same command without --fresh to continue\n")
    assert audit_train(tmp_path, "--fresh") == 0
    assert "from step" not in capsys.readouterr().err


def test_a_cache_that_cannot_be_written_ends_no_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cache").write_text("a file", encoding="utf-8")
    monkeypatch.setenv(user_cache.VARIABLE, str(tmp_path / "cache"))
    resume.say_once.cache_clear()
    models = [fitted(tiny_checkpoint(tmp_path / "base", head=False)) for _ in range(2)]
    assert answers(models[0]) == answers(models[1])
    place = tmp_path / "cache" / "fits"
    assert capsys.readouterr().err == f"{place}: cannot be written: Not a directory; trainings cannot be resumed\n"


def fitted(base: Path, **changed: Any) -> HuggingFaceModel:
    again = refit.Refit(base, TASK, {"learning_rate": 1e-3}, "cpu", **changed)
    made = recipes.create("fgm", {"epsilon": 0.5})
    trained, key = again.train(made, ROWS, seed=1, steps=3, batch_size=2)
    return loop.as_model(trained, name="fit", fingerprint=key)


def answers(model: HuggingFaceModel) -> Any:
    return model.run(model.encode([Classify(("good film",)), Classify(("the plot is awful",))]))


def test_a_fitted_model_is_loaded_the_second_time_and_answers_the_same(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = tiny_checkpoint(tmp_path, head=False)
    new = fitted(base)
    assert [str(file.relative_to(cache)) for file in cache.rglob("*.*")] == [
        f"fits/{new.fingerprint}/finished.safetensors"
    ]
    state = torch.get_rng_state()
    with monkeypatch.context() as patch:
        patch.setattr(loop, "train", no_training)
        loaded = fitted(base)
    assert torch.equal(torch.get_rng_state(), state)
    assert answers(loaded) == answers(new)
    assert (loaded.name, loaded.fingerprint, loaded.labels) == (new.name, new.fingerprint, new.labels)
    assert len(new.fingerprint) == 64
    weights = loaded._model.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in new._model.state_dict().items())


def test_what_a_training_says_of_itself_is_kept_with_its_weights(tmp_path: Path) -> None:
    base, made = tiny_checkpoint(tmp_path / "base", head=False), recipes.create("standard", {})
    settings, keeper = loop.Settings(steps=3, batch_size=2), resume.Keeper(tmp_path / "kept", "key")
    assert (
        loop.load_finished(loop.TrainingRun(base, (), (), TASK, made, settings, seed=0, device="cpu"), keeper) is None
    )
    trained = loop.train(loop.TrainingRun(base, ROWS, (), TASK, made, settings, seed=0, device="cpu"))
    keeper.finish(*resume.finished(trained))
    found = loop.load_finished(loop.TrainingRun(base, (), (), TASK, made, settings, seed=0, device="cpu"), keeper)
    assert found is not None
    assert (found.steps, found.history, found.best_epoch) == (3, trained.history, None)
    assert found.max_length == trained.max_length


@pytest.mark.parametrize("damage", ["truncated", "of another model"])
def test_kept_weights_that_are_broken_are_trained_again(tmp_path: Path, cache: Path, damage: str) -> None:
    from safetensors.torch import save_file

    base = tiny_checkpoint(tmp_path, head=False)
    new = fitted(base)
    file = cache / "fits" / new.fingerprint / "finished.safetensors"
    if damage == "truncated":
        file.write_bytes(file.read_bytes()[:-10])
    else:
        content = json.dumps({"steps": 3, "history": [], "best_epoch": None, "work": 0})
        head = {"format": resume.FORMAT, "key": new.fingerprint, "content": content}
        save_file({"model/classifier.bias": torch.zeros(2)}, file, metadata=head)
    assert answers(fitted(base)) == answers(new)
    found = resume.Keeper(file.parent, new.fingerprint).finished()
    assert found is not None
    assert found[0].history != []


def test_keeping_can_be_switched_off(tmp_path: Path, cache: Path) -> None:
    base = tiny_checkpoint(tmp_path, head=False)
    one, other = fitted(base, keep=False), fitted(base, keep=False)
    assert not list(cache.iterdir())
    assert (answers(one), one.fingerprint) == (answers(other), other.fingerprint)


@pytest.mark.usefixtures("eager")
def test_a_fit_that_was_interrupted_goes_on_and_leaves_only_its_weights(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = tiny_checkpoint(tmp_path, head=False)
    expected = answers(fitted(base, keep=False))
    with monkeypatch.context() as patch:
        interrupting(patch, 3)
        with pytest.raises(KeyboardInterrupt):
            fitted(base)
    assert [file.name for file in cache.rglob("*.*")] == ["running.safetensors"]
    model = fitted(base)
    assert answers(model) == expected
    assert [file.name for file in cache.rglob("*.*")] == ["finished.safetensors"]


def keys(base: Path) -> dict[str, str]:
    """Change → key; ``""`` is no change."""
    made, settings = recipes.create("fgm", {"epsilon": 0.5}), loop.Settings()

    def key(base: Path, rows: Any, held_out: Any, task: Any, recipe: Any, chosen: Any, seed: int = 0) -> str:
        return training_key.key(loop.TrainingRun(base, rows, held_out, task, recipe, chosen, seed=seed, device="cpu"))

    threads = torch.get_num_threads()
    found = {
        "": key(base, ROWS, (), TASK, made, settings),
        "rows": key(base, ROWS[1:], (), TASK, made, settings),
        "order": key(base, ROWS[::-1], (), TASK, made, settings),
        "gold": key(base, [replace(ROWS[0], gold="yes"), *ROWS[1:]], (), TASK, made, settings),
        "split": key(base, ROWS[:3], ROWS[3:], TASK, made, settings),
        "labels": key(base, ROWS, (), tasks.create("text-classification", ("yes", "no")), made, settings),
        "recipe": key(base, ROWS, (), TASK, recipes.create("standard", {}), settings),
        "recipe settings": key(base, ROWS, (), TASK, recipes.create("fgm", {}), settings),
        "settings": key(base, ROWS, (), TASK, made, replace(settings, steps=3)),
        "seed": key(base, ROWS, (), TASK, made, settings, seed=1),
    }
    try:
        torch.set_num_threads(threads + 1)
        found["threads"] = key(base, ROWS, (), TASK, made, settings)
    finally:
        torch.set_num_threads(threads)
    return found


def test_the_key_changes_with_all_that_decides_weights_and_with_no_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = (keys(tiny_checkpoint(tmp_path / name, head=False)) for name in ("here", "there"))
    assert here == there
    assert len(set(here.values())) == len(here)
    before = here[""]
    renamed = [replace(row, id=f"other:{row.id}") for row in ROWS]

    def key(base: Path, examples: Sequence[Example], *, recipe: recipes.Recipe, device: str) -> str:
        run = loop.TrainingRun(base, examples, (), TASK, recipe, loop.Settings(), seed=0, device=device)
        return training_key.key(run)

    made = recipes.create("fgm", {"epsilon": 0.5})
    assert (
        key(tmp_path / "here", renamed, recipe=made, device="auto" if not torch.cuda.is_available() else "cpu")
        == before
    )
    (tmp_path / "here" / "vocab.txt").write_text("other", encoding="utf-8")
    assert key(tmp_path / "here", ROWS, recipe=made, device="cpu") != before
    monkeypatch.setattr(training_key, "versions", dict)
    assert key(tmp_path / "there", ROWS, recipe=made, device="cpu") != before


def test_the_key_names_what_computes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"card of {device}")
    assert device_words(torch.device("cuda:1")) == "cuda card of cuda:1"
    assert device_words(torch.device("mps")) == "mps"
    assert device_words(torch.device("cpu")).startswith("cpu ")
    with pytest.raises(ModelError, match="unknown device"):
        training_key.key(
            loop.TrainingRun(
                tmp_path, ROWS, (), TASK, recipes.create("fgm", {}), loop.Settings(), seed=0, device="abacus"
            )
        )


KILLED = """
import sys
from auditor.storage import user_cache
from auditor.cli.main import main
from auditor.training import resume
resume.keeper = lambda key: resume.Keeper(user_cache.folder() / user_cache.FITS / key, key, interval=0, times=0)
sys.exit(main(["train", "--config", sys.argv[1]]))
"""


@pytest.mark.slow
def test_a_killed_process_is_continued_by_the_next(tmp_path: Path, cache: Path) -> None:
    config = CONFIG.replace("epochs = 1", "epochs = 100")
    for name in ("killed", "whole"):
        written(tmp_path / name, config)
    assert audit_train(tmp_path / "whole", "--quiet") == 0
    command = [sys.executable, "-c", KILLED, str(tmp_path / "killed" / "audit.toml")]
    for count in range(1, 4):
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            begun, seen = time.time_ns(), 0
            while seen < begun and process.poll() is None:
                time.sleep(0.02)
                seen = max((file.stat().st_mtime_ns for file in cache.rglob("running.safetensors")), default=0)
            process.send_signal(signal.SIGKILL)
            said = process.stderr.read() if process.stderr else ""
        assert process.returncode == -signal.SIGKILL
        assert ("from step" in said) == (count > 1)
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=dict(os.environ))
    assert "training standard from step" in done.stderr
    assert contents(tmp_path / "killed" / "ckpt") == contents(tmp_path / "whole" / "ckpt")
    assert not list((cache / user_cache.FITS).iterdir())


@pytest.mark.parametrize(
    "recipe", ["augment", *(pytest.param(name, marks=pytest.mark.slow) for name in ("online", "attack"))]
)
def test_a_recipe_draws_the_same_in_a_process_s_first_training_as_in_a_later_one(
    tmp_path: Path, cache: Path, recipe: str
) -> None:
    """Libraries draw from the global generators while they are imported."""
    written(tmp_path, CONFIG.replace("epochs = 1", "epochs = 2"))
    found = []
    for place, names in (("first", recipe), ("later", f"standard,{recipe}")):
        words = ["train", "--config", str(tmp_path / "audit.toml"), "--out", str(tmp_path / place), "--recipes", names]
        environment = {**os.environ, user_cache.VARIABLE: str(cache / place)}
        command = [sys.executable, "-m", "auditor.cli.main", *words, "--device", "cpu", "--quiet"]
        subprocess.run(command, check=True, env=environment, capture_output=True)
        found.append((tmp_path / place / recipe / "model.safetensors").read_bytes())
    assert found[0] == found[1]
