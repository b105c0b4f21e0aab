"""Parameters that do not merge into the weights: kept beside them, loaded with them, refused if they would be lost."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from test_training import LABELS, SETTINGS, TASK, reviews
from tiny import tiny_checkpoint

from auditor.errors import ModelError
from auditor.models import adapter_files, adapters, checkpoint, hugging_face, onnx
from auditor.models.options import LoadOptions
from auditor.training import checkpoint_writer, loop, recipes, record
from auditor.types import Classify

ADDED: dict[str, dict[str, Any]] = {"bottleneck": {"width": 3}, "prefix": {"tokens": 4}, "prompt": {"tokens": 5}}
KINDS = {"bottleneck": "BOTTLENECK", "prefix": "PREFIX_TUNING", "prompt": "PROMPT_TUNING"}
TEXTS = [Classify(("good film",)), Classify(("bad " * 90,)), Classify(("",))]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("base"), head=False)


@pytest.fixture(scope="module")
def trained(base: Path) -> dict[str, loop.Trained]:
    settings = replace(SETTINGS, max_length=512, learning_rate=1e-2)

    def train(name: str) -> loop.Trained:
        made = recipes.create(name, ADDED[name])
        return loop.train(loop.TrainingRun(base, reviews(10), (), TASK, made, settings, seed=3, device="cpu"))

    return {name: train(name) for name in ADDED}


@pytest.fixture(scope="module")
def folders(trained: dict[str, loop.Trained], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("ckpt")
    for name, one in trained.items():
        loop.save(one, place / name)
    return {name: place / name for name in trained}


@pytest.fixture
def folder(folders: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    """A copy of a checkpoint, to be damaged."""
    import shutil

    return lambda name: Path(shutil.copytree(folders[name], tmp_path / name))


def answers(model: Any) -> Any:
    return model.run(model.encode(TEXTS))


def refused(what: Callable[[], Any]) -> str:
    with pytest.raises(ModelError) as caught:
        what()
    assert "\n" not in caught.value.line
    return caught.value.line


def test_every_kind_that_is_loaded_is_made_by_a_recipe() -> None:
    assert sorted(KINDS.values()) == sorted(adapter_files.ADAPTERS)


@pytest.mark.parametrize("name", ADDED)
def test_a_loaded_checkpoint_answers_as_the_trained_model(
    trained: dict[str, loop.Trained], folders: dict[str, Path], name: str
) -> None:
    before = torch.random.get_rng_state()
    model = hugging_face.load(folders[name], LoadOptions(device="cpu"), name="m")
    assert torch.equal(torch.random.get_rng_state(), before)
    assert answers(model) == answers(loop.as_model(trained[name], name="m"))
    assert answers(model.reload()) == answers(model)
    assert {file.name for file in (folders[name] / "adapter").iterdir()} == {
        adapter_files.ADAPTER_CONFIG,
        adapter_files.ADAPTER_WEIGHTS,
    }


@pytest.mark.parametrize("name", ADDED)
def test_the_adapter_decides_the_answers_and_the_fingerprint(folder: Callable[[str], Path], name: str) -> None:
    path = folder(name)
    whole, printed = answers(hugging_face.load(path, LoadOptions(device="cpu"), name="m")), checkpoint.fingerprint(path)
    weights = load_file(path / "adapter" / adapter_files.ADAPTER_WEIGHTS)
    # Not the head, which peft's file holds once more.
    doubled = {one: value if one.startswith("base_model.") else value * 2 for one, value in weights.items()}
    save_file(doubled, path / "adapter" / adapter_files.ADAPTER_WEIGHTS)
    assert checkpoint.fingerprint(path) != printed
    assert answers(hugging_face.load(path, LoadOptions(device="cpu"), name="m")) != whole


@pytest.mark.parametrize("name", ADDED)
def test_of_the_base_only_pooler_and_head_are_trained(base: Path, folders: dict[str, Path], name: str) -> None:
    old, new = load_file(base / "model.safetensors"), load_file(folders[name] / "model.safetensors")
    changed = {one for one, value in new.items() if not torch.equal(value, old.get(one.removeprefix("bert."), -value))}
    assert changed == {"bert.pooler.dense.weight", "bert.pooler.dense.bias", "classifier.weight", "classifier.bias"}


@pytest.mark.parametrize("name", ["prefix", "prompt"])
def test_peft_puts_what_is_written_on_the_checkpoints_own_weights(folders: dict[str, Path], name: str) -> None:
    from peft import PeftModel
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    path = folders[name]
    plain = AutoModelForSequenceClassification.from_pretrained(str(path))
    names = inspect.signature(plain.bert.forward).parameters
    if name == "prefix" and "past_key_values" not in names:
        pytest.skip("this peft does not serve prefixes with this transformers by itself")
    with hugging_face.quiet():
        model = PeftModel.from_pretrained(plain, str(path / "adapter")).eval()
    batch = AutoTokenizer.from_pretrained(str(path))(["good film"], return_tensors="pt")
    with torch.inference_mode():
        expected = model(**batch).logits.softmax(-1)[0].tolist()
    assert answers(hugging_face.load(path, LoadOptions(device="cpu"), name="m"))[0] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", ADDED)
def test_no_path_of_this_machine_is_written(base: Path, folders: dict[str, Path], name: str) -> None:
    for file in folders[name].rglob("*.json"):
        assert str(base.parent) not in file.read_text("utf-8"), file


def test_a_bottleneck_is_what_comes_in_and_its_own_way_through() -> None:
    linear = torch.nn.Linear(3, 2)
    model = torch.nn.ModuleDict({"end": linear})
    given = torch.tensor([[1.0, -2.0, 0.5]])
    plain = linear(given)
    adapters.add_bottlenecks(model, ["end"], 4)
    assert torch.equal(linear(given), plain)  # it begins as the identity
    down, _, up = linear.auditor_bottleneck  # type: ignore[misc]
    with torch.no_grad():
        up.weight.normal_()
    inner = plain @ down.weight.T + down.bias
    inner = inner * (1 + torch.erf(inner / 2**0.5)) / 2
    assert torch.allclose(linear(given), plain + inner @ up.weight.T + up.bias)


def test_bottlenecks_stand_where_they_are_told(base: Path) -> None:
    def places(**given: Any) -> set[str]:
        made = recipes.create("bottleneck", {"width": 2, **given})
        found = loop.train(loop.TrainingRun(base, reviews(4), (), TASK, made, SETTINGS, seed=3, device="cpu"))
        return {
            name.split("layer.0.")[1] for name in found.model.state_dict() if "layer.0" in name and ".0.weight" in name
        }

    assert places() == {"output.dense.auditor_bottleneck.0.weight"}
    assert places(targets=["value"]) == {"attention.self.value.auditor_bottleneck.0.weight"}


def test_virtual_tokens_take_positions_from_the_text(folders: dict[str, Path]) -> None:
    for name, taken in (("bottleneck", 0), ("prefix", 4), ("prompt", 5)):
        model = hugging_face.load(folders[name], LoadOptions(device="cpu"), name="m")
        assert model.encode([Classify(("bad " * 90,))])[0].length == 64 - taken
        assert adapters.virtual_tokens(model.module) == taken


@pytest.mark.parametrize("name", ADDED)
def test_onnx_runtime_answers_as_torch_does(folders: dict[str, Path], name: str) -> None:
    for package in ("onnxruntime", "onnx"):
        pytest.importorskip(package, reason="compares with the real package: pip install onnxruntime onnx")
    other = hugging_face.load(folders[name], LoadOptions(device="cpu"), name="m")
    model = onnx.load(folders[name], LoadOptions(device="cpu"), name="m")
    for one, known in zip(answers(model), answers(other), strict=True):
        assert one == pytest.approx(known, abs=1e-6)


def test_a_base_with_an_adapter_is_refused(folders: dict[str, Path]) -> None:
    line = refused(lambda: checkpoint.check_base(folders["prefix"]))
    assert line.endswith("has an adapter that training would drop (train from the base it was added to)")


def test_an_adapter_of_another_kind_is_refused(folder: Callable[[str], Path]) -> None:
    path = folder("prefix")
    (path / "adapter" / adapter_files.ADAPTER_CONFIG).write_text('{"peft_type": "LORA"}', "utf-8")
    line = refused(lambda: checkpoint.describe(path))
    assert line == (
        f"{path / 'adapter'}: has an unsupported kind of adapter: 'LORA' "
        "(merge it into the weights with merge_and_unload())"
    )


def test_what_peft_saves_by_itself_is_told_from_a_checkpoint(tmp_path: Path) -> None:
    (tmp_path / adapter_files.ADAPTER_CONFIG).write_text("{}", "utf-8")
    assert "it is a peft adapter: merge it into its base" in refused(lambda: checkpoint.find(tmp_path))


@pytest.mark.parametrize("name", ADDED)
@pytest.mark.parametrize("damage", ["cut off", "no weights", "no configuration", "not JSON", "of another shape"])
def test_a_broken_adapter_is_one_line(folder: Callable[[str], Path], name: str, damage: str) -> None:
    path = folder(name)
    config, weights = (path / "adapter" / one for one in (adapter_files.ADAPTER_CONFIG, adapter_files.ADAPTER_WEIGHTS))
    if damage == "cut off":
        weights.write_bytes(weights.read_bytes()[:-4])
    elif damage == "no weights":
        weights.unlink()
    elif damage == "no configuration":
        config.unlink()
    elif damage == "not JSON":
        config.write_text("{", "utf-8")
    else:
        save_file({one: value[:1].clone() for one, value in load_file(weights).items()}, weights)
    assert str(path / "adapter") in refused(lambda: hugging_face.load(path, LoadOptions(device="cpu"), name="m"))


ARCHITECTURES: dict[str, dict[str, Any]] = {
    "bert": {"intermediate_size": 32},
    "roberta": {"intermediate_size": 32, "pad_token_id": 0},
    "distilbert": {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32},
    "electra": {"embedding_size": 8, "intermediate_size": 32},
    "deberta-v2": {"intermediate_size": 32, "position_biased_input": True, "relative_attention": False},
    "mobilebert": {"embedding_size": 8, "intermediate_size": 32, "intra_bottleneck_size": 8, "true_hidden_size": 8},
    "llama": {"intermediate_size": 32, "num_key_value_heads": 1, "head_dim": 8, "pad_token_id": 0},
    "gpt2": {"n_embd": 16, "n_layer": 2, "n_head": 2, "pad_token_id": 0, "eos_token_id": 3},
}
REFUSED: dict[tuple[str, str], str] = {
    ("roberta", "prefix"): "does not work with a RobertaForSequenceClassification: ",
    ("distilbert", "prefix"): "does not work with a DistilBertForSequenceClassification: ",
    ("electra", "prefix"): "does not work with a ElectraForSequenceClassification: ",
    ("deberta-v2", "prefix"): "does not work with a DebertaV2ForSequenceClassification: ",
    ("mobilebert", "prefix"): "does not work with a MobileBertForSequenceClassification: ",
    ("llama", "prompt"): "the answers of a LlamaForSequenceClassification with it depend on the padding of the batch",
    ("gpt2", "prompt"): "the answers of a GPT2ForSequenceClassification with it depend on the padding of the batch",
    ("gpt2", "bottleneck"): "no linear map is called anything (known: none)",
}
"""(architecture, recipe) → why it is refused before the first step."""
if transformers.__version__.startswith("5."):
    for served in ("roberta", "electra"):  # encoders that take keys and values of earlier tokens there
        del REFUSED[served, "prefix"]


def architecture(folder: Path, kind: str) -> Path:
    """A tiny random base of another architecture, with the tiny checkpoints' tokenizer."""
    from tiny import vocabulary
    from transformers import AutoConfig, AutoModel

    tiny_checkpoint(folder, head=False)
    shared = {"vocab_size": len(vocabulary()), "max_position_embeddings": 64}
    if "n_layer" not in ARCHITECTURES[kind] and "n_layers" not in ARCHITECTURES[kind]:
        shared |= {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    if kind == "distilbert":  # its forward pass takes no token types
        (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "DistilBertTokenizerFast"}', "utf-8")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        AutoModel.from_config(AutoConfig.for_model(kind, **shared, **ARCHITECTURES[kind])).save_pretrained(folder)
    return folder


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")  # DeBERTa's module
@pytest.mark.parametrize("recipe", ["standard", *ADDED])
@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_every_architecture_is_served_or_refused_in_one_line(tmp_path: Path, kind: str, recipe: str) -> None:
    base, made = architecture(tmp_path / "base", kind), recipes.create(recipe, ADDED.get(recipe, {}))

    def train() -> loop.Trained:
        return loop.train(
            loop.TrainingRun(base, reviews(8), (), TASK, made, replace(SETTINGS, max_length=512), seed=3, device="cpu")
        )

    if (kind, recipe) in REFUSED:
        assert refused(train).startswith(f"recipe {recipe}: {REFUSED[kind, recipe]}")
        return
    trained = train()
    loop.save(trained, tmp_path / "ckpt")
    checkpoint.describe(tmp_path / "ckpt")
    model = hugging_face.load(tmp_path / "ckpt", LoadOptions(device="cpu"), name="m")
    found = answers(model)
    assert found == answers(loop.as_model(trained, name="m"))
    alone = [answer for text in TEXTS for answer in model.run(model.encode([text]))]
    for one, other in zip(found, alone, strict=True):
        assert one == pytest.approx(other, abs=1e-5)


def test_more_virtual_tokens_than_there_is_room_for_are_refused(base: Path) -> None:
    for name in ("prefix", "prompt"):
        made = recipes.create(name, {"tokens": 49})
        line = refused(
            lambda made=made: loop.train(  # type: ignore[misc]
                loop.TrainingRun(base, reviews(4), (), TASK, made, SETTINGS, seed=3, device="cpu")
            )
        )
        assert line == f"recipe {name}: tokens = 49 leaves no room for a text in 64 positions"


def test_virtual_tokens_are_work_and_leave_the_recorded_length_alone(
    trained: dict[str, loop.Trained], base: Path
) -> None:
    settings = replace(SETTINGS, max_length=512, learning_rate=1e-2)
    standard = loop.train(
        loop.TrainingRun(base, reviews(10), (), TASK, recipes.create("standard", {}), settings, seed=3, device="cpu")
    )
    assert {one.max_length for one in trained.values()} == {standard.max_length} == {64}
    passes = 2 * 10 * 3  # epochs, rows, forward and backward
    assert {name: one.work - standard.work for name, one in trained.items()} == {
        "bottleneck": 0,
        "prefix": 4 * passes,
        "prompt": 5 * passes,
    }


def test_what_else_an_adapters_configuration_asks_for_is_not_done(folder: Callable[[str], Path]) -> None:
    path = folder("prompt")
    whole = answers(hugging_face.load(path, LoadOptions(device="cpu"), name="m"))
    config = path / "adapter" / adapter_files.ADAPTER_CONFIG
    evil = path.parent / "evil"
    evil.mkdir()
    (evil / "tokenizer_config.json").write_text('{"auto_map": {"AutoTokenizer": ["evil.Evil", null]}}', "utf-8")
    (evil / "evil.py").write_text(f"open({str(path / 'ran')!r}, 'w').close()\n", "utf-8")
    asked = {
        "inference_mode": False,
        "prompt_tuning_init": "TEXT",
        "prompt_tuning_init_text": "good",
        "tokenizer_name_or_path": str(evil),
        "tokenizer_kwargs": {"trust_remote_code": True},
    }
    config.write_text(json.dumps({**json.loads(config.read_text("utf-8")), **asked}), "utf-8")
    assert answers(hugging_face.load(path, LoadOptions(device="cpu"), name="m")) == whole
    assert not (path / "ran").exists()


@pytest.mark.parametrize("size", [0, "4", None, [4]])
@pytest.mark.parametrize("name", ADDED)
def test_an_adapter_of_no_size_is_one_line(folder: Callable[[str], Path], name: str, size: Any) -> None:
    path = folder(name)
    config = path / "adapter" / adapter_files.ADAPTER_CONFIG
    key = adapter_files.ADAPTERS[KINDS[name]]
    config.write_text(json.dumps({**json.loads(config.read_text("utf-8")), key: size}), "utf-8")
    assert refused(lambda: checkpoint.describe(path)) == f"{config}: {key} = {size!r} should be 1 or more"


def test_the_part_of_a_checkpoint_is_not_taken_for_peft_s_own(folders: dict[str, Path]) -> None:
    path = folders["prefix"] / "adapter"
    assert refused(lambda: checkpoint.find(path)).endswith(f"(it is part of a checkpoint: name {folders['prefix']})")


def test_bottlenecks_without_their_weights_are_refused(folder: Callable[[str], Path]) -> None:
    path = folder("bottleneck")
    config = path / "adapter" / adapter_files.ADAPTER_CONFIG
    found = json.loads(config.read_text("utf-8"))
    config.write_text(json.dumps({**found, "targets": found["targets"][:1]}), "utf-8")
    line = refused(lambda: hugging_face.load(path, LoadOptions(device="cpu"), name="m"))
    assert "the adapter's weights do not match its configuration" in line


def test_a_folder_with_other_files_in_its_adapter_is_not_ours(folder: Callable[[str], Path]) -> None:
    path = folder("prompt")
    (path / record.NAME).write_text("{}", "utf-8")
    assert checkpoint_writer.is_ours(path)
    (path / "adapter" / "thesis.docx").write_text("", "utf-8")
    assert not checkpoint_writer.is_ours(path)
    assert "is a folder with other files in it" in refused(lambda: checkpoint_writer.check_target(path))


@pytest.mark.parametrize(("name", "setting"), [("bottleneck", "width"), ("prefix", "tokens"), ("prompt", "tokens")])
def test_none_of_them_is_refused(name: str, setting: str) -> None:
    from auditor.errors import ConfigError

    with pytest.raises(ConfigError) as caught:
        recipes.create(name, {setting: 0})
    assert caught.value.line == f"[training.recipe.{name}]: {setting} = 0 must be at least 1"


def test_labels_are_those_of_the_task(folders: dict[str, Path]) -> None:
    for path in folders.values():
        assert hugging_face.load(path, LoadOptions(device="cpu"), name="m").labels == LABELS
