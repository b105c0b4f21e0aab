"""Trainings that are interrupted and go on: to the same weights byte for byte, whatever is kept of them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save, save_file
from test_recipes_trained import TABLES
from tiny import tiny_checkpoint

from auditor import tasks
from auditor.training import loop, recipes, resume
from auditor.training.recipes import NoSettings, Recipe
from auditor.training.resume import RUNNING, Keeper
from auditor.training.resume import tensors as state
from auditor.training.resume.rng_state import Generators
from auditor.types import Example

LABELS = ("negative", "positive")
TASK = tasks.create("text-classification", LABELS)
SETTINGS = loop.Settings(epochs=2, learning_rate=1e-3, batch_size=4, max_length=32)
KEY = "0" * 64


def reviews(n: int, flipped: int = 0) -> list[Example]:
    words = ("bad awful film", "good great movie")
    return [Example(str(i), {"text": words[i % 2] + " plot" * (i % 4)}, LABELS[(i + flipped) % 2]) for i in range(n)]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("base"), head=False)


class Drawing(Recipe):
    """Augments from Python's and numpy's generators, and adds noise from torch's to each loss."""

    name = "drawing"
    settings_type = NoSettings

    def examples(self, examples: Sequence[Example], epoch: int) -> Sequence[Example]:  # noqa: ARG002 - as a recipe may
        return [*examples, *random.sample(list(examples), 3), examples[int(numpy.random.randint(len(examples)))]]

    def backward(self, model: Any, batch: dict[str, Any], step: int) -> float:  # noqa: ARG002 - the noise is enough
        loss = model(**batch).loss * (1 + 0.1 * torch.rand(()) + 0.1 * random.random() + 0.1 * numpy.random.normal())
        self.training.accumulate(loss)
        return float(loss.detach())


class Killed(BaseException):
    """The process ends here."""


class Dying:
    """A Progress that ends the process at its n-th step, and remembers how the training began."""

    def __init__(self, at: int = 0) -> None:
        self.began: list[tuple[str, int | None]] = []
        self.left = at

    def start(self, what: str, total: int | None = None) -> None:
        self.began.append((what, total))

    def advance(self, _amount: int = 1) -> None:
        self.left -= 1
        if self.left == 0:
            raise Killed

    def finish(self, _note: str = "") -> None:
        return None


class Kind:
    """One way to train."""

    def __init__(
        self,
        recipe: str = "standard",
        given: Mapping[str, Any] | None = None,
        validation: Sequence[Example] = (),
        expected: int = 6,
        first: int = 1,
        **settings: Any,
    ) -> None:
        self.first = first
        """The first step that it is taken up from: before it nothing is other than in another kind."""
        self.recipe, self.given, self.validation, self.steps = recipe, given or {}, validation, expected
        self.settings = replace(SETTINGS, **settings)

    def train(self, base: Path, keeper: Keeper | None = None, progress: Dying | None = None) -> loop.Trained:
        made = Drawing(NoSettings()) if self.recipe == "drawing" else recipes.create(self.recipe, self.given)
        return loop.train(
            loop.TrainingRun(
                base, reviews(10), self.validation, TASK, made, self.settings, seed=3, device="cpu", earlier=EARLIER
            ),
            progress=progress,
            keeper=keeper,
        )

    def killed(self, base: Path, keeper: Keeper, at: int) -> None:
        with pytest.raises(Killed):
            self.train(base, keeper, Dying(at))


EARLIER = (reviews(6), reviews(8))
"""Training rows of earlier periods, for the recipes that read them."""
ATTACKS = {"share": 1.0, "max_words_changed": 1.0, "first": 8, "every": 2}
KINDS = {
    "standard": Kind(),
    "fgm": Kind("fgm"),
    "accumulation": Kind(accumulation=2, epochs=3),
    "a number of steps": Kind(expected=5, steps=5, accumulation=2),
    "validation": Kind(validation=reviews(6, flipped=1), expected=9, epochs=3, learning_rate=1e-2),
    "drawing": Kind("drawing", expected=8),
    "bf16": Kind(precision="bf16"),
    "sgd": Kind(optimizer="sgd"),
    "adafactor": Kind(optimizer="adafactor", layer_decay=0.5, schedule="cosine"),
    "freelb": Kind("freelb"),
    "smart": Kind("smart"),
    "smart by twos": Kind("smart", accumulation=2, epochs=3),
    "online": Kind("online"),
    "the worst of several": Kind("online", {"candidates": 3, "share": 1.0}, learning_rate=1e-2),
    "augment": Kind("augment", expected=8),
    "attack": Kind("attack", ATTACKS, epochs=12, expected=36, first=23, learning_rate=2e-2),
    "lora": Kind("lora"),
    "prompt": Kind("prompt"),
    "prefix": Kind("prefix"),
    "bottleneck": Kind("bottleneck"),
    "replay": Kind("replay", {"keep": 6}, expected=8),
    "ewc": Kind("ewc", {"rows": 4, "strength": 100.0}),
    "distill": Kind("distill"),
    "grow": Kind("grow"),
    "eda": Kind("eda", {"copies": 1, "synonyms": TABLES / "synonyms.csv"}, expected=10),
    "back_translation": Kind("back_translation", {"share": 1.0, "table": TABLES / "paraphrases.csv"}, expected=8),
}


def files(trained: loop.Trained) -> tuple[bytes, int, list[dict[str, float]], int | None, int]:
    """The weights as they are written, and what else a training gives."""
    return (
        save(state.on_disk(trained.model.state_dict())),
        trained.steps,
        trained.history,
        trained.best_epoch,
        trained.work,
    )


def eager(folder: Path, key: str = KEY, **more: Any) -> Keeper:
    """A keeper that writes after each step."""
    return Keeper(folder / key, key, interval=0, times=0, **more)


@pytest.fixture(scope="module")
def uninterrupted(base: Path) -> dict[str, Any]:
    return {name: files(kind.train(base)) for name, kind in KINDS.items()}


def test_the_kinds_are_what_they_are_for(uninterrupted: dict[str, Any]) -> None:
    assert {name: found[1] for name, found in uninterrupted.items()} == {n: kind.steps for n, kind in KINDS.items()}
    assert uninterrupted["validation"][3] == 0
    assert len({found[0] for found in uninterrupted.values()}) == len(KINDS)


class Everything(Keeper):
    """Keeps every place, each in a folder of its own."""

    def write(self, place: resume.Place, tensors: Any) -> None:
        self.folder = self.folder.with_name(str(place.outcome.steps))
        super().write(place, tensors)


@pytest.mark.parametrize("name", KINDS)
def test_a_training_goes_on_from_any_step_to_the_same_weights(
    base: Path, tmp_path: Path, uninterrupted: dict[str, Any], name: str
) -> None:
    kind = KINDS[name]
    # That it is kept changes nothing.
    assert files(kind.train(base, Everything(tmp_path / "0", KEY, interval=0, times=0))) == uninterrupted[name]
    assert sorted(int(path.name) for path in tmp_path.iterdir()) == list(range(1, kind.steps))
    for step in range(kind.first, kind.steps):
        progress = Dying()
        assert files(kind.train(base, Keeper(tmp_path / str(step), KEY), progress)) == uninterrupted[name], step
        assert progress.began == [(f"training {kind.recipe} from step {step}", kind.steps - step)]


@pytest.mark.parametrize("name", ["validation", "fgm"])
def test_a_training_killed_at_each_step_ends_with_the_same_weights(
    base: Path, tmp_path: Path, uninterrupted: dict[str, Any], name: str
) -> None:
    kind = KINDS[name]
    # A kill comes before its step is kept: the first two leave nothing and one step.
    kind.killed(base, eager(tmp_path), 1)
    assert not (tmp_path / KEY).exists()
    for _ in range(kind.steps - 1):
        kind.killed(base, eager(tmp_path), 2)
    progress = Dying()
    assert files(kind.train(base, eager(tmp_path), progress)) == uninterrupted[name]
    assert progress.began == [(f"training {kind.recipe} from step {kind.steps - 1}", 1)]


def test_with_fp16_the_scale_of_the_gradients_goes_on_too(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scalers: list[Any] = []
    prepared = loop._Loop.__init__

    def scaled(self: Any, *given: Any) -> None:
        prepared(self, *given)
        scalers.append(torch.amp.GradScaler("cpu", init_scale=2.0 ** (3 + len(scalers))))
        self._accelerator.scaler = scalers[-1]

    monkeypatch.setattr(loop._Loop, "__init__", scaled)
    KINDS["standard"].killed(base, eager(tmp_path), 3)
    KINDS["standard"].train(base, eager(tmp_path))
    assert [one.get_scale() for one in scalers] == [8.0, 8.0]


def changed(file: Path, change: Callable[[dict[str, str], dict[str, torch.Tensor]], None]) -> None:
    """A file of a keeper with something else in its head or among its tensors."""
    with safe_open(file, framework="pt") as found:
        head, tensors = dict(found.metadata()), {name: found.get_tensor(name).clone() for name in found.keys()}  # noqa: SIM118
    change(head, tensors)
    save_file(tensors, file, metadata=head)


def content(**new: Any) -> Callable[[Path], None]:
    """Changes what the head says of the place."""

    def change(head: dict[str, str], _tensors: dict[str, torch.Tensor]) -> None:
        found = json.loads(head["content"])
        head["content"] = json.dumps({**found, **{k: v(found[k]) if callable(v) else v for k, v in new.items()}})

    return lambda file: changed(file, change)


def head(**new: str) -> Callable[[Path], None]:
    return lambda file: changed(file, lambda head, _: head.update(new))


def tensor(name: str, value: torch.Tensor) -> Callable[[Path], None]:
    return lambda file: changed(file, lambda _, tensors: tensors.update({name: value}))


BREAKS: dict[str, Callable[[Path], Any]] = {
    "truncated": lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
    "empty": lambda file: file.write_bytes(b""),
    "no tensors": lambda file: file.write_bytes(b"only words, and not few of them"),
    "a folder": lambda file: file.rename(file.with_name("aside")).with_name(RUNNING).mkdir(),
    "no head": lambda file: save_file({"a": torch.zeros(1)}, file),
    "another key": head(key="1" * 64),
    "another format": head(format="0"),
    "no JSON": head(content="{"),
    "an empty object": head(content="{}"),
    "another total": content(total="many"),
    "an order that is none": content(order=[3, [1, 2], None]),
    "a torch state that is none": content(now=lambda found: {**found, "torch": "00"}),
    "a torch state that is not hexadecimal": content(now=lambda found: {**found, "torch": "zz"}),
    "a numpy state that is none": content(begun=lambda found: {**found, "arrays": ["MT19937", [-1], 0, 0, 0.0]}),
    "a weight of another shape": tensor("model/classifier.bias", torch.zeros(7)),
    "a weight too many": tensor("model/more", torch.zeros(1)),
    "a moment of no parameter": tensor("optimizer/x/step", torch.zeros(1)),
}


@pytest.mark.parametrize("name", BREAKS)
def test_what_is_broken_or_anothers_is_not_gone_on_from(
    base: Path, tmp_path: Path, uninterrupted: dict[str, Any], name: str
) -> None:
    KINDS["standard"].killed(base, eager(tmp_path), 4)
    BREAKS[name](tmp_path / KEY / RUNNING)
    progress = Dying()
    assert files(KINDS["standard"].train(base, Keeper(tmp_path / KEY, KEY), progress)) == uninterrupted["standard"]
    assert progress.began == [("training standard", 6)]


def test_a_kill_while_writing_leaves_what_was_kept_before(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uninterrupted: dict[str, Any]
) -> None:
    KINDS["standard"].killed(base, eager(tmp_path), 4)
    before = (tmp_path / KEY / RUNNING).read_bytes()

    def killed(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(Killed):
            KINDS["standard"].train(base, eager(tmp_path))
    assert [file.name for file in (tmp_path / KEY).iterdir()] == [RUNNING]
    assert (tmp_path / KEY / RUNNING).read_bytes() == before
    assert files(KINDS["standard"].train(base, eager(tmp_path))) == uninterrupted["standard"]


def test_a_folder_that_cannot_be_written_ends_no_training_and_is_said_once(
    base: Path, tmp_path: Path, uninterrupted: dict[str, Any]
) -> None:
    (tmp_path / "fits").write_text("in the way", encoding="utf-8")
    said: list[str] = []
    keeper = eager(tmp_path / "fits", say=said.append)
    assert files(KINDS["standard"].train(base, keeper)) == uninterrupted["standard"]
    keeper.finish(resume.Outcome(6, [], None, 0), {"a": torch.zeros(1)})
    assert keeper.finished() is None
    assert said == [f"{tmp_path / 'fits'}: cannot be written: Not a directory; trainings cannot be resumed"]


def test_a_full_disk_ends_no_training(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uninterrupted: dict[str, Any]
) -> None:
    from safetensors import SafetensorError

    def full(*_: Any, **__: Any) -> None:
        raise SafetensorError("I/O error: No space left on device")

    monkeypatch.setattr("safetensors.torch.save_file", full)
    said: list[str] = []
    assert files(KINDS["standard"].train(base, eager(tmp_path, say=said.append))) == uninterrupted["standard"]
    assert said == [f"{tmp_path}: cannot be written: I/O error: No space left on device; trainings cannot be resumed"]
    assert list((tmp_path / KEY).iterdir()) == []


def test_a_line_is_said_once_in_a_process(capsys: pytest.CaptureFixture[str]) -> None:
    resume.say_once("a line of this test")
    resume.say_once("a line of this test")
    assert capsys.readouterr().err == "a line of this test\n"


def test_what_cannot_be_removed_is_not_read_again(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    KINDS["standard"].killed(base, eager(tmp_path), 4)
    keeper = eager(tmp_path)
    assert keeper.read() is not None
    monkeypatch.setattr("shutil.rmtree", lambda *_, **__: None)
    keeper.discard()
    assert keeper.read() is None
    assert not keeper.due()


def test_a_write_waits_for_the_interval_and_for_a_multiple_of_the_last_ones_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    keeper = Keeper(tmp_path, KEY)

    def store(*_: Any) -> bool:
        now[0] += 4.0
        return True

    monkeypatch.setattr(keeper, "_store", store)
    due = []
    for at in (129.0, 131.0):
        now[0] = at
        due.append(keeper.due())
    generators = Generators.now("cpu", random.Random(0))
    place = resume.Place(
        resume.Outcome(1, [], None, 0),
        2,
        0,
        1,
        0.5,
        None,
        random.getstate(),
        generators,
        generators,
        None,
    )
    keeper.write(place, {})
    for at in (135.0 + 79.0, 135.0 + 80.0):
        now[0] = at
        due.append(keeper.due())
    assert due == [False, True, False, True]


def test_weights_that_share_memory_are_kept_each(tmp_path: Path) -> None:
    keeper, one = eager(tmp_path), torch.arange(6.0).reshape(2, 3)
    keeper.finish(resume.Outcome(1, [], None, 0), {"a": one, "b": one, "c": one.T})
    found = keeper.finished()
    assert found is not None
    assert all(torch.equal(found[1][name], value) for name, value in (("a", one), ("b", one), ("c", one.T)))


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_the_generator_of_a_device_is_restored_with_the_others(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    states = [torch.tensor([1, 2, 255], dtype=torch.uint8)]
    monkeypatch.setattr(getattr(torch, device), "get_rng_state", lambda: states[-1])
    monkeypatch.setattr(getattr(torch, device), "set_rng_state", states.append)
    own = random.Random(1)
    before = Generators.now(device, own)
    drawn = random.random(), own.random(), float(numpy.random.random()), float(torch.rand(()))
    before.restore(device, own)
    assert before.device == "0102ff"
    assert torch.equal(states[0], states[1])
    assert (random.random(), own.random(), float(numpy.random.random()), float(torch.rand(()))) == drawn
