"""A text on which a model fails costs its own case and nothing else: it is found, left out, counted and named."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from fakes import changed, plan_of
from tiny import tiny_checkpoint

from auditor.cli.main import main
from auditor.engine import Scorer, SQLiteCache
from auditor.engine.forward import Forward, NoAnswer
from auditor.errors import NoAnswerError, OutOfMemoryError
from auditor.models import hugging_face
from auditor.models.fake import FakeModel
from auditor.models.libraries import quiet
from auditor.models.options import LoadOptions
from auditor.tasks.classification import TextClassification
from auditor.types import Case, Classify, Encoded, Example, Response

LABELS = ("negative", "positive")
REASON = "has no answer: no such text"


class Choosy(FakeModel):
    """Fails on every batch with a text that holds one of these words."""

    def __init__(self, *words: str, largest: int = 100) -> None:
        super().__init__(lambda request: (0.2, 0.8) if "good" in request.texts[0] else (0.8, 0.2), LABELS)
        self.words, self.largest = frozenset(words), largest

    def run(self, batch: Sequence[Encoded]) -> list[Response]:
        self.batches.append(len(batch))
        if len(batch) > self.largest:
            raise OutOfMemoryError("full")
        if any(self.words.intersection(one.payload.texts[0].split()) for one in batch):
            raise NoAnswerError(REASON, where="m")
        return super().run(batch)


def examples(count: int, *, bad: Sequence[int] = ()) -> list[Example]:
    return [
        Example(f"test:{index}", {"text": f"{'evil' if index in bad else 'good'} film {index}"}, "positive")
        for index in range(count)
    ]


@pytest.mark.parametrize("largest", [100, 3])
@pytest.mark.parametrize("bad", [(), (0,), (7,), (3, 4, 11), tuple(range(12))])
def test_the_batch_is_split_until_the_texts_are_known(bad: tuple[int, ...], largest: int) -> None:
    model = Choosy("evil", largest=largest)
    encoded = model.encode([Classify((one.inputs["text"],)) for one in examples(12, bad=bad)])
    answers = Forward(10_000).answers(model, encoded)
    wanted = [NoAnswer(REASON) if index in bad else (0.2, 0.8) for index in range(12)]
    assert [answers[one.key] for one in encoded] == wanted


def test_what_has_no_answer_is_known_again_without_asking(tmp_path: Path) -> None:
    model = Choosy("evil")
    encoded = model.encode([Classify((one.inputs["text"],)) for one in examples(12, bad=(5,))])
    cache = SQLiteCache(tmp_path / "answers.sqlite", limit_bytes=10**8)
    first = Forward(10_000, cache).answers(model, encoded)
    asked = len(model.batches)
    assert Forward(10_000, cache).answers(model, encoded) == first
    assert len(model.batches) == asked


def scored(model: Choosy, cases: list[Case], clean: list[Example]) -> tuple[list[str], Scorer]:
    scorer = Scorer(model, TextClassification(LABELS, {}), window=4)
    scorer.prepare(clean)
    return [one.case.example.id for one in scorer.score(cases)], scorer


@pytest.mark.parametrize("with_change", [False, True])
def test_cases_of_a_text_without_an_answer_are_left_out_and_counted(with_change: bool) -> None:
    clean = examples(10, bad=(2, 9))
    after = {"text": "good evil"}
    cases = [
        changed(one, {}, after) if with_change and index == 6 else Case(one, {}) for index, one in enumerate(clean)
    ]
    found, scorer = scored(Choosy("evil"), cases, clean)
    out = [2, 9, *([6] if with_change else [])]
    assert found == [one.id for index, one in enumerate(clean) if index not in out]
    assert scorer.counts["cases"] == 10 - len(out)
    assert scorer.counts["unanswered"] == len(out)
    assert scorer.unanswered == {f"test:{index}": REASON for index in out}
    scorer.reset()
    assert "unanswered" not in scorer.counts


@pytest.mark.parametrize("width", [1, 4])
def test_a_task_that_asks_about_such_a_text_ends_and_the_others_go_on(width: int) -> None:
    scorer = Scorer(Choosy("evil"), TextClassification(LABELS, {}), width=width)
    scorer.prepare([])

    def asking(text: str) -> Any:
        def task() -> tuple[str, float]:
            (first,) = scorer.ask([{"text": "good"}])
            (answer,) = scorer.ask([{"text": text}])
            assert first is not None
            assert answer is not None  # such a text ends the task where it is asked about
            return text, first[1] + answer[1]

        return task

    texts = ["good", "evil", "bad", "evil film", "good film"]
    results = list(scorer.side_by_side(asking(text) for text in texts))
    assert [text for text, _ in results] == ["good", "bad", "good film"]
    assert scorer.counts["unanswered"] == 2
    # Outside of such a task the asker is told.
    assert scorer.ask([{"text": "good"}, {"text": "evil"}]) == [(0.2, 0.8), None]


def bart(folder: Path) -> Path:
    """A tiny random BART classifier with a tokenizer of words that ends every text with ``</s>``."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BartConfig, BartForSequenceClassification, PreTrainedTokenizerFast

    names = ["<s>", "<pad>", "</s>", "<unk>", "good", "bad", "film", "plot", "the", "a", "is", "was"]
    words = Tokenizer(models.WordLevel({name: index for index, name in enumerate(names)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    words.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>",
        model_max_length=64, model_input_names=["input_ids", "attention_mask"],
    )  # fmt: skip
    config = BartConfig(
        vocab_size=len(names), d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, max_position_embeddings=64,
        id2label=dict(enumerate(LABELS)), label2id={name: index for index, name in enumerate(LABELS)},
    )  # fmt: skip
    with torch.random.fork_rng(), quiet():
        torch.manual_seed(0)
        BartForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def audited(folder: Path, place: Path, odd: str) -> tuple[int, dict[str, Any]]:
    """Exit code and record of the quality of a checkpoint on eight rows, of which the fourth is another one."""
    texts = [
        f"the {word} film is {other} a plot" for word in ("good", "bad") for other in ("good", "bad", "was", "the")
    ]
    rows = [f"{text},{LABELS[index % 2]}" for index, text in enumerate(texts)]
    rows[3] = f"{odd},positive"
    (place / "test.csv").write_text("text,label\n" + "\n".join(rows) + "\n", encoding="utf-8")
    out = place / "out"
    arguments = ["run", "--model", str(folder), "--data", str(place / "test.csv"), "--out", str(out)]
    code = main([*arguments, "--probe", "quality"])
    records = json.loads((out / "results.json").read_text(encoding="utf-8"))["records"]
    (record,) = (one for one in records if one["counts"])
    return code, record


def test_an_end_of_text_within_a_text_costs_nothing(tmp_path: Path) -> None:
    code, record = audited(bart(tmp_path / "bart"), tmp_path, "good </s> film")
    assert (code in (0, 1, 3), record["status"]) == (True, "measured")
    # BART refuses the batch; alone the text has an answer.
    assert "unanswered" not in record["counts"]
    assert record["counts"]["cases"] % 8 == 0


def test_a_row_that_a_library_fails_on_is_left_out_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from transformers import BertModel

    real = BertModel.forward

    def choosy(self: Any, input_ids: Any = None, **given: Any) -> Any:
        if bool((input_ids == 4).any()):  # [MASK]
            raise IndexError("index out of range in self")
        return real(self, input_ids=input_ids, **given)

    monkeypatch.setattr(BertModel, "forward", choosy)
    code, record = audited(tiny_checkpoint(tmp_path / "tiny"), tmp_path, "good [MASK] film")
    assert (code in (0, 1, 3), record["status"]) == (True, "measured")
    assert record["counts"]["unanswered"] == record["counts"]["cases"] // 7 > 0
    reason = "the model has no answer: index out of range in self"
    row = f"{tmp_path / 'test.csv'}: row 5"
    assert f"{record['counts']['unanswered']} left out: {reason} ({row})" in capsys.readouterr().err
    assert f"quality: {row} is left out: {reason}" in (tmp_path / "out" / "errors.log").read_text(encoding="utf-8")


def test_a_text_is_named_by_its_row_if_it_has_one() -> None:
    named = plan_of(FakeModel(lambda _: (0.2, 0.8), LABELS), [], files={"home": "test.csv", "a:b": "tweets.tsv"})
    ids = ("home:17", "a:b:2", "b:2", "gender:3", "home:17:typo", "home", "a text that a probe made")
    assert [named.row(one) for one in ids] == ["test.csv: row 17", "tweets.tsv: row 2", *ids[2:]]


def test_barts_batch_fails_and_each_of_its_texts_alone_does_not(tmp_path: Path) -> None:
    model = hugging_face.load(bart(tmp_path / "bart"), LoadOptions(device="cpu"), name="m")
    good, odd = model.encode([Classify(("good film",)), Classify(("good </s> film",))])
    with pytest.raises(NoAnswerError, match="the same number of <eos> tokens"):
        model.run([good, odd])
    assert len(model.run([good])) == 1
    # Alone it has one: which answer a text has must not depend on who asks with it.
    assert len(model.run([odd])) == 1
