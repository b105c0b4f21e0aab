"""The training loop on tiny random models: against a loop written out by hand, and what it must leave behind."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from pair_task import PairTask
from tiny import tiny_checkpoint
from transformers import AutoModel, AutoModelForSequenceClassification

from auditor import tasks
from auditor.errors import DataError, ModelError
from auditor.models import hugging_face
from auditor.tasks.classification import TextClassification
from auditor.training import determinism, loop, recipes, refit
from auditor.training import pretrained as bases
from auditor.training.batches import bucketed
from auditor.training.recipes import NoSettings, Recipe
from auditor.types import Classify, Example, Score

LABELS = ("negative", "positive")
TASK = tasks.create("text-classification", LABELS)
SETTINGS = loop.Settings(epochs=2, learning_rate=1e-3, batch_size=4, max_length=32)


def reviews(n: int) -> list[Example]:
    words = ("bad awful film", "good great movie")
    return [Example(f"train:{i + 2}", {"text": words[i % 2] + " the plot" * (i % 4)}, LABELS[i % 2]) for i in range(n)]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("base"), head=False)


def train(
    base: Path,
    recipe: str | Recipe = "standard",
    settings: loop.Settings = SETTINGS,
    *,
    n: int = 10,
    validation: Sequence[Example] = (),
    task: Any = TASK,
    seed: int = 3,
    progress: Any = None,
) -> loop.Trained:
    made = recipes.create(recipe, {}) if isinstance(recipe, str) else recipe
    return loop.train(
        loop.TrainingRun(base, reviews(n), validation, task, made, settings, seed=seed, device="cpu"), progress=progress
    )


def weights(trained: loop.Trained) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in trained.model.state_dict().items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def by_hand(base: Path, epsilon: float | None, seed: int, factors: Sequence[float]) -> dict[str, torch.Tensor]:
    """10 rows, batches of 4, 2 epochs, as a plain torch loop. ``factors``: of the learning rate, by step."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(base))
    rows, rng = reviews(10), random.Random(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        with hugging_face.quiet():
            model = AutoModelForSequenceClassification.from_pretrained(str(base), num_labels=2).train()
        decayed = [one for name, one in model.named_parameters() if "bias" not in name and "LayerNorm" not in name]
        others = [one for name, one in model.named_parameters() if "bias" in name or "LayerNorm" in name]
        optimizer = torch.optim.AdamW(
            [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0}]
        )
        lengths = [len(tokenizer(row.inputs["text"])["input_ids"]) for row in rows]
        plan = [batch for _ in range(2) for batch in bucketed(lengths, 4, rng)]
        for batch, factor in zip(plan, factors, strict=True):
            inputs = tokenizer([rows[i].inputs["text"] for i in batch], padding=True, return_tensors="pt")
            labels = torch.tensor([LABELS.index(rows[i].gold) for i in batch])
            parameters = list(model.parameters())
            total = list(torch.autograd.grad(model(**inputs, labels=labels).loss, parameters))
            if epsilon is not None:
                words = model.bert.embeddings.word_embeddings
                gradient = total[[id(one) for one in parameters].index(id(words.weight))]
                clean = words.weight.data
                words.weight.data = clean + epsilon * gradient / gradient.pow(2).sum().sqrt()
                second = torch.autograd.grad(model(**inputs, labels=labels).loss, parameters)
                words.weight.data = clean
                total = [one + other for one, other in zip(total, second, strict=True)]
            norm = torch.sqrt(sum((one.pow(2).sum() for one in total), torch.zeros(())))
            for parameter, one in zip(parameters, total, strict=True):
                parameter.grad = one * min(1.0, 1.0 / (float(norm) + 1e-6))
            for group in optimizer.param_groups:
                group["lr"] = 1e-3 * factor
            optimizer.step()
    return dict(model.state_dict())


@pytest.mark.parametrize(("recipe", "epsilon"), [("standard", None), ("fgm", 1.0)])
def test_the_weights_are_those_of_a_loop_written_by_hand(base: Path, recipe: str, epsilon: float | None) -> None:
    # 3 batches an epoch, 6 steps; half of them rise: 1/3, 2/3, then (6 - step) / 3 from step 2 on, at most 1.
    factors = (1 / 3, 2 / 3, 1.0, 1.0, 2 / 3, 1 / 3)
    trained = train(base, recipe, replace(SETTINGS, warmup=0.5))
    expected = by_hand(base, epsilon, 3, factors)
    found = weights(trained)
    assert trained.steps == 6
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-6, msg=name)


def test_fgm_trains_other_weights_than_standard(base: Path) -> None:
    assert not same(weights(train(base, "fgm")), weights(train(base)))


@pytest.mark.parametrize("recipe", ["standard", "fgm"])
def test_the_same_command_in_two_folders_gives_the_same_files(tmp_path: Path, recipe: str) -> None:
    found = []
    for folder in (tmp_path / "one", tmp_path / "another"):
        start = tiny_checkpoint(folder / "base", head=False)
        trained = train(start, recipe, validation=reviews(4))
        loop.save(trained, folder / "ckpt")
        found.append(({file.name: file.read_bytes() for file in (folder / "ckpt").iterdir()}, trained.history))
    assert found[0] == found[1]
    assert {"model.safetensors", "config.json", "tokenizer.json"} <= found[0][0].keys()


def test_another_seed_gives_other_weights(base: Path) -> None:
    assert not same(weights(train(base, seed=1)), weights(train(base, seed=2)))


def test_generators_and_flags_are_afterwards_as_they_were(base: Path) -> None:
    before = random.getstate(), repr(numpy.random.get_state()), torch.get_rng_state()
    train(base, "fgm")
    assert random.getstate() == before[0]
    assert repr(numpy.random.get_state()) == before[1]
    assert torch.equal(torch.get_rng_state(), before[2])
    assert not torch.are_deterministic_algorithms_enabled()


class Watching(Recipe):
    """Standard; notes what the loop asks of a recipe."""

    name = "watching"
    settings_type = NoSettings

    def __init__(self) -> None:
        super().__init__(NoSettings())
        self.model: Any = None
        self.epochs: list[int] = []
        self.at_start: list[dict[str, torch.Tensor]] = []
        self.drawn: list[tuple[float, float]] = []
        self.batches: list[dict[str, Any]] = []
        self.factor = 1
        self.deterministic = False

    def prepare(self, model: Any) -> Any:
        self.model = model
        return model

    def examples(self, examples: Sequence[Example], epoch: int) -> Sequence[Example]:
        self.epochs.append(epoch)
        self.at_start.append({name: value.clone() for name, value in self.model.state_dict().items()})
        self.drawn.append((random.random(), float(numpy.random.random())))
        return [*examples] * self.factor

    def backward(self, model: Any, batch: dict[str, Any], step: int) -> float:
        self.batches.append(batch)
        self.deterministic = torch.are_deterministic_algorithms_enabled()
        return super().backward(model, batch, step)


def test_a_recipe_that_draws_from_global_generators_draws_the_same_again(base: Path) -> None:
    one, other = Watching(), Watching()
    train(base, one)
    random.random()
    train(base, other)
    assert one.drawn == other.drawn
    assert one.deterministic


def test_a_recipe_is_asked_for_the_examples_of_each_epoch_once(base: Path) -> None:
    recipe = Watching()
    train(base, recipe, replace(SETTINGS, epochs=3))
    assert recipe.epochs == [0, 1, 2]


def test_an_epoch_with_added_examples_is_passed_whole(base: Path) -> None:
    recipe = Watching()
    recipe.factor = 2
    # 20 rows in batches of 4: 5 steps an epoch, 2 epochs.
    assert train(base, recipe).steps == 10
    assert len(recipe.batches) == 10


def test_a_batch_holds_padded_tokens_and_the_index_of_each_label(base: Path) -> None:
    recipe = Watching()
    train(base, recipe, replace(SETTINGS, epochs=1))
    assert sorted(len(batch["labels"]) for batch in recipe.batches) == [2, 4, 4]
    assert sum(int(batch["labels"].sum()) for batch in recipe.batches) == 5
    for batch in recipe.batches:
        assert batch["labels"].dtype == torch.int64
        assert batch["input_ids"].shape == batch["attention_mask"].shape
        assert int(batch["attention_mask"].sum(1).max()) == batch["input_ids"].shape[1]


def test_texts_beyond_the_models_positions_are_cut(base: Path) -> None:
    recipe = Watching()
    long = [replace(one, inputs={"text": "film " * 200}) for one in reviews(4)]
    settings = replace(SETTINGS, max_length=500, steps=1)
    trained = loop.train(loop.TrainingRun(base, long, (), TASK, recipe, settings, seed=0, device="cpu"))
    assert trained.max_length == 64
    assert recipe.batches[0]["input_ids"].shape == (4, 64)


@pytest.mark.parametrize(("accumulation", "steps"), [(1, 3), (2, 2), (3, 1), (8, 1)])
def test_accumulation_makes_one_step_of_several_batches(base: Path, accumulation: int, steps: int) -> None:
    trained = train(base, settings=replace(SETTINGS, epochs=1, accumulation=accumulation))
    assert trained.steps == steps


class Summing(Watching):
    """The loss is the sum of the head's biases: each batch's gradient on them is 1."""

    def __init__(self) -> None:
        super().__init__()
        self.gradients: list[list[float]] = []

    def backward(self, model: Any, batch: dict[str, Any], step: int) -> float:  # noqa: ARG002 - no batch needed
        self.training.accumulate(model.classifier.bias.sum())
        self.gradients.append(model.classifier.bias.grad.tolist())
        return 0.0


def test_accumulated_gradients_are_the_mean_over_the_batches_of_a_step(base: Path) -> None:
    recipe = Summing()
    train(base, recipe, replace(SETTINGS, epochs=1, accumulation=2))
    # Three batches: two make a step; the third is alone, counts one half, and starts from nothing.
    assert recipe.gradients == [[0.5, 0.5], [1.0, 1.0], [0.5, 0.5]]


@pytest.mark.parametrize("recipe", ["standard", "fgm"])
def test_a_fixed_number_of_steps_goes_on_over_the_data(base: Path, recipe: str) -> None:
    trained = train(base, recipe, replace(SETTINGS, steps=7, accumulation=2))
    assert trained.steps == 7
    # 10 rows in batches of 4, two batches a step, the third one alone: two steps an epoch, and one in the last.
    assert [entry["epoch"] for entry in trained.history] == [0.0, 1.0, 2.0, 3.0]


class Scripted(TextClassification):
    """A validation score by epoch, whatever the model says."""

    def __init__(self, scores: Sequence[float]) -> None:
        super().__init__(LABELS, {})
        self.scores = list(scores)

    def score(self, gold: Any, response: Any) -> Score:  # noqa: ARG002 - scripted
        return Score(self.scores.pop(0), 1.0)


def test_training_stops_without_gain_and_the_best_weights_come_back(base: Path) -> None:
    recipe = Watching()
    settings = replace(SETTINGS, epochs=9, patience=2)
    trained = train(base, recipe, settings, validation=reviews(1), task=Scripted([0.2, 0.6, 0.6, 0.5, 0.9]))
    assert [entry["validation_accuracy"] for entry in trained.history] == [0.2, 0.6, 0.6, 0.5]
    assert trained.best_epoch == 1
    # What an epoch starts with is what the one before ended with.
    assert same(weights(trained), recipe.at_start[2])
    assert not same(weights(trained), recipe.at_start[3])


def test_without_patience_all_epochs_run_and_the_best_weights_come_back(base: Path) -> None:
    recipe = Watching()
    settings = replace(SETTINGS, epochs=3)
    trained = train(base, recipe, settings, validation=reviews(1), task=Scripted([0.9, 0.1, 0.1]))
    assert len(trained.history) == 3
    assert trained.best_epoch == 0
    assert same(weights(trained), recipe.at_start[1])


def test_without_validation_the_last_weights_stay(base: Path) -> None:
    trained = train(base)
    assert trained.best_epoch is None
    assert [sorted(entry) for entry in trained.history] == [["epoch", "loss"]] * 2
    assert not trained.model.training


class Undefined(Scripted):
    def score(self, gold: Any, response: Any) -> Score:  # noqa: ARG002 - scripted
        return Score(0.0, 0.0)


def test_a_ratio_without_a_denominator_validates_as_zero(base: Path) -> None:
    trained = train(base, validation=reviews(2), task=Undefined(()))
    assert trained.history[0]["validation_accuracy"] == 0.0


def test_validation_reads_all_rows_with_the_tasks_own_score(base: Path) -> None:
    rows = [replace(one, gold=LABELS[0]) for one in reviews(70)]
    trained = train(base, settings=replace(SETTINGS, epochs=1), validation=rows)
    model = loop.as_model(trained, name="m")
    answers = [model.run([one])[0] for one in model.encode([Classify((row.inputs["text"],)) for row in rows])]
    expected = sum(answer[0] > answer[1] for answer in answers) / 70
    assert trained.history[0]["validation_accuracy"] == pytest.approx(expected, abs=1e-6)


def test_the_new_head_carries_the_names_of_the_labels(base: Path) -> None:
    config = train(base).model.config
    assert config.id2label == {0: "negative", 1: "positive"}
    assert config.label2id == {"negative": 0, "positive": 1}
    assert config.problem_type == "single_label_classification"


@pytest.mark.parametrize("continues", [False, True])
@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_a_base_in_another_precision_trains_in_float32(tmp_path: Path, kind: torch.dtype, continues: bool) -> None:
    base = tiny_checkpoint(tmp_path / "base", head=continues)
    model = (AutoModelForSequenceClassification if continues else AutoModel).from_pretrained(base).to(kind)
    model.save_pretrained(base)
    loaded, _, _ = bases.load(base, TASK, continues=continues)
    assert {weights.dtype for weights in loaded.parameters()} == {torch.float32}
    for name, weights in model.state_dict().items():
        own = name if continues else f"{loaded.base_model_prefix}.{name}"
        assert torch.equal(loaded.state_dict()[own], weights.to(loaded.state_dict()[own].dtype)), name
    loaded.save_pretrained(tmp_path / "saved")
    assert "float32" in (tmp_path / "saved" / "config.json").read_text()


def test_a_base_with_a_head_of_other_labels_gets_a_new_one(tmp_path: Path) -> None:
    start = tiny_checkpoint(tmp_path, labels=("a", "b", "c"))
    assert train(start).model.config.num_labels == 2


def test_a_model_learns_what_the_words_say(base: Path) -> None:
    settings = replace(SETTINGS, epochs=8, learning_rate=1e-2)
    trained = train(base, settings=settings, n=40, validation=reviews(12))
    assert max(entry["validation_accuracy"] for entry in trained.history) == 1.0
    assert trained.history[-1]["loss"] < trained.history[0]["loss"]


def test_a_task_whose_head_is_not_there_is_refused(base: Path) -> None:
    class Answering(PairTask):
        name, head = "choosing", "options"

    with pytest.raises(ModelError) as caught:
        loop.train(loop.TrainingRun(base, reviews(4), (), Answering(), Watching(), SETTINGS, seed=0, device="cpu"))
    assert caught.value.line == (
        "the task 'choosing' needs the model head 'options', which does not exist "
        "(known: multi_label, regression, sequence, span, token)"
    )


def test_a_task_with_two_texts_trains_through_the_same_loop(base: Path) -> None:
    task = PairTask()
    rows = [
        Example(f"p:{i}", dict.fromkeys(task.fields, f"good film {i % 3}"), task.labels[i % len(task.labels)])
        for i in range(6)
    ]
    recipe = Watching()
    trained = loop.train(loop.TrainingRun(base, rows, rows, task, recipe, SETTINGS, seed=0, device="cpu"))
    assert f"validation_{task.metric}" in trained.history[0]
    assert all(int(batch["token_type_ids"].max()) == 1 for batch in recipe.batches)


def test_bf16_trains_after_fp32_in_one_process_and_answers_in_full_precision(base: Path) -> None:
    train(base, settings=replace(SETTINGS, precision="fp32"))
    trained = train(base, settings=replace(SETTINGS, precision="bf16"))
    assert not same(weights(trained), weights(train(base)))
    inputs = trained.tokenizer("good film", return_tensors="pt")
    assert trained.model(**inputs).logits.grad_fn is not None
    first = trained.model.bert.encoder.layer[0].output.dense
    kinds = []
    handle = first.register_forward_hook(lambda *found: kinds.append(found[2].dtype))
    trained.model(**inputs)
    handle.remove()
    assert kinds == [torch.float32]


class Failing(Watching):
    """Breaks at its second batch."""

    def __init__(self, loss: float = 0.5, gradient: float = 0.0, error: BaseException | None = None) -> None:
        super().__init__()
        self.given = loss, gradient, error

    def backward(self, model: Any, batch: dict[str, Any], step: int) -> float:
        loss, gradient, error = self.given
        found = super().backward(model, batch, step)
        if step == 0:
            return found
        if error is not None:
            raise error
        next(model.parameters()).grad += gradient
        return loss


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_is_an_error_with_a_hint(base: Path, loss: float) -> None:
    with pytest.raises(ModelError) as caught:
        train(base, Failing(loss=loss))
    assert caught.value.line == f"recipe watching: the loss became {loss} at step 1 (lower learning_rate)"


def test_a_gradient_that_is_not_finite_is_an_error_before_it_reaches_the_weights(base: Path) -> None:
    with pytest.raises(ModelError, match=r"norm of the gradient became nan at step 1"):
        train(base, Failing(gradient=float("nan")))


def test_an_interrupted_training_leaves_the_next_one_as_it_is(base: Path) -> None:
    expected = weights(train(base))
    state = random.getstate()
    with pytest.raises(KeyboardInterrupt):
        train(base, Failing(error=KeyboardInterrupt()), replace(SETTINGS, precision="bf16"))
    assert random.getstate() == state
    assert not torch.are_deterministic_algorithms_enabled()
    assert same(weights(train(base)), expected)


class Notes:
    """A Progress that remembers."""

    def __init__(self) -> None:
        self.said: list[Any] = []

    def start(self, what: str, total: int | None = None) -> None:
        self.said.append((what, total))

    def advance(self, amount: int = 1) -> None:
        self.said.append(amount)

    def finish(self, note: str = "") -> None:
        self.said.append(note)


def test_progress_counts_steps_and_ends_with_loss_and_validation(base: Path) -> None:
    notes = Notes()
    trained = train(base, validation=reviews(2), progress=notes)
    last = trained.history[-1]
    assert notes.said[0] == ("training standard", 6)
    assert notes.said[1:-1] == [1] * 6
    assert notes.said[-1] == f"loss {last['loss']:.3f}, validation accuracy {last['validation_accuracy']:.3f}"


def test_no_rows_and_rows_without_a_known_label_are_data_errors(base: Path) -> None:
    recipe = recipes.create("standard", {})
    with pytest.raises(DataError, match="no training rows"):
        loop.train(loop.TrainingRun(base, [], (), TASK, recipe, SETTINGS, seed=0, device="cpu"))
    for gold in (None, "neutral"):
        rows = [*reviews(2), Example("train:9", {"text": "film"}, gold)]
        with pytest.raises(DataError) as caught:
            loop.train(loop.TrainingRun(base, rows, (), TASK, recipe, SETTINGS, seed=0, device="cpu"))
        assert caught.value.line == f"train:9: label {gold!r} is not known (known: negative, positive)"


def test_accelerate_is_told_which_of_several_gpus_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    current: list[object] = [0]
    monkeypatch.setattr(torch.cuda, "current_device", lambda: current[-1])
    monkeypatch.setattr(torch.cuda, "set_device", current.append)
    with determinism.on_device("cuda:1"):
        assert current == [0, "cuda:1"]
    assert current == [0, "cuda:1", 0]
    with determinism.on_device("cpu"), determinism.on_device("cuda"):
        assert len(current) == 3


def test_a_recorded_fp16_training_is_repeated_on_a_cpu(tmp_path: Path) -> None:
    base = tiny_checkpoint(tmp_path / "base", head=False)
    rows = [Example(str(i), {"text": "good film" if i % 2 else "bad film"}, TASK.labels[i % 2]) for i in range(8)]
    again = refit.Refit(base, TASK, {"precision": "fp16"}, "cpu")
    trained, _ = again.train(recipes.create("standard", {}), rows, seed=0, steps=1, batch_size=4)
    assert trained.steps == 1


def test_a_base_with_code_of_its_own_is_refused_without_a_question(tmp_path: Path) -> None:
    base = tiny_checkpoint(tmp_path / "base", head=False)
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    code = {"auto_map": {"AutoConfig": "evil.X", "AutoModelForSequenceClassification": "evil.Y"}, "model_type": "evil"}
    (base / "config.json").write_text(json.dumps({**config, **code}), encoding="utf-8")
    (base / "evil.py").write_text("raise SystemExit('it ran')\n", encoding="utf-8")
    with pytest.raises(ModelError, match="contains custom code"):
        bases.load(base, TASK)


class Late(Watching):
    """Diverges in its second epoch."""

    def backward(self, model: Any, batch: dict[str, Any], step: int) -> float:
        found = super().backward(model, batch, step)
        self.begun = getattr(self, "begun", 0) + (step == 0)
        return float("nan") if self.begun == 2 else found


def test_what_diverges_after_a_validated_epoch_keeps_its_weights_and_says_so(base: Path) -> None:
    settings, rows = replace(SETTINGS, epochs=3), reviews(10)
    found = loop.train(loop.TrainingRun(base, rows, reviews(4), TASK, Late(), settings, seed=3, device="cpu"))
    assert found.best_epoch == 0
    assert [entry["epoch"] for entry in found.history] == [0.0]
    steps = found.history and found.steps
    assert found.warning == (
        f"WARNING: recipe watching: the loss became nan at step {steps} (lower learning_rate); "
        "the weights are those of epoch 0"
    )
    assert all(bool(torch.isfinite(value).all()) for value in weights(found).values())
    with pytest.raises(ModelError, match="the loss became nan"):
        loop.train(loop.TrainingRun(base, rows, (), TASK, Late(), settings, seed=3, device="cpu"))


def test_a_full_memory_is_one_line_with_what_may_help(base: Path) -> None:
    with pytest.raises(ModelError) as caught:
        train(base, Failing(error=torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")))
    assert caught.value.line == (
        "recipe watching: the device is out of memory (lower batch_size and raise accumulation, or lower max_length)"
    )
