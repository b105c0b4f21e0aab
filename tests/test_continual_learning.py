"""Training that continues from a checkpoint: the chain, the labels, and the recipes against hand computation."""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from further import LATER, first_period, later, new_rows, train
from safetensors.torch import load_file, save_file
from test_recipes_trained import NEEDED
from test_training import LABELS, TASK, reviews
from tiny import tiny_checkpoint

from auditor import tasks
from auditor.cli.main import main
from auditor.errors import AuditError, ConfigError, DataError, ModelError
from auditor.models import adapters, hugging_face
from auditor.models.options import LoadOptions
from auditor.testing import started
from auditor.testing.trainings import Ground, ground
from auditor.training import chain, loop, recipes, record, refit, starting, training_key
from auditor.training import pretrained as bases
from auditor.training.recipes import _reservoir
from auditor.types import Classify, Example

CONTINUING = [name for name in recipes.names() if recipes.find(name).continues]


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return first_period(tmp_path_factory.mktemp("first"))


@pytest.fixture
def first(trained_once: Path, tmp_path: Path) -> Path:
    """A folder with a trained checkpoint ``ckpt/standard`` and rows of a later period."""
    return shutil.copytree(trained_once, tmp_path / "first")


def answers(folder: Path) -> list[Any]:
    model = hugging_face.load(folder, LoadOptions(head="sequence", device="cpu"), name="m")
    return model.run(model.encode([Classify((text,)) for text in ("good film", "bad plot", "fine movie")]))


def test_continuing_starts_from_the_checkpoints_answers_with_its_head(first: Path) -> None:
    model, _, _ = bases.load(first / "ckpt/standard", tasks.create("text-classification", ("no", "yes")), None)
    kept = load_file(first / "ckpt/standard/model.safetensors")
    assert all(torch.equal(value, kept[name]) for name, value in model.state_dict().items() if name in kept)
    (second,) = train(later(first, ["standard"]))
    (fresh,) = train(later(first, ["standard"], out="fresh", continue_from=None))
    assert answers(second) != answers(fresh)


def test_the_record_holds_the_chain_with_fingerprints_and_rows(first: Path) -> None:
    (second,) = train(later(first, ["replay"]))
    (third,) = train(later(first, ["grow"], out="third", start="second/replay"))
    written_chain = record.read(third).chain  # type: ignore[union-attr]
    assert [entry["path"] for entry in written_chain] == ["../../ckpt/standard", "../../second/replay"]
    assert [entry["recipe"] for entry in written_chain] == ["standard", "replay"]
    for entry, folder, rows in zip(
        written_chain, (first / "ckpt/standard", second), ("train.csv", "new.csv"), strict=True
    ):
        assert entry["fingerprint"] == training_key.fingerprint(folder)
        assert entry["data"]["train"]["path"] == f"../../{rows}"
        assert (third / entry["data"]["test"]["path"]).is_file()
        assert entry["labels"] == ["no", "yes"]
    assert record.read(third).base["path"] == "../../second/replay"  # type: ignore[union-attr]
    # A checkpoint that continues nothing says nothing of a chain, as before.
    assert "chain" not in json.loads((first / "ckpt/standard/training.json").read_text(encoding="utf-8"))


def test_the_command_continues_and_keeps_a_finished_checkpoint(first: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (first / "later.toml").write_text(LATER, encoding="utf-8")
    command = ["train", "--config", str(first / "later.toml"), "--continue-from", str(first / "ckpt/standard")]
    command += ["--recipes", "standard,replay,ewc,distill,grow", "--out", str(first / "out"), "--device", "cpu"]
    assert main(command) == 0
    before = {file: file.read_bytes() for file in (first / "out").glob("*/*") if file.is_file()}
    assert {file.parent.name for file in before} == {"standard", "replay", "ewc", "distill", "grow"}
    assert main(command) == 0
    assert "inputs unchanged since training" in capsys.readouterr().err
    assert before == {file: file.read_bytes() for file in (first / "out").glob("*/*") if file.is_file()}


@pytest.mark.parametrize("name", CONTINUING)
def test_a_recipe_that_continues_is_refused_without_a_checkpoint(first: Path, name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        train(later(first, [name], continue_from=None))
    assert f"recipe {name} continues from a checkpoint" in caught.value.line
    assert "--continue-from" in caught.value.line


@pytest.mark.parametrize("name", recipes.names())
def test_new_labels_are_refused_but_by_grow_and_replay(name: str) -> None:
    known = chain.Parent(Path("ckpt/standard"), LABELS, None)
    task = tasks.create("text-classification", chain.labels_of(known, ("neutral", "positive", "odd")))
    assert task.labels == (*LABELS, "neutral", "odd")
    recipe = recipes.create(name, NEEDED.get(name, {}))
    chain.check(known, [recipe], TASK)
    if name in ("grow", "replay"):
        chain.check(known, [recipe], task)
        return
    with pytest.raises(ConfigError) as caught:
        chain.check(known, [recipe], task)
    assert "labels that standard does not know: 'neutral', 'odd'" in caught.value.line
    assert "use replay or grow" in caught.value.line


def test_new_labels_from_the_command_line(first: Path) -> None:
    new_rows(first, "dull film,no\nstrange film,odd\ndull plot,no\nstrange plot,odd\n")
    for folder in train(later(first, ["grow", "replay"])):
        model = hugging_face.load(folder, LoadOptions(head="sequence", device="cpu"), name="m")
        assert model.labels == ("no", "yes", "odd")
    with pytest.raises(ConfigError, match="labels that standard does not know: 'odd'"):
        train(later(first, ["standard"]))


def test_a_head_with_new_labels_begins_with_the_old_rows(first: Path) -> None:
    task = tasks.create("text-classification", ("no", "yes", "odd"))
    model, _, _ = bases.load(first / "ckpt/standard", task, None, continues=True)
    kept = load_file(first / "ckpt/standard/model.safetensors")
    assert torch.equal(model.classifier.weight[:2], kept["classifier.weight"])
    assert torch.equal(model.classifier.bias[:2], kept["classifier.bias"])
    assert model.classifier.weight.shape[0] == 3
    assert bool(model.classifier.weight[2].abs().sum() > 0)


@pytest.mark.parametrize(
    ("start", "line"),
    [
        ("nowhere", "nowhere: no such path"),
        ("ckpt", "ckpt: is a folder of checkpoints, not a checkpoint (name one of them: standard)"),
        ("base", "a BertModel, not a ...ForSequenceClassification"),
    ],
)
def test_a_checkpoint_that_cannot_be_continued_is_refused_in_one_line(first: Path, start: str, line: str) -> None:
    with pytest.raises(ModelError) as caught:
        starting.base(later(first, ["standard"], start=start))
    assert line in caught.value.line


def test_what_replaces_a_checkpoint_of_its_chain_is_refused(first: Path) -> None:
    (first / "second").mkdir()
    train(later(first, ["standard"], out="second"))
    for out, start in (("ckpt", "ckpt/standard"), ("ckpt", "second/standard")):
        with pytest.raises(ConfigError, match="replace its own base"):
            train(later(first, ["standard"], out=out, start=start))


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (lambda folder: (folder / "train.csv").unlink(), "the train rows of standard are not there"),
        (lambda folder: (folder / "train.csv").write_text("text,label\na,no\nb,yes\n"), "have changed since then"),
        (lambda folder: (folder / "ckpt/standard/training.json").unlink(), "its training.json names no train rows"),
    ],
)
def test_earlier_rows_that_cannot_be_read_are_named(first: Path, damage: Any, line: str) -> None:
    damage(first)
    for name in ("replay", "ewc"):
        with pytest.raises(DataError) as caught:
            train(later(first, [name]))
        assert line in caught.value.line


def test_a_recipe_without_earlier_rows_does_not_ask_for_them(first: Path) -> None:
    (first / "train.csv").unlink()
    assert train(later(first, ["distill"]))


def test_a_checkpoint_with_adapters_is_continued_by_grow_alone(tmp_path: Path) -> None:
    adapter = tiny_checkpoint(tmp_path / "ckpt") / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text('{"peft_type": "BOTTLENECK", "width": 1}', encoding="utf-8")
    save_file({"any": torch.zeros(1)}, adapter / "adapter_model.safetensors")
    for name in recipes.names():
        config = later(tmp_path, [name], start="ckpt", recipe=NEEDED)
        if name == "grow":
            assert starting.base(config) == tmp_path / "ckpt"
            continue
        with pytest.raises(ModelError, match="has an adapter that training would drop"):
            starting.base(config)


def test_the_key_knows_what_is_continued_and_which_earlier_rows_are_read(first: Path) -> None:
    base = first / "ckpt/standard"
    run = loop.TrainingRun(base, reviews(4), (), TASK, recipes.create("replay", {}), loop.Settings(), 0, "cpu")
    variants = [run, replace(run, known_labels=2), replace(run, known_labels=1)]
    variants += [replace(run, known_labels=2, earlier=(reviews(3),))]
    variants += [replace(run, known_labels=2, earlier=(reviews(2), reviews(1)))]
    assert len({training_key.key(each) for each in variants}) == len(variants)


def test_a_probe_that_trains_again_continues_from_the_same_checkpoint(first: Path) -> None:
    (second,) = train(later(first, ["replay"]))
    task = tasks.create("text-classification", ("no", "yes"))
    base = first / "ckpt/standard"
    again = refit.Refit(base, task, {}, "cpu", keep=False, continues=chain.parent(base, task.name))
    rows = [Example(f"r:{place}", {"text": "fine film"}, "yes") for place in range(4)]
    made = recipes.create("replay", {"keep": 4})
    trained, _ = again.train(made, rows, seed=0, steps=1, batch_size=8)
    assert trained.steps == 1
    with pytest.raises(ConfigError, match="continues from a checkpoint"):
        replace(again, continues=None).train(made, rows, seed=0, steps=1, batch_size=8)
    assert record.read(second) is not None


# Replay


def test_the_reservoir_keeps_every_row_with_the_same_chance() -> None:
    rows = [Example(str(place), {"text": "a"}, LABELS[0]) for place in range(12)]
    rng, counts, draws = random.Random(0), Counter[str](), 6000
    for _ in range(draws):
        kept = _reservoir.sample((rows[:7], rows[7:]), 4, rng)
        assert len({row.id for row in kept}) == 4
        counts.update(row.id for row in kept)
    # Each is kept with probability 4/12: five standard deviations of a binomial count.
    expected, spread = draws / 3, (draws * (1 / 3) * (2 / 3)) ** 0.5
    assert all(abs(counts[row.id] - expected) < 5 * spread for row in rows)


def test_a_reservoir_larger_than_the_rows_keeps_them_all_and_an_empty_one_draws_nothing() -> None:
    rows, rng = reviews(5), random.Random(1)
    assert _reservoir.sample((rows,), 9, rng) == rows
    before = rng.getstate()
    assert _reservoir.sample((rows,), 0, rng) == []
    assert rng.getstate() == before


def test_replay_passes_the_same_kept_rows_in_every_epoch() -> None:
    recipe = recipes.create("replay", {"keep": 3})
    started(recipe, TASK, earlier=(reviews(20),))
    first, second = recipe.examples(reviews(4), 0), recipe.examples(reviews(4), 1)
    assert first == second
    assert list(first[:4]) == reviews(4)
    assert len(first) == 7


# EWC


def tiny() -> Ground:
    return ground(TASK, reviews(12))


def with_recipe(name: str, given: dict[str, Any], place: Ground) -> recipes.Recipe:
    recipe = recipes.create(name, given)
    started(recipe, TASK, earlier=(place.examples,), batch=place.batch, known_labels=2)
    recipe.prepare(place.model)
    return recipe


def test_the_penalty_of_ewc_is_zero_at_the_old_weights_and_by_hand_elsewhere() -> None:
    place = tiny()
    recipe: Any = with_recipe("ewc", {"rows": 3, "strength": 50.0}, place)
    old = {name: value.detach().clone() for name, value in place.model.named_parameters()}
    place.model.eval()
    batch = place.batch(place.examples[:4])
    plain = float(place.model(**batch).loss.detach())
    assert recipe.backward(place.model, batch, 0) == pytest.approx(plain, abs=1e-7)
    with torch.no_grad():
        for weight in place.model.parameters():
            weight.add_(0.01)
    fisher = recipe.state()
    by_hand = sum(
        float((fisher[name].double() * (value.detach().double() - old[name].double()) ** 2).sum())
        for name, value in place.model.named_parameters()
    )
    assert by_hand > 0
    assert float(recipe.penalty(place.model).detach()) == pytest.approx(by_hand, rel=1e-4)
    moved = float(place.model(**batch).loss.detach())
    assert recipe.backward(place.model, batch, 1) == pytest.approx(moved + 25.0 * by_hand, rel=1e-4)


def test_the_fisher_information_of_a_logistic_regression_is_known() -> None:
    """Of the head's bias it is the mean of p·(1 − p): of two labels, whichever label is drawn."""
    place = tiny()
    recipe: Any = with_recipe("ewc", {"rows": 12}, place)
    recipe.backward(place.model, place.batch(place.examples[:2]), 0)
    with torch.no_grad():
        place.model.eval()
        chances = place.model(**place.batch(place.examples)).logits.softmax(-1)
    # (1[y] − p)² is (1 − p)² for the label drawn and p² for the other, so it lies between their means.
    lowest = torch.minimum(chances**2, (1 - chances) ** 2).mean(0)
    highest = torch.maximum(chances**2, (1 - chances) ** 2).mean(0)
    found = recipe.state()["classifier.bias"]
    assert bool((found >= lowest - 1e-6).all())
    assert bool((found <= highest + 1e-6).all())
    # Two labels: what one bias gains the other loses.
    assert float(found[0]) == pytest.approx(float(found[1]), rel=1e-4)


def test_ewc_holds_weights_back() -> None:
    def moved(strength: float) -> float:
        place = tiny()
        recipe: Any = with_recipe("ewc", {"rows": 12, "strength": strength}, place)
        optimizer = torch.optim.Adam(place.model.parameters(), lr=1e-3)
        batch = place.batch(place.examples)
        batch["labels"] = 1 - batch["labels"]
        for step in range(20):
            recipe.backward(place.model, batch, step)
            optimizer.step()
            optimizer.zero_grad()
        return float(recipe.penalty(place.model).detach())

    assert moved(1e6) < moved(1e-3) / 2


# Distill


def test_the_loss_of_distill_is_that_of_its_formula() -> None:
    place = tiny()
    recipe = with_recipe("distill", {"weight": 0.5, "temperature": 3.0}, place)
    place.model.eval()
    batch = place.batch(place.examples[:4])
    with torch.no_grad():
        old = place.model(**batch).logits.double()
    plain = float(place.model(**batch).loss.detach())
    assert recipe.backward(place.model, batch, 0) == pytest.approx(plain, abs=1e-6)
    with torch.no_grad():
        place.model.classifier.weight.mul_(-3.0)
        answer = place.model(**batch)
    before, after = (old / 3).softmax(-1), (answer.logits.double() / 3).softmax(-1)
    divergence = float((before * (before.log() - after.log())).sum(-1).mean())
    assert divergence > 0
    wanted = float(answer.loss) + 0.5 * 9 * divergence
    assert recipe.backward(place.model, batch, 1) == pytest.approx(wanted, rel=1e-5)


# Grow


def old_parts(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def test_grow_leaves_every_old_weight_as_it_was_bit_for_bit(first: Path) -> None:
    new_rows(first, "dull film,no\nfine film,yes\nstrange film,odd\nstrange plot,odd\n")
    (second,) = train(later(first, ["grow"], weight_decay=0.5))
    (third,) = train(later(first, ["grow"], out="third", start="second/grow", weight_decay=0.5))
    one, two, three = (old_parts(folder) for folder in (first / "ckpt/standard", second, third))
    grown = {"classifier.weight", "classifier.bias"}
    assert all(torch.equal(two[name][:2] if name in grown else two[name], value) for name, value in one.items())
    assert all(torch.equal(three[name], value) for name, value in two.items())
    before, after = (load_file(folder / "adapter/adapter_model.safetensors") for folder in (second, third))
    assert before
    assert before.keys() == after.keys()
    for name, old in before.items():
        new = after[name]
        if name.endswith("2.bias"):
            assert torch.equal(new, old)
            continue
        part = new[:, : old.shape[1]] if name.endswith("2.weight") else new[: len(old)]
        assert torch.equal(part, old)
        assert new.numel() == 2 * old.numel()
        assert bool((new.flatten()[-1:] != 0).any())


def test_new_units_start_without_effect(first: Path) -> None:
    (second,) = train(later(first, ["grow"]))
    task = tasks.create("text-classification", ("no", "yes"))
    model, tokenizer, _ = bases.load(second, task, None, continues=True)
    read = tokenizer(["good film", "dull plot"], padding=True, return_tensors="pt")
    with torch.no_grad():
        before = model.eval()(**read).logits
        adapters.widen_bottlenecks(model, 5)
        after = model(**read).logits
    assert torch.allclose(before, after, atol=1e-6)


def test_grow_refuses_virtual_tokens(first: Path) -> None:
    (prompted,) = train(later(first, ["prompt"], out="prompted"))
    with pytest.raises(AuditError, match="has virtual tokens"):
        train(later(first, ["grow"], out="third", start=str(prompted)))
