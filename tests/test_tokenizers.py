"""What transformers loads from a folder is a tokenizer: with a vocabulary of any name, without one, fast or slow."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from test_padding import near, plainly, run

from auditor.errors import ModelError
from auditor.models import checkpoint, hugging_face
from auditor.models.libraries import quiet
from auditor.models.options import LoadOptions
from auditor.types import Classify, Request

SAID = [
    "good",
    "a bad plot",
    "it was not a great movie and the plot is awful",
]
TEXTS: list[Request] = [Classify((text,)) for text in SAID]
SHARED = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
NAMES = {"id2label": {0: "negative", 1: "positive"}, "max_position_embeddings": 66}


def written(folder: Path, kind: str, *, words: bool = False, **config: Any) -> Path:
    """A tiny random classifier without any tokenizer."""
    from transformers import AutoConfig, AutoModelForSequenceClassification, AutoModelForTokenClassification

    auto: Any = AutoModelForTokenClassification if words else AutoModelForSequenceClassification
    with torch.random.fork_rng(), quiet():
        torch.manual_seed(0)
        model = auto.from_config(AutoConfig.for_model(kind, **{**SHARED, **NAMES, **config}))
        for value in model.parameters():
            if value.dim() > 1:
                torch.nn.init.normal_(value, std=0.2)
        model.save_pretrained(folder)
    return folder


def canine(folder: Path, *, words: bool = False) -> Path:
    written(
        folder, "canine", words=words, num_hash_buckets=64, num_hash_functions=2, downsampling_rate=2,
        local_transformer_stride=16, max_position_embeddings=64, upsampling_kernel_size=2,
    )  # fmt: skip
    content = {"tokenizer_class": "CanineTokenizer", "model_max_length": 64}
    (folder / "tokenizer_config.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def bertweet(folder: Path, *, words: bool = False) -> Path:
    letters = sorted({letter for text in SAID for letter in text if letter != " "})
    pieces = [*letters, *(f"{letter}@@" for letter in letters), "good", "film"]
    (folder).mkdir(parents=True)
    (folder / "vocab.txt").write_text("".join(f"{piece} 1\n" for piece in pieces), encoding="utf-8")
    (folder / "bpe.codes").write_text("g o 9\ngo o 8\ngoo d</w> 7\n", encoding="utf-8")
    content = {"tokenizer_class": "BertweetTokenizer", "model_max_length": 64}
    (folder / "tokenizer_config.json").write_text(json.dumps(content), encoding="utf-8")
    return written(folder, "roberta", words=words, vocab_size=len(pieces) + 5, pad_token_id=1)


def pieces_alone(folder: Path, *, words: bool = False) -> Path:
    """DeBERTa-v2 with nothing but the sentencepiece model."""
    sentencepiece = pytest.importorskip("sentencepiece")
    pytest.importorskip("google.protobuf")
    folder.mkdir(parents=True)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SAID * 20), model_prefix=str(folder / "spm"), vocab_size=40,
        pad_id=0, bos_id=1, eos_id=2, unk_id=3,
        pad_piece="[PAD]", bos_piece="[CLS]", eos_piece="[SEP]", unk_piece="[UNK]",
        minloglevel=9, num_threads=1, hard_vocab_limit=False,
    )  # fmt: skip
    (folder / "spm.vocab").unlink()
    return written(folder, "deberta-v2", words=words, vocab_size=60, max_position_embeddings=64)


FOLDERS: dict[str, Callable[..., Path]] = {"canine": canine, "bertweet": bertweet, "spm.model": pieces_alone}


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")  # DeBERTa's module
@pytest.mark.parametrize("kind", FOLDERS)
def test_a_tokenizer_is_what_transformers_loads(tmp_path: Path, kind: str) -> None:
    folder = FOLDERS[kind](tmp_path / "m")
    checkpoint.check_base(folder)
    model = hugging_face.load(folder, LoadOptions(device="cpu", max_length=64), name="m")
    answers = run(model, TEXTS)
    assert len({row[0] for row in answers}) == 3
    with quiet():
        assert near(answers, plainly(folder, TEXTS))


@pytest.mark.parametrize(("kind", "name"), [("canine", "CanineTokenizer"), ("bertweet", "BertweetTokenizer")])
def test_named_entities_need_a_fast_one_and_are_told_what_helps(tmp_path: Path, kind: str, name: str) -> None:
    folder = FOLDERS[kind](tmp_path / "m", words=True)
    with pytest.raises(ModelError) as caught:
        hugging_face.load(folder, LoadOptions(head="token", device="cpu"), name="m")
    assert caught.value.line == (
        f"{folder}: its {name} cannot tell which word a token belongs to "
        "(for named entities, fine-tune a base with a fast tokenizer (tokenizer.is_fast))"
    )


def test_a_tokenizer_whose_files_are_gone_is_not_made_up(tmp_path: Path) -> None:
    folder = written(tmp_path / "m", "bert", vocab_size=60)
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}', encoding="utf-8")
    with pytest.raises(ModelError, match=r"has no tokenizer|its tokenizer does not load"):
        hugging_face.load(folder, LoadOptions(device="cpu"), name="m")


def test_a_base_without_a_table_of_words_trains_and_is_refused_where_one_is_needed(tmp_path: Path) -> None:
    from auditor.tasks.classification import TextClassification
    from auditor.training import loop, recipes
    from auditor.types import Example

    base, labels = canine(tmp_path / "m"), ("negative", "positive")
    rows = [Example(str(index), {"text": text}, labels[index % 2]) for index, text in enumerate(SAID)]
    task, settings = TextClassification(labels, {}), loop.Settings(epochs=1, batch_size=3, max_length=64)
    trained = loop.train(
        loop.TrainingRun(base, rows, (), task, recipes.create("standard", {}), settings, seed=1, device="cpu")
    )
    longest = max(len(text) for text in SAID) + 2
    assert trained.work == 3 * 3 * longest
    with pytest.raises(ModelError, match="CanineForSequenceClassification has no table of word embeddings"):
        loop.train(loop.TrainingRun(base, rows, (), task, recipes.create("fgm", {}), settings, seed=1, device="cpu"))


def test_a_tokenizer_that_needs_no_file_loads_from_a_folder_without_any(tmp_path: Path) -> None:
    path = canine(tmp_path / "m")
    for name in ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"):
        (path / name).unlink(missing_ok=True)
    model = hugging_face.load(path, LoadOptions(device="cpu"), name="m")
    (encoded,) = model.encode([Classify(("ab",))])
    assert encoded.payload["input_ids"][1:3] == [ord("a"), ord("b")]
