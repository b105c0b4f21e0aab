"""Every head keeps its contract: requests in, rows out, responses back, and the rows that training learns from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from fakes import plan_of, reviews
from pair_task import PairTask
from tiny import tiny_checkpoint

from auditor import tasks
from auditor.cli.main import main
from auditor.errors import AuditError, DataError, ModelError, UsageError
from auditor.evaluation import checkpoints
from auditor.models import backends, checkpoint, heads, hugging_face
from auditor.models.fake import FakeModel
from auditor.models.heads.base import EXAMPLES, LABELS, NO_LABEL
from auditor.models.heads.span import ENDS, STARTS
from auditor.models.libraries import quiet
from auditor.models.loading import auto_class
from auditor.models.options import LoadOptions
from auditor.tasks.classification import TextClassification
from auditor.training import loop
from auditor.types import REQUESTS, Choose, Classify, Example, Extract, Generate, GoldAnswer, Model, Request, Tag, Task

TAGS = ("O", "B-PER", "I-PER")
SENTENCES = ("ann lee was good", "the film")
LEARNED: dict[str, tuple[Task, Sequence[Example]]] = {
    "sequence": (
        tasks.create("text-classification", ("negative", "positive")),
        [Example("a", {"text": SENTENCES[0]}, "positive"), Example("b", {"text": SENTENCES[1]}, "negative")],
    ),
    "token": (
        tasks.create("ner", TAGS),
        [
            Example("a", {"text": SENTENCES[0]}, ("B-PER", "I-PER", "O", "O")),
            Example("b", {"text": SENTENCES[1]}, ("O", "O")),
        ],
    ),
    "multi_label": (
        tasks.create("multi-label-classification", ("anger", "joy", "sadness")),
        [Example("a", {"text": SENTENCES[0]}, ("anger", "sadness")), Example("b", {"text": SENTENCES[1]}, ())],
    ),
    "regression": (
        tasks.create("text-regression", ("number",)),
        [Example("a", {"text": SENTENCES[0]}, 3.5), Example("b", {"text": SENTENCES[1]}, -1.0)],
    ),
    "span": (
        tasks.create("question-answering", ()),
        [
            Example("a", {"question": "the film", "context": SENTENCES[0]}, (GoldAnswer("lee", 1, 0),)),
            Example("b", {"question": "the film", "context": SENTENCES[0]}, ()),
        ],
    ),
}
"""Head → a task that it serves, and rows to learn from."""
OF_EACH: dict[type[Request], Request] = {
    Classify: Classify(("good film",)),
    Tag: Tag(("good", "film")),
    Extract: Extract("which film ?", "a good film"),
    Choose: Choose("the film is", ("good", "bad")),
    Generate: Generate("the film is", 3),
}
ABSENT = ("options", "generation")
"""Heads that tasks may name and that nobody has written yet."""
every_head = pytest.mark.parametrize("name", heads.names())


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("heads") / "base", head=False)


def model_of(base: Path, name: str) -> hugging_face.HuggingFaceModel:
    """A tiny random model of an architecture with this head."""
    head, (task, _) = heads.of(name), LEARNED[name]
    with torch.random.fork_rng(), quiet():
        torch.manual_seed(0)
        many = len(task.labels) or 2
        settings = {**head.config, "num_labels": many}
        module = auto_class(head.architecture).from_pretrained(str(base), **settings)
    module.config.id2label = dict(enumerate(task.labels or ("first", "last")))
    tokenizer = hugging_face.load_tokenizer(base, words=head.reads_words)
    return hugging_face.wrap(module, tokenizer, name="m", max_length=64)


def bound(base: Path, name: str) -> Any:
    head = heads.of(name)
    tokenizer = hugging_face.load_tokenizer(base, words=head.reads_words)
    return head(tokenizer, name="m", max_length=16, labels=LEARNED[name][0].labels)


def test_every_head_is_tried_here() -> None:
    assert set(heads.names()) == LEARNED.keys()
    assert OF_EACH.keys() == REQUESTS


@every_head
def test_a_head_says_what_it_serves(name: str) -> None:
    import peft
    import transformers

    head = heads.of(name)
    assert head.name == name
    assert head.request in REQUESTS
    assert head.peft_task in peft.TaskType.__members__
    assert hasattr(transformers, f"AutoModel{head.architecture}")
    labels = dict(enumerate(LEARNED[name][0].labels))
    config = {"architectures": [f"Bert{head.architecture}"], "id2label": labels, **head.config}
    assert [other.name for other in heads.every() if other.serves(config)] == [name]
    assert heads.serving(config) is head
    assert type(head.request_for("good film")) is head.request


@every_head
def test_a_tasks_requests_are_those_of_its_head(name: str) -> None:
    task, examples = LEARNED[name]
    assert task.head == name == tasks.kind(task.name).head
    assert all(type(task.request(example.inputs)) is heads.of(name).request for example in examples)
    assert tasks.of_head(name) == task.name


@every_head
def test_responses_in_a_batch_are_those_of_each_request_alone(base: Path, name: str) -> None:
    model = model_of(base, name)
    assert model.accepts == {heads.of(name).request}
    assert (model.device_kind, model.workers) == ("cpu", 1)
    texts = (*SENTENCES, SENTENCES[0], "good film " * 9)
    encoded = model.encode([model.head.request_for(text) for text in texts])
    assert encoded[0].key == encoded[2].key
    assert len({one.key for one in encoded}) == 3
    rows = model.rows(encoded)
    padded = model.head.pad(rows, model.filling)
    assert padded["input_ids"].shape == (len(rows), max(len(row["input_ids"]) for row in rows))
    responses = model.run(encoded)
    assert len(responses) == len(texts)
    for one, response in zip(encoded, responses, strict=True):
        (alone,) = model.run([one])
        distributions = model.head.distributions(response)
        assert len(distributions) == len(model.head.distributions(alone)) > 0
        for chances, other in zip(distributions, model.head.distributions(alone), strict=True):
            if name != "regression":
                assert sum(chances) == pytest.approx(1.0)
            assert len(chances) == (2 if name == "multi_label" else len(model.labels) or 3)
            assert chances == pytest.approx(other, abs=1e-6)


@every_head
@pytest.mark.parametrize("kind", list(OF_EACH))
def test_a_request_of_another_kind_is_refused(base: Path, name: str, kind: type[Request]) -> None:
    head = bound(base, name)
    if kind is head.request:
        assert len(head.encode([OF_EACH[kind]])) == 1
        return
    with pytest.raises(ModelError) as caught:
        head.encode([OF_EACH[kind]])
    assert caught.value.line == f"m: answers {head.request.__name__} requests, not {kind.__name__}"


@every_head
def test_training_rows_have_targets_and_collate_to_one_batch(base: Path, name: str) -> None:
    head, (task, examples) = bound(base, name), LEARNED[name]
    columns = head.targets(examples, task)
    assert {len(values) for values in columns.values()} == {2}
    assert columns[EXAMPLES] == ["a", "b"]
    model = model_of(base, name)
    batch = head.collate(columns, [1, 0], model.filling, "cpu")
    targets = {LABELS} if head.labelled else {STARTS, ENDS}
    assert batch.keys() >= {"input_ids", "attention_mask", *targets}
    assert batch["input_ids"].shape == (2, len(columns["input_ids"][0]))
    assert EXAMPLES not in batch
    for column in targets:
        # A label that no loss reads is none; of any number of labels, what is learned is one set of them.
        read = [int((row != NO_LABEL).sum()) for row in batch[column].reshape(2, -1)]
        assert ([1, 1] if name == "multi_label" else read) == head.label_counts(columns)[::-1]
    assert bool(torch.isfinite(model.module(**batch).loss))


def test_targets_by_hand(base: Path) -> None:
    sequence, token = (bound(base, name).targets(LEARNED[name][1], LEARNED[name][0]) for name in ("sequence", "token"))
    assert sequence[LABELS] == [1, 0]
    several, number = (bound(base, name).targets(*LEARNED[name][::-1]) for name in ("multi_label", "regression"))
    assert several[LABELS] == [[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]]
    assert number[LABELS] == [3.5, -1.0]
    # [CLS] a n n l e e was good [SEP]: "ann" and "lee" are three pieces each.
    assert token[LABELS] == [[-100, 1, -100, -100, 2, -100, -100, 0, 0, -100], [-100, 0, 0, -100]]


@every_head
def test_a_gold_that_the_task_does_not_have_is_named_with_its_row(base: Path, name: str) -> None:
    task, examples = LEARNED[name]
    odd = Example("train:7", examples[0].inputs, ("unheard of",) if name == "multi_label" else "unheard of")
    with pytest.raises(DataError, match=r"^train:7: .*'unheard of'"):
        bound(base, name).targets([odd], task)


# Heads that are not there


class Asking(PairTask):
    """A task whose head nobody has written."""

    def __init__(self, head: str) -> None:
        self.name, self.head = f"task of {head}", head


@pytest.mark.parametrize("head", ABSENT)
def test_a_task_whose_head_is_not_there_is_refused_and_never_taken_for_another(base: Path, head: str) -> None:
    from auditor.training import recipes

    task = Asking(head)
    examples = [Example("a", dict.fromkeys(task.fields, "good"), "follows")]
    standard = recipes.create("standard", {})
    for call in (
        lambda: loop.train(loop.TrainingRun(base, examples, (), task, standard, loop.Settings(), seed=0, device="cpu")),
        lambda: checkpoint.describe(base, head, task=task.name),
    ):
        with pytest.raises(ModelError) as caught:
            call()
        assert caught.value.line == (
            f"the task {task.name!r} needs the model head {head!r}, which does not exist "
            "(known: multi_label, regression, sequence, span, token)"
        )
    assert tasks.of_head(head) is None


@pytest.mark.parametrize("command", ["run", "train"])
def test_the_commands_refuse_such_a_task_in_one_line(
    base: Path, tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(TextClassification, "head", "options")
    (tmp_path / "rows.csv").write_text("text,label\ngood,positive\nbad,negative\n", "utf-8")
    config = 'task = "text-classification"\n[data]\ntrain = "rows.csv"\ntest = "rows.csv"\n'
    (tmp_path / "audit.toml").write_text(f'{config}[training]\nbase = "{base}"\n', "utf-8")
    words = {"run": ["--model", str(tiny_checkpoint(tmp_path / "m"))], "train": []}[command]
    assert main([command, "--config", str(tmp_path / "audit.toml"), "--out", str(tmp_path / "out"), *words]) == 2
    assert capsys.readouterr().err == (
        f"audit {command}: the task 'text-classification' needs the model head 'options', which does not exist "
        "(known: multi_label, regression, sequence, span, token)\n"
    )


def test_a_module_that_no_head_serves_is_refused(base: Path) -> None:
    from transformers import BertModel

    with quiet():
        module = BertModel.from_pretrained(str(base))
    with pytest.raises(ModelError) as caught:
        hugging_face.wrap(module, hugging_face.load_tokenizer(base), name="m", max_length=64)
    assert caught.value.line == (
        "no model head supports BertModel "
        "(known: ...ForQuestionAnswering, ...ForSequenceClassification, ...ForTokenClassification)"
    )


# What a model accepts


def test_a_model_that_does_not_answer_what_the_task_asks_is_refused() -> None:
    task = tasks.create("ner", TAGS)
    asked = [task.request({"text": "ann lee"})]
    models: dict[str, Model] = {
        "good": FakeModel(lambda _: ()),
        "texts": FakeModel(lambda _: (), accepts=(Generate, Classify)),
    }
    checkpoints.check_accepted(task, asked, {"good": models["good"]})
    with pytest.raises(UsageError) as caught:
        checkpoints.check_accepted(task, asked, models)
    assert caught.value.line == (
        "texts: the model does not answer Tag requests, which the task 'ner' makes (it answers: Classify, Generate)"
    )


def test_the_plan_is_where_it_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = FakeModel(lambda _: pytest.fail("asked"), accepts=(Tag,))
    monkeypatch.setattr(backends, "load", lambda *_, **__: fake)
    (tmp_path / "rows.csv").write_text("text,label\ngood,positive\nbad,negative\n", "utf-8")
    words = ["--model", str(tiny_checkpoint(tmp_path / "m")), "--data", str(tmp_path / "rows.csv")]
    assert main(["run", *words, "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.endswith(
        "audit run: m: the model does not answer Classify requests, which the task 'text-classification' makes "
        "(it answers: Tag)\n"
    )


# Loading


def test_a_checkpoint_is_described_once_for_an_audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, described = checkpoint.describe, list[Path]()

    def counted(path: Path, *given: Any, **named: Any) -> checkpoint.Checkpoint:
        described.append(path)
        return real(path, *given, **named)

    monkeypatch.setattr(checkpoint, "describe", counted)
    model = tiny_checkpoint(tmp_path / "m")
    rows = "".join(f'"{row.inputs["text"]}",{row.gold}\n' for row in reviews(12))
    (tmp_path / "rows.csv").write_text(f"text,label\n{rows}", "utf-8")
    words = ["--model", str(model), "--data", str(tmp_path / "rows.csv"), "--probe", "quality"]
    assert main(["run", *words, "--device", "cpu", "--out", str(tmp_path / "out")]) in (0, 1, 3)
    assert described == [model]


def test_a_model_loaded_again_is_described_again(tmp_path: Path) -> None:
    path = tiny_checkpoint(tmp_path / "m")
    options = LoadOptions(device="cpu", max_length=8)
    model = backends.load(checkpoint.describe(path), options, name="m")
    assert model.encode([Classify(("film " * 30,))])[0].length == 8
    assert model.reload().encode([Classify(("film " * 30,))])[0].length == 8
    config = json.loads((path / "config.json").read_text("utf-8"))
    (path / "config.json").write_text(json.dumps({**config, "architectures": ["BertForTokenClassification"]}), "utf-8")
    with pytest.raises(AuditError, match=r"is a BertForTokenClassification, not a \.\.\.ForSequenceClassification"):
        model.reload()


def test_the_fake_answers_every_kind_of_request() -> None:
    model = FakeModel(lambda request: request.texts)
    assert model.accepts == REQUESTS
    assert (model.device_kind, model.workers, model.notes) == ("cpu", 1, ())
    requests = list(OF_EACH.values())
    assert model.run(model.encode(requests)) == [request.texts for request in requests]
    assert [request.texts for request in requests] == [
        ("good film",),
        ("good", "film"),
        ("which film ?", "a good film"),
        ("the film is", "good", "bad"),
        ("the film is",),
    ]
    assert plan_of(model, [], n=4).models[0].model is model
