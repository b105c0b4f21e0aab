"""Trainings on the device through ``audit train``, against a plain loop of torch."""

from __future__ import annotations

from typing import Any

from gpu import inputs
from gpu.auditing import command, last_line, scorer_of
from gpu.found import Check
from gpu.inputs import LABELS, RECIPES, reviews
from gpu.speed import timed

LEARNED = 0.7
"""Held-out accuracy of plain training below which answers agree because they are all alike."""


def train_all(check: Check) -> None:
    """Three recipes at two precisions through ``audit train``, against a plain loop of torch on the same batches."""
    from auditor.training import cost

    for precision in inputs.PRECISIONS:
        bare = bare_training(check, precision)
        check.note("train", f"bare model, {precision}", f"{bare:,.0f} samples/s", samples_per_second=bare)
        config = str(check.folder / f"{precision}.toml")
        code = command(check, "train", "--config", config, "--device", check.device, "--quiet")
        if code != 0:
            check.note("train", precision, last_line(check), ok=False)
            continue
        costs = cost.read(check.folder / precision)
        for recipe in RECIPES:
            speed, right = costs[recipe].steps_per_second * check.sizes.batch, accuracy(check, precision, recipe)
            words = f"{speed:,.0f} samples/s, {speed / bare:.2f} of the bare model; held-out accuracy {right:.3f}"
            # Of a model that learned nothing all answers are alike, and agree whatever computes them.
            judged = right >= LEARNED if (recipe, precision) == ("standard", "fp32") else None
            numbers = {"samples_per_second": speed, "of_bare": speed / bare, "accuracy": right}
            check.note("train", f"{recipe}, {precision}", words, ok=judged, **numbers)


def bare_training(check: Check, precision: str) -> float:
    """Samples a second of forward, backward and AdamW on padded batches that are on the device already."""
    import torch

    from auditor import tasks
    from auditor.training import pretrained as bases

    task = tasks.create("text-classification", LABELS)
    model, tokenizer, _ = bases.load(check.folder / "base", task)
    model = model.to(check.device).train()
    rows = reviews(check.sizes.train, 1)
    rows.sort(key=lambda row: len(row[0]))
    batches = []
    for start in range(0, len(rows) - check.sizes.batch + 1, check.sizes.batch):
        part = rows[start : start + check.sizes.batch]
        tensors = tokenizer(
            [text for text, _ in part], padding=True, truncation=True, max_length=128, return_tensors="pt"
        )
        labels = torch.tensor([LABELS.index(label) for _, label in part])
        batches.append({name: one.to(check.device) for name, one in {**tensors, "labels": labels}.items()})
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)
    kind = check.device.split(":")[0]

    def step(batch: dict[str, Any]) -> None:
        with torch.autocast(kind, dtype=torch.bfloat16, enabled=precision == "bf16"):
            loss = model(**batch).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    def epoch() -> None:
        for batch in batches:
            step(batch)

    step(batches[-1])
    seconds = timed(epoch, check.device, repeat=1)
    return len(batches) * check.sizes.batch / seconds


def accuracy(check: Check, precision: str, recipe: str) -> float:
    """Of a checkpoint on the test rows, computed in fp32 on the device."""
    model, scorer = scorer_of(check, precision, recipe)
    rows = reviews(check.sizes.test, 2)
    answers = [answer for answer in scorer.ask([{"text": text} for text, _ in rows]) if answer is not None]
    right = sum(
        model.labels[answer.index(max(answer))] == label for answer, (_, label) in zip(answers, rows, strict=True)
    )
    return float(right) / len(rows)
