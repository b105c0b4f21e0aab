"""What a model may have beside what every model has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

from auditor.types.cases import Encoded, Response
from auditor.types.explained import TokenWeight
from auditor.types.requests import Request

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

FloatArray: TypeAlias = "npt.NDArray[np.float64]"
"""Numbers of numpy, in float64."""


@runtime_checkable
class KnowsWords(Protocol):
    """What a model may have beside ``Model``: the words that it knows."""

    def vocabulary(self) -> Sequence[str]:
        """The words that are one token of it, ordered by id."""
        ...

    def similar_words(self, words: Sequence[str], n: int) -> list[Sequence[str]]:
        """Of each word the n others whose embeddings are nearest, nearest first.

        Empty where the word, or the embeddings, are not known.
        """
        ...


@runtime_checkable
class Embeds(Protocol):
    """What a model may have beside ``Model``: embeddings of whole texts."""

    def embed(self, batch: Sequence[Encoded]) -> FloatArray | None:
        """Embeddings of the texts, one row each.

        It is the mean of a text's tokens in the encoder's last layer: of those that the model reads, special tokens
        included and padding left out. What else is in the batch changes no more than the last bits. A row of NaN stands
        for a text without tokens; None: the architecture does not tell. Raises as ``Model.run`` does.
        """
        ...


@runtime_checkable
class TellsLogits(Protocol):
    """What a model may have beside ``Model``: logits of whole texts."""

    def label_logits(self, batch: Sequence[Encoded]) -> FloatArray | None:
        """Logits of the labels, a row for each text, in their order.

        Their softmax is the answer; their own height, which it does not have, is what the energy of a text is made of.
        None: the model does not give a text one label. Raises as ``Model.run`` does.
        """
        ...


@runtime_checkable
class Attributes(Protocol):
    """What a model may have beside ``Model``: gradients of its answers."""

    def integrated_gradients(self, request: Request, label: int, steps: int) -> Sequence[Sequence[TokenWeight]] | None:
        """Of each text of the request its tokens, with their weights.

        ``label``: the place of the label whose probability is explained. ``steps``: points of the path from padding
        tokens to the text. None where the model cannot tell.
        """
        ...


@runtime_checkable
class Weighs(Protocol):
    """What a model may have beside ``Model``: the size of its weights."""

    @property
    def parameters(self) -> int | None:
        """Number of its parameters; None: not known."""
        ...

    @property
    def weight_bytes(self) -> int | None:
        """Bytes that its parameters take in memory; None: not known."""
        ...


@runtime_checkable
class Pads(Protocol):
    """A model that answers a whole batch in one padded pass.

    It is no part of ``Model``: a model without it is asked by ``run``, and never about padded texts.
    """

    @property
    def padded_length(self) -> int:
        """The most tokens that a text can be padded to."""
        ...

    def run_together(self, batch: Sequence[Encoded], *, length: int = 0) -> list[Response]:
        """Answer a batch in one pass.

        Each text is padded to ``length`` tokens, or to the longest text if that is more. This is what serving software
        does, also where ``run`` knows better. Raises as ``Model.run`` does.
        """
        ...
