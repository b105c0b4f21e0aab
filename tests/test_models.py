"""Local checkpoints behind the Model seam, on tiny random weights."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny import WORDS, tiny_checkpoint

from auditor.errors import ModelError
from auditor.models import checkpoint, hugging_face, loading
from auditor.models.fake import FakeModel, keyword_model
from auditor.models.heads import base
from auditor.models.options import LoadOptions
from auditor.types import Classify, Request, Response

TEXTS: list[Request] = [
    Classify(("the film is good",)),
    Classify(("a bad plot",)),
    Classify(("it was not a great movie and the plot is awful",)),
    Classify(("",)),
]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_checkpoint(tmp_path / "tiny")


def load(path: Path, **given: Any) -> hugging_face.HuggingFaceModel:
    return hugging_face.load(path, LoadOptions(**{"device": "cpu", **given}), name="tiny")


def refused(path: Path, **given: Any) -> str:
    with pytest.raises(ModelError) as caught:
        load(path, **given)
    assert "\n" not in caught.value.line
    return caught.value.line


def close(one: Response, other: Response) -> bool:
    return bool(one == pytest.approx(other, abs=1e-6))


def plainly(path: Path, request: Request) -> list[float]:
    """The answer by transformers alone: one text, no padding."""
    import torch
    from transformers import AutoTokenizer, BertForSequenceClassification

    model = BertForSequenceClassification.from_pretrained(str(path)).eval()
    inputs = AutoTokenizer.from_pretrained(str(path))(
        *request.texts, return_tensors="pt", truncation=True, max_length=64
    )
    with torch.no_grad():
        exponents = model(**inputs).logits[0].double().exp()
    return [float(one) for one in exponents / exponents.sum()]


def test_answers_are_those_of_transformers_one_text_at_a_time(saved: Path) -> None:
    model = load(saved)
    for request, answer in zip(TEXTS, model.run(model.encode(TEXTS)), strict=True):
        assert close(answer, plainly(saved, request))
        assert isinstance(answer, tuple)
        assert [type(one) for one in answer] == [float, float]


def test_a_pair_of_texts_is_encoded_as_a_pair(saved: Path) -> None:
    model = load(saved)
    pair: Request = Classify(("the film", "is good"))
    encoded = model.encode([pair, Classify(("the film is good",))])
    # [CLS] the film [SEP] is good [SEP]: one [SEP] more than the single text.
    assert [one.length for one in encoded] == [7, 6]
    assert close(model.run(encoded)[0], plainly(saved, pair))


def test_a_model_says_what_it_is(saved: Path) -> None:
    model = load(saved)
    assert (model.name, model.labels, model.device_kind) == ("tiny", ("negative", "positive"), "cpu")
    assert model.fingerprint == checkpoint.fingerprint(saved) == checkpoint.describe(saved).fingerprint


def test_keys_are_equal_exactly_when_the_token_ids_are(saved: Path) -> None:
    one, upper, spaced, other = load(saved).encode(
        [Classify(("good film",)), Classify(("GOOD Film",)), Classify((" good  film ",)), Classify(("film good",))]
    )
    assert one.key == upper.key == spaced.key
    assert one.key != other.key


def test_token_types_are_part_of_the_key(saved: Path) -> None:
    # The same ids: a [SEP] written out in the first text, or between the two.
    first, second = load(saved).encode([Classify(("good [SEP] film",)), Classify(("good", "film"))])
    assert first.length == second.length
    assert first.key != second.key


@pytest.mark.parametrize(("words", "truncated"), [(6, False), (7, True), (500, True)])
def test_a_text_too_long_is_cut_and_said_to_be(words: int, truncated: bool, saved: Path) -> None:
    short, found = load(saved, max_length=8).encode([Classify(("good",)), Classify(("film " * words,))])
    assert (found.length, found.truncated) == (8, truncated)
    assert (short.length, short.truncated) == (3, False)


def test_texts_cut_to_the_same_ids_have_the_same_key(saved: Path) -> None:
    one, other = load(saved, max_length=8).encode([Classify(("film " * 6,)), Classify(("film " * 6 + "awful",))])
    assert one.key == other.key
    assert (one.truncated, other.truncated) == (False, True)


def test_the_least_limit_counts(saved: Path) -> None:
    long: Request = Classify(("film " * 200,))
    # The tokenizer and the positions say 64.
    assert [load(saved, max_length=limit).encode([long])[0].length for limit in (None, 16, 512)] == [64, 16, 64]


def test_more_texts_than_a_chunk_keep_their_order(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load(saved)
    whole = model.encode(TEXTS)
    monkeypatch.setattr(base, "CHUNK", 3)
    assert model.encode(TEXTS) == whole
    assert model.encode([]) == []


def test_positions_that_start_after_the_padding_hold_fewer_tokens() -> None:
    from transformers import RobertaConfig, RobertaForSequenceClassification

    config = RobertaConfig(
        vocab_size=120, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=34, pad_token_id=1,
    )  # fmt: skip

    class Tokenizer:
        model_max_length = int(1e30)

    assert hugging_face.length_limit(RobertaForSequenceClassification(config), Tokenizer(), None) == 32


def test_without_any_limit_the_default_counts() -> None:
    class Bare:
        model_max_length = int(1e30)
        config = None

        def named_modules(self) -> list[Any]:
            return []

    assert hugging_face.length_limit(Bare(), Bare(), None) == hugging_face.DEFAULT_LENGTH


def test_a_model_without_token_types_is_run_without_them(tmp_path: Path) -> None:
    from transformers import DistilBertConfig, DistilBertForSequenceClassification

    path = tiny_checkpoint(tmp_path / "distil")
    config = DistilBertConfig(vocab_size=200, dim=16, n_layers=1, n_heads=2, hidden_dim=16, max_position_embeddings=64)
    DistilBertForSequenceClassification(config).save_pretrained(path)
    (path / "tokenizer_config.json").write_text('{"tokenizer_class": "DistilBertTokenizerFast"}', encoding="utf-8")
    model = load(path)
    encoded = model.encode(TEXTS)
    assert encoded[0].payload["token_type_ids"] == []
    assert [len(one) for one in model.run(encoded)] == [2, 2, 2, 2]


def test_dropout_is_off_and_no_gradient_is_kept(saved: Path) -> None:
    import torch

    model = load(saved)
    encoded = model.encode(TEXTS)
    assert model.run(encoded) == model.run(encoded)
    assert not model._model.training
    assert torch.is_grad_enabled()


def test_a_reloaded_model_answers_the_same_and_is_another_object(saved: Path) -> None:
    model = load(saved, max_length=8)
    again = model.reload()
    assert again is not model
    assert again.run(again.encode(TEXTS)) == model.run(model.encode(TEXTS))
    assert again.encode([Classify(("film " * 30,))])[0].length == 8


def test_a_model_in_memory_answers_as_the_saved_one_and_reloads_as_itself(saved: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    torch_model = AutoModelForSequenceClassification.from_pretrained(str(saved))
    wrapped = hugging_face.wrap(torch_model, hugging_face.load_tokenizer(saved), name="fit", max_length=64)
    assert wrapped.reload() is wrapped
    assert (wrapped.name, wrapped.fingerprint) == ("fit", "")
    model = load(saved)
    assert wrapped.run(wrapped.encode(TEXTS)) == model.run(model.encode(TEXTS))


def test_bf16_is_close_to_fp32(saved: Path) -> None:
    half, full = load(saved, precision="bf16"), load(saved)
    for one, other in zip(half.run(half.encode(TEXTS)), full.run(full.encode(TEXTS)), strict=True):
        assert one == pytest.approx(other, abs=2e-2)
        assert sum(one) == pytest.approx(1.0, abs=1e-6)


def test_weights_saved_in_half_precision_compute_in_float32(folder: Path) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification

    AutoModelForSequenceClassification.from_pretrained(str(folder)).half().save_pretrained(folder)
    assert load(folder)._model.dtype == torch.float32


def test_precisions_that_cannot_be_are_refused(saved: Path) -> None:
    assert "fp16 does not run on a CPU (precision = fp32 or bf16)" in refused(saved, precision="fp16")
    assert "unknown precision 'int8' (one of fp32, bf16, fp16)" in refused(saved, precision="int8")


@pytest.mark.parametrize(
    ("device", "message"),
    [("gpu", "unknown device 'gpu' (auto, cpu, cuda"), ("cuda:64", "device 'cuda:64' is not available"),
     ("meta", "device 'meta' is not available (--device auto takes the best one available)")],
)  # fmt: skip
def test_devices_that_are_not_there_are_refused(device: str, message: str, saved: Path) -> None:
    assert message in refused(saved, device=device)


@pytest.mark.parametrize(("cuda", "mps", "best"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")])
def test_auto_takes_the_best_device_there_is(cuda: bool, mps: bool, best: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert hugging_face.device_named("auto") == best


def test_the_second_gpu_is_there_only_when_there_are_two(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert hugging_face.device_named("cuda:1") == "cuda:1"
    assert hugging_face.device_named("cuda") == "cuda"
    with pytest.raises(ModelError, match="'cuda:2' is not available"):
        hugging_face.device_named("cuda:2")


@pytest.mark.skipif("not __import__('torch').cuda.is_available()")
def test_a_gpu_answers_as_the_cpu_does(saved: Path) -> None:
    cpu = load(saved)
    expected = cpu.run(cpu.encode(TEXTS))
    for precision, tolerance in (("fp32", 1e-4), ("bf16", 2e-2), ("fp16", 5e-3)):
        model = load(saved, device="cuda", precision=precision)
        assert model.device_kind == "cuda"
        for one, other in zip(model.run(model.encode(TEXTS)), expected, strict=True):
            assert one == pytest.approx(other, abs=tolerance)


def test_loading_and_running_touch_no_network(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("network")

    monkeypatch.setattr(socket.socket, "connect", never)
    monkeypatch.setattr(socket, "getaddrinfo", never)
    model = load(saved).reload()
    assert len(model.run(model.encode(TEXTS))) == 4


def test_loading_is_silent_and_leaves_the_settings_of_transformers_alone(
    saved: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from transformers.utils import logging as transformers_logging

    level = logging.getLogger("transformers").level
    load(saved)
    assert "".join(capfd.readouterr()) == ""
    assert logging.getLogger("transformers").level == level
    assert transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        load(saved)
        assert not transformers_logging.is_progress_bar_enabled()
    finally:
        transformers_logging.enable_progress_bar()


def resave(folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """The checkpoint with other tensors."""
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def test_a_head_that_is_not_in_the_checkpoint_is_refused(folder: Path) -> None:
    resave(folder, lambda tensors: (tensors.pop("classifier.weight"), tensors.pop("classifier.bias")))
    line = refused(folder)
    assert "the classification head is not in the checkpoint (fine-tune it first with audit train)" in line


def test_weights_missing_in_the_encoder_are_named(folder: Path) -> None:
    resave(folder, lambda tensors: tensors.pop("bert.pooler.dense.bias"))
    assert "lacks weights: bert.pooler.dense.bias" in refused(folder)


def test_weights_that_no_part_of_the_model_uses_are_passed_over(folder: Path) -> None:
    import torch

    resave(folder, lambda tensors: tensors.update({"old.weight": torch.zeros(2)}))
    assert load(folder).labels == ("negative", "positive")


def test_numbers_that_are_not_finite_are_refused_by_name(folder: Path) -> None:
    line = refused(resave(folder, lambda tensors: tensors["classifier.bias"].fill_(float("nan"))))
    assert "does not load: 2 of 2 numbers in classifier.bias are not finite (its training diverged" in line


def test_a_model_that_no_longer_answers_is_told_from_a_text_without_an_answer(saved: Path) -> None:
    import torch

    model = load(saved)
    handle = model.module.classifier.register_forward_hook(lambda *_: torch.full((1, 2), float("inf")))
    with pytest.raises(ModelError, match=r"tiny: answers with numbers that are not finite \(not even to a plain sent"):
        model.run(model.encode(TEXTS[:1]))
    handle.remove()
    assert len(model.run(model.encode(TEXTS[:1]))) == 1


def test_weights_of_another_shape_do_not_load(folder: Path) -> None:
    import torch

    assert "does not load: " in refused(
        resave(folder, lambda tensors: tensors.update({"classifier.weight": torch.zeros(3, 16)}))
    )


def test_pickle_weights_load_with_consent_only(folder: Path) -> None:
    import torch
    from safetensors.torch import load_file

    expected = load(folder)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    assert "has pickle weights only" in refused(folder)
    model = load(folder, allow_pickle=True)
    assert model.run(model.encode(TEXTS)) == expected.run(expected.encode(TEXTS))


@pytest.mark.parametrize("content", [b"", b"junk", b"\x80\x04\x95"])
def test_broken_pickle_weights_do_not_load(content: bytes, folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(content)
    assert "does not load: " in refused(folder, allow_pickle=True)


def test_a_tokenizer_file_that_is_none_does_not_load(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}", encoding="utf-8")
    (folder / "vocab.txt").unlink()
    assert "its tokenizer does not load: " in refused(folder)


def test_a_tokenizer_of_a_larger_model_is_refused(folder: Path) -> None:
    tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    tokenizer["model"]["vocab"]["good"] = 5000
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    assert "no embedding for token id 5000 (its tokenizer belongs to another model)" in refused(folder)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ArithmeticError("a bug")])
def test_what_no_broken_file_causes_goes_through(error: BaseException, tmp_path: Path) -> None:
    with pytest.raises(type(error)), loading.loading("does not load", tmp_path):
        raise error


def test_an_error_without_words_is_named_by_its_kind(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not load: EOFError"), loading.loading("does not load", tmp_path):
        raise EOFError


def test_an_unfit_folder_is_refused_before_anything_loads(tmp_path: Path) -> None:
    bare = tiny_checkpoint(tmp_path / "bare", head=False)
    assert "no classification head: fine-tune it first with audit train" in refused(bare)


def test_labels_come_from_the_checkpoint(tmp_path: Path) -> None:
    path = tiny_checkpoint(tmp_path / "three", labels=("no", "perhaps", "yes"))
    model = load(path)
    assert model.labels == checkpoint.describe(path).labels == ("no", "perhaps", "yes")
    assert {len(one) for one in model.run(model.encode(TEXTS))} == {3}


def test_the_same_seed_writes_the_same_checkpoint(tmp_path: Path) -> None:
    one, same, other = (tiny_checkpoint(tmp_path / str(index), seed=seed) for index, seed in enumerate((3, 3, 4)))
    assert checkpoint.fingerprint(one) == checkpoint.fingerprint(same) != checkpoint.fingerprint(other)


def test_the_tiny_vocabulary_knows_its_words_and_spells_the_others(saved: Path) -> None:
    found = load(saved).encode([Classify((" ".join(WORDS),)), Classify(("zebra",))])
    assert [one.length for one in found] == [len(WORDS) + 2, len("zebra") + 2]


# The fake.


def test_the_fake_answers_by_its_function_and_keeps_the_sizes_of_its_batches() -> None:
    model = FakeModel(
        lambda request: (1.0, 0.0) if request == Classify(("No",)) else (0.0, 1.0), ("a", "b"), name="mine"
    )
    assert model.run(model.encode([Classify(("No",)), Classify(("yes",))])) == [(1.0, 0.0), (0.0, 1.0)]
    assert model.run(model.encode([Classify(("no",))])) == [(0.0, 1.0)]
    assert (model.batches, model.labels, model.name) == ([2, 1], ("a", "b"), "mine")
    assert model.reload() is model
    assert model.fingerprint == FakeModel(lambda _: (), name="mine").fingerprint != keyword_model([]).fingerprint


def test_the_fake_sees_words_without_case_unless_told_otherwise() -> None:
    requests: list[Request] = [
        Classify(("A  film",)),
        Classify(("a film",)),
        Classify(("a", "film")),
        Classify(("a film b",)),
    ]
    one, same, pair, longer = FakeModel(lambda _: ()).encode(requests)
    assert one.key == same.key
    assert len({one.key, pair.key, longer.key}) == 3
    assert [item.length for item in (one, pair, longer)] == [4, 5, 5]
    first, second = FakeModel(lambda _: (), tokens=list).encode([Classify(("A",)), Classify(("a",))])
    assert first.key != second.key


def test_a_keyword_model_is_sure_when_it_meets_a_word() -> None:
    model = keyword_model(["good"], sure=0.75)
    assert model.run(model.encode([Classify(("A Good!",)), Classify(("goodness",))])) == [(0.25, 0.75), (0.75, 0.25)]
