"""Training on adversarial examples against the model as it stands, made anew every few epochs."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from auditor import text
from auditor.environment import resources
from auditor.errors import ConfigError
from auditor.tasks import entity_goal
from auditor.text import shares, spans
from auditor.training import settings as training
from auditor.training.recipes import _generated_texts
from auditor.training.recipes._ranges import between
from auditor.types import Example, Model, Task

if TYPE_CHECKING:
    from auditor.attacks import attacker as attacking


@dataclass(frozen=True, slots=True)
class Settings:
    """``method``: the attack, as the probe adversarial names it; ``share`` in [0, 1] of the rows that are drawn for it (0:
    standard).
    """

    method: Literal["deepwordbug", "pruthi", "textbugger", "pwws"] = "deepwordbug"
    share: float = 0.2
    first: int = 1
    """Epoch, from 0, of the first attacks: before it there is nothing worth attacking."""
    every: int = 1
    """Epochs from one generation of attacks to the next."""
    max_words_changed: float = 0.2
    """Share in (0, 1] of the words that the model reads of a text; one word always may."""
    query_budget: int = 100
    """Queries of one attack, at least 3."""


class AttackTraining(_generated_texts.Making):
    """Yoo & Qi (2021), "Towards improving adversarial training of NLP models" (A2T), with TextAttack's own attacks.

    Every few epochs a random share of the rows is drawn, and those among them that the model answers rightly are attacked,
    with the model in evaluation mode; the texts that fool it are passed beside all rows until the next generation. (A2T
    goes on until so many attacks succeeded, and ranks words by their gradient.) Where words have labels, the words around
    the entities change until one that the model finds is lost, as in the probe entity_attack.
    """

    name = "attack"
    settings_type = Settings

    def __init__(self, settings: Settings) -> None:
        between(self.name, "share", settings.share, 0, 1)
        between(self.name, "first", settings.first, 0)
        between(self.name, "every", settings.every, 1)
        between(self.name, "max_words_changed", settings.max_words_changed, 1e-6, 1)
        between(self.name, "query_budget", settings.query_budget, 3)
        super().__init__(settings)

    def check(self, task: Task, settings: training.Settings) -> None:
        own: Settings = self.settings
        if own.share and len(task.fields) > 1:
            raise ConfigError("attacks take tasks with one text", where=f"[training.recipe.{self.label}]")
        if own.share and (reason := resources.lacking(own.method)) is not None:
            raise ConfigError(reason, where=f"[training.recipe.{self.label}]", hint="or another method")
        if own.share and not settings.steps and own.first >= settings.epochs:
            hint = f"epochs = {own.first + 1} or more, or first = 0"
            message = f"first = {own.first}, with epochs = {settings.epochs}, never attacks: epochs count from 0"
            raise ConfigError(message, where=f"[training.recipe.{self.label}]", hint=hint)

    def examples(self, examples: Sequence[Example], epoch: int) -> Sequence[Example]:
        settings: Settings = self.settings
        if settings.share == 0 or epoch < settings.first:
            return examples
        # Drawn in any case: a training that is taken up in this epoch leaves the generators as its first one did.
        rng = random.Random(random.getrandbits(64))
        if (epoch - settings.first) % settings.every == 0 and self._epoch != epoch:
            self._made, self._epoch = self._attacked(examples, rng), epoch
        return self.beside(examples)

    def _attacked(self, examples: Sequence[Example], rng: random.Random) -> list[tuple[int, dict[str, str], Any]]:
        settings: Settings = self.settings
        model = self.answering()
        attack = self._words_attacked if self.task.word_level else self._text_attacked
        made = []
        for row in sorted(rng.sample(range(len(examples)), shares.nearest(settings.share, len(examples)))):
            ((field, one),) = examples[row].inputs.items()
            found = attack(model, one, examples[row].gold, rng)
            made += [(row, {field: found[0]}, found[1])] if found is not None else []
        return made

    def _text_attacked(self, model: Model, one: str, gold: Any, rng: random.Random) -> tuple[str, Any] | None:
        """A text that the model answers rightly, changed until it does not; None without such a one."""

        def ask(texts: Sequence[str]) -> Sequence[Sequence[float]]:
            answers: Sequence[Sequence[float]] = model.run(model.encode([(one,) for one in texts]))
            return answers

        label = model.labels.index(str(gold))
        (answer,) = ask([one])
        if max(range(len(answer)), key=answer.__getitem__) != label:
            return None
        found = self._found(ask, one, label, rng, part=_part_read(model, one))
        return (found.text, gold) if found.success else None

    def _words_attacked(self, model: Model, one: str, gold: Any, rng: random.Random) -> tuple[str, Any] | None:
        """A text of whose entities the model finds some, its context changed until one of these is not found any more."""
        before, task = text.split(one), self.task

        def answers(texts: Sequence[str]) -> Sequence[Any]:
            return model.run(model.encode([task.request({"text": one}) for one in texts]))

        wanted = entity_goal.found(task, gold, answers([one])[0])
        if not wanted:
            return None

        def ask(texts: Sequence[str]) -> Sequence[Sequence[float]]:
            return entity_goal.goal(task, before, texts, answers(texts), wanted)

        kept = entity_goal.words_of(spans.spans(gold))
        found = self._found(ask, one, 0, rng, part=(0, len(one)), kept=kept)
        edits = text.diff(before, text.split(found.text))
        origins = text.origins(before, edits)
        if not found.success or entity_goal.broken(before, gold, edits, origins, context_only=True):
            return None
        return found.text, spans.follow(gold, origins)

    def _found(
        self,
        ask: Any,
        one: str,
        label: int,
        rng: random.Random,
        *,
        part: tuple[int, int],
        kept: frozenset[int] = frozenset(),
    ) -> attacking.Outcome:
        from auditor.attacks import attacker as attacking

        settings, own = self.settings, random.Random(rng.getrandbits(64))
        limit = shares.at_most(settings.max_words_changed, len(text.split(one[slice(*part)]).words))
        attacker = attacking.Attacker(settings.method, ask, settings.query_budget)
        return attacker.attack(one, label, limit=limit, rng=own, kept=kept, part=part)


def _part_read(model: Model, one: str) -> tuple[int, int]:
    """Start and end of what the model reads of a text."""
    (whole,) = model.encode([(one,)])
    if not whole.truncated:
        return 0, len(one)
    return text.part_read(one, lambda part: model.encode([(part,)])[0].key == whole.key)


RECIPE = AttackTraining
