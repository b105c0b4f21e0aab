"""Tests of capabilities: what is asked, and what is expected."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from probes._capability_templates import Template, fillings

FUNCTIONALITY, INVARIANCE, DIRECTION = KINDS = ("minimum functionality", "invariance", "direction")
"""A label is expected; the answer has to stay; a probability has to move one way."""
SHORT = {"mft": FUNCTIONALITY, "inv": INVARIANCE, "dir": DIRECTION}
"""What CheckList calls the kinds."""
DIRECTIONS = ("not lower", "not higher")
"""What the second text of a pair has to do to the label's probability."""


@dataclass(frozen=True, slots=True)
class Question:
    """A text that is asked about, or two that are compared."""

    id: str
    cluster: str
    """The template, or what else several questions have in common."""
    text: str
    changed: str | None
    """The second text of an invariance or a direction."""


@dataclass(frozen=True, slots=True)
class CapabilityTest:
    """What questions of one test have in common."""

    capability: str
    kind: str
    name: str
    source: str
    """The file that it stands in."""
    labels: tuple[str, ...] = ()
    """Labels of the model that are right; of a direction, whose probability counts."""
    direction: str = ""
    """One of DIRECTIONS; empty for other kinds."""


@dataclass(frozen=True, slots=True)
class TemplateTest(CapabilityTest):
    """A test that is filled from lists."""

    templates: tuple[tuple[Template, Template | None], ...] = ()
    """Each with the second of its pair, if it has one."""
    vary: str | None = None
    """The slot that has another word in the second text."""
    slots: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Slot → its words."""

    def questions(self, n: int, rng: random.Random) -> Iterator[Question]:
        """Draw up to n questions of each template."""
        for first, second in self.templates:
            named = dict.fromkeys((*first.slots, *(() if second is None else second.slots)))
            words = {name: self.slots[name] for name in named}
            cluster = f"{self.source}:{_digest(self.kind, first.text, '' if second is None else second.text)}"
            for number, (before, after) in enumerate(fillings(words, self.vary, n, rng), 1):
                template = second or (first if self.vary else None)
                changed = None if template is None else template.filled(after)
                yield Question(f"{cluster}:{number}", cluster, first.filled(before), changed)


@dataclass(frozen=True, slots=True)
class RowTest(CapabilityTest):
    """A test whose texts a file has, of rows alike."""

    rows: tuple[tuple[int, str, str | None, str], ...] = ()
    """Row of the file, text, second text, and the template that it is of; empty: of none."""

    def questions(self) -> Iterator[Question]:
        """Ask about every row; rows with the same texts are one cluster."""
        for row, text, changed, template in self.rows:
            key = _digest("template", template) if template else _digest("row", text, changed or "")
            yield Question(f"{self.source}:{row}", f"{self.source}:{key}", text, changed)


def _digest(*words: str) -> str:
    """A name for a template that holds none of its text."""
    return hashlib.sha256("\x1f".join(words).encode()).hexdigest()[:12]
