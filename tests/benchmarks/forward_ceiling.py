"""B2. The ideal forward time of an audit's unique texts ÷ the wall time of `audit run`, imports excluded.

The audit's own batches are kept as it runs; afterwards they pass once more through the bare model, padded beforehand
and with nothing else running.
"""

from __future__ import annotations

import importlib
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import common

PROBES = ("quality", "noise", "adversarial", "domain_shift", "bias")
IMPORTS: tuple[str, ...] = (
    "nlpaug.augmenter.char",
    "nlpaug.augmenter.word",
    "sklearn.linear_model",
    "scipy.special",
    "pyarrow.parquet",
)
IMPORTS += ("reports.scorecard", "auditor.attacks.attacker", "transformers.models.bert.modeling_bert", "accelerate")


def kept_batches(model_type: Any) -> list[tuple[Any, list[Any]]]:
    """What passes through models from now on."""
    batches: list[tuple[Any, list[Any]]] = []
    original = model_type.run

    def run(self: Any, batch: Any) -> Any:
        batches.append((self, list(batch)))
        return original(self, batch)

    model_type.run = run
    return batches


def ideal(batches: list[tuple[Any, list[Any]]]) -> float:
    import torch

    padded = [(model.module, dict(model.head.pad(model.rows(batch), model.filling))) for model, batch in batches]
    began = time.perf_counter()
    with torch.inference_mode():
        for module, tensors in padded:
            module(**tensors)
    return time.perf_counter() - began


def main() -> None:
    parser = common.arguments(__doc__)
    parser.add_argument("--budget", type=int, help="examples of each set for each probe")
    options = parser.parse_args()
    for name in IMPORTS:
        importlib.import_module(name)
    from auditor.cli import main as cli
    from auditor.models.hugging_face import HuggingFaceModel

    batches = kept_batches(HuggingFaceModel)
    ratios = []
    for _ in range(options.repeat):
        batches.clear()
        with tempfile.TemporaryDirectory() as folder:
            os.environ["AUDIT_CACHE"] = str(Path(folder) / "cache")
            words = ["run", "--config", str(options.demo / "audit.toml"), "--quiet", "--out", str(Path(folder) / "out")]
            words += ["--model", str(options.demo / "ckpt"), "--candidate", options.model]
            words += [word for probe in PROBES for word in ("--probe", probe)]
            words += ["--budget", str(options.budget)] if options.budget else []
            wall = common.seconds(lambda words=words: cli.main(words))  # type: ignore[misc]
        best = ideal(batches)
        texts = sum(len(rows) for _, rows in batches)
        print(f"  {texts:,} texts in {len(batches):,} batches: {best:.1f} s of {wall:.1f} s")
        ratios.append(best / wall)
    common.report("B2 ideal forward time ÷ wall time of the audit", ratios, "≥ 0.9")


if __name__ == "__main__":
    main()
