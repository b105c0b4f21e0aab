"""Model cards: section and metadata of an audit in a README.md.

Everything else of the file stays byte for byte. Metadata follow the ``model-index`` of the Hugging Face Hub
(https://github.com/huggingface/hub-docs/blob/main/modelcard.md), as ``huggingface_hub`` validates it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from auditor.errors import ResultsError, first_line
from auditor.types import HOME

KEY = "model-index"
TOOL = "auditor"
"""What ``args`` of a metric name as its origin, where an audit wrote it."""
HUB_TASKS = {
    "ner": "token-classification",
    "sentence-pair": "text-classification",
    "dialogue-classification": "text-classification",
    "multi-label-classification": "text-classification",
    "text-regression": "text-classification",
}
"""Task → what the Hub calls it, where it has another name."""
_BLOCK = re.compile(r"^(\s*---(?:\r\n|\r|\n))([\S\s]*?)((?:\r\n|\r|\n)---[ \t]*(?:\r\n|\n|$))")
"""The front matter, as ``huggingface_hub`` finds it."""


@dataclass(frozen=True, slots=True)
class Markers:
    """What stands before and after the section."""

    start: str
    end: str


def with_audit(card: bytes, section: str, results: Mapping[str, Any], markers: Markers, where: str) -> bytes:
    """Return a model card with an audit's section and metadata.

    The section takes the place of the one between the markers, or comes last; in ``model-index`` the audit's metrics
    take the place of those that an audit wrote. Raises ResultsError in one line for a file that is not UTF-8, markers
    that are not a pair, and front matter that is not YAML or that the Hub does not accept.
    """
    try:
        text = card.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ResultsError(f"byte at offset {error.start} is not UTF-8", where=where, hint="save it as UTF-8") from None
    if text.startswith("\ufeff"):
        hint = "save it as UTF-8 without one"
        raise ResultsError("begins with a byte-order mark, behind which no metadata are read", where=where, hint=hint)
    line_break = "\r\n" if "\r\n" in text else "\n"
    block = _BLOCK.match(text)
    head, body = (text[: block.end()], text[block.end() :]) if block else ("", text)
    if head and not head.endswith("\n"):
        head += line_break
        block = _BLOCK.match(head)
    body = _with_section(body, section.replace("\n", line_break), markers, line_break, where)
    written = (_with_metadata(head, block, results, line_break, where) + body).encode("utf-8", "backslashreplace")
    _check(written, where)
    return written


def _with_section(body: str, section: str, markers: Markers, line_break: str, where: str) -> str:
    starts, ends = body.count(markers.start), body.count(markers.end)
    first, last = body.find(markers.start), body.find(markers.end)
    if (starts, ends) == (0, 0):
        gap = "" if not body else line_break if body.endswith(line_break) else 2 * line_break
        return f"{body}{gap}{section}"
    if (starts, ends) != (1, 1) or last < first:
        told = f"has {starts} of {markers.start} and {ends} of {markers.end}"
        raise ResultsError(told, where=where, hint="it takes one of each, in this order, or none")
    return body[:first] + section.removesuffix(line_break) + body[last + len(markers.end) :]


def _with_metadata(
    head: str, block: re.Match[str] | None, results: Mapping[str, Any], line_break: str, where: str
) -> str:
    """Return the front matter with the audit's metrics."""
    yaml_text = "" if block is None else block[2]
    start, end, old = _entry(yaml_text, where)
    index = _index(old, results, where)
    entry = _yaml({KEY: index}).replace("\n", line_break) if index else ""
    if block is None:
        return f"---{line_break}{entry}---{line_break}" if entry else head
    if start == len(yaml_text) and yaml_text and entry:
        # The line break before the closing line is not part of the text.
        return f"{block[1]}{yaml_text}{line_break}{entry.removesuffix(line_break)}{block[3]}"
    rest = yaml_text[end:]
    if start < len(yaml_text) and not entry and not rest:
        kept = yaml_text[:start].removesuffix(line_break)
        return f"{block[1]}{kept}{block[3]}" if kept else ""
    kept = yaml_text[:start] + (entry if rest else entry.removesuffix(line_break)) + rest
    return f"{block[1]}{kept}{block[3]}"


def _entry(text: str, where: str) -> tuple[int, int, Any]:
    """Return begin, end and value of the index's entry.

    Both are the text's end where it has none. Lines of comments behind it are not part of it.
    """
    import yaml

    try:
        document = yaml.safe_load(text)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f": line {mark.line + 2}" if mark else ""
        problem = getattr(error, "problem", None) or first_line(error)
        raise ResultsError(f"its front matter is not YAML: {problem}", where=f"{where}{line}") from None
    if document is None:
        return len(text), len(text), None
    if not isinstance(document, dict) or root.flow_style:
        hint = "write a key: value a line"
        raise ResultsError("its front matter is no block of keys", where=where, hint=hint)
    for key, value in root.value:
        if key.value == KEY:
            end = value.end_mark.index
            own = text[key.start_mark.index : end]
            if isinstance(value, yaml.ScalarNode) or value.flow_style:
                after = text.find("\n", end)
                return key.start_mark.index, len(text) if after < 0 else after + 1, document[KEY]
            lines = own.splitlines(keepends=True)
            while lines and (not lines[-1].strip() or lines[-1].lstrip().startswith("#")):
                end -= len(lines.pop())
            return key.start_mark.index, end, document[KEY]
    return len(text), len(text), None


def _index(old: Any, results: Mapping[str, Any], where: str) -> list[dict[str, Any]]:
    """Return the index; the audit's metrics replace those of earlier audits."""
    from huggingface_hub.repocard_data import eval_results_to_model_index, model_index_to_eval_results

    try:
        name, kept = (None, []) if not old else model_index_to_eval_results(old)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ResultsError(f"its {KEY} is not valid: {first_line(error)}", where=where) from None
    if isinstance(old, list) and len(old) > 1:
        raise ResultsError(f"its {KEY} has {len(old)} models", where=where, hint="a card is of one")
    others = [
        each for each in kept if not (isinstance(each.metric_args, dict) and each.metric_args.get("tool") == TOOL)
    ]
    entries = [*others, *metrics(results)]
    index: list[dict[str, Any]] = eval_results_to_model_index(name or results["candidate"], entries) if entries else []
    return index


def _is_ours(arguments: Any) -> bool:
    return isinstance(arguments, dict) and arguments.get("tool") == TOOL


def metrics(results: Mapping[str, Any]) -> Sequence[Any]:
    """Return the task's metric on the test rows as ``EvalResult``, if measured.

    ``args`` of the metric hold the two-sided 95 % interval, the number of independent units, and the method.
    """
    from huggingface_hub import EvalResult

    task = results["task"]
    home = next((dataset for dataset in results["data"] if dataset["name"] == HOME), None)
    made = []
    for record in results["records"]:
        if home is None or record["model"] != results["candidate"] or record.get("role") != "quality":
            continue
        for measured in record["measurements"]:
            if measured["metric"] == task["metric"] and not measured["slice"]:
                interval = {"low": measured["low"], "high": measured["high"], "level": 0.95}
                made.append(
                    EvalResult(
                        task_type=HUB_TASKS.get(task["name"], task["name"]),
                        dataset_type=PurePosixPath(home["path"]).stem,
                        dataset_name=PurePosixPath(home["path"]).name,
                        dataset_args={"sha256": home["sha256"], "rows": home["used"]},
                        metric_type=task["metric"],
                        metric_value=measured["value"],
                        metric_args={
                            **{"tool": TOOL, "version": results["auditor"], **interval},
                            **{"n": measured["n_clusters"], "method": measured["method"]},
                        },
                    )
                )
    return made


def _yaml(value: Any) -> str:
    import yaml

    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=False, default_flow_style=False, width=120))


def _check(written: bytes, where: str) -> None:
    """Refuse a card that the Hub would not read."""
    from huggingface_hub import ModelCard

    text = written.decode("utf-8")
    try:
        if _BLOCK.match(text):
            ModelCard(text)
    except Exception as error:  # of YAML, or of the Hub's own checks
        raise ResultsError(f"the Hub would not read its metadata: {first_line(error)}", where=where) from None
