"""What befalls an audit: it is killed, or the device's memory is full."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from auditor.errors import OutOfMemoryError
from gpu.agreeing import agreement
from gpu.auditing import audit_words, scorer_of
from gpu.found import Check
from gpu.inputs import RECIPES, reviews

ROOT = Path(__file__).resolve().parents[2]
COMPARED = ("results.json", "cases.parquet", "examples.parquet")
RESUMED = ("quality", "noise", "bias")
"""Probes of the audit that is killed."""
DONE = (0, 1, 3)
"""Exit codes of an audit that came to a decision."""
STAND_IN_TOKENS = 2048
"""Padded tokens that a CPU is taken to have memory for."""
SPARE_BYTES = 64 * 2**20
"""What is left of the device's memory when it is to be filled."""


def kill_and_resume(check: Check) -> None:
    """An audit in processes of their own: undisturbed; killed when its second checkpoint begins, and run again."""
    log, second = check.folder / "resumed.log", sorted(RECIPES)[1]
    words = functools.partial(audit_words, check)

    def started(out: str, file: Any) -> subprocess.Popen[bytes]:
        command = [sys.executable, *["-S"] * sys.flags.no_site, "-m", "auditor.cli.main"]
        paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        environment = {**os.environ, "AUDIT_CACHE": str(check.folder / f"{out}-cache"), "PYTHONPATH": paths}
        return subprocess.Popen([*command, *words(out, *RESUMED)], stdout=file, stderr=file, env=environment)

    with log.open("w", encoding="utf-8") as file:
        whole = started("undisturbed", subprocess.DEVNULL).wait()
        process = started("resumed", file)
        while process.poll() is None and f"\n{second}: " not in log.read_text(encoding="utf-8"):
            time.sleep(0.01)
        killed = process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        left = (check.folder / "resumed").exists()
        code = started("resumed", file).wait()
    lines = log.read_text(encoding="utf-8").strip().splitlines()
    if not killed or left or not {whole, code} <= set(DONE):
        reason = lines[-1] if killed else "the audit ended before it could be killed"
        check.note("resume", "killed once", reason, ok=False)
        return
    known = next((line.split(" (")[0] for line in lines if "reused from an earlier run" in line), "nothing was kept")
    folders = [check.folder / name for name in ("undisturbed", "resumed")]
    different = [name for name in COMPARED if len({(folder / name).read_bytes() for folder in folders}) > 1]
    value = f"differs: {', '.join(different)}" if different else "byte for byte the undisturbed audit"
    check.note("resume", "killed once", f"{value}; {known}", ok=not different and known != "nothing was kept")


class Full:
    """A model whose device has little memory left: on CUDA in truth, elsewhere by refusing batches of many tokens."""

    def __init__(self, model: Any, device: str) -> None:
        self._model, self._device = model, device
        self.refused: list[int] = []
        """Texts of each batch that did not fit."""
        self.ran: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    @contextlib.contextmanager
    def filled(self) -> Iterator[None]:
        import torch

        if not self._device.startswith("cuda"):
            yield
            return
        named = torch.device(self._device).index
        device = torch.cuda.current_device() if named is None else named
        torch.cuda.empty_cache()
        total = torch.cuda.get_device_properties(device).total_memory
        share = (torch.cuda.memory_reserved(device) + SPARE_BYTES) / total
        torch.cuda.set_per_process_memory_fraction(share, device)
        try:
            yield
        finally:
            torch.cuda.set_per_process_memory_fraction(1.0, device)
            torch.cuda.empty_cache()

    def run(self, batch: Sequence[Any]) -> list[Any]:
        try:
            if not self._device.startswith("cuda") and len(batch) * batch[-1].length > STAND_IN_TOKENS:
                raise OutOfMemoryError("the device is out of memory")
            found: list[Any] = self._model.run(batch)
        except OutOfMemoryError:
            self.refused.append(len(batch))
            raise
        self.ran.append(len(batch))
        return found


def full_memory(check: Check) -> None:
    """Batches that do not fit are halved until they do, and the answers stay the same."""
    from auditor import tasks
    from auditor.engine import Scorer

    model, ordinary = scorer_of(check, "fp32", "standard")
    inputs = [{"text": text} for text, _ in reviews(check.sizes.timed, 4)]
    expected = [answer for answer in ordinary.ask(inputs) if answer is not None]
    full = Full(model, check.device)
    scorer = Scorer(full, tasks.create("text-classification", model.labels), batch_tokens=2**22)
    with full.filled():
        found = [answer for answer in scorer.ask(inputs) if answer is not None]
    same = agreement(zip(found, expected, strict=True))
    how = "provoked" if check.device.startswith("cuda") else "stood in for"
    largest = max(full.refused, default=0)
    value = f"{how}: {len(full.refused)} batches did not fit, the largest of {largest:,} texts; {same.words}"
    fine = bool(full.refused) and sum(full.ran) == len(inputs) and same.changed == 0
    check.note("memory", "full", value, ok=fine, refused=len(full.refused))
