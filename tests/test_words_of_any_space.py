"""A word of a corpus with white space in it stays one word.

It keeps one tag, and may contain any white space except blanks, tabs and line ends.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

import pytest
from tiny import vocabulary

from auditor import data, tasks, text
from auditor.errors import DataError
from auditor.models.heads import token as windows
from auditor.perturbations import catalogue, paraphrases
from auditor.text import spans
from auditor.types import Tag
from reports import spans as page_spans

SPACES = [chr(code) for code in range(sys.maxunicode + 1) if chr(code).isspace()]
PARTING = (" ", "\t", "\n", "\r")
"""What parts words and lines."""
INNER = [space for space in SPACES if space not in PARTING]
TASK = tasks.create("ner", ("O", "B-PER", "I-PER", "B-LOC", "I-LOC"))
TAGS = ("B-PER", "O", "B-LOC")


def names(space: str) -> str:
    return f"U+{ord(space):04X}"


def loaded(path: Path) -> Any:
    found = data.load(path, name="home", task=TASK)
    (example,) = found.examples
    return example


def test_python_knows_many_kinds_of_white_space() -> None:
    assert set(PARTING) < set(SPACES)
    assert {"\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x1f", "\x85", "\xa0", "\u2028", "\u2029", "\u3000"} <= set(INNER)


@pytest.mark.parametrize("space", INNER, ids=names)
@pytest.mark.parametrize("word", ["New{}York", "{}York", "York{}", "{}"])
def test_a_word_with_white_space_in_it_is_one_word(tmp_path: Path, space: str, word: str) -> None:
    word = word.format(space)
    written = ("Ann", "visits", word)
    conll = "".join(f"{one}\t{tag}\n" for one, tag in zip(written, TAGS, strict=True))
    files = {
        "tabs.txt": conll,
        "blanks.conll": conll.replace("\t", " "),
        "ends.bio": conll.replace("\n", "\r\n"),
        "x.jsonl": json.dumps({"tokens": written, "tags": TAGS}, ensure_ascii=False) + "\n",
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content, "utf-8", newline="")
        example = loaded(tmp_path / name)
        assert (TASK.request(example.inputs), example.gold) == (Tag(written), TAGS), name
    words = text.split(example.inputs["text"])
    assert words.words == text.words_of(example.inputs["text"]) == written
    # What is edited elsewhere leaves it where it is, and its tag with it.
    edits = [text.Edit(1, 2, ("sees", "soon"), (" ",))]
    after, alignment = text.edited(example.inputs, {"text": tuple(edits)})
    assert TASK.request(after) == Tag(("Ann", "sees", "soon", word))
    assert TASK.follow(example.gold, alignment) == ("B-PER", "O", "O", "B-LOC")
    assert text.diff(words, text.split(after["text"]))[0].start == 1
    response = tuple([float(label == tag) for label in TASK.labels] for tag in TAGS)
    assert TASK.spans_found(example, response) == spans.spans(TAGS)
    marks = {"gold": TASK.gold_spans(TAGS)}
    (sentence,) = page_spans.sentences({"before": example.inputs, "after": example.inputs, "marks": marks})
    assert [kind for _, kind in sentence["parts"]] == ["PER", "", "LOC"]


@pytest.mark.parametrize("space", INNER, ids=names)
def test_perturbations_and_training_texts_leave_such_a_word_whole(space: str) -> None:
    word = f"New{space}10{space}York"
    words = text.Words(("Ann", "visits", "the", word), ("", " ", " ", " ", ""))
    for name in (one.name for one in catalogue.NOISE):
        edits = catalogue.perturb(words, name, 1.0, random.Random(1))
        made = text.apply(words, edits)
        # The text that is made has the words that the edits say, so that tags stay with theirs.
        assert text.split(str(made)).words == made.words, name
        if space not in "".join(made.separators):
            assert all(len(text.words_of(new)) == 1 for edit in edits for new in edit.words), name
    assert word in paraphrases.detokenized(f"a {word} b")


@pytest.mark.parametrize("space", PARTING, ids=names)
def test_a_word_that_would_be_two_is_refused(tmp_path: Path, space: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps({"tokens": [f"New{space}York"], "tags": ["B-LOC"]}) + "\n", "utf-8")
    with pytest.raises(DataError) as caught:
        loaded(path)
    assert "\n" not in caught.value.line
    assert caught.value.message.endswith("is blank or holds white space")


@pytest.mark.parametrize("space", INNER, ids=names)
def test_the_tokenizer_answers_once_for_such_a_word(tmp_path: Path, space: str) -> None:
    from transformers import BertTokenizerFast  # type: ignore[attr-defined] # another name in transformers 5

    (tmp_path / "vocab.txt").write_text("\n".join(vocabulary()), "utf-8")
    tokenizer = BertTokenizerFast(str(tmp_path / "vocab.txt"), model_max_length=64)
    (found,) = windows.windows(tokenizer, [Tag(("the", f"good{space}film", "is", space))], 64)
    (window,) = found
    # A word of nothing but white space has no pieces: no place answers for it.
    assert [word for word, _ in window.words][:3] == [0, 1, 2]
