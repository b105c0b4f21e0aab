"""B7. Forward passes of `audit run` and of `--until-decided` ÷ those of fixed size, on models far from the limits.

Two real checkpoints that are far from the limits: one that always gives the same answer, and one that was trained on
misspelt rows and on rows that name people too, inside every limit. With ``--near`` two more for comparison: the demo's
own, which is close to several limits, and one that gives another answer to whatever is misspelt, whose attack success
rate, one half, is the limit itself. Passes are counted, not timed: they do not depend on the machine. An audit of fixed
size is one of all rows (whose decision the others are to reach) and one of the default sizes.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import tempfile
from pathlib import Path

import common

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from fakes import script
from test_real_models import by_typos, constant, healthy, read, train

from auditor.cli.main import main as audit
from auditor.verdicts import policy

DESIGNS = {"default sizes": ("--fixed",), "adaptive": (), "until decided": ("--until-decided",)}
ALL_ROWS = "all rows"
EVERYTHING = "".join(f"[probes.{name}]\nexamples = 1000000\n" for name in ("quality", "noise", "adversarial"))


def passes(checkpoint: Path, data: Path, out: Path, *more: str, config: str = "defaults") -> tuple[int, int, str]:
    """Texts through the model, looks and the gate's headline."""
    required = sorted({rule.probe for rule in policy.load().rules if rule.required == "always"})
    words = ["run", "--model", str(checkpoint), "--data", str(data), "--config", str(data.with_name(f"{config}.toml"))]
    words += ["--quiet", "--out", str(out), "--fresh"]
    with contextlib.redirect_stdout(io.StringIO()):
        audit([*words, *(word for probe in required for word in ("--probe", probe)), *more])
    found = json.loads((out / "results.json").read_text(encoding="utf-8"))
    total = sum(record["counts"].get("forward_passes", 0) for record in found["records"])
    drawn = found["until_decided"] or found.get("drawn") or {"looks": 1}
    return total, drawn["looks"], found["decision"]["headline"]


def main() -> None:
    parser = common.arguments(__doc__)
    parser.add_argument("--near", action="store_true", help="also models close to a limit")
    parser.add_argument("--only", help="one of the models")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        os.environ["AUDIT_CACHE"] = str(place / "cache")
        script("fixtures/demo/prepare.py").main(place)
        rows = read(place / "train.csv")
        made = {"constant": constant(rows), "healthy": healthy(rows)}
        made |= {"by typos": by_typos(rows)} if options.near else {}
        made = {model: given for model, given in made.items() if options.only in (None, model)}
        checkpoints = {model: train(place, model.replace(" ", "-"), given) for model, given in made.items()}
        if options.near and options.only in (None, "near"):
            checkpoints["near"] = options.demo / "ckpt" / options.model
        (place / "defaults.toml").write_text("seed = 0\n", encoding="utf-8")
        (place / "everything.toml").write_text(f"seed = 0\n{EVERYTHING}", encoding="utf-8")
        for model, checkpoint in checkpoints.items():
            data, out = place / "test.csv", place / "out"
            whole, _, said = passes(checkpoint, data, out, "--fixed", config="everything")
            print(f"  {model}, {ALL_ROWS}: {whole:,} passes; {said}")
            taken = {}
            for design, flags in DESIGNS.items():
                taken[design], looks, said = passes(checkpoint, data, out, *flags)
                print(f"  {model}, {design}: {taken[design]:,} passes in {looks} looks; {said}")
            default = taken["default sizes"]
            common.report(f"B7 {model}, passes until decided ÷ fixed", [taken["until decided"] / default], "≤ 1/3")
            common.report(f"B7 {model}, passes adaptive ÷ all rows", [taken["adaptive"] / whole], "≤ 0.6")


if __name__ == "__main__":
    main()
