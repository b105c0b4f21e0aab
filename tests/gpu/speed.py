"""Texts a second: the bare model's, the engine's on encoded texts, and the engine's on texts."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from gpu import inputs
from gpu.auditing import scorer_of
from gpu.found import Check
from gpu.inputs import reviews


def throughput(check: Check) -> None:
    """Texts a second of the bare model, of the engine on encoded texts, and of the engine on texts; for each budget."""
    import torch

    from auditor.engine import plan
    from auditor.engine.forward import Forward

    texts = [{"text": text} for text, _ in reviews(check.sizes.timed, 4)]
    for precision, budget in ((one, other) for one in inputs.PRECISIONS for other in check.sizes.budgets):
        if check.late:
            check.note("speed", f"{precision}, {budget:,} tokens", "not run: out of time", ok=False)
            continue
        model, scorer = scorer_of(check, "fp32", "standard", budget, precision)
        encoded = plan.unique(scorer.encode(texts))
        padded = [
            {name: one.to(check.device) for name, one in model.filling.padded(model.rows(batch)).items()}
            for batch in plan.batches(encoded, budget)
        ]

        def bare(model: Any = model, padded: Sequence[dict[str, Any]] = padded) -> None:
            with torch.inference_mode(), model._autocast():
                for tensors in padded:
                    model.module(**tensors)

        bare_rate = len(encoded) / timed(bare, check.device)
        engine = len(encoded) / timed(lambda: Forward(budget).answers(model, encoded), check.device)  # noqa: B023 - run at once
        whole = len(encoded) / timed(lambda: scorer.ask(texts), check.device)  # noqa: B023 - run at once
        value = (
            f"bare {bare_rate:,.0f} texts/s, engine {engine:,.0f} ({engine / bare_rate:.2f}), "
            f"from text {whole:,.0f} ({whole / bare_rate:.2f})"
        )
        check.note("speed", f"{precision}, {budget:,} tokens", value, bare=bare_rate, engine=engine, whole=whole)


def sync(device: str) -> None:
    import torch

    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def timed(work: Callable[[], Any], device: str, repeat: int = 2) -> float:
    """Seconds of the fastest of ``repeat`` runs.

    The device's queue is empty before and after each run. The first of several runs warms up.
    """
    seconds = []
    for _ in range(repeat):
        sync(device)
        began = time.perf_counter()
        work()
        sync(device)
        seconds.append(time.perf_counter() - began)
    return min(seconds[1:] or seconds)
