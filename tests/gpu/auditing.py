"""The audit on the device with every answer kept, and those answers against the CPU's."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any
from unittest import mock

from gpu.agreeing import agreement
from gpu.found import Check


def command(check: Check, *words: str) -> int:
    """``audit`` within this process, what it prints kept in a log; its exit code."""
    from auditor.cli import main as cli

    log = check.folder / "log"
    with log.open("a", encoding="utf-8") as file, contextlib.redirect_stdout(file), contextlib.redirect_stderr(file):
        return cli.main(list(words))


def last_line(check: Check) -> str:
    return (check.folder / "log").read_text(encoding="utf-8").strip().splitlines()[-1]


def scorer_of(
    check: Check, trained: str, recipe: str, budget: int | None = None, precision: str = "fp32"
) -> tuple[Any, Any]:
    """A checkpoint on the device and a scorer without a cache. ``trained``: the precision that it was trained in."""
    from auditor import tasks
    from auditor.engine import Scorer
    from auditor.models import hugging_face
    from auditor.models.options import LoadOptions
    from auditor.results.provenance import batch_tokens

    path = check.folder / trained / recipe
    model = hugging_face.load(path, LoadOptions(device=check.device, precision=precision, max_length=128), name=recipe)
    task = tasks.create("text-classification", model.labels)
    return model, Scorer(model, task, batch_tokens=budget or batch_tokens(model))


def audit_words(check: Check, out: str, *probes: str) -> list[str]:
    """Arguments of an audit of all fp32 checkpoints."""
    words = ["run", "--config", str(check.folder / "fp32.toml"), "--model", str(check.folder / "fp32")]
    words += ["--device", check.device, "--out", str(check.folder / out)]
    return words + [word for probe in probes for word in ("--probe", probe)]


def has_attacks() -> bool:
    return importlib.util.find_spec("textattack") is not None


def audit(check: Check) -> None:
    """The audit on the device, every answer kept."""
    from auditor.models.text_model import TextModel

    original = TextModel.run

    def run(model: TextModel, batch: Sequence[Any]) -> list[Any]:
        found = original(model, batch)
        check.answers.extend((model.name, one, answer) for one, answer in zip(batch, found, strict=True))
        return found

    probes = ["quality", "noise", "bias", "domain_shift", *(["adversarial"] if has_attacks() else [])]
    began = time.perf_counter()
    with mock.patch.object(TextModel, "run", run):
        code = command(check, *audit_words(check, "audit", *probes))
    seconds = time.perf_counter() - began
    file = check.folder / "audit" / "results.json"
    if not file.is_file():
        check.note("audit", "noise, bias, domain shift, attacks", f"exit code {code}: {last_line(check)}", ok=False)
        return
    records = json.loads(file.read_text(encoding="utf-8"))["records"]
    for probe in ("noise", "bias", "domain_shift", "adversarial"):
        what = "attacks in lockstep" if probe == "adversarial" else probe.replace("_", " ")
        if probe not in probes:
            check.note("audit", what, "skipped: TextAttack is not installed")
            continue
        own = [record for record in records if record["probe"] == probe]
        missing = next((record["reason"] or "nothing measured" for record in own if not record["measurements"]), None)
        cases = sum(record["counts"].get("cases", 0) for record in own)
        check.note("audit", what, missing or f"{cases:,} cases of {len(own)} checkpoints", ok=missing is None)
    check.note("audit", "texts answered", f"{len(check.answers):,} in {seconds:.1f} s", seconds=seconds)


def compare(check: Check) -> None:
    """Every answer of the audit once more on the CPU; and the same texts in bf16."""
    from auditor.engine import plan
    from auditor.models import hugging_face
    from auditor.models.options import LoadOptions
    from auditor.results.provenance import CPU_TOKENS, batch_tokens

    pairs: list[tuple[Any, Any]] = []
    bf16: list[tuple[Any, Any]] = []
    for name in dict.fromkeys(name for name, _, _ in check.answers):
        path = check.folder / "fp32" / name
        own = [(one, answer) for model, one, answer in check.answers if model == name]
        unique = plan.unique(one for one, _ in own)
        cpu = hugging_face.load(path, LoadOptions(device="cpu", max_length=128), name=name)
        known = answered(cpu, plan.batches(unique, CPU_TOKENS))
        pairs += [(answer, known[one.key]) for one, answer in own]
        half = hugging_face.load(path, LoadOptions(device=check.device, precision="bf16", max_length=128), name=name)
        found = answered(half, plan.batches(unique, batch_tokens(half)))
        bf16 += [(found[key], known[key]) for key in found]
    fp32 = agreement(pairs)
    check.note("compare", "fp32 against the CPU", fp32.words, ok=bool(pairs) and fp32.changed == 0, **asdict(fp32))
    half_precision = agreement(bf16)
    check.note("compare", "bf16 against the CPU's fp32", half_precision.words, **asdict(half_precision))


def answered(model: Any, batches: Iterable[Sequence[Any]]) -> dict[str, Any]:
    """Key → answer."""
    return {one.key: answer for batch in batches for one, answer in zip(batch, model.run(batch), strict=True)}
