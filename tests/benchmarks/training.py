"""B4. Training samples a second against transformers' Trainer with its defaults; B5. FGM's cost against standard.

Same base, rows, batch size (32), learning rate, number of epochs and schedule; the held-out loss has to be the same
within the noise of the order of the batches.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import common

from auditor import tasks
from auditor.models import hugging_face
from auditor.training import loop, recipes
from auditor.training import pretrained as bases
from auditor.types import Example, Task

MAX_LENGTH = 128
RATE = 5e-5


def trainer(base: Path, rows: list[Example], task: Task) -> tuple[Any, Any, float]:
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    transformers.set_seed(0)
    model, tokenizer, _ = bases.load(base, task)
    encoded = tokenizer([one.inputs["text"] for one in rows], truncation=True, max_length=MAX_LENGTH)
    data = [
        {**{name: encoded[name][index] for name in encoded}, "labels": task.labels.index(one.gold)}
        for index, one in enumerate(rows)
    ]
    with tempfile.TemporaryDirectory() as folder:
        settings = transformers.TrainingArguments(
            folder,
            per_device_train_batch_size=32,
            num_train_epochs=1,
            learning_rate=RATE,
            report_to=[],
            save_strategy="no",
            disable_tqdm=True,
            logging_strategy="no",
            use_cpu=True,
        )
        made = transformers.Trainer(model, settings, train_dataset=data, processing_class=tokenizer)
        began = time.perf_counter()
        made.train()
        return model.eval(), tokenizer, time.perf_counter() - began


def ours(base: Path, rows: list[Example], task: Task, recipe: str) -> tuple[Any, Any, float]:
    settings = loop.Settings(
        epochs=1, learning_rate=RATE, batch_size=32, max_length=MAX_LENGTH, warmup=0.0, weight_decay=0.0
    )
    began = time.perf_counter()
    trained = loop.train(
        loop.TrainingRun(base, rows, (), task, recipes.create(recipe, {}), settings, seed=0, device="cpu")
    )
    return trained.model, trained.tokenizer, time.perf_counter() - began


def held_out(model: Any, tokenizer: Any, rows: list[Example], task: Task) -> float:
    """Mean cross-entropy."""
    import math

    from auditor.engine import Scorer

    wrapped = hugging_face.wrap(model, tokenizer, name="model", max_length=MAX_LENGTH)
    answers = Scorer(wrapped, task).ask([one.inputs for one in rows])
    shares = [task.class_scores(answer)[one.gold] for answer, one in zip(answers, rows, strict=True)]
    return -sum(math.log(max(one, 1e-12)) for one in shares) / len(rows)


def main() -> None:
    parser = common.arguments(__doc__)
    parser.add_argument("--rows", type=int, default=960)
    options = parser.parse_args()
    task = tasks.create("text-classification", ("negative", "positive"))

    def examples(name: str, n: int) -> list[Example]:
        rows = common.reviews(options.demo, name, n)
        return [Example(f"{name}:{index}", {"text": text}, label) for index, (text, label) in enumerate(rows)]

    rows, test = examples("train", options.rows), examples("test", 500)
    speed, cost = [], []
    for _ in range(options.repeat):
        found = {
            "Trainer": trainer(options.demo / "base", rows, task),
            "standard": ours(options.demo / "base", rows, task, "standard"),
            "fgm": ours(options.demo / "base", rows, task, "fgm"),
        }
        for name, (model, tokenizer, took) in found.items():
            loss = held_out(model, tokenizer, test, task)
            print(f"  {name}: {options.rows / took:.1f} samples/s, held-out loss {loss:.4f}", flush=True)
        speed.append(found["Trainer"][2] / found["standard"][2])
        cost.append(found["fgm"][2] / found["standard"][2])
    common.report("B4 auditor ÷ Trainer, samples/s", speed, "≥ 1.5")
    common.report("B5 FGM ÷ standard, time", cost, "≤ 2.1")


if __name__ == "__main__":
    main()
