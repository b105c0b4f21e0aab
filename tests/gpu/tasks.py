"""Every task trained and audited on the device, and audited once more on the CPU."""

from __future__ import annotations

import functools
import hashlib
import json
import math
import os
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from unittest import mock

from gpu import task_sets, watching
from gpu.agreeing import agreement, beside, runners_up
from gpu.auditing import command, has_attacks, last_line
from gpu.found import Check
from gpu.task_sets import RECIPES, SETS, TaskSet

SAME_NUMBERS = 1e-3
"""Logits and embeddings that lie closer than this are the same."""
REPEATED = ("classification", "answers")
"""Sets whose training is repeated: a head for the text, and one for spans."""


def tasks(check: Check) -> None:
    """Each task in turn; one that crashes is noted, and the others follow."""
    from auditor.training.optimizer import mixed_precision

    chosen = mixed_precision("auto", check.kind)
    check.note("tasks", "precision auto", chosen, ok=chosen == "bf16" if check.kind == "cuda" else None)
    for own in SETS:
        if check.late:
            check.note("tasks", own.name, "not run: out of time", ok=False)
            continue
        began = time.perf_counter()
        try:
            if train(check, own):
                audit(check, own)
        except Exception as error:
            traceback.print_exc()
            check.note("tasks", own.name, f"crashed: {type(error).__name__}: {error}", ok=False)
        check.figures(own.name, {"seconds": time.perf_counter() - began})


def folder_of(check: Check, own: TaskSet) -> Path:
    """The set's folder, with its data and configs."""
    folder = check.folder / "tasks" / own.name
    if not folder.exists():
        rate = (check.rate or check.sizes.rate) * check.sizes.task_rate
        task_sets.prepare(folder, own, check.sizes, check.kind, rate)
    return folder


def train(check: Check, own: TaskSet) -> bool:
    """Train in fp32 and in mixed precision; whether there is something to audit."""
    from auditor.training import cost

    folder, fine = folder_of(check, own), True
    for out in ("fp32", "mixed"):
        with watching.training() as seen:
            code = command(check, "train", "--config", str(folder / f"{out}.toml"), "--device", check.device, "--quiet")
        if code != 0:
            check.note("tasks", f"{own.name}: training, {out}", last_line(check), ok=False)
            fine = False
            continue
        if not seen.on(check.kind):
            check.note("tasks", f"{own.name}: training, {out}", seen.where, ok=False)
        costs = cost.read(folder / out)
        for recipe in RECIPES if out == "fp32" else RECIPES[:1]:
            speed = costs[recipe].steps_per_second * check.sizes.batch
            quality, constant = learned(check, own, folder / out / recipe)
            losses = [entry["loss"] for entry in record(folder / out / recipe)["history"]]
            # Adversarial training of few rows may take longer to learn anything.
            ok = all(map(math.isfinite, losses)) and (quality > constant or recipe != RECIPES[0])
            words = f"{speed:,.0f} samples/s; held-out quality {quality:.3f}, of a constant answer {constant:.3f}"
            check.note("tasks", f"{own.name}: {recipe}, {out}", f"{words}; last loss {losses[-1]:.3f}", ok=ok)
            peak = (costs[recipe].peak_bytes or 0) / 2**20
            figures = {"samples_per_second": speed, "quality": quality, "constant": constant, "peak_mib": peak}
            check.figures(own.name, {f"{recipe}, {out}": figures})
    return fine and (own.task != "relation-extraction" or marks_are_trained(check, own, folder))


def record(checkpoint: Path) -> Mapping[str, Any]:
    """The content of a checkpoint's training.json."""
    content: Mapping[str, Any] = json.loads((checkpoint / "training.json").read_text(encoding="utf-8"))
    return content


def loaded(own: TaskSet, checkpoint: Path, device: str) -> Any:
    """A checkpoint as the task's audit loads it."""
    from auditor import tasks as known
    from auditor.models import hugging_face
    from auditor.models.options import LoadOptions

    options = LoadOptions(device=device, max_length=128, head=known.kind(own.task).head)
    return hugging_face.load(checkpoint, options, name=checkpoint.name)


def learned(check: Check, own: TaskSet, checkpoint: Path) -> tuple[float, float]:
    """The task's metric on test rows, in fp32 on the device, and of the best constant answer."""
    from auditor import data
    from auditor import tasks as known
    from auditor.engine import Scorer
    from auditor.results.provenance import batch_tokens

    model = loaded(own, checkpoint, check.device)
    task = known.create(own.task, model.labels)
    rows = data.load(folder_of(check, own) / f"test.{own.ending}", name="test", task=task).examples
    answers = Scorer(model, task, batch_tokens=batch_tokens(model)).ask([row.inputs for row in rows])
    constant = task.constant([row.gold for row in rows])

    def metric(given: Sequence[Any]) -> float:
        scores = [task.score(row.gold, answer) for row, answer in zip(rows, given, strict=True)]
        return sum(score.numerator for score in scores) / max(sum(score.denominator for score in scores), 1)

    return metric(answers), metric([constant] * len(rows))


def marks_are_trained(check: Check, own: TaskSet, folder: Path) -> bool:
    """Whether each mark is a token whose embedding training moved: drawn alike, recipes leave it in other places."""
    from auditor import tasks as known

    marks = known.kind(own.task)(()).special_tokens
    models = [loaded(own, folder / "fp32" / recipe, "cpu") for recipe in RECIPES]
    ids = [model.head.tokenizer.convert_tokens_to_ids(list(marks)) for model in models]
    tables = [model.module.get_input_embeddings().weight.detach() for model in models]
    single = all(len(model.head.tokenizer.tokenize(mark)) == 1 for model in models for mark in marks)
    first, second = (table[own_ids] for table, own_ids in zip(tables, ids, strict=True))
    moved = float((first - second).abs().amax(dim=1).min())
    fine = single and ids[0] == ids[1] and math.isfinite(moved) and moved > 0
    check.note("tasks", f"{own.name}: marks", f"{len(marks)} tokens; recipes differ by {moved:.1e} or more", ok=fine)
    return True


def audit(check: Check, own: TaskSet) -> None:
    """The same audit on the device, with the settings that a user gets, and on the CPU."""
    from auditor.models import devices

    probes = ["quality", "noise", *own.probes, *(["adversarial"] if has_attacks() else [])]
    usual = [] if devices.device_named("auto") == check.device else ["--device", check.device]
    devices.reset_peak(check.kind)
    began = time.perf_counter()
    mine = audited(check, own, "device", probes, usual)
    seconds, peak = time.perf_counter() - began, (devices.peak_bytes(check.kind) or 0) / 2**20
    if mine is None:
        return
    measured(check, own, probes)
    check.note("tasks", f"{own.name}: audit", mine.where, ok=mine.on(check.kind))
    with mock.patch.dict(os.environ, {"AUDIT_CACHE": str(check.folder / "cpu-cache")}):
        other = audited(check, own, "cpu", [name for name in probes if name != "adversarial"], ["--device", "cpu"])
    if other is None:
        return
    compare(check, own, mine, other)
    speed = len(mine.answers) / max(mine.seconds, 1e-9)
    value = f"{len(mine.answers):,} texts, {speed:,.0f} a second in the model, {seconds:.1f} s in all, {peak:,.0f} MiB"
    check.note("tasks", f"{own.name}: audit, speed", value)
    figures = {"texts": len(mine.answers), "texts_per_second": speed, "audit_seconds": seconds, "audit_peak_mib": peak}
    check.figures(own.name, figures)


def audited(check: Check, own: TaskSet, out: str, probes: Sequence[str], where: Sequence[str]) -> watching.Seen | None:
    """What an audit computed; None, with a note, where it left no results."""
    folder = folder_of(check, own)
    words = ["run", "--config", str(folder / "fp32.toml"), "--model", str(folder / "fp32"), "--fixed"]
    words += ["--out", str(folder / out), *where, *(word for probe in probes for word in ("--probe", probe))]
    with watching.auditing() as seen:
        code = command(check, *words)
    if (folder / out / "results.json").is_file():
        return seen
    check.note("tasks", f"{own.name}: audit, {out}", f"exit code {code}: {last_line(check)}", ok=False)
    return None


def measured(check: Check, own: TaskSet, probes: Sequence[str]) -> None:
    """Note whether every probe has measured the candidate, and what has not."""
    content = json.loads((folder_of(check, own) / "device" / "results.json").read_text(encoding="utf-8"))
    records = {one["probe"]: one for one in content["records"] if one["model"] == "standard"}
    missing = [
        f"{name}: {records[name]['reason'] or 'nothing measured' if name in records else 'absent'}"
        for name in probes
        if name not in records or not records[name]["measurements"]
    ]
    skipped = "" if "adversarial" in probes else "; attacks skipped: TextAttack is not installed"
    value = "; ".join(missing) or f"{', '.join(probes)} measured{skipped}"
    check.note("tasks", f"{own.name}: probes", value, ok=not missing)


def compare(check: Check, own: TaskSet, mine: watching.Seen, other: watching.Seen) -> None:
    """Every answer of the device against the CPU's; texts that only an attacker asked about are read again."""
    from auditor import tasks as known

    answers = {(name, text.key): answer for name, text, answer in other.answers}
    for name in dict.fromkeys(name for name, _, _ in mine.answers):
        absent = {
            text.key: text for model, text, _ in mine.answers if model == name and (name, text.key) not in answers
        }
        read = cpu_answers(own, folder_of(check, own) / "fp32" / name, list(absent.values()))
        answers |= {(name, key): answer for key, answer in read.items()}
    same = agreement(
        [(answer, answers[name, text.key]) for name, text, answer in mine.answers], known.kind(own.task).head
    )
    ok = bool(mine.answers) and same.changed == 0
    check.note("tasks", f"{own.name}: against the CPU", same.words, ok=ok, **asdict(same))
    check.figures(own.name, asdict(same))
    shared = mine.numbers.keys() & other.numbers.keys()
    if mine.numbers and not shared:
        check.note("tasks", f"{own.name}: against the CPU", "the CPU has logits and embeddings of no text", ok=False)
    if shared:
        largest = max(float(abs(mine.numbers[one] - other.numbers[one]).max()) for one in shared)
        words = f"{len(shared):,} texts' logits and embeddings, largest difference {largest:.1e}"
        check.note("tasks", f"{own.name}: against the CPU", words, ok=largest <= SAME_NUMBERS)


def cpu_answers(own: TaskSet, checkpoint: Path, texts: Sequence[Any]) -> dict[str, Any]:
    """Key → the CPU's answer."""
    from auditor.engine import plan
    from auditor.results.provenance import CPU_TOKENS

    if not texts:
        return {}
    model = loaded(own, checkpoint, "cpu")
    known: dict[str, Any] = {}
    for batch in plan.batches(plan.unique(texts), CPU_TOKENS):
        with runners_up() as seconds:
            found = model.run(batch)
        known |= {one.key: answer for one, answer in zip(batch, beside(found, seconds), strict=True)}
    return known


def repeatable(check: Check) -> None:
    """The same seed on the same device gives the same weights."""
    for own in (one for one in SETS if one.name in REPEATED):
        folder = folder_of(check, own)
        words = functools.partial(training_words, check, folder)
        first = folder / "fp32" / "standard"
        codes = [] if first.exists() else [command(check, *words("fp32"))]
        codes.append(command(check, *words("again")))
        if any(codes):
            check.note("repeatable", own.name, last_line(check), ok=False)
            continue
        digests = [digest(one) for one in (first, folder / "again" / "standard")]
        value = f"weights {digests[0][:12]}, again {digests[1][:12]}"
        check.note("repeatable", own.name, value, ok=digests[0] == digests[1])


def training_words(check: Check, folder: Path, out: str) -> list[str]:
    words = ["train", "--config", str(folder / "fp32.toml"), "--recipes", "standard", "--out", str(folder / out)]
    return [*words, "--device", check.device, "--fresh", "--quiet"]


def digest(checkpoint: Path) -> str:
    return hashlib.sha256((checkpoint / "model.safetensors").read_bytes()).hexdigest()


COLUMNS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "fp32 samples/s": lambda own: f"{own['standard, fp32']['samples_per_second']:,.0f}",
    "fgm samples/s": lambda own: f"{own['fgm, fp32']['samples_per_second']:,.0f}",
    "bf16 samples/s": lambda own: f"{own['standard, mixed']['samples_per_second']:,.0f}",
    "MiB, training": lambda own: f"{own['standard, fp32']['peak_mib']:,.0f}",
    "audit texts/s": lambda own: f"{own['texts_per_second']:,.0f}",
    "MiB, audit": lambda own: f"{own['audit_peak_mib']:,.0f}",
    "answers": lambda own: f"{own['answers']:,}",
    "largest": lambda own: f"{own['largest']:.1e}",
    "changed": lambda own: f"{own['changed']}",
    "ties": lambda own: f"{own['ties']}",
    "seconds": lambda own: f"{own['seconds']:.1f}",
}
"""Heading → a task's cell of the table of tasks."""


def task_table(figures: Mapping[str, Mapping[str, Any]]) -> str:
    """A line for each task; a dash for what was not reached."""

    def cell(of: Callable[[Mapping[str, Any]], str], own: Mapping[str, Any]) -> str:
        try:
            return of(own)
        except KeyError:
            return "–"

    lines = [
        ["task", *COLUMNS],
        *([name, *(cell(of, own) for of in COLUMNS.values())] for name, own in figures.items()),
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.rjust, line, widths)) for line in lines)
