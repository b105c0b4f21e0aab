"""Results as a run of MLflow: metrics, parameters, tags and the page."""

from __future__ import annotations

import importlib
import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from auditor.errors import ResultsError, UsageError, first_line
from auditor.results.folder import PAGE
from auditor.results.verification import Audited

_NO_PART = re.compile(r"[^A-Za-z0-9_\-. /]")
"""Characters that the name of an MLflow metric may not have."""
LONGEST = 240
"""Characters of a name, at most; MLflow allows 250."""


def metrics(audited: Audited) -> dict[str, float]:
    """Return the candidate's numbers by name, with the ends of their intervals.

    ``noise.drop/typos/middle``, and with ``.low`` and ``.high``; infinite ends are left out. Of two that would have the
    same name the second has ``_2`` behind it.
    """
    named: dict[str, float] = {}
    used: Counter[str] = Counter()
    for name, value, low, high in _numbers(audited):
        used[name] += 1
        own = name if used[name] == 1 else f"{name}_{used[name]}"
        ends = {f"{own}.low": low, f"{own}.high": high}
        named |= {key: number for key, number in {own: value, **ends}.items() if math.isfinite(number)}
    return named


def _numbers(audited: Audited) -> Iterator[tuple[str, float, float, float]]:
    for record in audited.records:
        if record.model == audited.results["candidate"]:
            for measured in record.measurements:
                words = (f"{record.probe}.{measured.metric}", *measured.slice.values())
                name = "/".join(_NO_PART.sub("_", word.replace("/", "_")) for word in words)[:LONGEST]
                yield name, measured.value, measured.low, measured.high


def log(audited: Audited, page: str, *, experiment: str | None = None, run: str | None = None) -> str:
    """Log verified results as a run; return the run's id.

    Where and under whose name is MLflow's own affair (``MLFLOW_TRACKING_URI``, ``MLFLOW_RUN_ID``). ``page``: the
    scorecard's HTML. Raises UsageError where mlflow is not installed, ResultsError for what it refuses.
    """
    mlflow: Any
    try:
        mlflow = importlib.import_module("mlflow")
    except ModuleNotFoundError as error:
        if error.name != "mlflow":
            raise
        raise UsageError("mlflow is not installed", hint="pip install mlflow") from None
    content, decision = audited.results, audited.decision
    try:
        if experiment is not None:
            mlflow.set_experiment(experiment)
        with mlflow.start_run(run_name=run) as active:
            mlflow.log_params({"seed": content["seed"], "policy": audited.policy.name, "task": content["task"]["name"]})
            tags = {"version": content["auditor"], "decision": decision.word, "exit_code": decision.exit_code}
            mlflow.set_tags({f"auditor.{name}": str(value) for name, value in tags.items()})
            mlflow.log_metrics(metrics(audited))
            mlflow.log_text(page, PAGE)
            return str(active.info.run_id)
    except mlflow.exceptions.MlflowException as error:
        raise ResultsError(f"mlflow refuses the results: {first_line(error)}") from None
