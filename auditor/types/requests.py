"""Requests to a model, by kind.

A task builds the request, and a head of the same kind takes it. Every kind has ``texts``, all that the model is given
to read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, get_args


@dataclass(frozen=True, slots=True)
class Classify:
    """Choose one label for a text, or for a pair of texts."""

    texts: tuple[str, ...]
    """The text; of a pair both, in order."""
    between_turns: str | None = None
    """Of a dialogue, what the model reads between the turns of the first text, which are its lines; empty: the
    separator of its own tokenizer. Too long a dialogue is cut at its beginning. None: no dialogue."""


@dataclass(frozen=True, slots=True)
class Tag:
    """Choose one label for each word of a text."""

    words: tuple[str, ...]
    """The words of the text, in order."""

    @property
    def texts(self) -> tuple[str, ...]:
        """The words."""
        return self.words


@dataclass(frozen=True, slots=True)
class Extract:
    """Answer a question by a span of the context."""

    question: str
    """What is asked."""
    context: str
    """The text that holds the answer."""
    longest: int = 30
    """The longest answer, in tokens of the model."""

    @property
    def texts(self) -> tuple[str, ...]:
        """Question and context."""
        return self.question, self.context


@dataclass(frozen=True, slots=True)
class Choose:
    """Say how likely each option is after the prompt."""

    prompt: str
    """The text before the options."""
    options: tuple[str, ...]
    """The texts to choose from."""

    @property
    def texts(self) -> tuple[str, ...]:
        """The prompt, then the options."""
        return self.prompt, *self.options


@dataclass(frozen=True, slots=True)
class Generate:
    """Write on after the prompt."""

    prompt: str
    """The text before the answer."""
    max_tokens: int
    """The longest answer."""
    stop: tuple[str, ...] = ()
    """The text ends before the first of these."""

    @property
    def texts(self) -> tuple[str, ...]:
        """The prompt."""
        return (self.prompt,)


Request: TypeAlias = Classify | Tag | Extract | Choose | Generate
REQUESTS: frozenset[type[Request]] = frozenset(get_args(Request))
"""Every kind there is."""
