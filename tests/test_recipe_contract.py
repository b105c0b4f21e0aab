"""Every recipe with every task that it serves, and each rule of check_recipe broken by a recipe here."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from test_planted_defects import TASKS
from test_recipes_trained import NEEDED, NO_STRENGTH
from test_training import reviews

from auditor.errors import ConfigError
from auditor.settings import CheckedSettings, Fraction
from auditor.testing import check_recipe, sample_rows
from auditor.testing import recipes as checking
from auditor.training import recipes
from auditor.training.recipes import Recipe
from auditor.training.settings import Settings as TrainingSettings
from auditor.types import Example, Task

GIVEN: dict[str, dict[str, Any]] = {**NEEDED, "attack": {"first": 0, "share": 1.0, "query_budget": 10}}
"""Recipe → what it does nothing without in two epochs."""
REFUSED: dict[str, tuple[dict[str, Any], ...]] = {
    "attack": ({"share": 1.1}, {"first": -1}, {"every": 0}, {"max_words_changed": 0.0}, {"query_budget": 2}),
    "augment": ({"share": -0.1}, {"words": 0.0}, {"perturbations": ["typo"]}, {"perturbations": []}),
    "back_translation": ({"share": 2.0},),
    "bitfit": ({"share": 1.0},),
    "bottleneck": ({"width": 0},),
    "distill": ({"weight": -1.0}, {"temperature": 0.0}),
    "eda": ({"copies": -1}, {"words": 0.0}, {"operations": []}),
    "ewc": ({"strength": -1.0}, {"rows": 0}),
    "fgm": ({"epsilon": -1.0},),
    "freelb": ({"steps": 0}, {"step_size": -1.0}, {"initial": -1.0}, {"max_norm": -1.0}),
    "freeze_layers": ({"layers": -1},),
    "grow": ({"width": 0},),
    "ia3": ({"targets": []},),
    "label_smoothing": ({"share": 1.0},),
    "lora": ({"rank": 0}, {"alpha": 0.0}, {"dropout": 1.0}),
    "online": ({"candidates": 0}, {"share": 1.1}),
    "pgd": ({"epsilon": -1.0},),
    "prefix": ({"tokens": 0},),
    "prompt": ({"tokens": 0},),
    "r3f": ({"weight": -1.0},),
    "replay": ({"keep": -1},),
    "smart": ({"smoothness": -1.0}, {"proximal": -1.0}),
    "standard": ({"epsilon": 1.0},),
}
"""Recipe → settings that it refuses, each on its own."""
UNSERVED = {
    **{
        (name, task): f"compares probabilities of labels, and {task} has none"
        for name in recipes.names()
        for task in ("question-answering", "sentence-similarity", "text-regression")
        if recipes.find(name).reads_labels
    },
}
"""Recipe and task → why it does not serve it."""


def test_every_recipe_has_settings_that_it_refuses() -> None:
    assert REFUSED.keys() == set(recipes.names())


def rows(task: Task, recipe: str) -> Sequence[Example] | None:
    """Texts that the tables of paraphrases and synonyms of the tests have."""
    if recipe not in ("back_translation", "eda") or task.layout != "rows":
        return None
    marked = "<e1> it </e1> <e2> that </e2> " if task.marked else ""
    return [
        replace(row, inputs=dict.fromkeys(task.fields, f"{marked}{row.inputs['text']}"), gold=gold(task, place))
        for place, row in enumerate(reviews(8))
    ]


def gold(task: Task, place: int) -> Any:
    """One of two golds in turn."""
    if "numbers" in task.offers:
        return float(place % 2)
    return (task.labels[place % 2],) if "label_sets" in task.offers else task.labels[place % 2]


def contexts(file: Path) -> Path:
    """A table with a paraphrase of what stands behind the names of every sentence."""
    ends = {" ".join(row.inputs["text"].split()[-6:]) for row in sample_rows(TASKS["ner"], 12, "train")}
    lines = ["text,paraphrase", *(f"{end},before all that {end}" for end in sorted(ends))]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def questions(file: Path) -> Path:
    """A table with a paraphrase of every question."""
    asked = [row.inputs["question"] for row in sample_rows(TASKS["question-answering"], 12, "train")]
    lines = ["text,paraphrase", *(f'"{question}","tell me: {question}"' for question in asked)]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", recipes.names())
def test_a_recipe_keeps_its_contract_or_says_why_it_does_not_serve(name: str, task: str, tmp_path: Path) -> None:
    given = GIVEN.get(name)
    if (name, task) == ("back_translation", "ner"):
        given = {"table": contexts(tmp_path / "contexts.csv")}
    if (name, task) == ("back_translation", "question-answering"):
        given = {"table": questions(tmp_path / "questions.csv")}
    check_recipe(
        recipes.find(name),
        TASKS[task],
        examples=rows(TASKS[task], name),
        given=given,
        refused=REFUSED[name],
        no_strength=NO_STRENGTH.get(name),
        reason=UNSERVED.get((name, task)),
    )


@dataclass(frozen=True)
class Settings(CheckedSettings):
    """``share`` of the loss that is added once more; 0: standard."""

    share: Fraction = 0.5


class Louder(Recipe):
    """A larger loss, of which a part is drawn, and a running mean of it."""

    name = "louder"
    settings_type: ClassVar[Any] = Settings

    def __init__(self, settings: Any) -> None:
        super().__init__(settings)
        self.mean: Any = None

    def prepare(self, model: Any) -> Any:
        self.mean = None
        return model

    def backward(self, model: Any, batch: dict[str, Any], step: int) -> float:
        if self.settings.share == 0:
            return super().backward(model, batch, step)
        loss = model(**batch).loss
        self.mean = loss.detach() if self.mean is None else (self.mean + loss.detach()) / 2
        self.training.accumulate(loss * (1 + self.settings.share * self.training.rng.random() + self.mean))
        return float(loss.detach())

    def state(self) -> Mapping[str, Any]:
        return {} if self.mean is None else {"mean": self.mean}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self.mean = state.get("mean")


@dataclass
class Thawed:
    share: float = 0.5


@dataclass(frozen=True)
class Anything(Settings):
    more: Any = 3


@dataclass(frozen=True)
class Infinite(Settings):
    most: float = float("inf")


class Undescribed(Louder):
    pass


class NoRecipe:
    """No recipe."""

    name = "none"


class Nameless(Recipe):
    """A recipe without a name."""


def broken(**members: Any) -> Any:
    """The recipe with other members."""
    return type("Broken", (Louder,), {"__doc__": "Broken.", **members})


def picky(self: Any, settings: Any) -> None:
    if settings.share == 0.77:
        raise ValueError("no")
    Louder.__init__(self, settings)


def dividing(self: Any, settings: Any) -> None:
    1 / settings.share
    Louder.__init__(self, settings)


def refuse(_self: Any, task: Task, _settings: TrainingSettings) -> None:
    raise ConfigError(f"takes no {task.name}")


def spoil(_self: Any, examples: Sequence[Example], _epoch: int) -> Sequence[Example]:
    examples[0].inputs["text"] = "spoiled"  # type: ignore[index]
    return examples


def at_random(_self: Any, examples: Sequence[Example], _epoch: int) -> Sequence[Example]:
    return random.sample(list(examples), 4)


def idly(_self: Any, examples: Sequence[Example], _epoch: int) -> Sequence[Example]:
    random.random()
    return examples


def reversed_rows(_self: Any, examples: Sequence[Example], _epoch: int) -> Sequence[Example]:
    return list(reversed(examples))


def always_louder(self: Any, model: Any, batch: dict[str, Any], _step: int) -> float:
    loss = model(**batch).loss
    self.training.accumulate(2 * loss)
    return float(loss.detach())


def as_tensor(self: Any, model: Any, batch: dict[str, Any], _step: int) -> Any:
    loss = model(**batch).loss
    self.training.accumulate(loss)
    return loss.detach()


BROKEN: dict[str, list[Any]] = {
    "members": [NoRecipe, Nameless, Louder(Settings()), broken(name="Not Snake")],
    "docstring": [Undescribed, broken(__doc__=" ")],
    "name of its own": [broken(name="fgm")],
    "settings frozen": [broken(settings_type=Thawed), broken(settings_type=dict)],
    "settings validated": [broken(settings_type=Anything)],
    "settings refused in one line": [broken(__init__=dividing)],
    "settings in JSON": [broken(settings_type=Infinite)],
    "refused": [broken(__init__=lambda self, settings: Recipe.__init__(self, settings)), broken(__init__=picky)],
    "serves the task": [broken(check=refuse), broken(check=lambda _self, _task, _settings: 1 // 0)],
    "no crash": [
        broken(prepare=lambda _self, _model: None),
        broken(backward=lambda _self, _model, _batch, _step: 1 // 0),
        broken(finish=lambda _self, _model: None),
    ],
    "losses": [broken(backward=as_tensor), broken(backward=lambda _self, _model, _batch, _step: float("nan"))],
    "rows stay": [broken(examples=spoil)],
    "own generator": [broken(examples=at_random), broken(examples=idly)],
    "no strength": [
        broken(backward=always_louder),
        broken(examples=reversed_rows),
    ],
    "state": [
        broken(state=lambda _self: {}),
        broken(load_state=lambda _self, _state: None),
        broken(load_state=lambda _self, _state: 1 // 0),
    ],
    "release": [broken(release=lambda _self: None)],
}
"""Rule → recipes that break it."""
ONE = TASKS["text-classification"]


def test_a_sound_recipe_passes() -> None:
    check_recipe(Louder, ONE, refused=[{"share": 1.5}], no_strength={"share": 0.0})
    check_recipe(broken(check=refuse), ONE, reason="takes no text-classification")


def test_every_rule_is_broken_here() -> None:
    assert BROKEN.keys() == checking.MEND.keys()


@pytest.mark.parametrize(
    ("rule", "kind"),
    [(rule, kind) for rule, some in BROKEN.items() for kind in some],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_a_recipe_that_breaks_a_rule_is_told_which_and_how_to_mend_it(rule: str, kind: Any) -> None:
    refused = [{"share": 0.77}] if rule == "refused" else []
    with pytest.raises(AssertionError) as caught:
        check_recipe(kind, ONE, examples=sample_rows(ONE, 6), refused=refused, no_strength={"share": 0.0})
    said = str(caught.value)
    assert said.startswith("recipe ")
    assert f" with task text-classification breaks the rule {rule!r}: " in said
    assert said.endswith(f"Mend: {checking.MEND[rule]}.")


def test_a_task_that_is_served_is_not_said_to_be_refused() -> None:
    with pytest.raises(AssertionError, match="breaks the rule 'serves the task'"):
        check_recipe(Louder, ONE, reason="takes no text-classification")
