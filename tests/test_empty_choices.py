"""Every setting of every probe and recipe that is a list or a table: a choice of nothing is refused in one line."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Iterator, Mapping
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest

from auditor import config as configs
from auditor.config import Config, probe_settings
from auditor.errors import ConfigError
from auditor.plugins import registry
from auditor.training import recipes

MEANT = {
    "probes.capabilities files",
    "probes.capabilities sentiment",
    "probes.coverage columns",
    "probes.entity_bias types",
    "probes.shift priors",
    "probes.spurious tokens",
    "recipe.ia3 feedforward",
}
"""What may be empty because that says something."""


def empty_of(hint: Any) -> list[Any] | dict[str, Any] | None:
    """The empty list or table that a type takes; None where it takes none."""
    kinds = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    origins = {get_origin(kind) or kind for kind in kinds}
    if origins & {tuple, list}:
        return []
    return {} if origins & {Mapping, dict} else None


def choices(default: Any, where: str) -> Iterator[tuple[str, str, Any, Any]]:
    hints = get_type_hints(type(default))
    for field in dataclasses.fields(default):
        empty = empty_of(hints[field.name])
        if empty is not None:
            yield where, field.name, empty, getattr(default, field.name)


OF_PROBES = [
    (probe, name, empty)
    for probe in registry.discover()
    for where, name, empty, _ in choices(probe.settings, f"probes.{probe.name}")
    if f"{where} {name}" not in MEANT
]
OF_RECIPES = [
    (recipe, name, empty)
    for recipe in recipes.names()
    for where, name, empty, usual in choices(recipes.find(recipe).settings_type(), f"recipe.{recipe}")
    if f"{where} {name}" not in MEANT and usual != () and name != "prefixes"
]


def test_the_lists_and_tables_of_probes_and_recipes_are_these() -> None:
    assert {f"{probe.name} {name}" for probe, name, _ in OF_PROBES} == {
        "adversarial recipes",
        "bias axes",
        "entity_bias axes",
        "interpretability shares",
        "label_noise kinds",
        "label_noise rates",
        "low_resource sizes",
        "noise perturbations",
        "noise severities",
        "training_strategy recipes",
    }
    assert {f"{recipe} {name}" for recipe, name, _ in OF_RECIPES} == {
        "augment perturbations",
        "eda operations",
        "ia3 targets",
        "online perturbations",
    }


@pytest.mark.parametrize(("probe", "name", "empty"), OF_PROBES, ids=lambda one: getattr(one, "name", str(one)))
def test_a_probe_refuses_a_choice_of_nothing(probe: Any, name: str, empty: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        probe_settings(probe.settings, {name: empty}, f"[probes.{probe.name}]")
    assert caught.value.line.startswith(f"[probes.{probe.name}]: ")
    assert name in caught.value.line
    assert "\n" not in caught.value.line


@pytest.mark.parametrize(("recipe", "name", "empty"), OF_RECIPES)
def test_a_recipe_refuses_a_choice_of_nothing(recipe: str, name: str, empty: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        recipes.create(recipe, {name: empty})
    assert caught.value.line.startswith(f"[training.recipe.{recipe}]")
    assert name in caught.value.line
    assert "empty" in caught.value.line


def test_what_is_empty_by_default_or_says_something_may_be_empty() -> None:
    (entity_bias,) = (probe for probe in registry.discover() if probe.name == "entity_bias")
    assert probe_settings(entity_bias.settings, {"types": {}}, "here").types == {}
    assert recipes.create("lora", {"targets": []}).settings.targets == ()
    assert recipes.create("ia3", {"feedforward": []}).settings.feedforward == ()


def test_a_hint_shows_what_a_list_may_hold() -> None:
    (bias,) = (probe for probe in registry.discover() if probe.name == "bias")
    with pytest.raises(ConfigError) as caught:
        probe_settings(bias.settings, {"axes": []}, "[probes.bias]")
    assert caught.value.line == (
        "[probes.bias]: axes is empty "
        "(leave it out for gender, ethnicity by name, nationality, religion, age, disability, sexual orientation)"
    )


def test_recipes_of_a_training_are_one_or_more() -> None:
    assert Config().training.recipes == configs.load(None).training.recipes == ("standard",)
    with pytest.raises(ValueError, match="recipes"):
        Config.model_validate_json('{"training": {"recipes": []}}')
