"""Whatever stands in a checkpoint's files: it loads and answers, or one line says why. No other exception, soon."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from test_padding import decoder
from tiny import tiny_checkpoint

from auditor import tasks
from auditor.errors import ModelError
from auditor.models import checkpoint, hugging_face
from auditor.models.fingerprints import fingerprint
from auditor.models.libraries import quiet
from auditor.models.options import LoadOptions
from auditor.types import Classify

SECONDS = 20
"""For one checkpoint; a sound one takes a tenth of a second."""
VALUES: dict[str, Any] = {
    "zero": 0,
    "minus one": -1,
    "large": 10**7,
    "huge": 10**9,
    "beyond 64 bits": 10**30,
    "half": 0.5,
    "infinite": float("inf"),
    "no number": float("nan"),
    "words": "evil",
    "empty": "",
    "null": None,
    "true": True,
    "list": [1, "a"],
    "object": {"a": {"b": None}},
}


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("whole")
    return {"bert": tiny_checkpoint(place / "bert"), "llama": decoder(place / "llama", "llama", pad_token_id=1)}


@pytest.fixture
def folder(tmp_path: Path, whole: dict[str, Path]) -> Path:
    return Path(shutil.copytree(whole["bert"], tmp_path / "tiny"))


def judged(path: Path, task: str = "text-classification") -> str | None:
    """The one line that refuses the checkpoint; None where it answers."""
    began = time.monotonic()
    try:
        model = hugging_face.load(path, LoadOptions(head=tasks.kind(task).head, device="cpu"), name="m")
        (answer,) = model.run(model.encode([Classify(("good film",))]))
        assert abs(sum(answer) - 1) < 1e-6
        line = None
    except ModelError as error:
        line = error.line
        assert "\n" not in line
        assert str(path) in line or line.startswith("m: "), line
        assert not re.search(r": *$", line), line
    assert time.monotonic() - began < SECONDS
    return line


def fields(folder: Path, name: str) -> list[str]:
    return list(json.loads((folder / name).read_text(encoding="utf-8")))


def put(file: Path, key: str, value: Any) -> None:
    content = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**content, key: value}), encoding="utf-8")


MORE = {
    "config.json": (
        "hidden_act", "num_attention_heads", "num_hidden_layers", "pad_token_id", "max_position_embeddings",
    ),
    "tokenizer_config.json": (
        "model_max_length", "pad_token", "padding_side", "tokenizer_class", "extra_special_tokens",
        "added_tokens_decoder", "model_input_names", "truncation_side", "do_lower_case", "chat_template",
    ),
}  # fmt: skip
"""Fields that libraries read, whether they are written or not."""
FILES = tuple(MORE)


FEW = ("zero", "huge", "words", "null", "object")
CASES = [
    *(("bert", "config.json", value) for value in VALUES),
    *(("bert", "tokenizer_config.json", value) for value in FEW),
    *(("llama", "config.json", value) for value in FEW),
]


@pytest.mark.parametrize(("kind", "file", "value"), CASES)
def test_every_field_with_every_value_loads_or_is_refused_in_one_line(
    whole: dict[str, Path], tmp_path: Path, kind: str, file: str, value: str
) -> None:
    for name in sorted({*fields(whole[kind], file), *MORE[file]}):
        path = Path(shutil.copytree(whole[kind], tmp_path / name))
        put(path / file, name, VALUES[value])
        try:
            judged(path)
        except Exception as error:
            raise AssertionError(f"{file}: {name} = {VALUES[value]!r}: {type(error).__name__}: {error}") from error
        shutil.rmtree(path)


LINES: list[tuple[str, Any, str]] = [
    ("num_attention_heads", 0, "does not load: num_attention_heads = 0 in config.json: "),
    ("num_attention_heads", 3, "does not load: "),
    ("pad_token_id", 10**9, "does not load: pad_token_id = 1000000000 in config.json: Padding_idx must be within"),
    ("num_hidden_layers", 10**7, "num_hidden_layers = 10000000 in config.json, but its weights are 41 tensors"),
    ("num_hidden_layers", 0, "its weights have bert.encoder.layer.0.attention.output.LayerNorm.bias, for which config"),
    ("num_hidden_layers", 1, "its weights have bert.encoder.layer.1.attention.output.LayerNorm.bias, for which config"),
    (
        "hidden_act",
        "evil",
        "does not load: hidden_act = 'evil' in config.json: "
        "transformers has no activation of this name; known are gelu, ",
    ),
    (
        "hidden_act",
        "gelo",
        "does not load: hidden_act = 'gelo' in config.json: "
        "transformers has no activation of this name; did you mean 'gelu'?",
    ),
    (
        "max_position_embeddings",
        0,
        "does not load: max_position_embeddings = 0 in config.json: bert.embeddings.position_",
    ),
    (
        "intermediate_size",
        48,
        "does not load: intermediate_size = 48 in config.json: bert.encoder.layer.0.intermediate",
    ),
    ("type_vocab_size", 1, "does not load: type_vocab_size = 1 in config.json: bert.embeddings.token_type_embeddings"),
    (
        "hidden_size",
        32,
        "does not load: hidden_size = 32 or intermediate_size = 32 in config.json: bert.embeddings.Layer",
    ),
    (
        "id2label",
        {"0": "a", "1": "b", "2": "c"},
        "does not load: id2label of 3 labels in config.json: classifier.bias is 2 in its weights, not 3 ",
    ),
    (
        "hidden_size",
        10**9,
        "does not load: hidden_size = 1000000000 in config.json: bert.embeddings.LayerNorm.bias is 16",
    ),
    (
        "vocab_size",
        104,
        "vocab_size = 104 in config.json: bert.embeddings.word_embeddings.weight is 103 × 16 in its we",
    ),
    ("intermediate_size", "abc", "does not load: intermediate_size = 'abc' in config.json: "),
    ("hidden_size", None, "does not load: hidden_size = None in config.json: "),
    ("type_vocab_size", -1, "does not load: type_vocab_size = -1 in config.json: "),
]


@pytest.mark.parametrize(("field", "value", "words"), LINES)
def test_the_line_names_the_field_the_value_and_why(folder: Path, field: str, value: Any, words: str) -> None:
    put(folder / "config.json", field, value)
    line = judged(folder)
    assert line is not None
    assert words in line


@pytest.mark.parametrize("value", ["abc", [1], {"a": 1}, True])
def test_a_greatest_length_that_is_none_is_named(folder: Path, value: Any) -> None:
    put(folder / "tokenizer_config.json", "model_max_length", value)
    place = folder / "tokenizer_config.json"
    assert judged(folder) == f"{place}: model_max_length = {value!r} is not a number of tokens"


def test_a_layer_that_a_model_passes_over_on_purpose_is_no_fault(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import BertForSequenceClassification

    ignored = [r"bert\.encoder\.layer\.1\..*"]
    monkeypatch.setattr(BertForSequenceClassification, "_keys_to_ignore_on_load_unexpected", ignored, raising=False)
    put(folder / "config.json", "num_hidden_layers", 1)
    assert judged(folder) is None


TEXTS: dict[str, tuple[str, str]] = {
    "5,000 digits": ("9" * 5000, "holds a whole number with thousands of digits"),
    "10^400": ("1" + "0" * 400, "odd holds a whole number "),
    "1e400": ("1e400", ""),
    "31 digits": (str(10**30), "odd holds a whole number beyond 64 bits"),
    "not a number": ("NaN", ""),
    "a thousand lists": ("[" * 1000 + "]" * 1000, "nests tables or lists more than 64 deep"),
    "a hundred thousand lists": ("[" * 100_000 + "]" * 100_000, "nests tables or lists more than 64 deep"),
    "a hundred objects": ('{"a":' * 100 + "1" + "}" * 100, "nests tables or lists more than 64 deep"),
    "not JSON": ("{", "not valid JSON: "),
}
JSON_FILES = ("config.json", "tokenizer_config.json", "tokenizer.json", "special_tokens_map.json", "added_tokens.json")


@pytest.mark.parametrize("file", JSON_FILES)
@pytest.mark.parametrize("text", TEXTS)
def test_numbers_without_end_and_nests_without_bottom_are_one_line(folder: Path, file: str, text: str) -> None:
    value, words = TEXTS[text]
    (folder / file).write_text(f'{{"odd": {value}}}', encoding="utf-8")
    if file == "config.json":
        config = {"architectures": ["BertForSequenceClassification"], "model_type": "bert"}
        (folder / file).write_text(f'{json.dumps(config)[:-1]}, "odd": {value}}}', encoding="utf-8")
    line = judged(folder)
    if text == "31 digits" and file.startswith("tokenizer"):
        words = ""
    if words:
        assert line is not None
        assert line.startswith(f"{folder / file}: {words}")


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("name", ["classifier.weight", "bert.encoder.layer.1.output.dense.weight"])
def test_weights_that_are_not_finite_are_found_at_loading(folder: Path, name: str, number: float) -> None:
    resave(folder, lambda tensors: {**tensors, name: tensors[name].index_fill(0, torch.tensor([1]), number)})
    line = judged(folder)
    assert line is not None
    assert re.search(rf"does not load: \d+ of \d+ numbers in {re.escape(name)} are not finite", line)


def resave(folder: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Path:
    """The checkpoint with other tensors."""
    tensors = change(load_file(folder / "model.safetensors"))
    save_file(
        {name: value.contiguous() for name, value in tensors.items()}, folder / "model.safetensors", {"format": "pt"}
    )
    return folder


def answers(path: Path) -> list[Any]:
    model = hugging_face.load(path, LoadOptions(device="cpu"), name="m")
    return list(model.run(model.encode([Classify(("good film",)), Classify(("a bad plot",))])))


@pytest.mark.parametrize("prefix", ["_orig_mod.", "module.", "module._orig_mod.", "model.", "net."])
def test_weights_named_for_a_wrapper_name_it_and_what_takes_it_away(folder: Path, prefix: str) -> None:
    whole = answers(folder)
    resave(folder, lambda tensors: {prefix + name: value for name, value in tensors.items()})
    named = f"{folder}: the names of its weights begin with {prefix!r}, which a wrapper put before the model's own"
    line = judged(folder) or ""
    assert line.startswith(named)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").rename(folder / "aside")
    with pytest.raises(ModelError, match=r"save the model inside the wrapper: model.module or model._orig_mod"):
        hugging_face.load(folder, LoadOptions(device="cpu", allow_pickle=True), name="m")
    (folder / "aside").rename(folder / "model.safetensors")
    command = re.search(r'remove it: python -c "(.*)"', line)
    assert command is not None
    exec(command[1], {})
    assert answers(folder) == whole


@pytest.mark.parametrize("wrapper", ["_orig_mod", "module", "module._orig_mod"])
@pytest.mark.parametrize("part", ["bert", "bert.encoder", "bert.encoder.layer.0.attention", "classifier"])
def test_weights_of_a_part_that_was_wrapped_name_the_wrapper_and_what_takes_it_away(
    folder: Path, part: str, wrapper: str
) -> None:
    whole = answers(folder)
    resave(
        folder,
        lambda tensors: {
            name.replace(f"{part}.", f"{part}.{wrapper}.") if name.startswith(f"{part}.") else name: value
            for name, value in tensors.items()
        },
    )
    line = judged(folder) or ""
    first = wrapper.partition(".")[0]
    named = f"{folder}: the names of its weights contain '{first}.', "
    named += f"which a wrapper put inside the model's own: {part}.{wrapper}."
    assert line.startswith(named)
    command = re.search(r'remove it: python -c "(.*)"', line)
    assert command is not None
    exec(command[1], {})
    assert answers(folder) == whole


@pytest.mark.parametrize("save", [["classifier"], None], ids=["a trained head", "no head"])
@pytest.mark.parametrize("strip", ["", "base_model.model."], ids=["as peft names them", "without the prefix"])
def test_weights_of_a_peft_model_that_was_not_merged_say_how_it_is(
    folder: Path, save: list[str] | None, strip: str
) -> None:
    import peft
    from transformers import AutoModelForSequenceClassification

    with quiet():
        model = AutoModelForSequenceClassification.from_pretrained(str(folder))
        lora = peft.LoraConfig(target_modules=["query"], modules_to_save=save)
        wrapped: Any = peft.get_peft_model(model, lora)
        tensors: dict[str, Any] = wrapped.state_dict()
        resave(folder, lambda _: {name.removeprefix(strip): value.clone() for name, value in tensors.items()})
        line = judged(folder) or ""
        assert line.startswith(f"{folder}: holds weights of a peft model that was not merged: base_layer in ")
        assert line.endswith("(merge it where it was trained: model.merge_and_unload().save_pretrained('merged'))")
        merged = wrapped.merge_and_unload()
        merged.save_pretrained(str(folder))
    assert judged(folder) is None


def test_weights_with_peft_prefix_alone_lose_it_by_the_command(folder: Path) -> None:
    whole = answers(folder)
    resave(folder, lambda tensors: {f"base_model.model.{name}": value for name, value in tensors.items()})
    line = judged(folder) or ""
    assert "begin with 'base_model.model.'" in line
    command = re.search(r'remove it: python -c "(.*)"', line)
    assert command is not None
    exec(command[1], {})
    assert answers(folder) == whole


PEFT = {"peft_type": "LORA", "base_model_name_or_path": "no-such/model-on-a-hub", "task_type": "SEQ_CLS", "r": 2}


def never(*_: Any, **__: Any) -> None:
    raise AssertionError("network")


@pytest.mark.parametrize("base", ["no-such/model-on-a-hub", "/no/such/folder", None])
def test_a_merged_model_in_its_adapters_folder_is_loaded_as_it_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch, base: str | None
) -> None:
    import socket

    whole, printed = answers(folder), fingerprint(folder)
    (folder / "adapter_config.json").write_text(json.dumps({**PEFT, "base_model_name_or_path": base}), "utf-8")
    save_file({"a": torch.ones(2)}, folder / "adapter_model.safetensors")
    assert fingerprint(folder) != printed
    monkeypatch.setattr(socket.socket, "connect", never)
    monkeypatch.setattr(socket, "getaddrinfo", never)
    model = hugging_face.load(folder, LoadOptions(device="cpu"), name="m")
    assert model.notes == ("adapter_config.json beside complete weights is ignored: the adapter counts as merged",)
    assert answers(folder) == whole
    with pytest.raises(
        ModelError, match=r"has an adapter that training would drop .*if its weights are merged, delete adapter_"
    ):
        checkpoint.check_base(folder)


def test_an_adapter_alone_says_how_it_is_merged(tmp_path: Path) -> None:
    """The hint's command is run: what it writes loads."""
    import peft
    from transformers import AutoModelForSequenceClassification

    three = tiny_checkpoint(tmp_path / "three", labels=("no", "perhaps", "yes"))
    with quiet():
        model = AutoModelForSequenceClassification.from_pretrained(str(three))
        peft.get_peft_model(model, peft.LoraConfig(task_type="SEQ_CLS", target_modules=["query"])).save_pretrained(
            str(tmp_path / "adapter-of-it")
        )
    adapter = tmp_path / "adapter-of-it"
    with pytest.raises(ModelError) as caught:
        checkpoint.find(adapter)
    command = re.search(r'python -c "(.*)", and save the tokenizer there too', caught.value.line)
    assert command is not None
    assert "num_labels=3" in command[1]
    merged = tmp_path / "merged"
    with quiet():
        exec(command[1].replace("'merged'", repr(str(merged))), {})
    for file in three.glob("*token*"):
        shutil.copy(file, merged)
    assert judged(merged) is None
    # With its configuration beside it an adapter is still no checkpoint.
    shutil.copy(three / "config.json", adapter)
    with pytest.raises(
        ModelError, match=r"contains an adapter but not the weights of its base model .it is a peft adapter"
    ):
        checkpoint.describe(adapter)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json", "notes.txt"])
def test_a_pipe_among_the_files_is_refused_and_not_waited_for(folder: Path, name: str) -> None:
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    line = judged(folder)
    assert line is not None
    if name != "config.json":
        assert line == f"{folder / name}: is a pipe, not a file (save its output in a file first)"


def test_a_checkpoint_of_a_later_transformers_says_so_where_it_fails(folder: Path) -> None:
    import transformers

    put(folder / "config.json", "transformers_version", "99.1.0")
    assert judged(folder) is None
    put(folder / "config.json", "hidden_act", "swish-of-the-future")
    hint = f"(saved by transformers 99.1.0, here is {transformers.__version__}: pip install --upgrade transformers)"
    assert (judged(folder) or "").endswith(hint)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1, "reads 1 tokens, of which 2 are special: no room for text"),
        (2, "reads 2 tokens, of which 2 are special: no room for text"),
        (3.7, "model_max_length = 3.7 is not a whole number of tokens"),
        (0, "model_max_length = 0 leaves no token to read (remove the line to use the model's own limit"),
        (-5, "model_max_length = -5 leaves no token to read"),
        (-0.5, "model_max_length = -0.5 leaves no token to read"),
    ],
)
def test_a_length_that_leaves_no_room_for_a_text_is_refused(folder: Path, value: float, words: str) -> None:
    file = folder / "tokenizer_config.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**content, "model_max_length": value}), encoding="utf-8")
    line = judged(folder)
    assert line is not None
    assert words in line


@pytest.mark.parametrize("value", [-1, 10**30, 1e30, None])
def test_a_length_that_says_that_there_is_none_leaves_the_models_own(folder: Path, value: float | None) -> None:
    put(folder / "tokenizer_config.json", "model_max_length", value)
    assert checkpoint.describe(folder).max_length == 64
    assert judged(folder) is None
