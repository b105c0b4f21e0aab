"""A text's answer does not depend on its company: what every model is tried for before it is believed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import tiny_checkpoint
from torch import nn

from auditor.cli.main import main
from auditor.errors import DataError, ModelError, NoAnswerError
from auditor.models import company, hugging_face, onnx
from auditor.models.libraries import quiet
from auditor.models.options import LoadOptions
from auditor.models.rows import Filling
from auditor.types import Classify, Example, Request, Tag

SAID = [
    "good",
    "a bad plot",
    "it was not a great movie and the plot is awful",
    "the film is good and the plot was great and it was not a bad film",
    "awful film",
]
TEXTS: list[Request] = [Classify((text,)) for text in SAID]
WORDS: list[Request] = [Tag(tuple(text.split())) for text in SAID]
LABELS = {0: "negative", 1: "positive"}
SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
DECODERS: dict[str, dict[str, Any]] = {
    "gpt2": {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 64},
    "llama": {**SIZES, "num_key_value_heads": 1, "head_dim": 8, "max_position_embeddings": 64},
}
# Special tokens of a decoder, as many checkpoints have them: the end of a text is all there is.
ENDS = {"bos_token_id": 3, "eos_token_id": 3}


def decoder(folder: Path, kind: str = "gpt2", *, words: bool = False, seed: int = 0, **config: Any) -> Path:
    """A tiny random decoder with a head, in the folder of a tokenizer of words that adds no special token."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import (
        AutoConfig,
        AutoModelForSequenceClassification,
        AutoModelForTokenClassification,
        PreTrainedTokenizerFast,
    )

    names = ["<unk>", "<pad>", "<x>", "<end>", *sorted({word for request in WORDS for word in request.texts})]
    words_of = Tokenizer(models.WordLevel({name: index for index, name in enumerate(names)}, unk_token="<unk>"))
    words_of.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words_of, unk_token="<unk>", eos_token="<end>")
    tokenizer.add_special_tokens({"pad_token": "<pad>"})
    tokenizer.model_max_length = 64
    given = {**DECODERS[kind], **ENDS, "vocab_size": len(names), "id2label": LABELS, **config}
    auto: Any = AutoModelForTokenClassification if words else AutoModelForSequenceClassification
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = auto.from_config(AutoConfig.for_model(kind, **given))
        for value in model.parameters():
            if value.dim() > 1:
                nn.init.normal_(value, std=0.3)
    with quiet():
        model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    change(folder / "tokenizer_config.json", model_input_names=["input_ids", "attention_mask"])
    return folder


def change(file: Path, **values: Any) -> None:
    content = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**content, **values}), encoding="utf-8")


def plainly(folder: Path, requests: list[Request], *, words: bool = False) -> list[Any]:
    """The answers by transformers alone, one text at a time: no padding."""
    from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification, AutoTokenizer

    auto = AutoModelForTokenClassification if words else AutoModelForSequenceClassification
    tokenizer, model = AutoTokenizer.from_pretrained(str(folder)), auto.from_pretrained(str(folder)).eval()
    answers = []
    for request in requests:
        # Every word of these texts is one token.
        inputs = tokenizer(" ".join(request.texts), return_tensors="pt")
        with torch.no_grad():
            answers.append(model(**inputs).logits.double().softmax(-1)[0].tolist())
    return answers


def near(answers: Any, others: Any) -> bool:
    return bool(torch.allclose(torch.tensor(answers), torch.tensor(others, dtype=torch.float32), atol=2e-6))


def run(model: Any, requests: list[Request]) -> list[Any]:
    return list(model.run(model.encode(requests)))


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("kind", DECODERS)
def test_a_decoders_answers_in_a_batch_are_those_of_each_text_alone(tmp_path: Path, kind: str, side: str) -> None:
    folder = decoder(tmp_path / kind, kind, pad_token_id=1)
    change(folder / "tokenizer_config.json", padding_side=side)
    model = hugging_face.load(folder, LoadOptions(device="cpu"), name="m")
    assert near(run(model, TEXTS), plainly(folder, TEXTS))
    assert (model.singly, model.notes) == (False, ())
    # With the tokenizer's own padding answers of GPT-2 are others: its positions move.
    model.filling = Filling(1, left=True, types=False)
    assert near(run(model, TEXTS), plainly(folder, TEXTS)) is (kind == "llama")


@pytest.mark.parametrize("kind", DECODERS)
def test_a_decoders_tags_in_a_batch_are_those_of_each_text_alone(tmp_path: Path, kind: str) -> None:
    folder = decoder(tmp_path / kind, kind, words=True, id2label={0: "O", 1: "B-X", 2: "I-X"})
    change(folder / "tokenizer_config.json", padding_side="left")
    model = hugging_face.load(folder, LoadOptions(head="token", device="cpu"), name="m")
    for answer, wanted in zip(run(model, WORDS), plainly(folder, WORDS, words=True), strict=True):
        assert near(answer, wanted)


@pytest.mark.parametrize("kind", DECODERS)
def test_a_padding_token_that_only_the_tokenizer_names_is_filled_in(tmp_path: Path, kind: str) -> None:
    folder = decoder(tmp_path / kind, kind)
    model = hugging_face.load(folder, LoadOptions(device="cpu"), name="m")
    assert model.filling.token == 1
    # A text that ends with the padding token is read to its end, as the model alone reads it.
    texts: list[Request] = [*TEXTS, Classify(("good film <pad>",)), Classify(("good film",))]
    assert near(run(model, texts), plainly(folder, texts))
    assert (model.singly, model.notes) == (False, ())
    assert model.module.config.pad_token_id is None


@pytest.mark.parametrize("kind", DECODERS)
def test_without_any_padding_token_the_end_of_a_text_is_taken_and_said(tmp_path: Path, kind: str) -> None:
    folder = decoder(tmp_path / kind, kind)
    change(folder / "tokenizer_config.json", pad_token=None)
    (folder / "special_tokens_map.json").unlink(missing_ok=True)
    model = hugging_face.load(folder, LoadOptions(device="cpu"), name="m")
    texts: list[Request] = [*TEXTS, Classify(("good film <end>",))]
    assert near(run(model, texts), plainly(folder, texts))
    assert model.notes == ("neither model nor tokenizer names a padding token: texts are padded with '<end>'",)


def planted(monkeypatch: pytest.MonkeyPatch, forward: Callable[..., Any]) -> None:
    """BERT's classifier with another forward pass, given the real one and what that is given."""
    from transformers import BertForSequenceClassification

    real = BertForSequenceClassification.forward

    def replaced(self: Any, input_ids: Any, attention_mask: Any = None, token_type_ids: Any = None) -> Any:
        given = {"input_ids": input_ids, "attention_mask": attention_mask, "token_type_ids": token_type_ids}
        return forward(self, lambda **new: real(self, **{**given, **new}), **given)

    monkeypatch.setattr(BertForSequenceClassification, "forward", replaced)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    folder = tiny_checkpoint(tmp_path / "tiny")
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    # Far from zero, so that what a model reads shows in what it answers.
    save_file(
        {name: value * 8 if value.dim() > 1 else value for name, value in tensors.items()},
        folder / "model.safetensors",
        metadata={"format": "pt"},
    )
    return folder


def test_a_model_that_ignores_the_attention_mask_is_run_singly_with_a_word(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted(monkeypatch, lambda _self, real, **_: real(attention_mask=None))
    model = hugging_face.load(saved, LoadOptions(device="cpu"), name="m")
    assert (model.singly, model.notes) == (True, (company.SINGLY,))
    assert near(run(model, TEXTS), plainly(saved, TEXTS))
    model.singly = False
    assert not near(run(model, TEXTS), plainly(saved, TEXTS))


def test_that_texts_pass_singly_is_said_once_and_stands_in_the_results(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    planted(monkeypatch, lambda _self, real, **_: real(attention_mask=None))
    rows = "".join(f"{text} {index},{LABELS[index % 2]}\n" for index, text in enumerate(SAID))
    (tmp_path / "test.csv").write_text(f"text,label\n{rows}", encoding="utf-8")
    out = tmp_path / "out"
    data = str(tmp_path / "test.csv")
    assert main(["run", "--model", str(saved), "--data", data, "--probe", "quality", "--out", str(out)]) in (0, 1, 3)
    assert capsys.readouterr().err.count(f"tiny: {company.SINGLY}\n") == 1
    (facts,) = json.loads((out / "results.json").read_text(encoding="utf-8"))["models"]
    assert facts["notes"] == [company.SINGLY]


def test_one_that_refuses_several_texts_is_run_singly(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def alone(_self: Any, real: Any, input_ids: Any, **_: Any) -> Any:
        if len(input_ids) > 1:
            raise ValueError("one text, please")
        return real()

    planted(monkeypatch, alone)
    model = hugging_face.load(saved, LoadOptions(device="cpu"), name="m")
    assert model.singly
    assert near(run(model, TEXTS), plainly(saved, TEXTS))


def test_a_model_that_answers_twice_differently_is_noted(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # No two draws are equal, as those of a dropout over a few logits may be.
    def noisy(_self: Any, real: Any, **_: Any) -> Any:
        answer = real()
        answer.logits = answer.logits + torch.rand_like(answer.logits)
        return answer

    planted(monkeypatch, noisy)
    model = hugging_face.load(saved, LoadOptions(device="cpu"), name="m")
    assert model.singly
    assert model.notes == (company.CHANGES,)


def test_a_batch_is_one_pass_where_that_is_asked_for(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = []

    def seeing(_self: Any, real: Any, input_ids: Any, **_: Any) -> Any:
        shapes.append(tuple(input_ids.shape))
        return real(attention_mask=None)

    planted(monkeypatch, seeing)
    model = hugging_face.load(saved, LoadOptions(device="cpu"), name="m")
    assert model.singly
    encoded = model.encode(TEXTS)
    shapes.clear()
    together = model.run_together(encoded)
    assert shapes == [(len(TEXTS), max(request.length for request in encoded))]
    assert not near(together, run(model, TEXTS))
    shapes.clear()
    assert model.padded_length == model.head.max_length
    model.run_together(encoded[:1], length=model.padded_length)
    assert shapes == [(1, model.padded_length)]


@pytest.mark.parametrize("kind", ["bert", "gpt2"])
def test_padding_to_a_length_changes_no_sound_answer(kind: str, saved: Path, tmp_path: Path) -> None:
    folder = saved if kind == "bert" else decoder(tmp_path / kind)
    model = hugging_face.load(folder, LoadOptions(device="cpu"), name="m")
    encoded = model.encode(TEXTS)
    padded = [model.run_together([request], length=model.padded_length)[0] for request in encoded]
    assert near(padded, plainly(folder, TEXTS))


def test_a_model_that_answers_nothing_is_refused_in_one_line(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_self: Any, _real: Any, **_: Any) -> Any:
        raise AssertionError("no such thing")

    planted(monkeypatch, failing)
    with pytest.raises(ModelError) as caught:
        hugging_face.load(saved, LoadOptions(device="cpu"), name="m")
    assert caught.value.line == f"{saved}: does not answer: no such thing"


def test_trained_models_are_tried_too(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planted(monkeypatch, lambda _self, real, **_: real(attention_mask=None))
    model = hugging_face.load(saved, LoadOptions(device="cpu"), name="m")
    wrapped = hugging_face.wrap(model.module, model.head.tokenizer, name="fit", max_length=64)
    assert wrapped.singly
    assert near(run(wrapped, TEXTS), plainly(saved, TEXTS))


@pytest.mark.parametrize("kind", ["bert", "gpt2"])
def test_onnx_runtime_answers_alone_as_in_company(
    tmp_path: Path, saved: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("onnxruntime", "onnx"):
        pytest.importorskip(package, reason="asks the real package")
    folder = saved if kind == "bert" else decoder(tmp_path / kind)
    if kind == "bert":
        planted(monkeypatch, lambda _self, real, **_: real(attention_mask=None))
    try:
        model = onnx.load(folder, LoadOptions(device="cpu"), name="m")
    except ModelError as error:
        if kind == "gpt2" and "does not export to ONNX" in error.line:
            pytest.skip("torch's exporter does not know this release's decoders")
        raise
    assert model.singly is (kind == "bert")
    assert near(run(model, TEXTS), plainly(folder, TEXTS))
    if kind == "gpt2":
        with pytest.raises(NoAnswerError, match="the text contains the padding token"):
            run(model, [Classify(("good <pad>",))])


def test_a_text_of_no_tokens_has_no_answer_instead_of_that_of_its_padding(tmp_path: Path) -> None:
    model = hugging_face.load(decoder(tmp_path / "gpt2"), LoadOptions(device="cpu"), name="m")
    with pytest.raises(NoAnswerError, match="m: has no answer: the tokenizer produces no tokens for the text"):
        run(model, [Classify(("good",)), Classify(("",))])


def test_a_training_pads_as_the_audit_does_and_saves_one_padding_token(tmp_path: Path) -> None:
    from auditor.tasks.classification import TextClassification
    from auditor.training import loop, recipes

    base = decoder(tmp_path / "base")
    change(base / "tokenizer_config.json", padding_side="left", pad_token=None)
    (base / "special_tokens_map.json").unlink(missing_ok=True)
    rows = [Example(str(index), {"text": text}, LABELS[index % 2]) for index, text in enumerate(SAID)]
    made = recipes.create("standard", {})
    settings = loop.Settings(epochs=1, batch_size=4, learning_rate=1e-2)
    task = TextClassification(tuple(LABELS.values()), {})
    trained = loop.train(loop.TrainingRun(base, rows, rows, task, made, settings, seed=1, device="cpu"))
    loop.save(trained, tmp_path / "out")
    saved = json.loads((tmp_path / "out" / "config.json").read_text(encoding="utf-8"))
    assert saved["pad_token_id"] == 3
    model = hugging_face.load(tmp_path / "out", LoadOptions(device="cpu"), name="m")
    assert (model.head.tokenizer.padding_side, model.head.tokenizer.pad_token) == ("right", "<end>")
    assert model.notes == ()
    assert near(run(model, TEXTS), plainly(tmp_path / "out", TEXTS))


def test_a_row_on_which_a_training_fails_is_named(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import BertModel

    from auditor.tasks.classification import TextClassification
    from auditor.training import loop, recipes

    real = BertModel.forward

    def choosy(self: Any, input_ids: Any = None, **given: Any) -> Any:
        if bool((input_ids == 4).any()):
            raise ValueError("All examples must have the same number of <eos> tokens.")
        return real(self, input_ids=input_ids, **given)

    monkeypatch.setattr(BertModel, "forward", choosy)
    rows = [Example(f"train:{index}", {"text": text}, LABELS[index % 2]) for index, text in enumerate(SAID)]
    rows[3] = Example("train:3", {"text": "good [MASK]"}, "positive")
    task, settings = TextClassification(tuple(LABELS.values()), {}), loop.Settings(epochs=1, batch_size=4)
    made = recipes.create("standard", {})
    for place, train, validation in (("training", rows, []), ("validation", rows[:3], rows)):
        with pytest.raises(DataError) as caught:
            loop.train(loop.TrainingRun(saved, train, validation, task, made, settings, seed=1, device="cpu"))
        reason = "All examples must have the same number of <eos> tokens."
        assert caught.value.where == "train:3"
        assert reason in caught.value.line
        assert f"leave the row out of the {place} file" in caught.value.line
