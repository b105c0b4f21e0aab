"""A model's embeddings of texts: what transformers alone computes, text by text, whatever the company."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from test_zoo import checkpoints, loaded
from tiny import tiny_checkpoint

from auditor import tasks
from auditor.engine import Scorer
from auditor.errors import NoAnswerError, OutOfMemoryError
from auditor.models import adapter_files, adapters, heads, hugging_face
from auditor.models.options import LoadOptions
from auditor.models.replicas import Replicas
from auditor.testing import FakeAudit, FakeModel, hashed_words
from auditor.types import Classify, Embeds, Encoded, Example, FloatArray, Request, Response, Tag
from probes._embedded_rows import embedded

PROBES = Path(__file__).resolve().parent.parent / "probes"
TASK = tasks.create("text-classification", ("negative", "positive"))
TEXTS = ("a good film", "bad", "the plot was not great and the film is awful, it was not good", "a good film", "movie")
EXACT = 2e-5
"""Rounding of float32 between a text alone and in a batch."""


def alone(model: hugging_face.HuggingFaceModel, request: Request) -> Any:
    """The mean over a text's tokens by transformers alone, window by window."""
    base = adapters.plain(model.module).base_model
    encoder = base.get_encoder() if hasattr(base, "decoder") else base
    taken = inspect.signature(encoder.forward).parameters
    states = []
    for row in model.head.rows(model.encode([request])[0]):
        given = {name: torch.tensor([values]) for name, values in row.items() if name in taken and values}
        with torch.no_grad():
            states.append(encoder(**given).last_hidden_state[0])
    return torch.cat(states).double().mean(dim=0).numpy()


def embedded_by(model: Any, encoded: Sequence[Encoded]) -> FloatArray:
    embedded: FloatArray | None = model.embed(encoded)
    assert embedded is not None
    return embedded


@pytest.mark.parametrize(("writer", "task", "name"), [each for each in checkpoints() if each.values[0] == 5])
def test_every_architecture_embeds_as_transformers_alone_does(writer: int, task: str, name: str) -> None:
    model = loaded(writer, task, name)
    if model is None:
        return
    request_for = heads.of(tasks.kind(task).head).request_for
    requests = [request_for(text) for text in TEXTS]
    embedded = embedded_by(model, model.encode(requests))
    assert embedded.dtype == np.float64
    assert embedded == pytest.approx(np.stack([alone(model, request) for request in requests]), abs=EXACT)


def test_company_changes_no_embedding_and_long_texts_are_read_as_the_model_reads_them(tmp_path: Path) -> None:
    model = hugging_face.load(tiny_checkpoint(tmp_path / "mini"), LoadOptions(device="cpu"), name="mini")
    texts = (*TEXTS, "film and " * 100)
    encoded = model.encode([Classify((text,)) for text in texts])
    assert [each.truncated for each in encoded] == [False] * 5 + [True]
    together = embedded_by(model, encoded)
    for place, text in enumerate(texts):
        (own,) = embedded_by(model, [encoded[place]])
        assert own == pytest.approx(together[place], abs=EXACT)
        tokens = model.head.tokenizer(text, truncation=True, max_length=64, return_tensors="pt")
        states = model.module.bert(**tokens).last_hidden_state[0].detach().double().numpy()
        assert own == pytest.approx(states.mean(axis=0), abs=EXACT)
    # What padding would change is found out beforehand; then every text passes alone.
    model.singly = True
    singly = embedded_by(model, encoded)
    assert singly == pytest.approx(together, abs=EXACT)
    assert np.array_equal(embedded_by(Replicas([model, model]), encoded), singly)


@pytest.mark.parametrize("kind", [adapter_files.PROMPT, "PREFIX_TUNING"])
def test_virtual_tokens_count_in_no_embedding(tmp_path: Path, kind: str) -> None:
    plain = hugging_face.load(tiny_checkpoint(tmp_path / "mini"), LoadOptions(device="cpu"), name="mini").module
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "mini")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        wrapped = adapters.add_prompts(plain, kind, 3)
    model = hugging_face.wrap(wrapped, tokenizer, name="mini", max_length=None)
    layers: list[Any] = []
    hook = adapters.plain(wrapped).base_model.encoder.register_forward_hook(lambda *given: layers.append(given[-1]))
    (own,) = embedded_by(model, model.encode([Classify(("a good film",))]))
    hook.remove()
    states = layers[0].last_hidden_state[0][-5:].double().numpy()  # three words and two special tokens
    assert own == pytest.approx(states.mean(axis=0), abs=EXACT)


def test_half_precision_is_cast_up(tmp_path: Path) -> None:
    folder = tiny_checkpoint(tmp_path / "mini")
    whole, half = (
        hugging_face.load(folder, LoadOptions(device="cpu", precision=precision), name="mini")
        for precision in ("fp32", "bf16")
    )
    encoded = whole.encode([Classify((text,)) for text in TEXTS])
    exact, rounded = embedded_by(whole, encoded), embedded_by(half, encoded)
    assert rounded.dtype == np.float64
    assert rounded == pytest.approx(exact, abs=0.05)
    assert not np.array_equal(rounded, exact)


def test_layers_that_are_not_told_are_no_embedding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = hugging_face.load(tiny_checkpoint(tmp_path / "mini"), LoadOptions(device="cpu"), name="mini")
    encoded = model.encode([Classify((TEXTS[0],))])
    forward = model.module.forward

    def without_layers(**given: Any) -> Any:
        output = forward(**given)
        output.hidden_states = None
        return output

    with monkeypatch.context() as patch:
        patch.setattr(model.module, "forward", without_layers)
        assert model.embed(encoded) is None

    def of_old(input_ids: Any, attention_mask: Any = None, token_type_ids: Any = None) -> Any:
        return forward(input_ids, attention_mask, token_type_ids)

    monkeypatch.setattr(model.module, "forward", of_old)
    assert len(model.run(encoded)) == 1
    assert model.embed(encoded) is None


def test_numbers_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    model = hugging_face.load(tiny_checkpoint(tmp_path / "mini"), LoadOptions(device="cpu"), name="mini")
    model.module.bert.encoder.layer[1].output.LayerNorm.weight.data.fill_(float("nan"))
    with pytest.raises(NoAnswerError, match="mini: has an embedding that is not finite"):
        model.embed(model.encode([Classify((TEXTS[0],))]))


class Telling(FakeModel):
    """Answers nobody asks for; fails on some words, and runs out of memory beyond some batch."""

    def __init__(self, most: int = 1000) -> None:
        super().__init__(lambda _: (0.5, 0.5), embed=hashed_words)
        self._most = most

    def embed(self, batch: Sequence[Encoded]) -> FloatArray | None:
        if len(batch) > self._most:
            raise OutOfMemoryError("the device is out of memory", where="fake")
        if any("broken" in each.payload.texts[0] for each in batch):
            raise NoAnswerError("has no answer: the tokenizer produces no tokens for the text", where="fake")
        return super().embed(batch)


def inputs(*texts: str) -> list[dict[str, str]]:
    return [{"text": text} for text in texts]


def embedding(scorer: Scorer, texts: Sequence[str]) -> FloatArray:
    embedded = scorer.embeddings(inputs(*texts))
    assert embedded is not None
    return embedded


def test_equal_windows_of_texts_are_embedded_once_and_counted_each_time() -> None:
    model = Telling()
    scorer = Scorer(model, TASK, batch_tokens=64)
    texts = [f"text {number % 600}" for number in range(1100)]
    embedded = embedding(scorer, texts)
    assert embedded == pytest.approx(np.array([hashed_words(Classify((text,))) for text in texts]))
    batches = list(model.embedded)
    # Windows of 512, 512 and 76 texts; the second repeats what it has already within it and no more.
    assert (sum(batches), scorer.counts["forward_passes"]) == (512 + 512 + 76, 1100)
    assert np.array_equal(embedding(scorer, texts), embedded)
    assert np.array_equal(embedding(scorer, texts[:512]), embedded[:512])
    assert (model.embedded, scorer.counts["forward_passes"]) == (batches, 1100 * 2 + 512)
    scorer.reset()
    assert scorer.counts["forward_passes"] == 0
    assert embedding(scorer, []).shape == (0, 0)


def test_a_text_on_which_the_model_fails_is_a_row_of_nan_and_no_others_are() -> None:
    scorer = Scorer(Telling(most=3), TASK)
    texts = [*(f"text {number}" for number in range(20)), "broken", "text 3"]
    embedded = embedding(scorer, texts)
    assert np.isnan(embedded).any(axis=1).tolist() == [text == "broken" for text in texts]
    assert embedded[21] == pytest.approx(hashed_words(Classify(("text 3",))))
    assert scorer.embeddings(inputs("broken", "broken too")) is None
    with pytest.raises(OutOfMemoryError, match="fake: no memory for one text of 4 tokens"):
        Scorer(Telling(most=0), TASK).embeddings(inputs("a text"))


def test_a_model_that_tells_none_has_none() -> None:
    class Bare:
        """A model without embeddings: what ``FakeModel`` has but for them."""

        def __init__(self) -> None:
            self._model = FakeModel(lambda _: (0.5, 0.5))
            self.workers = 1

        def encode(self, requests: Sequence[Request]) -> list[Encoded]:
            return self._model.encode(requests)

        def run(self, batch: Sequence[Encoded]) -> list[Response]:
            return self._model.run(batch)

    bare: Any = Bare()
    assert not isinstance(bare, Embeds)
    assert Scorer(bare, TASK).embeddings(inputs("a text")) is None
    assert Scorer(FakeModel(lambda _: (0.5, 0.5)), TASK).embeddings(inputs("a text")) is None
    assert hashed_words(Tag(("A", "film"))) == pytest.approx(hashed_words(Classify(("film a",))))


def test_rows_on_which_the_model_fails_are_left_out_by_one_helper_alone() -> None:
    def embed(request: Request) -> tuple[float, float]:
        return (np.nan, 1.0) if "broken" in request.texts[0] else (float(len(request.texts[0])), 1.0)

    def rows(*texts: str) -> list[Example]:
        return [Example(f"home:{place}", {"text": value}) for place, value in enumerate(texts)]

    def audit(**given: Any) -> FakeAudit:
        return FakeAudit((), None, TASK, model=FakeModel(lambda _: (0.5, 0.5), **given))

    found = embedded(audit(embed=embed), rows("good", "broken", "a film"))
    assert found is not None
    assert {name: point.tolist() for name, point in found.items()} == {"home:0": [4.0, 1.0], "home:2": [6.0, 1.0]}
    assert embedded(audit(embed=embed), rows("broken", "broken too")) is None
    assert embedded(audit(), rows("good")) is None
    assert embedded(audit(embed=embed), []) == {}
    asking = [file.name for file in PROBES.glob("*.py") if ".embeddings(" in file.read_text(encoding="utf-8")]
    assert asking == ["_embedded_rows.py"]
