"""Everything in a checkpoint's folder that loading reads belongs to its fingerprint, and no notes do."""

from __future__ import annotations

import builtins
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from test_tokenizers import FOLDERS
from tiny import tiny_checkpoint

from auditor.errors import ModelError
from auditor.models import fingerprints, hugging_face
from auditor.models.fingerprints import fingerprint
from auditor.models.options import LoadOptions

COUNTS = (
    "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "vocab.txt", "spm.model",
    "bpe.codes", "merges.txt", "special_tokens_map.json", "added_tokens.json", "chat_template.jinja",
    "modeling_mine.py", "normalizer.json", "adapter_config.json", "adapter_model.safetensors", "tekken.json",
    "unheard-of.bin", "target.spm", "dict.tsv",
    "adapter/adapter_config.json", "adapter/adapter_model.safetensors", "code/inner.py",
)  # fmt: skip
"""Files that loading reads, or may read."""
NOTES = (
    "training.json", "README.md", "LICENSE", "LICENSE.txt", "NOTICE", "model-card.md", ".gitattributes", ".DS_Store",
    "optimizer.pt", "scheduler.pt", "rng_state.pth", "rng_state_0.pth", "scaler.pt", "trainer_state.json",
    "training_args.bin",
    "all_results.json", "eval_results.json", "events.out.tfevents.1", "generation_config.json", "plot.png",
    "pytorch_model.bin", "pytorch_model-00001-of-00002.bin", "tf_model.h5", "flax_model.msgpack", "model.onnx",
    "rust_model.ot",
    "model.gguf", "checkpoint-500/model.safetensors", "runs/events", "code/__pycache__/inner.py", ".cache/x.py",
)  # fmt: skip
"""Files that it does not read, weights of other formats among them."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("fingerprint") / "tiny")


@pytest.mark.parametrize(("name", "counts"), [*((one, True) for one in COUNTS), *((one, False) for one in NOTES)])
def test_a_file_counts_if_it_may_be_read(whole: Path, tmp_path: Path, name: str, counts: bool) -> None:
    folder = Path(shutil.copytree(whole, tmp_path / "m"))
    before = fingerprint(folder)
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"other")
    changed = fingerprint(folder)
    assert (changed != before) is counts
    file.write_bytes(b"again")
    assert (fingerprint(folder) != changed) is counts


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")
@pytest.mark.parametrize("kind", ["tiny", *FOLDERS])
def test_whatever_loading_opens_is_part_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    folder = tiny_checkpoint(tmp_path / "m") if kind == "tiny" else FOLDERS[kind](tmp_path / "m")
    (folder / "README.md").write_text("notes", encoding="utf-8")
    opened: set[str] = set()
    real = builtins.open

    def watched(file: Any, *given: Any, **named: Any) -> Any:
        if isinstance(file, str | os.PathLike) and Path(os.fspath(file)).parent == folder:
            opened.add(Path(os.fspath(file)).name)
        return real(file, *given, **named)

    monkeypatch.setattr(builtins, "open", watched)
    monkeypatch.setattr("io.open", watched)
    monkeypatch.setattr(fingerprints, "fingerprint", lambda _: "")
    monkeypatch.setattr("auditor.models.checkpoint.fingerprint", lambda _: "")
    hugging_face.load(folder, LoadOptions(device="cpu", max_length=64), name="m")
    monkeypatch.undo()
    assert "config.json" in opened
    assert opened <= set(fingerprints._names(folder))


def test_links_are_followed_and_the_place_does_not_count(whole: Path, tmp_path: Path) -> None:
    """A folder in a hub's cache is one of links to files of other names."""
    linked = tmp_path / "snapshot"
    linked.mkdir()
    for file in whole.iterdir():
        (linked / file.name).symlink_to(file)
    assert fingerprint(linked) == fingerprint(whole)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_cannot_be_read_is_named(whole: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(whole, tmp_path / "m"))
    (folder / "vocab.txt").chmod(0)
    with pytest.raises(ModelError, match=r"vocab.txt: cannot be read: Permission denied"):
        fingerprint(folder)
