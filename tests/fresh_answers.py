"""Answers of a checkpoint by transformers alone, one text at a time, and whether they are right.

Nothing of auditor is used: requests, decoding and scores are written here once more, for the rows that an audit keeps.
"""

from __future__ import annotations

import json
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Inputs = Mapping[str, str]
Spans = list[tuple[int, int, str]]
LENGTH = 64
"""Tokens of a row at most: a longer text would be cut, or read in windows."""
LONGEST_ANSWER = 30
"""Tokens of an answer at most."""
TOLERANCE = 0.5
"""How far a number may lie from the right one."""


@dataclass(frozen=True)
class Fresh:
    """A checkpoint, loaded by transformers."""

    model: Any
    tokenizer: Any

    @classmethod
    def load(cls, folder: Path, kind: str) -> Fresh:
        import transformers

        model = getattr(transformers, f"AutoModelFor{kind}").from_pretrained(folder)
        return cls(model.eval(), transformers.AutoTokenizer.from_pretrained(folder))

    def read(self, *texts: Any, **options: Any) -> tuple[Any, Any]:
        """What the model reads, and its output."""
        import torch

        row = self.tokenizer(*texts, return_tensors="pt", **options)
        assert row["input_ids"].shape[1] <= LENGTH
        asked = {name: row[name] for name in ("input_ids", "attention_mask", "token_type_ids") if name in row}
        with torch.no_grad():
            return row, self.model(**asked)


def label(fresh: Fresh, *texts: str) -> str:
    """The most probable label of a text, or of two."""
    _, output = fresh.read(*texts)
    return str(fresh.model.config.id2label[int(output.logits[0].argmax())])


def labels(fresh: Fresh, text: str) -> set[str]:
    """Every label that is more probable than not."""
    _, output = fresh.read(text)
    return {fresh.model.config.id2label[at] for at, logit in enumerate(output.logits[0].tolist()) if logit >= 0.0}


def number(fresh: Fresh, *texts: str) -> float:
    """What a regression says of a text, or of two."""
    _, output = fresh.read(*texts)
    return float(output.logits[0, 0])


def entities(fresh: Fresh, text: str) -> Spans:
    """The entities by the first token of each word, strictly in IOB2."""
    row, output = fresh.read(text.split(" "), is_split_into_words=True)
    tags: dict[int, str] = {}
    for place, word in enumerate(row.word_ids()):
        if word is not None:
            tags.setdefault(word, fresh.model.config.id2label[int(output.logits[0, place].argmax())])
    return spans([tags[word] for word in range(len(text.split(" ")))])


def spans(tags: Sequence[str]) -> Spans:
    """(start, end, type) of the entities of IOB2 tags."""
    seen: Spans = []
    for place, tag in enumerate(tags):
        kind = tag[2:]
        if tag.startswith("B-"):
            seen.append((place, place + 1, kind))
        elif tag.startswith("I-") and seen and seen[-1][1:] == (place, kind):
            seen[-1] = (seen[-1][0], place + 1, kind)
    return seen


def answer(fresh: Fresh, question: str, context: str) -> str:
    """The words of the best span; none where the context has no answer."""
    row, output = fresh.read(question, context, return_offsets_mapping=True)
    starts, ends = output.start_logits[0].tolist(), output.end_logits[0].tolist()
    places = [place for place, text in enumerate(row.sequence_ids()) if text == 1]
    null = row["input_ids"][0].tolist().index(fresh.tokenizer.cls_token_id)
    pairs = [(first, last) for first in places for last in places if first <= last < first + LONGEST_ANSWER]
    best = max(pairs, key=lambda pair: starts[pair[0]] + ends[pair[1]])
    if starts[null] + ends[null] > starts[best[0]] + ends[best[1]]:
        return ""
    offsets = row["offset_mapping"][0].tolist()
    return normalised(context[offsets[best[0]][0] : offsets[best[1]][1]])


def normalised(text: str) -> str:
    """As the script of SQuAD compares answers."""
    plain = "".join(letter for letter in text.lower() if letter not in string.punctuation)
    return " ".join(word for word in plain.split() if word not in ("a", "an", "the"))


@dataclass(frozen=True)
class Judge:
    """How a task's rows are asked and judged."""

    kind: str
    """Of the class of transformers that loads the checkpoint."""
    right: Callable[[Fresh, Inputs, Any], bool]
    """Whether the answer to the texts is the gold."""


def _pair(fresh: Fresh, inputs: Inputs, gold: str) -> bool:
    return label(fresh, inputs["first"], inputs["second"]) == gold


def _turn(fresh: Fresh, inputs: Inputs, gold: str) -> bool:
    between = f" {fresh.tokenizer.sep_token} "
    return label(fresh, between.join(inputs["history"].split("\n")), inputs["turn"]) == gold


def _answered(fresh: Fresh, inputs: Inputs, gold: Sequence[Mapping[str, Any]]) -> bool:
    wanted = [normalised(right["text"]) for right in gold] or [""]
    return answer(fresh, inputs["question"], inputs["context"]) in wanted


def _near(fresh: Fresh, inputs: Inputs, gold: float) -> bool:
    texts = [inputs["text"]] if "text" in inputs else [inputs["first"], inputs["second"]]
    return abs(number(fresh, *texts) - gold) <= TOLERANCE


JUDGES = {
    "text-classification": Judge("SequenceClassification", lambda fresh, row, gold: label(fresh, row["text"]) == gold),
    "relation-extraction": Judge("SequenceClassification", lambda fresh, row, gold: label(fresh, row["text"]) == gold),
    "sentence-pair": Judge("SequenceClassification", _pair),
    "multi-label-classification": Judge(
        "SequenceClassification", lambda fresh, row, gold: labels(fresh, row["text"]) == set(gold)
    ),
    "text-regression": Judge("SequenceClassification", _near),
    "sentence-similarity": Judge("SequenceClassification", _near),
    "dialogue-classification": Judge("SequenceClassification", _turn),
    "question-answering": Judge("QuestionAnswering", _answered),
}
"""Task whose decision is right or wrong as a whole → its judge."""


class Rechecked:
    """A kept row of an attack, asked of a checkpoint that is loaded anew."""

    def __init__(self, task: str, folder: Path) -> None:
        self._judge = JUDGES.get(task)
        self.fresh = Fresh.load(folder, "TokenClassification" if self._judge is None else self._judge.kind)

    def __call__(self, row: Mapping[str, Any]) -> tuple[bool, bool]:
        """Whether the decision was right before the attack, and whether it still stands."""
        before, after = json.loads(row["before"]), json.loads(row["after"])
        gold = json.loads(row["expected"])
        if self._judge is None:
            return self._entities(before, after, spans(row["gold"].split(" ")), spans(gold))
        return self._judge.right(self.fresh, before, gold), self._judge.right(self.fresh, after, gold)

    def _entities(self, before: Inputs, after: Inputs, named: Spans, moved: Spans) -> tuple[bool, bool]:
        """Whether any entity is found, and whether those found before are found where they now are."""
        seen, still = entities(self.fresh, before["text"]), entities(self.fresh, after["text"])
        wanted = [now for was, now in zip(named, moved, strict=True) if was in seen]
        return bool(wanted), all(entity in still for entity in wanted)
