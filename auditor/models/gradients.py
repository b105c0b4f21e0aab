"""Integrated gradients of a label's probability (Sundararajan, Taly & Yan 2017).

The path leads from the text with every token of it replaced by the padding token to the text itself, in the space of
the embeddings that the model looks up.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from auditor.models import dialogues
from auditor.models.devices import memory_errors
from auditor.models.padding import embedding_table
from auditor.types import Classify, TokenWeight

if TYPE_CHECKING:
    from auditor.models.hugging_face import HuggingFaceModel

TOGETHER = 10
"""Points of the path that go through the model in one pass."""


def integrated_gradients(
    model: HuggingFaceModel, request: Classify, label: int, steps: int
) -> list[list[TokenWeight]] | None:
    """Return what each token of each text adds to a label's probability.

    The weights add up to the probability for the text less that for the padding tokens, but for the error of
    ``steps`` midpoints. None where nothing tells the places of tokens (a slow tokenizer), or where the model looks up
    no embeddings. Raises OutOfMemoryError.
    """
    table, places = embedding_table(model.module), _places(model, request)
    if table is None or places is None:
        return None
    row = model.rows(model.encode([request]))[0]
    with memory_errors(model.name):
        weights = _along_the_path(model, table, row, [place is not None for place in places], label, steps)
    if weights is None:
        return None
    by_text: list[list[TokenWeight]] = [[] for _ in request.texts]
    for place, weight in zip(places, weights, strict=True):
        if place is not None:
            number, start, end = place
            by_text[number].append(TokenWeight(start, end, weight))
    return by_text


def _places(model: HuggingFaceModel, request: Classify) -> list[tuple[int, int, int] | None] | None:
    """Return each token's text and first and last character.

    A special token has none. The result is None where the tokenizer does not tell.
    """
    tokenizer = model.head.tokenizer
    if not getattr(tokenizer, "is_fast", False):
        return None
    given, texts = model.head.placed(request)
    if list(given["input_ids"]) != list(model.rows(model.encode([request]))[0]["input_ids"]):
        return None
    offsets = zip(given.sequence_ids(0), given["offset_mapping"], strict=True)
    places = [None if number is None else (number, start, end) for number, (start, end) in offsets]
    if texts == request.texts:
        return places
    between = dialogues.separator(request, tokenizer)
    return [place and _of_the_row(place, request.texts[0], between) for place in places]


def _of_the_row(place: tuple[int, int, int], history: str, between: str) -> tuple[int, int, int] | None:
    """Return a token's place in the texts of a dialogue.

    None: the token separates turns.
    """
    number, start, end = place
    own = dialogues.place(history, between, start, end) if number == 0 else (start, end)
    return None if own is None else (number, *own)


def _along_the_path(
    model: HuggingFaceModel, table: Any, row: Any, ours: Sequence[bool], label: int, steps: int
) -> list[float] | None:
    import torch

    alone = model.head.pad([row], model.filling)
    ids = alone["input_ids"].to(model.module.device)
    mine = torch.tensor([ours], device=ids.device)
    with torch.no_grad():
        end, start = table(ids), table(torch.where(mine, torch.full_like(ids, model.filling.token), ids))
    total = torch.zeros_like(end, dtype=torch.float32)
    midpoints = [(step + 0.5) / steps for step in range(steps)]
    size = 1 if model.singly else TOGETHER
    for part in (midpoints[at : at + size] for at in range(0, steps, size)):
        shares = torch.tensor(part, device=end.device, dtype=end.dtype).reshape(-1, 1, 1)
        points = (start + shares * (end - start)).requires_grad_()
        with torch.enable_grad(), _in_place_of(table, points) as used:
            logits = model.logits({name: values.expand(len(part), -1) for name, values in alone.items()})
            if not used:
                return None
            chances = model.head.probabilities(logits.float())[:, label].sum()
            (slopes,) = torch.autograd.grad(chances, points)
        total += slopes.float().sum(dim=0, keepdim=True)
    weights: list[float] = ((end - start).float() * total / steps).sum(dim=-1)[0].double().tolist()
    return weights


@contextlib.contextmanager
def _in_place_of(table: Any, points: Any) -> Iterator[list[bool]]:
    """Let the model look up these embeddings; note whether it does."""
    used: list[bool] = []

    def replaced(_module: Any, _inputs: Any, embeddings: Any) -> Any:
        if embeddings.shape != points.shape:
            return embeddings
        used.append(True)
        return points

    handle = table.register_forward_hook(replaced)
    try:
        yield used
    finally:
        handle.remove()
