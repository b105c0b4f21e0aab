"""A checkpoint folder is judged before anything of it loads."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from auditor.errors import ModelError
from auditor.models import checkpoint, weight_files

CONFIG = {
    "architectures": ["BertForSequenceClassification"],
    "id2label": {"1": "positive", "0": "negative"},
    "max_position_embeddings": 512,
}


def safetensors(data: bytes = b"\0" * 8, header: Any = None) -> bytes:
    """A whole file of the format: eight bytes of length, a JSON header, the data."""
    described = {"__metadata__": {"format": "pt"}, "w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}
    text = json.dumps(described if header is None else header).encode()
    return len(text).to_bytes(8, "little") + text + data


def write(folder: Path, config: Any = CONFIG, *, without: tuple[str, ...] = (), **changes: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(config, dict):
        config = {key: value for key, value in {**config, **changes}.items() if key not in without}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "model.safetensors").write_bytes(safetensors())
    (folder / "tokenizer.json").write_text("{}", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text('{"model_max_length": 256}', encoding="utf-8")
    return folder


def refused(path: Path, **given: Any) -> str:
    with pytest.raises(ModelError) as caught:
        checkpoint.describe(path, **given)
    assert "\n" not in caught.value.line
    return caught.value.line


def test_labels_stand_in_the_order_of_the_outputs(tmp_path: Path) -> None:
    found = checkpoint.describe(write(tmp_path / "m"))
    assert found == checkpoint.Checkpoint(
        tmp_path / "m", ("negative", "positive"), "BertForSequenceClassification", "sequence", 256
    )
    assert found.fingerprint == checkpoint.fingerprint(tmp_path / "m")


def test_ten_outputs_are_ordered_as_numbers(tmp_path: Path) -> None:
    names = {str(index): f"class {index}" for index in range(11)}
    found = checkpoint.describe(write(tmp_path, id2label=dict(reversed(names.items()))))
    assert found.labels[9:] == ("class 9", "class 10")


def test_outputs_without_names_get_those_of_transformers(tmp_path: Path) -> None:
    assert checkpoint.describe(write(tmp_path / "a", without=("id2label",))).labels == ("LABEL_0", "LABEL_1")
    three = write(tmp_path / "b", without=("id2label",), num_labels=3)
    assert checkpoint.describe(three).labels == ("LABEL_0", "LABEL_1", "LABEL_2")


def test_a_tokenizer_without_a_limit_leaves_that_of_the_model(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "tokenizer_config.json").write_text('{"model_max_length": 1e30}', encoding="utf-8")
    assert checkpoint.describe(folder).max_length == 512
    (folder / "tokenizer_config.json").unlink()
    assert checkpoint.describe(folder).max_length == 512


def test_a_checkpoint_without_any_limit_says_so(tmp_path: Path) -> None:
    folder = write(tmp_path, without=("max_position_embeddings",))
    (folder / "tokenizer_config.json").unlink()
    assert checkpoint.describe(folder).max_length is None


def test_a_folder_that_is_a_checkpoint_is_found_by_its_own_name(tmp_path: Path) -> None:
    folder = write(tmp_path / "standard")
    assert checkpoint.find(folder) == {"standard": folder}


def test_the_checkpoints_in_a_folder_are_found_in_order_without_hidden_ones(tmp_path: Path) -> None:
    for name in ("standard", "fgm", ".standard-x1"):
        write(tmp_path / name)
    (tmp_path / "notes.txt").touch()
    assert list(checkpoint.find(tmp_path).items()) == [("fgm", tmp_path / "fgm"), ("standard", tmp_path / "standard")]


def test_a_path_that_does_not_exist_names_its_neighbour(tmp_path: Path) -> None:
    write(tmp_path / "standard")
    assert "no such path (did you mean 'standard'?)" in refused(tmp_path / "standrad")
    assert "no such path (is the path right?)" in refused(tmp_path / "elsewhere" / "x")


@pytest.mark.parametrize("name", ["bert-base-uncased", "textattack/bert-base-uncased-imdb"])
def test_a_name_on_a_hub_is_told_that_only_folders_are_read(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "only local folders are read" in refused(Path(name))


def test_a_path_that_the_system_refuses_is_one_line(tmp_path: Path) -> None:
    assert "cannot be read: File name too long" in refused(tmp_path / ("x" * 5000))


def test_a_file_is_not_a_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "model.bin").touch()
    assert "is a file, not a checkpoint folder (name the folder" in refused(tmp_path / "model.bin")


def test_a_folder_without_config_is_not_a_checkpoint(tmp_path: Path) -> None:
    assert "not a checkpoint: no config.json in it" in refused(tmp_path)


def test_a_folder_of_checkpoints_names_them(tmp_path: Path) -> None:
    write(tmp_path / "standard")
    write(tmp_path / "fgm")
    assert "is a folder of checkpoints, not a checkpoint (name one of them: fgm, standard)" in refused(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{not json", "config.json: not valid JSON: Expecting property name"),
        (b"\xff\xfe{", "config.json: byte at offset 0 is not UTF-8"),
        (b"[1]", "config.json: is not a JSON object but [1]"),
    ],
)
def test_a_broken_config_is_named(content: bytes, message: str, tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "config.json").write_bytes(content)
    assert message in refused(folder)


@pytest.mark.parametrize(
    ("architecture", "hint"),
    [
        ("BertModel", "no classification head: fine-tune it first with audit train"),
        ("RobertaForMaskedLM", "no classification head: fine-tune it first with audit train"),
        ("BertForTokenClassification", "a model for text-classification is needed"),
    ],
)
def test_a_checkpoint_of_another_task_is_refused(architecture: str, hint: str, tmp_path: Path) -> None:
    line = refused(write(tmp_path, architectures=[architecture]), task="text-classification")
    assert f"is a {architecture}, not a ...ForSequenceClassification" in line
    assert hint in line


@pytest.mark.parametrize("named", [None, [], "BertForSequenceClassification"])
def test_a_config_that_names_no_architecture_is_refused(named: Any, tmp_path: Path) -> None:
    assert "names no architecture" in refused(write(tmp_path, architectures=named))


def test_an_unknown_head_gets_its_near_match(tmp_path: Path) -> None:
    assert refused(write(tmp_path), head="sequense") == (
        "no model head is called 'sequense' (did you mean 'sequence'?)"
    )


def test_pickle_weights_need_consent(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    line = refused(folder)
    assert "has pickle weights only (pytorch_model.bin)" in line
    assert "--allow-pickle" in line
    assert checkpoint.describe(folder, allow_pickle=True).labels == ("negative", "positive")


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
def test_code_of_its_own_needs_consent(file: str, tmp_path: Path) -> None:
    folder = write(tmp_path)
    content = json.loads((folder / file).read_text(encoding="utf-8"))
    (folder / file).write_text(json.dumps({**content, "auto_map": {"AutoModel": "code.Model"}}), encoding="utf-8")
    assert "(read it, then pass --trust-remote-code)" in refused(folder)
    assert checkpoint.describe(folder, trust_remote_code=True).labels == ("negative", "positive")


def test_missing_weights_and_tokenizer_are_named(tmp_path: Path) -> None:
    folder = write(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    assert "has no tokenizer" in refused(folder)
    (folder / "model.safetensors").unlink()
    assert "has no weights" in refused(folder)


def test_a_tokenizer_may_be_a_vocabulary_alone(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "tokenizer.json").rename(folder / "vocab.txt")
    assert checkpoint.describe(folder).labels == ("negative", "positive")


def test_a_broken_tokenizer_file_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "tokenizer.json").write_text('{"version"', encoding="utf-8")
    assert "tokenizer.json: not valid JSON" in refused(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a complete safetensors file (copy it again)"),
        (b"\1\0", "is not a complete safetensors file"),
        (b"\xff" * 64, "is not a complete safetensors file"),
        (safetensors()[:40], "is not a complete safetensors file"),
        (safetensors()[:-1], "is truncated (copy it again)"),
        (safetensors(header=[1]), "is not a complete safetensors file"),
        (safetensors(header={"w": {"dtype": "F32"}}), "is not a complete safetensors file"),
        (safetensors(header={"w": {"data_offsets": [0, "x"]}}), "is not a complete safetensors file"),
        (safetensors(header={"w": {"data_offsets": [0]}}), "is not a complete safetensors file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull fetches the file"),
    ],
)
def test_broken_weights_are_refused_by_their_header(content: bytes, message: str, tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "model.safetensors").write_bytes(content)
    line = refused(folder)
    assert "model.safetensors: is " in line
    assert message in line


def test_weights_that_cannot_be_opened_are_named(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").mkdir()
    assert "model.safetensors: is a folder, not a file" in refused(folder)


def test_a_shard_that_the_index_names_must_be_there(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    shards = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (folder / weight_files.INDEX).write_text(json.dumps({"weight_map": shards}), encoding="utf-8")
    assert "lacks model-00002-of-00002.safetensors, which its index names" in refused(folder)
    (folder / "model-00002-of-00002.safetensors").write_bytes(safetensors())
    assert checkpoint.describe(folder).labels == ("negative", "positive")
    (folder / weight_files.INDEX).write_text("{}", encoding="utf-8")
    assert checkpoint.describe(folder).labels == ("negative", "positive")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id2label": {"0": "score"}}, "does not choose one of two or more labels"),
        ({"problem_type": "regression"}, "does not choose one of two or more labels"),
        ({"problem_type": "multi_label_classification"}, "does not choose one of two or more labels"),
        ({"id2label": None, "num_labels": 1}, "does not choose one of two or more labels"),
        ({"id2label": None, "num_labels": 10**9}, "num_labels = 1000000000 exceeds the limit of 100,000"),
        ({"id2label": ["a", "b"]}, "does not name the outputs 0, 1, 2"),
        ({"id2label": {"0": "a", "2": "b"}}, "does not name the outputs 0, 1, 2"),
        ({"id2label": {"0": "a", "1": "a"}}, "has two outputs called 'a'"),
    ],
)
def test_outputs_that_are_no_labels_are_refused(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    assert message in refused(write(tmp_path, **changes))


def spoil(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content)


@pytest.mark.parametrize(
    "change",
    [
        spoil("model.safetensors", safetensors(b"\1" * 8)),
        spoil("config.json", b"{}"),
        spoil("tokenizer.json", b'{"a": 1}'),
        spoil("special_tokens_map.json", b"{}"),
        spoil("modeling.py", b"pass"),
    ],
    ids=["weights", "config", "tokenizer", "special tokens", "code"],
)
def test_the_fingerprint_changes_with_every_file_that_counts(change: Callable[[Path], object], tmp_path: Path) -> None:
    folder = write(tmp_path)
    before = checkpoint.fingerprint(folder)
    change(folder)
    assert checkpoint.fingerprint(folder) != before


def test_the_fingerprint_reads_neither_place_nor_notes(tmp_path: Path) -> None:
    one, other = write(tmp_path / "one"), write(tmp_path / "other")
    (other / "README.md").write_text("notes", encoding="utf-8")
    (other / "training.json").write_text("{}", encoding="utf-8")
    assert checkpoint.fingerprint(one) == checkpoint.fingerprint(other)


def test_a_base_needs_config_weights_and_tokenizer_but_no_head(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"not a pretrained model: no config\.json here"):
        checkpoint.check_base(tmp_path)
    folder = write(tmp_path, architectures=["BertModel"])
    checkpoint.check_base(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    with pytest.raises(ModelError, match="has no tokenizer"):
        checkpoint.check_base(folder)
    write(folder, auto_map={})
    with pytest.raises(ModelError, match="comes with code of its own"):
        checkpoint.check_base(folder)


def test_describing_loads_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom auditor.models import checkpoint\n"
        f"checkpoint.describe(Path({str(write(tmp_path))!r})).fingerprint\n"
        "sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
