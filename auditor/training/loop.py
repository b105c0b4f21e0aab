"""The training loop: accelerate on any device, deterministic for a seed."""

from __future__ import annotations

import contextlib
import math
import random
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from auditor.errors import DataError, DivergedError
from auditor.models import adapters, heads, hugging_face
from auditor.models.devices import memory_errors
from auditor.training import cost, distributed, failing, validating
from auditor.training import pretrained as bases
from auditor.training.batches import bucketed, last_marked
from auditor.training.determinism import accelerate_reset, deterministic, on_device, seed_globals, seeded
from auditor.training.optimizer import mixed_precision, optimizer, rate
from auditor.training.recipes import Training
from auditor.training.resume import Keeper, Outcome, Place
from auditor.training.resume import tensors as state
from auditor.training.resume.rng_state import Generators
from auditor.training.settings import Settings, Trained, TrainingRun
from auditor.training.trained import as_model, save
from auditor.types import Example, Model, Progress, Silent

FULL = "lower batch_size and raise accumulation, or lower max_length"
"""Hint for a device that runs out of memory."""

__all__ = ["Settings", "Trained", "TrainingRun", "as_model", "load_finished", "save", "train"]


def train(run: TrainingRun, *, progress: Progress | None = None, keeper: Keeper | None = None) -> Trained:
    """Fine-tune a model from a base.

    The same run, device and versions give the same weights. With a ``keeper`` of the run's key, an interrupted training
    resumes and gives the same weights bit for bit. The function restores random generators and torch's flags. Raises
    ModelError when the base does not load or training diverges, and DataError without training rows or for a row
    without a label of the task.
    """
    if not run.examples:
        raise DataError("no training rows")

    def trained_once() -> Trained:
        with _prepared(run) as trained:
            try:
                with cost.counted(trained), memory_errors(f"recipe {run.recipe.label}", FULL):
                    _Loop(run, trained, progress or Silent(), keeper).run()
            finally:
                run.recipe.release()
        return trained

    try:
        return trained_once()
    except state.UnusableError:
        assert keeper is not None
        keeper.discard()
        return trained_once()


def load_finished(run: TrainingRun, keeper: Keeper) -> Trained | None:
    """Return the kept result of ``train``, or None without a usable one."""
    if (kept := keeper.finished()) is None:
        return None
    outcome, tensors = kept
    try:
        with _prepared(run) as trained:
            given: dict[str, Any] = {"known_labels": run.known_labels, "language": run.language}
            run.recipe.start(Training(run.task, random.Random(run.seed), _no_model, **given))
            try:
                model = run.recipe.finish(run.recipe.prepare(trained.model))
            finally:
                run.recipe.release()
            with state.usable():
                state.put_model(model, tensors)
            trained.model = model.eval()
    except state.UnusableError:
        keeper.discard()
        return None
    outcome.give(trained)
    return trained


def _no_model() -> Model:
    raise RuntimeError("no model is being trained: finished weights are loaded")


@contextlib.contextmanager
def _prepared(run: TrainingRun) -> Iterator[Trained]:
    """Yield the base with a new head; restore global state on exit."""
    where = hugging_face.device_named(run.device)
    with deterministic(run.seed), seeded(run.seed), on_device(where), accelerate_reset():
        model, tokenizer, filling = bases.load(run.base, run.task, run.settings.dropout, continues=run.known_labels > 0)
        limit = hugging_face.length_limit(model, tokenizer, run.settings.max_length)
        yield Trained(model.to(where), tokenizer, where.split(":")[0], limit, filling)


class _Loop:
    """One training from the prepared model to the finished weights."""

    def __init__(self, run: TrainingRun, trained: Trained, progress: Progress, keeper: Keeper | None) -> None:
        from accelerate import Accelerator

        self._training_run, self._trained = run, trained
        self._task, recipe, settings = run.task, run.recipe, run.settings
        self._recipe, self._settings, self._progress, self._keeper = recipe, settings, progress, keeper
        self._rng, self._recipe_rng = random.Random(run.seed), random.Random(run.seed)
        self._total = 0
        self._best: tuple[float, dict[str, Any]] | None = None
        self._accelerator = Accelerator(
            cpu=trained.device == "cpu", mixed_precision=mixed_precision(settings.precision, trained.device)
        )
        scaler = self._accelerator.scaler
        given: dict[str, Any] = {"earlier": run.earlier, "known_labels": run.known_labels, "batch": self._batch}
        given["language"] = run.language
        given |= {} if scaler is None else {"scaled": scaler.scale}
        seed_globals(run.seed)
        recipe.start(Training(run.task, self._recipe_rng, self._current_model, self._accumulate, **given))
        model = recipe.prepare(trained.model)
        limit = hugging_face.length_limit(model, trained.tokenizer, settings.max_length)
        self._head = heads.of(run.task.head)(
            trained.tokenizer, name="training", max_length=limit, labels=run.task.labels
        )
        trained.virtual_tokens, trained.work = adapters.virtual_tokens(model), 0  # checking them is not training
        self._model, self._optimizer = distributed.prepared(self._accelerator, model, optimizer(model, settings))
        self._weight = 1.0
        trained.parameters = sum(parameter.numel() for parameter in model.parameters())
        trained.trainable = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)

    def _current_model(self) -> hugging_face.HuggingFaceModel:
        trained, model = self._trained, self._accelerator.unwrap_model(self._model)
        return hugging_face.wrap(model, trained.tokenizer, name="training", max_length=trained.max_length, settled=True)

    def _accumulate(self, loss: Any) -> None:
        self._accelerator.backward(loss * self._weight / self._settings.accumulation)

    def _batch(self, examples: Sequence[Example]) -> dict[str, Any]:
        columns = self._head.targets(examples, self._task)
        rows = range(len(columns["input_ids"]))
        return self._head.collate(columns, rows, self._trained.filling, self._accelerator.device)

    def run(self) -> None:
        examples, validation = self._training_run.examples, self._training_run.validation
        trained, patience = self._trained, self._settings.patience
        place = self._restored()
        epoch, going = (place.epoch if place else 0), True
        while going:
            try:
                entry = {"epoch": float(epoch), "loss": round(self._epoch(examples, epoch, place), 6)}
            except DivergedError as error:
                if self._best is None:
                    raise
                trained.warning = f"WARNING: {error}; the weights are those of epoch {trained.best_epoch}"
                break
            place = None
            trained.history.append(entry)
            if validation:
                self._validate(validation, epoch, entry)
            idle = epoch - (trained.best_epoch or 0)
            going = trained.steps < self._total and not (validation and patience is not None and idle >= patience)
            epoch += 1
        if self._best is not None:
            self._model.load_state_dict(self._best[1])
        # Without the wrapper the model answers in full precision, as it does after loading from disk.
        whole = self._accelerator.unwrap_model(self._model, keep_fp32_wrapper=False)
        trained.model = self._recipe.finish(whole).eval()
        last = {name.replace("_", " "): value for name, value in trained.history[-1].items() if name != "epoch"}
        self._progress.finish(", ".join(f"{name} {value:.3f}" for name, value in last.items()))

    def _restored(self) -> Place | None:
        """Restore the state of an interrupted training, and return its place.

        Only the generators are left to ``_epoch``. Returns None for a new training.
        """
        kept = self._keeper.read() if self._keeper is not None else None
        if kept is None:
            return None
        place, tensors = kept
        trained, scaler = self._trained, self._accelerator.scaler
        with state.usable():
            state.put_model(self._model, tensors)
            state.put_optimizer(self._optimizer, tensors)
            self._recipe.load_state(state.part(tensors, state.RECIPE))
            if scaler is not None:
                scaler.load_state_dict(place.scaler)
            # These two calls also check the generators' states before anything is trained.
            place.now.restore(trained.device, self._recipe_rng)
            place.begun.restore(trained.device, self._recipe_rng)
            self._rng.setstate(place.order)
        if place.best_score is not None:
            self._best = place.best_score, state.part(tensors, state.BEST)
        self._total = place.total
        place.outcome.give(trained)
        self._progress.start(f"training {self._recipe.label} from step {trained.steps}", self._total - trained.steps)
        return place

    def _epoch(self, examples: Sequence[Example], epoch: int, place: Place | None) -> float:
        """Train the rest of one pass and return the pass's mean loss."""
        trained = self._trained
        begun = self._rng.getstate(), Generators.now(trained.device, self._recipe_rng)
        columns, plan = self._planned(self._recipe.examples(examples, epoch))
        labels = self._head.label_counts(columns)
        self._model.train()
        model = self._accelerator.unwrap_model(self._model)
        total, batches = (place.loss, place.batches) if place else (0.0, 0)
        if place:
            place.now.restore(trained.device, self._recipe_rng)
        for indices, last in islice(last_marked(plan), batches, None):
            own, self._weight = distributed.share(self._accelerator, indices, labels)
            with failing.batch(model, self._head, columns, own, trained.filling, self._accelerator.device) as batch:
                loss = distributed.mean(self._accelerator, self._recipe.backward(model, batch, batches), self._weight)
            if not math.isfinite(loss):
                raise self._diverged(f"the loss became {loss}")
            total, batches = total + loss, batches + 1
            if batches % self._settings.accumulation == 0 or last:
                self._step()
                if trained.steps >= self._total:
                    break
                self._keep(epoch, batches, total, *begun)
        return total / batches

    def _planned(self, chosen: Sequence[Example]) -> tuple[dict[str, list[Any]], Iterator[list[int]]]:
        """Return an epoch's examples as columns, and their indices in batches."""
        settings, size = self._settings, self._settings.batch_size
        columns = self._head.targets(chosen, self._task)
        lengths = [len(ids) for ids in columns["input_ids"]]
        if not self._total:
            # A recipe may add examples, and a long example may become several rows: the first epoch's count sets the
            # number of steps for all epochs.
            per_epoch = math.ceil(len(lengths) / (size * settings.accumulation))
            self._total = settings.steps or settings.epochs * per_epoch
            self._progress.start(f"training {self._recipe.label}", self._total)
        return columns, iter(bucketed(lengths, size, self._rng))

    def _step(self) -> None:
        settings = self._settings
        factor = rate(self._trained.steps, self._total, settings.warmup, settings.schedule)
        for group in self._optimizer.param_groups:
            group["lr"] = settings.learning_rate * factor * group["scale"]
        distributed.average_gradients(self._accelerator, self._model.parameters())
        norm = float(self._accelerator.clip_grad_norm_(self._model.parameters(), settings.clip_norm))
        # With fp16 the scaler expects occasional overflows and skips such a step by itself.
        if not math.isfinite(norm) and self._accelerator.scaler is None:
            raise self._diverged(f"the norm of the gradient became {norm}")
        self._optimizer.step()
        self._optimizer.zero_grad()
        self._recipe.stepped(self._accelerator.unwrap_model(self._model))
        self._trained.steps += 1
        self._progress.advance()

    def _diverged(self, what: str) -> DivergedError:
        where = f"recipe {self._recipe.label}"
        return DivergedError(f"{what} at step {self._trained.steps}", where=where, hint="lower learning_rate")

    def _keep(self, epoch: int, batches: int, loss: float, order: Any, begun: Generators) -> None:
        """Store the current place, if it is due.

        Storing draws nothing and changes nothing, so its timing does not affect the training.
        """
        if self._keeper is None or not distributed.is_first() or not self._keeper.due():
            return
        trained, scaler, best = self._trained, self._accelerator.scaler, self._best
        place = Place(
            outcome=Outcome.of(trained),
            total=self._total,
            epoch=epoch,
            batches=batches,
            loss=loss,
            best_score=None if best is None else best[0],
            order=order,
            begun=begun,
            now=Generators.now(trained.device, self._recipe_rng),
            scaler=None if scaler is None else scaler.state_dict(),
        )
        self._keeper.write(
            place, state.of_training(self._model, self._optimizer, best and best[1], self._recipe.state())
        )

    def _validate(self, validation: Sequence[Example], epoch: int, entry: dict[str, float]) -> None:
        """Record the task's metric, and keep the weights if it improved."""
        trained = self._trained
        work = trained.work
        score = validating.metric(self._current_model(), validation, self._task)
        trained.work = work
        entry[validating.entry(self._task)] = round(score, 6)
        if self._best is None or score > self._best[0]:
            weights = {name: value.detach().cpu().clone() for name, value in self._model.state_dict().items()}
            self._best, trained.best_epoch = (score, weights), epoch
