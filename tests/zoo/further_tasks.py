"""Tasks of the zoo beside classes and tags: their checkpoints, and what transformers alone answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tokenizers_of as made

LABELS: dict[str, tuple[str, ...]] = {
    "multi-label-classification": ("anger", "joy", "sadness"),
    "text-regression": ("number",),
    "relation-extraction": ("Other", "Use(e1,e2)", "Use(e2,e1)"),
    "question-answering": (),
    "sentence-pair": ("entailment", "neutral", "contradiction"),
    "sentence-similarity": ("similarity",),
    "dialogue-classification": ("question", "statement", "thanks"),
}
HEADS = {
    **dict.fromkeys(LABELS, "AutoModelForSequenceClassification"),
    "question-answering": "AutoModelForQuestionAnswering",
}
CONFIGS: dict[str, dict[str, Any]] = {
    "multi-label-classification": {"problem_type": "multi_label_classification"},
    **{task: {"problem_type": "regression"} for task in ("text-regression", "sentence-similarity")},
}
"""What config.json says of a task beside its labels."""
USUAL = ("multi-label-classification", "text-regression", "relation-extraction", "question-answering")
SERVED = {
    "bert": (*USUAL, "sentence-pair", "sentence-similarity", "dialogue-classification"),
    **dict.fromkeys(("electra", "deberta-v3"), USUAL),
    "distilbert": ("multi-label-classification", "question-answering"),
    "roberta": ("multi-label-classification", "text-regression", "relation-extraction"),
    "gpt2": ("multi-label-classification", "text-regression"),
    "mpnet": ("question-answering",),
    "roberta-of-pairs": ("dialogue-classification",),
}
"""Species → the tasks that it has checkpoints for beside its own."""
MARKERS = ("<e1>", "</e1>", "<e2>", "</e2>")
MARKED = (
    "<e1> Jane </e1> lives in <e2> Rome </e2> .",
    "<e1> film </e1> <e2> plot </e2>",
    "The <e2> plot </e2> is bad , and the <e1> film </e1> was awful !",
    "No . <e1> Bob </e1> works at Acme in <e2> Paris </e2> , and it was not half as clever as it would like to be .",
)
"""Texts with marks, of different lengths."""
PAIRS = (
    ("a good film", "The plot is bad , and the film was awful !"),
    ("Jane lives in Rome , and Bob works at Acme in Paris .", "Bob works"),
    ("film", "film"),
    ("It was not half as clever as it would like to be .", "\u7535\u5f71 caf\u00e9 \U0001f600 No"),
)
DIALOGUES = (
    ("", "film"),
    ("a good film", "Nobody knew why ."),
    ("Jane lives in Rome .\nThe film was awful !\nNo , not at all .", "It was not half as clever"),
    ("\u7535\u5f71 caf\u00e9 \U0001f600\nNo", "The plot is bad , and the film was awful !"),
)
"""Histories with a turn in each line, and the turns after them."""
TEXTS: dict[str, tuple[Any, ...]] = {
    "relation-extraction": MARKED,
    "sentence-pair": PAIRS,
    "sentence-similarity": PAIRS,
    "dialogue-classification": DIALOGUES,
}
QUESTION = "What is it about?"
LONGEST = 30
"""Tokens of an answer, at most."""


def roberta_of_pairs(_folder: Path) -> Any:
    """A RoBERTa tokenizer that frames pairs of texts too, and tells places without the blanks before words."""
    from tokenizers import processors

    backend = made.byte_level(["<s>", "<pad>", "</s>", "<unk>", "<mask>"], prefix=True)
    end, start = ((token, backend.token_to_id(token)) for token in ("</s>", "<s>"))
    backend.post_processor = processors.RobertaProcessing(end, start, trim_offsets=True, add_prefix_space=True)
    return made.fast(backend, "RobertaTokenizerFast", add_prefix_space=True, **made.CLOSED, **made.WITHOUT_TYPES)


def texts(task: str, usual: tuple[str, ...]) -> tuple[Any, ...]:
    """The texts that a task's checkpoints answer, or pairs of them."""
    return TEXTS.get(task, usual)


def answer(model: Any, tokenizer: Any, task: str, text: Any) -> list[float]:
    """Probabilities or the number of a text or pair; of a context the best span.

    That is its first character and the one after its last, its probability, and that of no answer.
    """
    import torch

    with torch.inference_mode():
        if task == "question-answering":
            return _best_span(model, tokenizer, text)
        given = (text,) if isinstance(text, str) else text
        if task == "dialogue-classification":
            given = (text[0].replace("\n", tokenizer.sep_token), text[1])
        logits = model(**tokenizer(*given, truncation=True, return_tensors="pt")).logits[0].float()
    if task in ("text-regression", "sentence-similarity"):
        return [float(logits[0])]
    own = logits.sigmoid() if task == "multi-label-classification" else logits.softmax(-1)
    return [float(chance) for chance in own]


def _best_span(model: Any, tokenizer: Any, context: str) -> list[float]:
    import torch

    encoded = tokenizer(QUESTION, context, return_tensors="pt", return_offsets_mapping=True)
    offsets, owners = encoded.pop("offset_mapping")[0].tolist(), encoded.sequence_ids(0)
    output = model(**encoded)
    starts, ends = (own[0].float().tolist() for own in (output.start_logits, output.end_logits))
    places = [
        (place, _bare(context, *offset))
        for place, offset in enumerate(offsets)
        if owners[place] == 1 and context[slice(*offset)].strip()
    ]
    null = encoded["input_ids"][0].tolist().index(tokenizer.cls_token_id)
    spans = [
        (starts[first] + ends[last], begin, end)
        for number, (first, (begin, _)) in enumerate(places)
        for last, (_, end) in places[number : number + LONGEST]
    ]
    chances = torch.tensor([starts[null] + ends[null], *(score for score, _, _ in spans)]).softmax(-1).tolist()
    best = max(range(len(spans)), key=lambda number: spans[number][0])
    return [float(spans[best][1]), float(spans[best][2]), chances[1 + best], chances[0]]


def _bare(context: str, start: int, end: int) -> tuple[int, int]:
    """A token's characters without the blanks at its ends."""
    own = context[start:end]
    return start + len(own) - len(own.lstrip()), end - len(own) + len(own.rstrip())
