"""What a model reads of a text: exactly what it sees, of the words there are, whichever end is cut."""

from __future__ import annotations

import importlib
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import WORDS, tiny_checkpoint

from auditor import tasks, text
from auditor.models import hugging_face
from auditor.models.heads.sequence import SequenceHead
from auditor.models.options import LoadOptions
from auditor.training.recipes.attack import _part_read
from auditor.types import Classify, Encoded, Example

TASK = tasks.create("text-classification", ("negative", "positive"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def model(folder: Path) -> hugging_face.HuggingFaceModel:
    return hugging_face.load(folder, LoadOptions(device="cpu"), name="tiny")


@given(st.integers(0, 900), st.integers(0, 900), st.integers(0, 900))
def test_it_is_what_the_model_sees_by_letters(length: int, start: int, more: int) -> None:
    """The fake model reads ``more`` letters from ``start`` on.

    All letters differ, and the text has no white space, so no word ends near the part that is read.
    """
    value = "".join(chr(0x2800 + index % 256) for index in range(length))
    seen = value[start : start + more]
    if not seen or len(set(value)) < len(value):
        return

    def same(part: str) -> bool:
        return seen in part

    assert text.part_read(value, same) == (start, min(start + more, length))


def test_a_word_that_is_read_in_part_is_in_it_whole_but_not_a_blob() -> None:
    def first(letters: int, value: str) -> tuple[int, int]:
        return text.part_read(value, lambda part: part[:letters] == value[:letters])

    def last(letters: int, value: str) -> tuple[int, int]:
        return text.part_read(value, lambda part: part[-letters:] == value[-letters:])

    assert first(7, "one two-three four") == (0, 7)
    assert first(6, "one two-three four") == (0, 7)
    assert first(4, "one " + "x" * 64 + " end") == (0, 4)
    assert first(5, "one " + "x" * 64 + " end") == (0, 68)
    assert first(5, "one " + "x" * 66 + " end") == (0, 5)
    assert last(6, "one two-three four") == (8, 18)
    assert last(5, "one two-three four") == (13, 18)
    assert last(2, f"a {'x' * 66}yz") == (68, 70)


def test_what_the_model_does_not_read_changes_nothing_and_what_it_reads_does(
    model: hugging_face.HuggingFaceModel,
) -> None:
    words = [WORDS[index * 7 % len(WORDS)] for index in range(400)]
    value = "  ".join(words)
    start, end = _part_read(model, TASK, Example("x", {"text": value}), "text")
    assert start == 0
    # 64 tokens, two of them special; every word of the vocabulary is one.
    assert value[:end].split() == words[:62]

    def key(one: str) -> str:
        return model.encode([Classify((one,))])[0].key

    assert key(value[:end] + " awful" * 9) == key(value)
    assert key(" ".join([*words[:61], "awful" if words[61] != "awful" else "good"])) != key(value)


def test_a_tokenizer_that_cuts_the_beginning_reads_the_end(folder: Path) -> None:
    model = hugging_face.load(folder, LoadOptions(device="cpu"), name="tiny")
    model.head.tokenizer.truncation_side = "left"
    words = [WORDS[index * 7 % len(WORDS)] for index in range(400)]
    value = " ".join(words)
    start, end = _part_read(model, TASK, Example("x", {"text": value}), "text")
    assert end == len(value)
    assert value[start:].split() == words[-62:]


def test_a_short_text_is_read_whole(model: hugging_face.HuggingFaceModel) -> None:
    for value in ("", " ", "good film", " good film \n"):
        assert _part_read(model, TASK, Example("x", {"text": value}), "text") == (0, len(value))


@pytest.mark.parametrize(
    "value",
    [
        "good film " * 700,
        "good film\n" * 7000,
        " " * 5000 + "good film " * 700,
        "good " + "\u200b " * 3000 + "film " * 300,
        "x" * 5000,
        "好电影" * 900,
        "good " * 63 + " " * 3000 + "film",
        "good " * 61 + " " * 3000 + "film " * 9,
    ],
)
@pytest.mark.parametrize("side", ["right", "left"])
def test_of_a_very_long_text_the_model_sees_what_it_saw_of_all_of_it(folder: Path, value: str, side: str) -> None:
    model = hugging_face.load(folder, LoadOptions(device="cpu"), name="tiny")
    tokenizer = model.head.tokenizer
    tokenizer.truncation_side = side
    whole = tokenizer(value, verbose=False)["input_ids"]
    cut = tokenizer(value, truncation=True, max_length=64)["input_ids"]
    (found,) = model.encode([Classify((value,))])
    assert found.payload["input_ids"] == cut
    assert (found.length, found.truncated) == (len(cut), len(whole) > 64)


VERY_LONG = {
    "words": "a good film and a great plot , " * 300,
    "letters": "agoodfilmandagreatplot" * 400,
    "Chinese": "好电影坏看" * 2000,
    "one letter": "x" * 9000,
    "blanks between": ("plot" + " " * 400) * 30,
    "words, then letters": "a good film " * 3 + "greatplot" * 1000,
    "letters, then words": "greatplot" * 100 + " a good film" * 900,
    "no piece known": "\u2603" * 5000,
}


@pytest.mark.parametrize("kind", ["wordpiece", "byte-level", "split as tiktoken does", "unigram"])
def test_heads_have_the_pieces_of_the_whole_text_with_tokenizers_of_every_kind(kind: str, tmp_path: Path) -> None:
    made = importlib.import_module("zoo.tokenizers_of")
    tokenizer = {
        "wordpiece": lambda: made.wordpiece(tmp_path),
        "byte-level": lambda: made.fast(made.byte_level(["<|endoftext|>"]), "GPT2TokenizerFast", **made.DECODER),
        "split as tiktoken does": lambda: made.fast(
            made.byte_level(["<|endoftext|>"], pattern=made.TIKTOKEN), "GPT2TokenizerFast", **made.DECODER
        ),
        "unigram": lambda: made.fast(made.unigram(list(made.T5.values())), "T5TokenizerFast", **made.T5),
    }[kind]()
    for length in (8, 64):
        texts = SequenceHead(tokenizer, name="m", max_length=length)
        for name, value in VERY_LONG.items():
            (found,) = texts.encode([Classify((value,))])
            cut = tokenizer(value, truncation=True, max_length=length)["input_ids"]
            whole = tokenizer(value, verbose=False)["input_ids"]
            assert (found.payload["input_ids"], found.truncated) == (cut, len(whole) > length), name


class Tokenizer:
    """A letter is a token, and blanks too or not. ``odd``: the first one's id is the text's length."""

    def __init__(self, *, odd: bool = False, blanks: bool = True) -> None:
        self.odd, self.blanks, self.read = odd, blanks, list[int]()

    def __call__(self, texts: list[str], *, truncation: bool, verbose: bool, max_length: int = 0) -> dict[str, Any]:  # noqa: ARG002
        self.read += map(len, texts)
        rows = [[ord(letter) for letter in one if self.blanks or letter != " "] for one in texts]
        if self.odd:
            rows = [[len(row), *row[1:]] for row in rows]
        return {"input_ids": [row[:max_length] if truncation else row for row in rows]}


def encoded(value: str, tokenizer: Tokenizer) -> Encoded:
    (found,) = SequenceHead(tokenizer, name="m", max_length=4).encode([Classify((value,))])
    return found


def test_a_text_without_white_space_is_cut_at_letters_where_the_pieces_stay_the_same() -> None:
    """A text of more than 4 · 16 letters is tokenized in parts.

    The tokenizer reads the first 4 · 8 letters, then twice as many, and finally the first ones again, cut.
    """
    value = "好" * 60 + "电影" * 100_000
    tokenizer = Tokenizer()
    found = encoded(value, tokenizer)
    assert (found.payload["input_ids"], found.truncated) == ([ord("好")] * 4, True)
    assert tokenizer.read == [32, 64, 32]


def test_a_text_is_read_whole_where_its_first_pieces_depend_on_what_follows() -> None:
    value = "好" * 1000
    tokenizer = Tokenizer(odd=True)
    found = encoded(value, tokenizer)
    assert (found.payload["input_ids"], found.truncated) == ([1000, *[ord("好")] * 3], True)
    assert tokenizer.read == [32, 64, 128, 256, 1000, 1000]


def test_whole_words_are_read_once_and_cut_once() -> None:
    """Of 32 letters the last word is left out, as it may go on: seven words of three and six blanks are 27."""
    tokenizer = Tokenizer()
    assert encoded("abc " * 1000, tokenizer).truncated
    assert tokenizer.read == [27, 27]


def test_a_longer_head_is_read_where_the_first_one_has_too_few_pieces() -> None:
    """This tokenizer makes no pieces of blanks.

    The first 32 letters have two pieces, and the first 128 have more than the four that the model reads. Without the
    last word, 124 letters remain.
    """
    tokenizer = Tokenizer(blanks=False)
    found = encoded("ab" + " " * 30 + "de " * 1000, tokenizer)
    assert found.payload["input_ids"] == list(map(ord, "abde"))
    assert tokenizer.read == [32, 124, 124]


def test_what_follows_where_a_word_ends_is_not_asked_for() -> None:
    tokenizer = Tokenizer()
    assert encoded("x" * 32 + " y" * 100, tokenizer).truncated
    assert tokenizer.read == [32, 32]


def test_it_takes_no_longer_for_a_text_that_is_very_long(model: hugging_face.HuggingFaceModel) -> None:
    value = "good film " * 60_000
    asked: list[int] = []
    (whole,) = model.encode([Classify((value,))])

    def same(part: str) -> bool:
        asked.append(len(part))
        return model.encode([Classify((part,))])[0].key == whole.key

    began = time.process_time()
    assert value[slice(*text.part_read(value, same))].split() == ["good", "film"] * 31
    assert max(asked) <= 1024
    assert len(asked) < 40
    assert time.process_time() - began < 5
