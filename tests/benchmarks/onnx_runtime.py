"""B9. Texts/s of the same planned batches by ONNX Runtime ÷ by torch, and how often they name the same label.

Needs ``pip install onnxruntime onnx``. Not called onnx.py: it would be imported in place of the package of that name.
"""

from __future__ import annotations

from collections.abc import Sequence

import common

from auditor.engine import WINDOW, plan
from auditor.models import hugging_face, onnx
from auditor.models.options import LoadOptions
from auditor.results.provenance import CPU_TOKENS
from auditor.types import Classify, Encoded, Model, Response


def batches(encoded: Sequence[Encoded]) -> list[list[Encoded]]:
    """As an audit plans them by default."""
    windows = plan.windows(plan.unique(encoded), WINDOW)
    return [batch for window in windows for batch in plan.batches(window, CPU_TOKENS)]


def agreement(models: Sequence[Model], planned: Sequence[list[Encoded]]) -> tuple[float, float]:
    """The share of texts with the same label, and the largest difference of a probability."""
    first, second = ([answer for batch in planned for answer in model.run(batch)] for model in models)
    pairs = list(zip(first, second, strict=True))
    same = sum(label(one) == label(other) for one, other in pairs) / len(pairs)
    return same, max(abs(a - b) for one, other in pairs for a, b in zip(one, other, strict=True))


def label(answer: Response) -> int:
    return list(answer).index(max(answer))


def main() -> None:
    parser = common.arguments(__doc__)
    parser.add_argument("--data", default="test", help="file of the demo whose reviews are asked")
    parser.add_argument("--texts", type=int, default=200)
    parser.add_argument("--max-length", type=int, help="tokens; longer reviews are cut")
    options = parser.parse_args()
    path = options.demo / "ckpt" / options.model
    models = [
        load(path, LoadOptions(device="cpu", max_length=options.max_length), name="m")
        for load in (hugging_face.load, onnx.load)
    ]
    rows = common.reviews(options.demo, options.data, options.texts)
    planned = batches(models[0].encode([Classify((text,)) for text, _ in rows]))
    # Also the warm-up of both.
    same, apart = agreement(models, planned)
    ratios = []
    for turn in range(options.repeat):
        spent = [0.0, 0.0]
        for number, batch in enumerate(planned):
            # Batch by batch, and each first in turn: what else the machine does meets both alike.
            for which in ((0, 1), (1, 0))[(turn + number) % 2]:
                spent[which] += common.seconds(lambda which=which, batch=batch: models[which].run(batch))  # type: ignore[misc]
        print(f"  {len(rows)} texts in {len(planned)} batches: torch {spent[0]:.1f} s, ONNX Runtime {spent[1]:.1f} s")
        ratios.append(spent[0] / spent[1])
    common.report("B9 ONNX Runtime ÷ torch", ratios, "≥ 1.15")
    print(f"  same label: {same:.2%} of {len(rows)} texts; probabilities differ by at most {apart:.1e}")


if __name__ == "__main__":
    main()
