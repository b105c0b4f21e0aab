"""B10. Share of the audit's time that the probes take which were added without retraining.

The whole default audit of the demo's small config is carried out, with nothing kept from before, and the seconds of
each probe are read from its ``timings.json``. Exits with 1 beyond the goal.
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

from auditor.cli.main import main as audit
from auditor.plugins import registry

ADDED = frozenset(
    {
        *("calibration", "coverage", "drift", "leakage", "shift", "spurious"),
        *("interpretability", "capabilities", "forgetting", "label_errors"),
    }
)
"""Probes of the rows of the scorecard that had none."""
GOAL = 0.35


def timed(place: Path, number: int) -> dict[str, float]:
    """Probe → its seconds, over all models of one audit."""
    out = place / f"out-{number}"
    words = ["run", "--config", str(place / "small.toml"), "--model", str(place / "small"), "--out", str(out)]
    code = audit([*words, "--fresh", "--quiet"])
    if code not in (0, 1, 3):
        raise SystemExit(f"audit run ended with {code}")
    seconds: dict[str, float] = {}
    for piece, took in json.loads((out / "timings.json").read_text(encoding="utf-8"))["seconds"].items():
        probe = piece.partition(": ")[2].partition(", look")[0]
        seconds[probe] = seconds.get(probe, 0.0) + took
    return seconds


def share(seconds: dict[str, float], names: frozenset[str]) -> float:
    return sum(took for probe, took in seconds.items() if probe in names) / sum(seconds.values())


def main() -> None:
    parser = common.arguments(__doc__)
    parser.set_defaults(repeat=1)
    options = parser.parse_args()
    cheap = frozenset(probe.name for probe in registry.discover() if not probe.retrains)
    ratios = []
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        place = Path(name)
        os.environ["AUDIT_CACHE"] = str(place / "cache")
        script("fixtures/demo/prepare.py").main(place)
        with contextlib.redirect_stdout(io.StringIO()):
            audit(["train", "--config", str(place / "small.toml"), "--quiet"])
        for number in range(options.repeat):
            with contextlib.redirect_stdout(io.StringIO()):
                seconds = timed(place, number)
            for probe, took in sorted(seconds.items(), key=lambda item: -item[1]):
                mark = " (added)" if probe in ADDED & cheap else ""
                print(f"  {probe}{mark}: {took:.1f} s, {share(seconds, frozenset({probe})):.1%}", flush=True)
            ratios.append(share(seconds, ADDED & cheap))
    common.report("B10 probes added without retraining ÷ the audit", ratios, f"≤ {GOAL}")
    if max(ratios) > GOAL:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
