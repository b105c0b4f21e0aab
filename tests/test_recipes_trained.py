"""Every recipe through the loop on a tiny random model: strength 0, what is trained, what is added."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from test_training import SETTINGS, TASK, reviews, same, weights
from tiny import tiny_checkpoint

from auditor.errors import ConfigError, ModelError
from auditor.models import adapters, hugging_face
from auditor.models.fake import FakeModel
from auditor.perturbations.catalogue import FAMILIES
from auditor.testing import started
from auditor.training import loop, recipes
from auditor.training.layers import depths
from auditor.training.recipes import _perturbed_rows
from auditor.types import Classify, Example, Request

NO_STRENGTH: dict[str, dict[str, Any]] = {
    "fgm": {"epsilon": 0.0},
    "pgd": {"epsilon": 0.0},
    "freelb": {"step_size": 0.0, "initial": 0.0},
    "smart": {"smoothness": 0.0, "proximal": 0.0},
    "r3f": {"weight": 0.0},
    "label_smoothing": {"share": 0.0},
    "freeze_layers": {"layers": 0},
    "online": {"share": 0.0},
    "augment": {"share": 0.0},
    "attack": {"share": 0.0},
    "eda": {"copies": 0},
    "back_translation": {"share": 0.0},
    "replay": {"keep": 0},
    "ewc": {"strength": 0.0},
    "distill": {"weight": 0.0},
}
"""Recipe → the settings that make it standard training."""
TABLES = Path(__file__).parents[1] / "fixtures" / "recipes"
NEEDED: dict[str, dict[str, Any]] = {
    "freeze_layers": {"layers": 1},
    "eda": {"synonyms": TABLES / "synonyms.csv"},
    "back_translation": {"table": TABLES / "paraphrases.csv"},
}
"""Recipe → what it cannot do without, or does nothing without."""
WITHOUT_STRENGTH = {"standard", "bitfit", "lora", "ia3", "prompt", "prefix", "bottleneck", "grow"}
"""They choose which parameters are trained: there is nothing to turn down to none."""


EARLIER = (reviews(8), reviews(6))
"""Training rows of earlier periods, for the recipes that read them."""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("base"), head=False)


def train(base: Path, recipe: recipes.Recipe, rows: Sequence[Example] | None = None, **more: Any) -> loop.Trained:
    settings = replace(SETTINGS, **more)
    own = rows or reviews(10)
    run = loop.TrainingRun(base, own, (), TASK, recipe, settings, seed=3, device="cpu", earlier=EARLIER)
    return loop.train(run)


@pytest.fixture(scope="module")
def standard(base: Path) -> dict[str, torch.Tensor]:
    return weights(train(base, recipes.create("standard", {})))


def test_every_recipe_stands_in_one_of_the_tables() -> None:
    assert set(recipes.names()) == NO_STRENGTH.keys() | WITHOUT_STRENGTH


@pytest.mark.parametrize("name", sorted(NO_STRENGTH))
def test_a_recipe_of_no_strength_is_standard_training_bit_for_bit(
    base: Path, standard: dict[str, torch.Tensor], name: str
) -> None:
    assert same(weights(train(base, recipes.create(name, NO_STRENGTH[name]))), standard)


def test_freelb_of_one_pass_and_no_step_is_standard_training_bit_for_bit(
    base: Path, standard: dict[str, torch.Tensor]
) -> None:
    recipe = recipes.create("freelb", {"steps": 1, "step_size": 0.1, "initial": 0.0})
    assert same(weights(train(base, recipe)), standard)


@pytest.mark.parametrize("name", sorted(set(recipes.names()) - {"standard", "attack"}))
def test_every_recipe_with_its_defaults_trains_other_weights_and_the_same_again(
    base: Path, standard: dict[str, torch.Tensor], name: str
) -> None:
    rows = reviews(24)
    given = NEEDED.get(name, {})
    one, other = (train(base, recipes.create(name, given), rows) for _ in range(2))
    assert same(weights(one), weights(other))
    assert not same(weights(one), weights(train(base, recipes.create("standard", {}), rows)))
    # A checkpoint like any other: the same names as standard training gives, beside what does not merge.
    assert adapters.plain_weights(one.model).keys() == standard.keys()
    assert (weights(one).keys() == standard.keys()) is (name not in {"prompt", "prefix", "bottleneck", "grow"})
    assert all(bool(torch.isfinite(value).all()) for value in weights(one).values())
    assert 0 < one.trainable <= one.parameters


def test_depths_are_those_of_the_layers(base: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(str(base), num_labels=2)
    found = depths(model)
    layers = model.config.num_hidden_layers
    assert found["bert.embeddings.word_embeddings.weight"] == 0
    assert found["bert.embeddings.LayerNorm.bias"] == 0
    assert found["bert.encoder.layer.0.attention.self.query.weight"] == 1
    assert found[f"bert.encoder.layer.{layers - 1}.output.dense.bias"] == layers
    assert found["bert.pooler.dense.weight"] == found["classifier.bias"] == layers + 1


def before(base: Path) -> dict[str, torch.Tensor]:
    """The base's own weights under the names of the trained model."""
    return {
        f"bert.{name.removeprefix('bert.')}": value for name, value in load_file(base / "model.safetensors").items()
    }


def changed(base: Path, trained: loop.Trained) -> set[str]:
    old = before(base)
    return {name for name, value in weights(trained).items() if name not in old or not torch.equal(value, old[name])}


def test_bitfit_changes_biases_and_the_head_only(base: Path) -> None:
    trained = train(base, recipes.create("bitfit", {}))
    found = changed(base, trained)
    assert "bert.encoder.layer.0.attention.self.query.bias" in found
    assert all(name.endswith("bias") or name.startswith(("bert.pooler.", "classifier.")) for name in found)
    assert trained.trainable < trained.parameters / 2


def test_freezing_layers_leaves_them_and_the_embeddings_alone(base: Path) -> None:
    found = changed(base, train(base, recipes.create("freeze_layers", {"layers": 1})))
    assert not any(name.startswith(("bert.embeddings.", "bert.encoder.layer.0.")) for name in found)
    assert any(name.startswith("bert.encoder.layer.1.") for name in found)


def test_more_layers_than_there_are_cannot_be_frozen(base: Path) -> None:
    with pytest.raises(ModelError) as caught:
        train(base, recipes.create("freeze_layers", {"layers": 7}))
    assert caught.value.line == "recipe freeze_layers: the base has 2 layers, not 7 (layers = 1 … 2)"


def test_lora_adds_an_update_of_its_rank_to_linear_maps_and_trains_the_head(base: Path) -> None:
    trained = train(base, recipes.create("lora", {"rank": 2, "alpha": 4.0}))
    old, new = before(base), weights(trained)
    for name in changed(base, trained):
        if name.startswith("bert.encoder."):
            assert name.endswith(".weight")
            assert int(torch.linalg.matrix_rank(new[name] - old[name], atol=1e-6)) <= 2
        else:
            assert name.startswith(("bert.pooler.", "classifier.")), name
    query = "bert.encoder.layer.0.attention.self.query.weight"
    assert not torch.equal(old[query], new[query])


def test_lora_trains_the_maps_that_it_is_told(base: Path) -> None:
    found = changed(base, train(base, recipes.create("lora", {"targets": ["value"]})))
    inside = {name.rsplit(".", 2)[-2] for name in found if name.startswith("bert.encoder.")}
    assert inside == {"value"}


@pytest.mark.parametrize(("name", "given"), [("lora", {"targets": ["qurey"]}), ("ia3", {"targets": ["qurey"]})])
def test_maps_that_are_not_there_are_refused(base: Path, name: str, given: dict[str, Any]) -> None:
    with pytest.raises(ModelError) as caught:
        train(base, recipes.create(name, given))
    assert caught.value.line == f"recipe {name}: no linear map is called qurey (known: dense, key, query, value)"


def test_ia3_rescales_keys_values_and_the_inner_activations(base: Path) -> None:
    trained = train(base, recipes.create("ia3", {}), learning_rate=1e-2)
    inside = {name.split("layer.")[1][2:] for name in changed(base, trained) if name.startswith("bert.encoder.")}
    wanted = {"attention.self.key.weight", "attention.self.value.weight", "output.dense.weight"}
    assert wanted <= inside <= wanted | {"attention.self.key.bias", "attention.self.value.bias"}


def test_what_peft_merges_answers_as_it_did_before(base: Path) -> None:
    trained = train(base, recipes.create("lora", {}))
    model = loop.as_model(trained, name="m")
    (answer,) = model.run(model.encode([Classify(("good film",))]))
    assert sum(answer) == pytest.approx(1.0)
    assert type(trained.model).__name__ == "BertForSequenceClassification"


class Watched:
    """Notes the rows of each epoch."""

    def __init__(self, recipe: recipes.Recipe) -> None:
        self.recipe, self.epochs = recipe, list[Sequence[Example]]()
        inner = recipe.examples

        def examples(rows: Sequence[Example], epoch: int) -> Sequence[Example]:
            self.epochs.append(inner(rows, epoch))
            return self.epochs[-1]

        recipe.examples = examples  # type: ignore[method-assign, assignment]


LONG = [
    replace(one, inputs={"text": one.inputs["text"] + ", because the actors are wonderful."}) for one in reviews(40)
]


def test_online_perturbs_its_share_of_the_rows_anew_in_every_epoch(base: Path) -> None:
    watched = Watched(recipes.create("online", {"share": 0.5}))
    train(base, watched.recipe, LONG, epochs=3)
    texts = [[one.inputs["text"] for one in rows] for rows in watched.epochs]
    plain = [one.inputs["text"] for one in LONG]
    assert [len(rows) for rows in texts] == [40, 40, 40]
    assert all(8 < sum(a != b for a, b in zip(rows, plain, strict=True)) < 32 for rows in texts)
    assert texts[0] != texts[1] != texts[2]
    assert [one.gold for one in watched.epochs[2]] == [one.gold for one in LONG]


def test_the_worst_of_several_is_the_one_whose_label_is_least_likely() -> None:
    asked: dict[str, float] = {}

    def answer(request: Request) -> tuple[float, float]:
        chance = random.Random(request.texts[0]).random()
        asked[request.texts[0]] = chance
        return (chance, 1 - chance)

    recipe = recipes.create("online", {"share": 1.0, "candidates": 6})
    started(recipe, TASK, seed=3, model=FakeModel(answer, TASK.labels))
    row = replace(LONG[0], gold=TASK.labels[0])
    (found,) = recipe.examples([row], 0)
    assert len(asked) > 3
    assert found.inputs["text"] == min(asked, key=asked.__getitem__)
    assert (found.id, found.gold) == (row.id, row.gold)
    # The same epoch again, as of a training that is taken up: nobody is asked, and the text is the same.
    asked.clear()
    assert recipe.examples([row], 0) == [found]
    assert asked == {}
    assert recipe.examples([row], 1) != [found]


def test_more_texts_than_fit_a_batch_are_asked_about_in_parts() -> None:
    sizes: list[int] = []

    class Counting(FakeModel):
        def run(self, batch: Any) -> Any:
            sizes.append(len(batch))
            return super().run(batch)

    recipe = recipes.create("online", {"share": 1.0, "candidates": 3})
    started(recipe, TASK, model=Counting(lambda _: (0.5, 0.5), TASK.labels))
    recipe.examples(LONG, 0)
    assert max(sizes) <= 32
    assert sum(sizes) > 100


def test_augment_adds_the_same_copies_in_every_epoch_and_others_for_another_seed(base: Path) -> None:
    watched = Watched(recipes.create("augment", {"share": 0.5}))
    train(base, watched.recipe, LONG, epochs=2)
    assert watched.epochs[0] == watched.epochs[1]
    assert list(watched.epochs[0][:40]) == LONG
    copies = watched.epochs[0][40:]
    assert 8 < len(copies) < 32
    originals = {one.id: one for one in LONG}
    for one in copies:
        assert one.inputs != originals[one.id].inputs
        assert one.gold == originals[one.id].gold
    other = Watched(recipes.create("augment", {"share": 0.5}))
    loop.train(loop.TrainingRun(base, LONG, (), TASK, other.recipe, SETTINGS, seed=4, device="cpu"))
    assert other.epochs[0][40:] != copies


def test_a_row_that_no_perturbation_can_change_stays() -> None:
    row = Example("a", {"text": "12"}, "positive")
    assert _perturbed_rows.perturbed(row, TASK, ("keyboard typo", "lower case"), 0.2, random.Random(0)) is None


def test_families_stand_for_their_perturbations() -> None:
    assert _perturbed_rows.chosen(("case", "keyboard typo")) == (
        *(n for n, f in FAMILIES.items() if f == "case"),
        "keyboard typo",
    )
    kept = {name for name, family in FAMILIES.items() if family in _perturbed_rows.BY_ACCIDENT}
    assert set(_perturbed_rows.chosen(_perturbed_rows.BY_ACCIDENT)) == kept


@pytest.mark.parametrize(
    ("names", "line"),
    [
        (["typo"], "no perturbation or family is called 'typo' (did you mean 'typos'?)"),
        ([], "perturbations is empty"),
    ],
)
def test_perturbations_that_are_not_known_are_one_line(names: list[str], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        recipes.create("online", {"perturbations": names})
    assert caught.value.line.startswith(f"[training.recipe.online]: {line}")


ATTACKS = {"share": 1.0, "max_words_changed": 1.0, "first": 5}
"""After five epochs the tiny model reads the words that decide."""


def test_attack_adds_texts_that_fool_the_model_as_it_stands(base: Path) -> None:
    recipe = recipes.create("attack", ATTACKS)
    watched = Watched(recipe)
    fooled: list[bool] = []
    inner = recipe.examples

    def examples(rows: Sequence[Example], epoch: int) -> Sequence[Example]:
        found = inner(rows, epoch)
        model = recipe.training.current_model()
        for one in found[len(rows) :]:
            (answer,) = model.run(model.encode([TASK.request(one.inputs)]))
            fooled.append(TASK.show(answer) != one.gold)
        return found

    recipe.examples = examples  # type: ignore[method-assign, assignment]
    train(base, recipe, reviews(40), epochs=8, learning_rate=1e-2)
    assert [len(rows) for rows in watched.epochs[:5]] == [40] * 5
    assert 40 < len(watched.epochs[5]) < 80
    # Up to the last bits of answers in other batches.
    assert sum(fooled) >= 0.9 * len(fooled) > 0
    again = Watched(recipes.create("attack", ATTACKS))
    train(base, again.recipe, reviews(40), epochs=8, learning_rate=1e-2)
    assert again.epochs == watched.epochs


def test_attacks_are_kept_for_as_many_epochs_as_they_are_told(base: Path) -> None:
    for every in (1, 2):
        watched = Watched(recipes.create("attack", {**ATTACKS, "every": every}))
        train(base, watched.recipe, reviews(40), epochs=9, learning_rate=1e-2)
        assert len(watched.epochs[5]) > 40
        assert (watched.epochs[5] == watched.epochs[6]) is (every == 2)


def test_a_recipe_under_another_name_has_settings_of_its_own() -> None:
    made = recipes.create("freelb++", {"recipe": "freelb", "bounded": False, "steps": 10})
    assert (made.name, made.label, made.settings.steps) == ("freelb", "freelb++", 10)
    assert recipes.create("freelb", {}).label == "freelb"
    with pytest.raises(ConfigError, match=r"'\.\./x' cannot name a folder"):
        recipes.create("../x", {"recipe": "freelb"})
    with pytest.raises(ConfigError, match="no recipe is called 'freelbb'"):
        recipes.create("mine", {"recipe": "freelbb"})


def test_nothing_answers_outside_a_training() -> None:
    with pytest.raises(RuntimeError):
        recipes.create("attack", {}).training.current_model()


def test_the_dropout_of_the_settings_replaces_the_bases_own(base: Path) -> None:
    one = train(base, recipes.create("standard", {}), dropout=0.0)
    assert one.model.config.hidden_dropout_prob == one.model.config.attention_probs_dropout_prob == 0.0
    assert {m.p for m in one.model.modules() if isinstance(m, torch.nn.Dropout)} == {0.0}
    with hugging_face.quiet():
        kept = train(base, recipes.create("standard", {})).model.config
    assert kept.hidden_dropout_prob == 0.1
