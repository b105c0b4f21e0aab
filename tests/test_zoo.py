"""Checkpoints of many architectures answer as transformers alone does.

transformers 4.57 and 5.24 wrote them. ``expected.json`` beside them holds the probabilities that the writing version
gave, one text at a time. Run under both majors (``make test``, ``make test-transformers4``).
"""

from __future__ import annotations

import csv
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import transformers

from auditor import tasks
from auditor.cli.main import main
from auditor.errors import ModelError
from auditor.models import heads, hugging_face
from auditor.models.heads import span
from auditor.models.options import LoadOptions
from auditor.text import answers as places
from auditor.types import Classify, Extract, Extracted, Request

ZOO = Path(__file__).resolve().parent.parent / "fixtures" / "zoo"
sys.path.insert(0, str(Path(__file__).resolve().parent / "zoo"))
import further_tasks  # noqa: E402 - beside this file, not installed
from make import LABELS, TEXTS  # noqa: E402
from make import ZOO as SPECIES  # noqa: E402

INSTALLED = int(transformers.__version__.split(".")[0])
WRITERS = (4, 5)
EXACT = 2e-5
"""Between probabilities of two versions, and of a text alone and in a batch: rounding of float32."""
TASKS = tuple(LABELS)


def folder(writer: int, task: str) -> Path:
    return ZOO / f"transformers{writer}" / task


def checkpoints() -> Iterator[Any]:
    for writer in WRITERS:
        for task in TASKS:
            for path in sorted(folder(writer, task).iterdir()):
                if path.is_dir():
                    yield pytest.param(writer, task, path.name, id=f"{writer}-{task}-{path.name}")


def flat(value: Any) -> list[float]:
    return [number for inner in value for number in flat(inner)] if isinstance(value, list | tuple) else [value]


def loaded(writer: int, task: str, name: str) -> hugging_face.HuggingFaceModel | None:
    """The model; None where transformers 4 is too old for it and that is said in one line with the way out."""
    try:
        return hugging_face.load(
            folder(writer, task) / name, LoadOptions(head=tasks.kind(task).head, device="cpu"), name=name
        )
    except ModelError as error:
        if (
            writer > INSTALLED
            and "saved by transformers 5" in error.line
            and "pip install --upgrade transformers" in error.line
        ):
            return None
        raise


def request(task: str, text: Any) -> Request:
    """What is asked of a text, or of the texts of a task's fields."""
    own = tasks.create(task, LABELS[task])
    asked: Request = (
        heads.of(own.head).request_for(text)
        if isinstance(text, str)
        else own.request(dict(zip(own.fields, text, strict=True)))
    )
    return asked


def numbers(task: str, answer: Any, text: Any) -> list[float]:
    """An answer as ``expected.json`` has it: of a span its first character and the one after its last."""
    if task != "question-answering":
        return flat([answer])
    given = Extracted(*answer)
    start = places.start_of(text, given[:3])
    return [float(start), float(start + len(given.text)), given.probability, given.no_answer]


def test_the_zoo_has_every_task_every_head_and_the_words_that_they_have() -> None:
    assert set(LABELS) == {name for name, kind in tasks.kinds().items() if kind.__module__.startswith("auditor.")}
    assert {tasks.kind(name).head for name in LABELS} == set(heads.names())
    assert tasks.create("relation-extraction", ()).special_tokens == further_tasks.MARKERS
    assert further_tasks.QUESTION == span.QUESTION
    assert Extract("", "").longest == further_tasks.LONGEST


def test_the_zoo_has_every_species_for_each_of_its_tasks() -> None:
    for writer in WRITERS:
        for task in TASKS:
            expected = {name for name, species in SPECIES.items() if task in species.tasks}
            answers = json.loads((folder(writer, task) / "expected.json").read_text(encoding="utf-8"))
            assert set(answers) == expected == {path.name for path in folder(writer, task).iterdir() if path.is_dir()}
    assert len(SPECIES) >= 16


@pytest.mark.parametrize(("writer", "task", "name"), list(checkpoints()))
def test_a_checkpoint_answers_as_transformers_alone_does(writer: int, task: str, name: str) -> None:
    model = loaded(writer, task, name)
    if model is None:
        return
    expected = json.loads((folder(writer, task) / "expected.json").read_text(encoding="utf-8"))[name]
    texts = further_tasks.texts(task, TEXTS)
    encoded = model.encode([request(task, text) for text in texts])
    assert model.labels == LABELS[task]
    for answers in ([model.run([text])[0] for text in encoded], model.run(encoded)):
        own = flat([numbers(task, *pair) for pair in zip(answers, texts, strict=True)])
        wanted = flat(expected)
        assert len(own) == len(wanted)
        assert max(abs(number - other) for number, other in zip(own, wanted, strict=True)) < EXACT
        if task in further_tasks.LABELS:
            continue
        for answer, row in zip(answers, expected, strict=True):
            pairs = zip(answer, row, strict=True) if task == "ner" else [(answer, row)]
            assert all(max(range(len(a)), key=a.__getitem__) == max(range(len(b)), key=b.__getitem__) for a, b in pairs)


@pytest.mark.skipif(INSTALLED >= 5, reason="of transformers 4")
def test_a_setting_that_transformers_4_would_pass_over_is_refused(tmp_path: Path) -> None:
    """A tokenizer that both majors know beside a configuration whose rotary base stands under its new name."""
    path = shutil.copytree(folder(5, "text-classification") / "llama3", tmp_path / "llama3")
    shutil.copy(folder(4, "text-classification") / "llama3" / "tokenizer_config.json", path)
    with pytest.raises(ModelError, match=r"does not know: rope_parameters \(saved by transformers 5.*pip install"):
        hugging_face.load(path, LoadOptions(device="cpu"), name="llama3")


LONG = (
    "A good film , and Jane lives in Rome ! " * 400,
    "unbreakable" * 900,
    "\u7535\u5f71\u597d" * 1500,
    "  two  blanks\t" * 700 + "end",
    "No. " + " " * 6000 + "Yes.",
)
"""What only begins before a model stops reading: words, one word, no blanks, many blanks, nothing but blanks."""


@pytest.mark.parametrize(
    ("writer", "task", "name"), [entry for entry in checkpoints() if entry.values[1] == "text-classification"]
)
def test_of_a_very_long_text_a_model_reads_what_its_tokenizer_keeps(writer: int, task: str, name: str) -> None:
    """Such texts are not tokenized as a whole: what is left out must not show."""
    model = loaded(writer, task, name)
    if model is None:
        return
    tokenizer = model.head.tokenizer
    for text, encoded in zip(LONG, model.encode([Classify((text,)) for text in LONG]), strict=True):
        kept = tokenizer(text, truncation=True, max_length=128, verbose=False)["input_ids"]
        assert encoded.payload["input_ids"] == kept


LABELLED = {
    "multi-label-classification": ("anger", "joy; sadness", "sadness"),
    **dict.fromkeys(("text-regression", "sentence-similarity"), ("0.5", "-1", "2")),
}
"""Task → what cells of its label column hold."""
NAMED = ("relation-extraction", "sentence-pair", "sentence-similarity", "dialogue-classification")
"""Tasks that a checkpoint from elsewhere does not tell."""


def data_for(task: str, path: Path) -> Path:
    """The zoo's texts with labels, as a user's file has them."""
    texts = further_tasks.texts(task, TEXTS)
    if task == "ner":
        file = path / "test.conll"
        tags = ("O", "B-PER", "B-LOC")
        sentences = (
            "".join(f"{word}\t{tags[index % 3]}\n" for index, word in enumerate(text.split())) for text in texts
        )
        file.write_text("\n".join(sentences), encoding="utf-8")
        return file
    if task == "question-answering":
        file = path / "test.jsonl"
        golds: Iterator[dict[str, Any]] = (
            {"text": [text.split()[0]], "answer_start": [0]} if index % 2 else {"text": [], "answer_start": []}
            for index, text in enumerate(texts)
        )
        rows = (
            {"question": further_tasks.QUESTION, "context": text, "answers": gold}
            for text, gold in zip(texts, golds, strict=True)
        )
        file.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
        return file
    file = path / "test.csv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        written = csv.writer(stream)
        written.writerow((*tasks.kind(task).fields, "label"))
        labels = LABELLED.get(task, LABELS[task])
        written.writerows(
            (*((text,) if isinstance(text, str) else text), labels[index % 3]) for index, text in enumerate(texts)
        )
    return file


def expected_accuracy(expected: list[Any]) -> float:
    decisions = [max(range(len(row)), key=row.__getitem__) for row in expected]
    return sum(decision == index % 3 for index, decision in enumerate(decisions)) / len(expected)


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("task", TASKS)
def test_all_of_them_are_audited_side_by_side(
    writer: int, task: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in folder(writer, task).iterdir():
        if path.is_dir() and loaded(writer, task, path.name) is not None:
            shutil.copytree(path, tmp_path / "zoo" / path.name)
    arguments = [
        "run",
        "--model",
        str(tmp_path / "zoo"),
        "--candidate",
        "bert",
        "--data",
        str(data_for(task, tmp_path)),
        *(("--task", task) if task in NAMED else ()),
    ]
    code = main(
        [*arguments, "--out", str(tmp_path / "audit"), "--probe", "quality", "--probe", "repeatability", "--quiet"]
    )
    assert code in (1, 3), capsys.readouterr().err
    results = json.loads((tmp_path / "audit" / "results.json").read_text(encoding="utf-8"))
    expected = json.loads((folder(writer, task) / "expected.json").read_text(encoding="utf-8"))
    measured = {record["model"]: record for record in results["records"] if record["probe"] == "quality"}
    assert set(measured) == {path.name for path in (tmp_path / "zoo").iterdir()}
    for name, record in measured.items():
        assert record["status"] == "measured", (name, record["reason"])
        if "one_label" in tasks.kind(task).offers:
            (accuracy,) = [
                entry["value"]
                for entry in record["measurements"]
                if entry["metric"] == "accuracy" and not entry["slice"]
            ]
            assert accuracy == pytest.approx(expected_accuracy(expected[name]))
