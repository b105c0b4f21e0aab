"""Texts without a cue, and texts that it is put into."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from auditor import text
from auditor.text import tokens
from auditor.types import Audit, Case, Edits, Example, Slice
from probes._cue_table import Feature, Table, Tie

CUE, FREQUENT, STRONG = "the word", "a word as frequent", "a word as strong"
"""What a case takes out or puts in."""
REMOVED, PUT_IN = "removed", "put in"
FREQUENT_WORDS, STRONG_WORDS = 5, 3
"""Words that a cue is compared with."""
FACTOR = 2.0
"""Times by which strengths may differ and still count as equal."""
ALIKE = 0.5
"""Of two cues that share more of their rows, the stronger one stands for both."""
TRIED = 5
"""Ties that are looked at for each cue, so that alike ones can be left out."""
FIRST_WORDS = 16
"""Words of a text among which something is put in: every model reads them."""
STRONG_SHARE = 1 / 3
"""Share of the texts that words as strong are put into in place of the cue."""


@dataclass(frozen=True, slots=True)
class Token:
    """A word or sign, and how it is written."""

    features: tuple[Feature, ...]
    """It in each of its text fields."""
    written: str

    @property
    def name(self) -> str:
        """It in small letters."""
        return self.features[0].name


@dataclass(frozen=True, slots=True)
class Cue:
    """A word or sign whose effect on answers is measured."""

    slice: Slice
    """Its key and value in slices."""
    token: Token
    rows: int
    """Labelled rows that have it."""
    frequent: tuple[Token, ...]
    """Words as frequent that say nothing of labels."""
    tie: Tie | None = None
    """The label that it goes with; None for a word that the user lists."""
    strong: tuple[Token, ...] = ()
    """Others that go with the label as strongly."""
    places: frozenset[int] = frozenset()
    """Rows of the table that have it; of a word that is listed: none."""


def discovered(table: Table, most: int) -> list[Cue]:
    """Return the strongest cues, the strongest first.

    ``most``: cues, at most. Those of mostly the same rows are one cue.
    """
    ties = [tie for tie in table.ties if tie.claimed and tie.feature.field]
    first = ties[: TRIED * most]
    near = {tie.feature: _as_strong(tie, ties) for tie in first}
    often = {tie.feature: _as_frequent(table, (tie.feature,), tie.rows) for tie in first}
    wanted = [*near, *(each for own in (*near.values(), *often.values()) for each in own)]
    rows, spelled = table.seen(dict.fromkeys(wanted))
    cues: list[Cue] = []
    for tie in first:
        own = rows[tie.feature]
        if len(cues) == most or any(len(own & cue.places) > ALIKE * len(own | cue.places) for cue in cues):
            continue
        token, *others = (
            Token((feature,), spelled[feature]) for feature in (tie.feature, *often[tie.feature], *near[tie.feature])
        )
        frequent, strong = others[: len(often[tie.feature])], others[len(often[tie.feature]) :]
        part = {"cue": str(len(cues) + 1)}
        cues.append(Cue(part, token, tie.rows, tuple(frequent), tie, tuple(strong), frozenset(own)))
    return cues


def listed(table: Table, words: Sequence[str], fields: Sequence[str]) -> list[Cue]:
    """Return the words that the user lists as cues, in every field."""
    cues = []
    for word in words:
        features = tuple(Feature(field, tokens.plain(word)) for field in fields)
        rows = table.frequency(features)
        near = _as_frequent(table, features, rows)
        _, spelled = table.seen([*features, *near])
        frequent = tuple(Token((feature,), spelled[feature]) for feature in near)
        written = next((spelled[feature] for feature in features if feature in spelled), word)
        cues.append(Cue({"listed": word}, Token(features, written), rows, frequent))
    return cues


def _as_frequent(table: Table, own: Sequence[Feature], rows: int) -> list[Feature]:
    """Words that say nothing, nearest in frequency, of each field."""
    fields: dict[str, list[Feature]] = {feature.field: [] for feature in own}
    for feature in table.words:
        if feature.field in fields and feature not in own:
            fields[feature.field].append(feature)
    return [feature for words in fields.values() for feature in _nearest(table, words, rows)]


def _nearest(table: Table, words: Sequence[Feature], rows: int) -> list[Feature]:
    return heapq.nsmallest(FREQUENT_WORDS, words, key=lambda feature: (_distance(table, feature, rows), feature))


def _distance(table: Table, feature: Feature, rows: int) -> float:
    return abs(math.log(table.frequency((feature,)) / max(rows, 1)))


def _as_strong(tie: Tie, ties: Sequence[Tie]) -> list[Feature]:
    """Others that go with the label, nearest in strength."""
    others = [
        each
        for each in ties
        if each.feature != tie.feature
        and each.label == tie.label
        and each.feature.field == tie.feature.field
        and tie.strength / FACTOR <= each.strength <= tie.strength * FACTOR
    ]
    others.sort(key=lambda each: (abs(each.strength - tie.strength), each.feature))
    return [each.feature for each in others[:STRONG_WORDS]]


class Trials:
    """The cases of cues in the home rows of one look."""

    def __init__(self, audit: Audit, table: Table, examples: Sequence[Example], share: float) -> None:
        self._audit, self._table = audit, table
        self._have = {
            row.id: {field: dict.fromkeys(tokens.small_pieces(row.inputs[field])) for field in audit.task.fields}
            for row in examples
        }
        self._examples = examples
        self._hosts = [row for row in examples if audit.rng("host", row.id).random() < share]

    def cases(self, cue: Cue) -> Iterator[Case]:
        """Yield the texts without the cue, then those with it put in."""
        yield from self._removing(cue)
        yield from self._putting_in(cue)

    def _removing(self, cue: Cue) -> Iterator[Case]:
        part = {**cue.slice, "change": REMOVED}
        for row in self._examples:
            if self._has(row, cue.token):
                control = self._beside(row, cue)
                edits = self._without(row, cue.token)
                if control is not None and edits is not None:
                    yield _case(row, part, edits, CUE)
                    yield _case(row, part, self._without(row, control) or {}, FREQUENT)
                continue
            strong = next((token for token in cue.strong if self._has(row, token)), None)
            edits = None if strong is None else self._without(row, strong)
            if edits is not None:
                yield _case(row, part, edits, STRONG)

    def _putting_in(self, cue: Cue) -> Iterator[Case]:
        part = {**cue.slice, "change": PUT_IN}
        for row in self._hosts:
            if self._has(row, cue.token) or (cue.tie is not None and self._table.label(row) == cue.tie.label):
                continue
            rng = self._audit.rng("place", row.id)
            field = cue.token.features[rng.randrange(len(cue.token.features))].field
            place = rng.randint(0, min(len(text.words_of(row.inputs[field])), FIRST_WORDS))
            strong = self._lacking(row, field, cue.strong, rng.randrange(STRONG_WORDS))
            if strong is not None and rng.random() < STRONG_SHARE:
                yield _case(row, part, _with(strong, field, place), STRONG)
                continue
            frequent = self._lacking(row, field, cue.frequent, rng.randrange(FREQUENT_WORDS))
            if frequent is not None:
                yield _case(row, part, _with(cue.token, field, place), CUE)
                yield _case(row, part, _with(frequent, field, place), FREQUENT)

    def _has(self, row: Example, token: Token) -> bool:
        have = self._have[row.id]
        return any(feature.name in have[feature.field] for feature in token.features)

    def _lacking(self, row: Example, field: str, choices: Sequence[Token], start: int) -> Token | None:
        """The first choice from a place on that the text lacks."""
        own = [token for token in choices if field in {feature.field for feature in token.features}]
        turned = own[start % len(own) :] + own[: start % len(own)] if own else []
        return next((token for token in turned if not self._has(row, token)), None)

    def _beside(self, row: Example, cue: Cue) -> Token | None:
        """The word of the same text that is nearest in frequency."""
        have = self._have[row.id]
        field = next(feature.field for feature in cue.token.features if feature.name in have[feature.field])
        others = [Feature(field, name) for name in have[field] if name != cue.token.name]
        words = [
            feature
            for feature in others
            if any(map(str.isalnum, feature.name))
            and self._table.says_nothing(feature)
            and self._table.frequency((feature,))
        ]
        nearest = min(words, key=lambda feature: _distance(self._table, feature, cue.rows), default=None)
        return None if nearest is None else Token((nearest,), nearest.name)

    def _without(self, row: Example, token: Token) -> Edits | None:
        """The edits that take it out; None where nothing is left."""
        edits: dict[str, tuple[text.Edit, ...]] = {}
        for feature in token.features:
            changes, left = _removed(row.inputs[feature.field], feature.name)
            if changes and not left:
                return None
            if changes:
                edits[feature.field] = changes
        return edits


def _removed(value: str, name: str) -> tuple[tuple[text.Edit, ...], bool]:
    """The edits that take a piece out, and whether text is left."""
    edits, left = [], False
    for place, word in enumerate(text.words_of(value)):
        rest = tokens.without(word, name)
        left = left or bool(rest.strip())
        if rest != word:
            edits.append(text.Edit(place, place + 1, (rest,) if rest.strip() else ()))
    return tuple(edits), left


def _with(token: Token, field: str, place: int) -> Mapping[str, tuple[text.Edit, ...]]:
    return {field: (text.Edit(place, place, (token.written,)),)}


def _case(row: Example, part: Slice, edits: Edits, changed: str) -> Case:
    return Case(row, part, edits, facts={"changed": changed, "row": row.id})
