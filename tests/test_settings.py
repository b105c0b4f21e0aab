"""A number out of its range is refused in one line."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import pytest
from annotated_types import Ge, Gt, Interval, Le, Lt, MinLen
from pydantic import BaseModel, Field

from auditor import settings
from auditor.config import Config, of_document, probe_settings
from auditor.config.schema import AuditSection, TrainingSection
from auditor.errors import ConfigError
from auditor.evaluation import build_plan
from auditor.plugins import registry
from auditor.settings import CheckedSettings, Count, Share, check
from auditor.training import recipes

PROBES = registry.discover()
WORDS = {
    (Ge(1),): "at least 1",
    (Ge(2),): "at least 2",
    (Ge(3),): "at least 3",
    (Ge(30),): "at least 30",
    (Gt(0), Le(1)): "above 0 and at most 1",
    (Gt(0), Lt(1)): "above 0 and below 1",
    (Gt(0),): "above 0",
    (Ge(0),): "at least 0",
    (Ge(0), Le(1)): "from 0 to 1",
    (Ge(0), Lt(1)): "at least 0 and below 1",
    (Ge(1), Le(3)): "from 1 to 3",
    (Ge(1), Le(12)): "from 1 to 12",
    (Ge(1), Le(432)): "from 1 to 432",
    (Ge(0), Le(90)): "from 0 to 90",
    (Ge(1000),): "at least 1000",
    (Ge(10),): "at least 10",
    (Ge(2), Le(20)): "from 2 to 20",
    (Ge(0), Le(20)): "from 0 to 20",
}
"""Bounds → what a user reads."""


def numbers(hint: Any, marks: tuple[Any, ...] = ()) -> Iterator[tuple[str, type, tuple[Any, ...]]]:
    """The numbers that a type holds: where, kind and bounds.

    Where: "" for the number itself, "list" and "table" for what holds it.
    """
    origin, arms = get_origin(hint), get_args(hint)
    if hint in (int, float):
        yield "", hint, marks
    elif origin is Annotated:
        yield from numbers(arms[0], arms[1:])
    elif origin in (Union, types.UnionType):
        for arm in arms:
            yield from numbers(arm)
    elif origin is tuple:
        yield from (("list", kind, own) for _, kind, own in numbers(arms[0]))
    elif origin is Mapping:
        yield from (("table", kind, own) for _, kind, own in numbers(arms[1]))


NUMBERS = [
    (probe, name, shape, kind, marks)
    for probe in PROBES
    for name, hint in get_type_hints(type(probe.settings), include_extras=True).items()
    for shape, kind, marks in numbers(hint)
]


def beyond(kind: type, marks: tuple[Any, ...]) -> Iterator[float]:
    """The nearest values outside the bounds."""
    for mark in marks:
        if isinstance(mark, Ge | Le):
            yield kind(mark.ge - 1 if isinstance(mark, Ge) else mark.le + 1)  # type: ignore[operator]
        else:
            yield kind(mark.gt if isinstance(mark, Gt) else mark.lt)


OUTSIDE = [
    pytest.param(probe, name, shape, value, WORDS[marks], id=f"{probe.name} {name} {value}")
    for probe, name, shape, kind, marks in NUMBERS
    for value in beyond(kind, marks)
]


def test_every_number_of_every_probe_has_a_range() -> None:
    assert [f"{probe.name} {name}" for probe, name, _, _, marks in NUMBERS if not marks] == []
    assert {"noise", "quality", "adversarial", "label_noise"} <= {probe.name for probe, *_ in NUMBERS}
    assert len(OUTSIDE) >= 40


@pytest.mark.parametrize(("probe", "name", "shape", "value", "words"), OUTSIDE)
def test_a_number_out_of_range_is_refused_however_it_is_set(
    probe: Any, name: str, shape: str, value: float, words: str
) -> None:
    given = {"": value, "list": [value], "table": {"x": value}}[shape]
    made = tuple(given) if isinstance(given, list) else given
    key = {"": name, "list": f"[{name}] 0", "table": f"[{name}] x"}[shape]
    line = f"{key} = {value} must be {words}"
    with pytest.raises(ConfigError) as caught:
        type(probe.settings)(**{name: made})
    assert caught.value.line == line
    with pytest.raises(ConfigError) as caught:
        dataclasses.replace(probe.settings, **{name: made})
    assert caught.value.line == line
    config = of_document({"probes": {probe.name: {name: given}}}, "audit.toml")
    with pytest.raises(ConfigError) as caught:
        build_plan.probe_settings(config, PROBES)
    assert caught.value.line == f"[probes.{probe.name}]: {line}"


NUMBERS_OF_RECIPES = [
    (recipe, name, kind, marks)
    for recipe in recipes.names()
    for name, hint in get_type_hints(recipes.find(recipe).settings_type, include_extras=True).items()
    for _, kind, marks in numbers(hint)
]
OUTSIDE_OF_RECIPES = [
    pytest.param(recipe, name, value, WORDS[marks], id=f"{recipe} {name} {value}")
    for recipe, name, kind, marks in NUMBERS_OF_RECIPES
    for value in beyond(kind, marks)
]


def test_every_number_of_every_recipe_has_a_range() -> None:
    assert [f"{recipe} {name}" for recipe, name, _, marks in NUMBERS_OF_RECIPES if not marks] == []
    without = {"bitfit", "ia3", "standard"}
    assert {recipe for recipe, *_ in NUMBERS_OF_RECIPES} == set(recipes.names()) - without
    assert len(OUTSIDE_OF_RECIPES) >= 50


@pytest.mark.parametrize(("recipe", "name", "value", "words"), OUTSIDE_OF_RECIPES)
def test_a_number_of_a_recipe_out_of_range_is_refused_however_it_is_set(
    recipe: str, name: str, value: float, words: str
) -> None:
    line = f"{name} = {value} must be {words}"
    kind = recipes.find(recipe).settings_type
    with pytest.raises(ConfigError) as caught:
        kind(**{name: value})
    assert caught.value.line == line
    with pytest.raises(ConfigError) as caught:
        dataclasses.replace(kind(), **{name: value})
    assert caught.value.line == line
    with pytest.raises(ConfigError) as caught:
        recipes.create(recipe, {name: value})
    assert caught.value.line == f"[training.recipe.{recipe}]: {line}"
    with pytest.raises(ConfigError) as caught:
        recipes.create("mine", {"recipe": recipe, name: value})
    assert caught.value.line == f"[training.recipe.mine]: {line}"


@pytest.mark.parametrize(
    ("recipe", "name"), [(recipe, name) for recipe, name, kind, _ in NUMBERS_OF_RECIPES if kind is float]
)
def test_no_number_of_a_recipe_is_without_an_end(recipe: str, name: str) -> None:
    for value in (float("inf"), float("nan")):
        with pytest.raises(ConfigError, match=f"{name} = {value} must be "):
            recipes.find(recipe).settings_type(**{name: value})
        with pytest.raises(ConfigError) as caught:
            recipes.create(recipe, {name: value})
        assert caught.value.line.startswith(f"[training.recipe.{recipe}]: {name} holds nan or inf")


def test_a_recipe_may_name_twice_what_means_something_twice() -> None:
    assert recipes.create("eda", {"operations": ["swap", "swap", "deletion"]}).settings.operations[1] == "swap"
    assert recipes.create("augment", {"perturbations": ["typos", "typos"]}).settings.perturbations == ("typos",) * 2
    there_and_back = recipes.create("back_translation", {"translators": ["m", "m"], "prefixes": ["", ""]}).settings
    assert len(there_and_back.translators) == 2
    with pytest.raises(ConfigError) as caught:
        recipes.create("lora", {"targets": ["query", "query"]})
    assert caught.value.line == "[training.recipe.lora]: targets names 'query' twice"


@dataclass(frozen=True, slots=True)
class Options(CheckedSettings):
    examples: Count = 3
    share: Share | None = None
    size: Annotated[float, Interval(ge=-0.5, lt=2)] = 0.0
    depth: Annotated[int, Field(ge=1, le=4)] = 1
    by_name: Mapping[str, Annotated[tuple[Count, ...], MinLen(2)]] = field(default_factory=lambda: {"a": (1, 2)})
    pair: tuple[int, str] = (0, "")
    words: Annotated[tuple[str, ...], MinLen(1)] = ("a",)
    steps: Count | str | None = "all"
    sizes: Count | tuple[Count, ...] = 1
    mixed: Mapping[str, tuple[Annotated[Count, Ge(5)] | str, ...]] = field(default_factory=dict)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"examples": 0}, "examples = 0 must be at least 1"),
        ({"share": float("nan")}, "share = nan must be above 0 and at most 1"),
        ({"size": 2.0}, "size = 2.0 must be at least -0.5 and below 2"),
        ({"depth": 5}, "depth = 5 must be from 1 to 4"),
        ({"by_name": {"a": (1, 0)}}, "[by_name.a] 1 = 0 must be at least 1"),
        ({"by_name": {"a": (1,)}}, "[by_name] a = (1,) must have at least 2 entries"),
        ({"words": ()}, "words = () is empty"),
        ({"words": ("a", "b", "a")}, "words names 'a' twice"),
        ({"steps": -5}, "steps = -5 must be at least 1"),
        ({"sizes": 0}, "sizes = 0 must be at least 1"),
        ({"sizes": (2, 0)}, "[sizes] 1 = 0 must be at least 1"),
        ({"mixed": {"a": ("all", 3)}}, "[mixed.a] 1 = 3 must be at least 5"),
    ],
)
def test_what_is_made_in_python_is_checked(given: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Options(**given)
    assert caught.value.line == line


def test_what_lies_within_is_taken_the_ends_among_it() -> None:
    Options(examples=1, share=1.0, size=-0.5, depth=4, words=("a", "b"))
    Options(share=None, depth=1, by_name={})
    Options(steps=None, sizes=(1, 2), mixed={"a": ("all", 5)})


def test_settings_with_checks_of_their_own_are_checked_first() -> None:
    @dataclass(frozen=True, slots=True)
    class Own(Options):
        def __post_init__(self) -> None:
            check(self)
            if self.examples % 2:
                raise ConfigError(f"examples = {self.examples} is odd")

    with pytest.raises(ConfigError, match="examples = 0 must be at least 1"):
        Own(examples=0)
    with pytest.raises(ConfigError, match="examples = 3 is odd"):
        Own()
    with pytest.raises(ConfigError, match="depth = 0 must be from 1 to 4"):
        dataclasses.replace(Own(examples=2), depth=0)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"by_name": {"a": [1, 0]}}, "[by_name.a] 1 = 0 must be at least 1"),
        ({"by_name": {"a": [1]}}, "[by_name] a = [1] must have at least 2 entries"),
        ({"words": []}, "words is empty (leave it out for a)"),
        ({"depth": 0}, "depth = 0 must be from 1 to 4"),
        ({"examples": []}, "examples = [] should be a whole number"),
        ({"steps": -5}, "steps = -5 must be at least 1"),
        ({"steps": 1.5}, "steps = 1.5 should be a whole number or text in quotes"),
        ({"sizes": 0}, "sizes = 0 must be at least 1"),
        ({"sizes": [2, 0]}, "[sizes] 1 = 0 must be at least 1"),
        ({"sizes": "all"}, 'sizes = "all" should be a whole number or a list'),
        ({"sizes": [2, "all"]}, '[sizes] 1 = "all" should be a whole number'),
        ({"mixed": {"a": ["all", 3]}}, "[mixed.a] 1 = 3 must be at least 5"),
    ],
)
def test_a_config_says_it_in_the_same_words(given: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        probe_settings(Options(), given, "[here]")
    assert caught.value.line == f"[here]: {line}"


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        (int, ""),
        (Count, "at least 1"),
        (Share | None, "above 0 and at most 1"),
        (Annotated[float, Lt(0.5)], "below 0.5"),
        (Annotated[int, Le(2**32)], "at most 4294967296"),
        (tuple[Count, ...], ""),
        (Count | str, ""),
        (Annotated[Count, Ge(5)], "at least 5"),
        (Annotated[Annotated[int, Ge(5)], Ge(1)], "at least 5"),
        (Annotated[float, Ge(1), Gt(1)], "above 1"),
        (Annotated[float, Ge(2), Gt(1)], "at least 2"),
        (Annotated[float, Ge(1), Gt(2)], "above 2"),
        (Annotated[float, Le(9), Le(4)], "at most 4"),
        (Annotated[float, Le(4), Lt(4)], "below 4"),
        (Annotated[float, Le(3), Lt(4)], "at most 3"),
        (Annotated[Share, Ge(0.25), Le(0.5)], "from 0.25 to 0.5"),
        (Annotated[Share, Lt(0.5)], "above 0 and below 0.5"),
    ],
)
def test_ranges_in_words(hint: Any, words: str) -> None:
    assert settings.range_of(hint) == words


def test_what_a_list_or_a_table_holds() -> None:
    assert settings.element(Annotated[tuple[Count, ...], MinLen(1)] | None) == Count
    assert settings.element(Mapping[str, Share]) == settings.element(dict[str, Share]) == Share
    assert settings.element(tuple[int, str]) is settings.element(str) is settings.element(Config) is None


def ranges_of_sections() -> Iterator[tuple[str, str, Any]]:
    kinds: dict[str, type[BaseModel]] = {"": Config, "training": TrainingSection, "audit": AuditSection}
    for section, kind in kinds.items():
        for name, entry in kind.model_fields.items():
            least = [mark.ge for mark in entry.metadata if isinstance(mark, Ge)]
            yield from ((section, name, int(bound) - 1) for bound in least)  # type: ignore[call-overload]


@pytest.mark.parametrize(("section", "name", "value"), list(ranges_of_sections()))
def test_a_number_of_the_config_out_of_range_is_told_its_whole_range(section: str, name: str, value: int) -> None:
    document = {section: {name: value}} if section else {name: value}
    with pytest.raises(ConfigError) as caught:
        of_document(document, "audit.toml")
    key = f"[{section}] {name}" if section else name
    line = caught.value.line
    assert line.startswith(
        (f"audit.toml: {key} = {value} must be at least {value + 1}", f"audit.toml: {key} = {value} must be from")
    )
