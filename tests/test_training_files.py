"""What training starts from and what it leaves on disk; the order of batches and the optimiser's numbers."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import tiny_checkpoint

from auditor import tasks
from auditor.errors import ModelError
from auditor.models import checkpoint, hugging_face
from auditor.models.options import LoadOptions
from auditor.storage import atomic_folder
from auditor.training import batches, checkpoint_writer, loop, optimizer, recipes
from auditor.training import pretrained as bases
from auditor.training import record as records
from auditor.training.record import TrainingRecord
from auditor.types import Classify, Example

TASK = tasks.create("text-classification", ("negative", "positive"))
ROWS = [Example("a", {"text": "good film"}, "positive"), Example("b", {"text": "bad plot"}, "negative")]
RECORD = TrainingRecord("standard", {}, {"path": "b", "fingerprint": "f"}, {}, {}, {}, (), {}, 0, 2, {}, "cpu", 1, ())


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> loop.Trained:
    base = tiny_checkpoint(tmp_path_factory.mktemp("base"), head=False)
    recipe = recipes.create("standard", {})
    return loop.train(
        loop.TrainingRun(base, ROWS, (), TASK, recipe, loop.Settings(steps=1, batch_size=2), seed=0, device="cpu")
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def raising(error: BaseException) -> Callable[..., Any]:
    def call(*_given: Any, **_named: Any) -> Any:
        raise error

    return call


def test_a_saved_checkpoint_loads_the_ordinary_way_and_answers_alike(trained: loop.Trained, tmp_path: Path) -> None:
    out = tmp_path / "new" / "standard"
    loop.save(trained, out, RECORD)
    assert records.read(out) == RECORD
    assert (out / "model.safetensors").is_file()
    assert [one.name for one in out.parent.iterdir()] == ["standard"]
    assert checkpoint.describe(out).labels == ("negative", "positive")
    loaded, memory = hugging_face.load(out, LoadOptions(device="cpu"), name="l"), loop.as_model(trained, name="m")
    requests = [Classify(("good film",)), Classify(("the plot is awful",))]
    assert [one.key for one in loaded.encode(requests)] == [one.key for one in memory.encode(requests)]
    assert loaded.run(loaded.encode(requests)) == memory.run(memory.encode(requests))


def test_without_a_record_only_the_model_is_saved(trained: loop.Trained, tmp_path: Path) -> None:
    (tmp_path / "ckpt").mkdir()
    loop.save(trained, tmp_path / "ckpt")
    assert records.read(tmp_path / "ckpt") is None


def test_a_checkpoint_replaces_an_older_one_whole(trained: loop.Trained, tmp_path: Path) -> None:
    out = tmp_path / "ckpt"
    loop.save(trained, out, RECORD)
    (out / "vocab.json").write_text("left over", encoding="utf-8")
    loop.save(trained, out)
    assert not (out / "vocab.json").exists()
    assert not (out / records.NAME).exists()
    assert [one.name for one in tmp_path.iterdir()] == ["ckpt"]


def test_a_folder_of_something_else_is_never_replaced(trained: loop.Trained, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("one", encoding="utf-8")
    (tmp_path / "file").write_text("two", encoding="utf-8")
    before = contents(tmp_path)
    loop.save(trained, tmp_path / "notes", RECORD)
    (tmp_path / "notes" / "note.txt").write_text("three", encoding="utf-8")
    before = contents(tmp_path)
    for name in ("thesis", "file", "notes"):
        with pytest.raises(ModelError, match=r"exists and is not a folder|with other files in it"):
            loop.save(trained, tmp_path / name)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("old", [True, False])
@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), OSError(28, "No space left on device")], ids=["interrupt", "full disk"]
)
@pytest.mark.parametrize("at", ["save_pretrained", "rename"])
def test_what_goes_wrong_while_saving_leaves_what_was_there(
    trained: loop.Trained,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    old: bool,
    error: BaseException,
    at: str,
) -> None:
    out = tmp_path / "ckpt"
    if old:
        loop.save(trained, out, RECORD)
    before = contents(tmp_path)
    rename = Path.rename

    def breaks_at_the_new_folder(path: Path, target: Path) -> Path:
        if target == out and not path.name.endswith(atomic_folder.REPLACED):
            raise error
        return rename(path, target)

    if at == "rename":
        monkeypatch.setattr(Path, "rename", breaks_at_the_new_folder)
    else:
        monkeypatch.setattr(type(trained.tokenizer), "save_pretrained", raising(error))
    with pytest.raises(ModelError if isinstance(error, OSError) else KeyboardInterrupt) as caught:
        loop.save(trained, out)
    assert contents(tmp_path) == before
    assert [one.name for one in tmp_path.iterdir()] == (["ckpt"] if old else [])
    if isinstance(caught.value, ModelError):
        assert caught.value.line == f"{out}: cannot be written: No space left on device (is the disk full?)"


def test_a_full_disk_in_the_writer_of_weights_is_a_model_error(
    trained: loop.Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safetensors import SafetensorError

    monkeypatch.setattr(type(trained.model), "save_pretrained", raising(SafetensorError("IoError: no space")))
    with pytest.raises(ModelError, match="cannot be written: IoError"):
        loop.save(trained, tmp_path / "ckpt")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_a_model_error(trained: loop.Trained, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ModelError, match="cannot be written"):
        loop.save(trained, tmp_path / "file" / "ckpt")


def test_a_new_path_is_a_good_target(tmp_path: Path) -> None:
    checkpoint_writer.check_target(tmp_path / "new")
    checkpoint_writer.check_target(tmp_path)


def damaged(folder: Path, *without: str, **changed: torch.Tensor) -> Path:
    """A tiny encoder with some of its weights left out or changed on disk."""
    from safetensors.torch import load_file, save_file

    tiny_checkpoint(folder, head=False)
    weights = load_file(folder / "model.safetensors")
    for name in without:
        del weights[name]
    assert changed.keys() <= weights.keys()
    weights |= changed
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def test_a_base_that_lacks_weights_of_its_encoder_is_refused(tmp_path: Path) -> None:
    name = "encoder.layer.0.output.dense.weight"
    base = damaged(tmp_path, name)
    with pytest.raises(ModelError, match=rf"lacks weights of the encoder: bert\.{name}"):
        bases.load(base, TASK)


def test_a_base_whose_weights_have_another_shape_is_refused(tmp_path: Path) -> None:
    name = "encoder.layer.1.output.dense.bias"
    base = damaged(tmp_path, **{name: torch.zeros(3)})
    with pytest.raises(ModelError, match=name):
        bases.load(base, TASK)


def test_a_base_without_a_pooler_gets_one_with_its_head(tmp_path: Path) -> None:
    base = damaged(tmp_path, "pooler.dense.weight", "pooler.dense.bias")
    model, *_ = bases.load(base, TASK)
    assert model.config.num_labels == 2


@pytest.mark.parametrize("content", [b"", b"not weights at all, only words"])
def test_a_base_whose_weights_are_broken_is_a_model_error(tmp_path: Path, content: bytes) -> None:
    tiny_checkpoint(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match=r"does not load|is not a complete safetensors file") as caught:
        bases.load(tmp_path, TASK)
    assert str(caught.value.where).startswith(str(tmp_path))


class Config:
    max_position_embeddings = 514


class Roberta(torch.nn.Module):
    """Only what decides the greatest length: 514 positions, the first two of which are padding's."""

    def __init__(self) -> None:
        super().__init__()
        self.config = Config()
        self.position_embeddings = torch.nn.Embedding(514, 2, padding_idx=1)


class Tokenizer:
    model_max_length = int(1e30)


class Unlimited(torch.nn.Module):
    """Relative positions: no limit of its own."""

    config = object()


def test_the_greatest_length_is_the_least_of_the_limits() -> None:
    assert hugging_face.length_limit(Roberta(), Tokenizer(), 4000) == 512
    assert hugging_face.length_limit(Roberta(), Tokenizer(), 256) == 256
    assert hugging_face.length_limit(Unlimited(), Tokenizer(), 4000) == 4000


def test_every_row_is_in_one_batch_and_batches_are_of_like_lengths() -> None:
    lengths = [random.Random(5).randrange(5, 100) for _ in range(3)] + [(7 * i) % 60 + 4 for i in range(997)]
    found = batches.bucketed(lengths, 16, random.Random(0))
    assert sorted(index for batch in found for index in batch) == list(range(1000))
    assert sorted(map(len, found))[0] == 1000 % 16
    padded = sum(len(batch) * max(lengths[i] for i in batch) for batch in found)
    assert padded < 1.1 * sum(lengths)


def test_the_order_of_batches_is_that_of_the_generator_and_not_of_the_lengths() -> None:
    lengths = list(range(200))
    one = batches.bucketed(lengths, 8, random.Random(1))
    assert one == batches.bucketed(lengths, 8, random.Random(1))
    assert one != batches.bucketed(lengths, 8, random.Random(2))
    assert one != sorted(one)


def test_the_next_epoch_passes_the_rows_again_in_another_order() -> None:
    rng = random.Random(0)
    passes = [batches.bucketed(list(range(40)), 4, rng) for _ in range(2)]
    assert all(sorted(index for batch in one for index in batch) == list(range(40)) for one in passes)
    assert passes[0] != passes[1]


def test_the_last_batch_is_marked() -> None:
    assert list(batches.last_marked(iter([[1], [2], [3]]))) == [([1], False), ([2], False), ([3], True)]
    assert list(batches.last_marked(iter([]))) == []


def test_the_rate_rises_and_falls_linearly() -> None:
    assert [optimizer.rate(step, 8, 0.5) for step in range(8)] == [0.25, 0.5, 0.75, 1.0, 1.0, 0.75, 0.5, 0.25]
    assert [optimizer.rate(step, 4, 0.0) for step in range(4)] == [1.0, 0.75, 0.5, 0.25]
    assert optimizer.rate(0, 1, 0.1) == 1.0


def test_weight_decay_leaves_out_biases_and_norms_and_frozen_weights_are_not_trained() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.LayerNorm(3), torch.nn.Linear(3, 1))
    model[2].weight.requires_grad_(False)
    decayed, others = optimizer.parameter_groups(model, 0.1)
    assert [id(one) for one in decayed["params"]] == [id(model[0].weight)]
    assert decayed["weight_decay"] == 0.1
    expected = [model[0].bias, model[1].weight, model[1].bias, model[2].bias]
    assert [id(one) for one in others["params"]] == [id(one) for one in expected]
    assert others["weight_decay"] == 0.0


@pytest.mark.parametrize(
    ("wanted", "device", "bf16", "expected"),
    [
        ("auto", "cpu", True, "no"),
        ("auto", "mps", True, "no"),
        ("auto", "cuda", True, "bf16"),
        ("auto", "cuda", False, "fp16"),
        ("fp32", "cuda", True, "no"),
        ("bf16", "cpu", True, "bf16"),
        ("fp16", "cuda", True, "fp16"),
    ],
)
def test_precision_is_what_was_wanted_or_what_the_device_has(
    monkeypatch: pytest.MonkeyPatch, wanted: str, device: str, bf16: bool, expected: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: bf16)
    assert optimizer.mixed_precision(wanted, device) == expected


def test_fp16_on_a_cpu_is_refused() -> None:
    with pytest.raises(ModelError, match="fp16"):
        optimizer.mixed_precision("fp16", "cpu")
