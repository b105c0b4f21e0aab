"""Write docs/reference/ from the code: ``python docs/generate.py``; ``--check`` only says what differs."""

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
import itertools
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from types import FunctionType
from typing import Annotated, Any
from unittest import mock

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from auditor import (  # noqa: E402
    languages,
    metrics,
    tasks,
    text,
    types,
)
from auditor import settings as checks  # noqa: E402
from auditor.cli import arguments  # noqa: E402
from auditor.config import schema  # noqa: E402
from auditor.evaluation import needs  # noqa: E402
from auditor.perturbations import by_language, catalogue  # noqa: E402
from auditor.plugins import registry  # noqa: E402
from auditor.training import recipes  # noqa: E402
from auditor.types import NEEDS, OUT_OF_SCOPE, limitations  # noqa: E402
from auditor.verdicts import policy  # noqa: E402

OUT = ROOT / "docs" / "reference"
MADE = "<!-- Made by docs/generate.py. -->"
WIDTH = "100"
"""Columns of the commands' help."""


def field_docs(kind: type) -> dict[str, str]:
    """Field → the docstring under it, of a class and those that it derives from."""
    docs: dict[str, str] = {}
    for base in reversed(kind.__mro__[:-1]):
        try:
            (tree,) = ast.parse(inspect.cleandoc("\n" + inspect.getsource(base))).body
        except (OSError, TypeError, SyntaxError):
            continue
        docs |= _docs_below(tree.body if isinstance(tree, ast.ClassDef) else [])
    return docs


def _docs_below(body: list[ast.stmt]) -> dict[str, str]:
    """Name → the docstring under its annotated assignment."""
    docs: dict[str, str] = {}
    for field, doc in itertools.pairwise(body):
        named = isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        said = isinstance(doc, ast.Expr) and isinstance(doc.value, ast.Constant) and isinstance(doc.value.value, str)
        if named and said:
            docs[field.target.id] = " ".join(doc.value.value.split())  # type: ignore[attr-defined]
    return docs


def cell(value: object) -> str:
    """A value or words as a cell of a Markdown table."""
    return str(value).replace("|", "\\|").replace("\n", " ")


def written(value: object) -> str:
    """A default as audit.toml has it; ``–`` for None."""
    if value is None:
        return "–"
    if isinstance(value, Path):
        value = value.as_posix()
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {json.dumps(one)}" for key, one in value.items()) + " }" if value else "{}"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(json.dumps(str(one) if isinstance(one, Path) else one) for one in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def table(header: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    """A Markdown table."""
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    return "\n".join([*lines, *(f"| {' | '.join(cell(one) for one in row)} |" for row in rows)]) + "\n"


def settings_table(settings: Any) -> str:
    """The settings of a probe or recipe: an instance or a type of a dataclass with defaults."""
    kind = settings if isinstance(settings, type) else type(settings)
    if not is_dataclass(kind) or not fields(kind):
        return "No settings.\n"
    defaults, docs = kind() if isinstance(settings, type) else settings, field_docs(kind)
    hints = checks.hints(kind)
    rows = [
        (
            f"`{field.name}`",
            f"`{written(getattr(defaults, field.name))}`",
            range_in(hints[field.name]),
            docs.get(field.name, ""),
        )
        for field in fields(kind)
    ]
    summary = " ".join((inspect.getdoc(kind) or "").split())
    return f"{summary}\n\n{table(('key', 'default', 'range', 'meaning'), rows)}"


def range_in(hint: Any) -> str:
    """The range of a number, or of each in a list or a table; empty for any other type."""
    inner = checks.element(hint)
    if inner is None:
        return checks.range_of(hint)
    return f"each {words}" if (words := range_in(inner)) else ""


def commands() -> str:
    """``--help`` of every command."""
    with mock.patch.dict(os.environ, {"COLUMNS": WIDTH, "NO_COLOR": "1"}):
        top = arguments.parser()
        (choices,) = (one.choices for one in top._actions if isinstance(one, argparse._SubParsersAction))
        parts = [("audit", top), *((f"audit {name}", one) for name, one in choices.items())]
        return "# Commands\n\n" + "\n".join(
            f"## `{name}`\n\n```\n{one.format_help().strip()}\n```\n" for name, one in parts
        )


def config() -> str:
    """Every key of audit.toml, with its default."""
    parts = ["# audit.toml\n\nEvery key can be left out. `audit init` writes a commented file.\n"]
    sections = (("data", schema.DataSection), ("training", schema.TrainingSection), ("audit", schema.AuditSection))
    parts.append(f"## Top level\n\n{_keys(schema.Config, skip=('task', 'data', 'training', 'audit'))}")
    parts.append(f"## `[task]`\n\n{_task_keys()}")
    parts += [f"## `[{name}]`\n\n{_keys(kind, name)}" for name, kind in sections]
    parts.append("Settings of probes stand under `[probes.<name>]` ([probes](probes.md)), of recipes under")
    parts.append("`[training.recipe.<name>]` ([recipes](recipes.md)).\n")
    return "\n".join(parts)


def template_comments() -> dict[str, str]:
    """``section.key`` → what the commented audit.toml says of it."""
    section, found = "", {}
    for line in (ROOT / "auditor" / "config" / "template.toml").read_text(encoding="utf-8").splitlines():
        if heading := re.match(r"#? ?\[+([\w.]+)\]+", line):
            section = heading[1]
        elif entry := re.match(r"#? ?(\w+) = .*?\s{2,}# (.*)", line):
            found[f"{section}.{entry[1]}"] = entry[2]
    return found


def _task_keys() -> str:
    """``name``, and each task's own settings."""
    parts = ['`task = "ner"` is short for a table that holds the name alone. Other keys are settings of the task.\n']
    for name in tasks.names():
        said = settings_table(tasks.kind(name).settings)
        parts.append(f'`name = "{name}"`: {said}')
    return "\n".join(parts)


def _keys(kind: Any, section: str = "", skip: tuple[str, ...] = ()) -> str:
    comments = template_comments()
    docs = {**{name: comments.get(f"{section}.{name}", "") for name in kind.model_fields}, **field_docs(kind)}
    rows = [
        (
            f"`{name}`",
            f"`{written(one.get_default(call_default_factory=True))}`",
            range_in(Annotated[one.annotation, *one.metadata] if one.metadata else one.annotation),
            docs.get(name, ""),
        )
        for name, one in kind.model_fields.items()
        if name not in skip
    ]
    return table(("key", "default", "range", "meaning"), rows)


def probes() -> str:
    """Every probe: what it is, its metrics for each task, its settings."""
    every = {name: tasks.create(name, tasks.kind(name).example_labels) for name in tasks.names()}
    parts = ["# Probes\n"]
    for probe in registry.discover():
        summary, _, method = registry.description(probe).partition("\n")
        parts.append(f"## `{probe.name}`\n\n**{summary.strip()}** {' '.join(method.split())}\n")
        lacks = [NEEDS.get(need, f"{need.removeprefix('package:')} is not installed") for need in sorted(probe.needs)]
        lacks += [OUT_OF_SCOPE[probe.scope]] if probe.scope in OUT_OF_SCOPE else []
        row = probe.limitation or "plain quality"
        role = "" if probe.role is None else f" Role: `{probe.role}`."
        parts.append(f"Row of the scorecard: `{row}`.{role} Not applicable when: {'; '.join(lacks) or 'never'}.\n")
        for name, task in every.items():
            if needs.unserved(probe, task) is None:
                rows = [
                    (f"`{one.name}`", one.title, one.kind, one.unit, one.better or "–") for one in probe.metrics(task)
                ]
                parts.append(f"Metrics, `{name}`:\n\n{table(('metric', 'title', 'kind', 'unit', 'better'), rows)}")
        parts.append(f"`[probes.{probe.name}]`: {settings_table(probe.settings)}")
    return "\n".join(parts)


def training_recipes() -> str:
    """Every training recipe and its settings."""
    parts = ["# Training recipes\n"]
    for name in recipes.names():
        kind = recipes.find(name)
        doc = inspect.getdoc(kind) or inspect.getdoc(importlib.import_module(kind.__module__)) or ""
        rate = "" if kind.learning_rate is None else f" Learning rate: {kind.learning_rate:g}."
        parts.append(f"## `{name}`\n\n{' '.join(doc.split())}{rate}\n")
        parts.append(f"`[training.recipe.{name}]`: {settings_table(kind.settings_type)}")
    return "\n".join(parts)


def perturbations() -> str:
    """Every perturbation by family."""
    noise = {one.name for one in catalogue.NOISE}
    rows: list[tuple[object, ...]] = [
        (
            f"`{name}`",
            one.family,
            one.wanted,
            "every" if one.graded else "the middle one",
            "yes" if one.keeps_label else "no",
            ", ".join(sorted(one.needs)).replace("package:", "").replace("resource:", "") or "–",
            "yes" if name in noise else "no",
        )
        for name, one in catalogue.CATALOGUE.items()
    ]
    header = (
        "name",
        "family",
        "a text must have",
        "severities",
        "keeps the label",
        "needs",
        "in the noise probe by default",
    )
    return f"# Perturbations\n\n{table(header, rows)}\n{in_other_languages()}"


def in_other_languages() -> str:
    """Which perturbations apply to which languages."""
    codes = [code for code in languages.listed() if code != languages.ENGLISH]
    rows: list[tuple[object, ...]] = [
        (f"`{name}`", *("–" if isinstance(by_language.in_language(name, code), str) else "yes" for code in codes))
        for name in catalogue.CATALOGUE
    ]
    said = (
        "What applies to texts in a language, by its ISO 639-1 code. English has all; an audit says why others lack "
        "what they lack.\n[What is listed of each language, and how to add one](../how-to/other-languages.md)."
    )
    return f"## In other languages\n\n{said}\n\n{table(('name', *codes), rows)}"


def policies() -> str:
    """The shipped limits of every task, with their reasons."""
    parts = [
        "# Policies\n\nThe limits that are shipped; `audit policy` prints them as TOML, `--policy` takes others.\n"
    ]
    for name in tasks.names():
        rules = policy.load(None, name, tasks.kind(name).policy).rules
        rows: list[tuple[object, ...]] = [
            (
                f"`{one.probe}`",
                f"`{one.metric}`",
                f"`{written(dict(one.slice))}`",
                "shown" if one.limit is None else f"{'≥' if one.max is None else '≤'} {one.limit:g}",
                f"{one.margin:g}" if one.margin else "–",
                one.required.replace("_", " "),
                one.why,
            )
            for one in rules
        ]
        parts.append(
            f"## `{name}`\n\n{table(('probe', 'metric', 'slice', 'limit', 'margin', 'required', 'why'), rows)}"
        )
    return "\n".join(parts)


def results() -> str:
    """The keys of results.json."""
    document = json.loads((ROOT / "auditor" / "results" / "schema.json").read_text(encoding="utf-8"))
    rows = [(f"`{name}`", _type(one), one.get("description", "")) for name, one in document["properties"].items()]
    parts = [
        f"# results.json\n\n{document['title']}. {document['description']}\n",
        table(("key", "type", "meaning"), rows),
    ]
    for name, one in document["$defs"].items():
        if "properties" in one:
            inner = [(f"`{key}`", _type(each), each.get("description", "")) for key, each in one["properties"].items()]
            parts.append(f"## {name}\n\n{one.get('description', '')}\n\n{table(('key', 'type', 'meaning'), inner)}")
    return "\n".join(parts)


def api() -> str:
    """The functions and classes that ``import auditor`` offers, and the checks of ``auditor.testing``."""
    import auditor.testing

    kit = [(auditor.testing, name) for name, one in vars(auditor.testing).items() if inspect.isfunction(one)]
    parts = ["# Python\n\n`import auditor` loads nothing heavy; every name is imported when it is first used.\n"]
    for module, name in (
        *((auditor, name) for name in ("audit", "train", "load", "compare", "Results", "Comparison")),
        *kit,
    ):
        member = getattr(module, name)
        parts.append(f"## `{module.__name__}.{name}`\n\n{_documented(name, member)}")
        if inspect.isclass(member):
            own = [one for one in vars(member) if not one.startswith("_") and callable(getattr(member, one))]
            parts += [f"### `{name}.{one}`\n\n{_documented(one, getattr(member, one))}" for one in own]
    return "\n".join(parts)


WORDS = ("words_of", "edits_between", "apply", "split")
"""Functions of ``auditor.text`` that probes need."""
ALIASES = (
    "Slice",
    "Facts",
    "Inputs",
    "Response",
    "Edits",
    "Contribution",
    "Kind",
    "Role",
    "Scope",
    "Asked",
    "Offer",
    "AttackRecipe",
    "Layout",
    "FileReader",
    "Gathering",
    "TextAttackRecipe",
    "Sums",
)
RECORDS = {
    "What a probe is": ("Probe",),
    "What a probe may ask for": (
        "Audit",
        "Example",
        "GivenRow",
        "EarlierPeriod",
        "Encoded",
        "TokenWeight",
        "TrainedModel",
    ),
    "What a probe makes": (
        "Case",
        "Edit",
        "Skipped",
        "Planned",
        "Inquiry",
        "TextPair",
        "Table",
        "WeightedText",
        "WeightedWord",
    ),
    "What a metric reads, and what becomes of it": (
        "Judged",
        "Score",
        "Detail",
        "Choice",
        "Metric",
        "Measurement",
        "Row",
    ),
    "What a task is": (
        "Task",
        "ComparableLabels",
        "AttackDefaults",
        "Averages",
        "Alignment",
        "Span",
        "Goal",
        "Corruption",
    ),
    "What a task asks a model": ("Classify", "Tag", "Extract", "Choose", "Generate"),
    "What a model may offer beside its answers": ("KnowsWords", "Embeds", "Pads"),
}
"""Heading → the types of ``auditor.types`` below it."""


def probe_api() -> str:
    """What probes and tasks are written with: metrics, words, types, ids of limitations and needs."""
    parts = [
        "# What probes and tasks are written with\n\n[Write a probe](../how-to/write-a-probe.md) shows them at work.\n"
    ]
    rows = [(f"`{row.id}`", row.limitation, row.question) for row in limitations.LIMITATIONS]
    parts.append(f"## Ids of limitations\n\n{table(('`limitation`', 'limitation', 'question'), rows)}")
    reasons: list[tuple[object, ...]] = [(f"`{name}`", reason) for name, reason in NEEDS.items()]
    reasons.append(("`package:<name>`", "the package is not installed"))
    parts.append(f"## Needs\n\n{table(('in `needs`', 'reason where it is missing'), reasons)}")
    parts.append("## Metrics: `from auditor import metrics`\n")
    parts.append(_members({name: getattr(metrics, name) for name in metrics.__all__}))
    parts.append("## Words: `from auditor import text`\n")
    parts.append(_members({name: getattr(text, name) for name in WORDS}))
    parts.append("## Types: `from auditor.types import …`\n\n### Short names\n")
    aliases = _aliases()
    parts.append(table(("name", "type", "meaning"), [(f"`{name}`", *aliases[name]) for name in ALIASES]))
    for heading, names in RECORDS.items():
        parts.append(f"### {heading}\n")
        parts += [f"#### `{name}`\n\n{_record(getattr(types, name))}" for name in names]
    return "\n".join(parts)


def _aliases() -> dict[str, tuple[str, str]]:
    """Name of a type alias of ``auditor.types`` → what it is short for, and its docstring."""
    found: dict[str, tuple[str, str]] = {}
    for file in sorted((ROOT / "auditor" / "types").glob("*.py")):
        body = ast.parse(file.read_text(encoding="utf-8")).body
        docs = _docs_below(body)
        for line in body:
            if isinstance(line, ast.AnnAssign) and line.value and ast.unparse(line.annotation) == "TypeAlias":
                name = ast.unparse(line.target)
                found[name] = f"`{ast.unparse(line.value)}`", docs.get(name, "")
    return found


def _record(kind: type) -> str:
    """A type: its docstring, its fields, its methods."""
    parts = [kind, *(base for base in kind.__mro__[1:] if base.__module__.startswith("auditor.types"))]
    docs, own = field_docs(kind), {name: member for part in reversed(parts) for name, member in vars(part).items()}
    hints = {name: hint for part in parts for name, hint in inspect.get_annotations(part).items()}
    rows = [(name, _annotation(hint), docs.get(name, "")) for name, hint in hints.items()]
    rows += [
        (name, inspect.signature(member.fget).return_annotation, " ".join((inspect.getdoc(member) or "").split()))
        for name, member in own.items()
        if isinstance(member, property)
    ]
    defaults = _defaults(kind)
    cells = [(f"`{name}`", f"`{hint}`", defaults.get(name, ""), said) for name, hint, said in rows]
    header = ("field", "type", "default", "meaning")
    if not defaults:
        cells, header = [(name, hint, said) for name, hint, _, said in cells], ("field", "type", "meaning")  # type: ignore[misc,assignment]
    methods = {name: member for name, member in own.items() if name == "__call__" or not name.startswith("_")}
    texts = (f"{inspect.getdoc(kind)}\n", table(header, [*cells]) if cells else "", _members(methods))
    return "\n".join(text for text in texts if text)


def _annotation(hint: Any) -> str:
    return hint if isinstance(hint, str) else hint.__forward_arg__


def _defaults(kind: type) -> dict[str, str]:
    """Field → its default as Python has it; of ``Probe`` what ``ProbeDefaults`` gives."""
    if kind is types.Probe:
        given = {name: value for name, value in vars(types.ProbeDefaults).items() if name in vars(kind)}
        return {
            name: "–" if isinstance(value, property) else f"`{value!r}`"
            for name, value in given.items()
            if not callable(value)
        }
    defaults = {}
    for field in fields(kind) if is_dataclass(kind) else ():
        if field.default_factory is not MISSING:
            defaults[field.name] = f"`{field.default_factory()!r}`"
        elif field.default is not MISSING:
            defaults[field.name] = "–" if callable(field.default) else f"`{field.default!r}`"
    return defaults


def _members(members: Mapping[str, Any]) -> str:
    """Functions or methods: a line each, with the signature and the docstring."""
    lines = [
        f"- `{name}{_signature(member)}`: {' '.join((inspect.getdoc(member) or '').split())}"
        for name, member in members.items()
        if isinstance(member, FunctionType)
    ]
    return "".join(f"{line}\n" for line in lines)


class _Bare(str):
    """An annotation that is written without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _signature(member: Any) -> str:
    """The signature as the source has it, without ``self``."""
    signature = inspect.signature(member)
    given = [
        each if each.annotation is each.empty else each.replace(annotation=_Bare(each.annotation))
        for name, each in signature.parameters.items()
        if name != "self"
    ]
    return str(signature.replace(parameters=given, return_annotation=_Bare(signature.return_annotation)))


def _documented(name: str, member: Any) -> str:
    if inspect.isclass(member):
        docs = field_docs(member)
        rows: list[tuple[object, ...]] = [(f"`{one}`", said) for one, said in docs.items()]
        return f"{inspect.getdoc(member)}\n\n{table(('attribute', 'meaning'), rows)}"
    return f"```\n{name}{_signature(member)}\n\n{inspect.getdoc(member)}\n```\n"


def _type(one: Mapping[str, Any]) -> str:
    if "$ref" in one:
        return f"[{one['$ref'].rpartition('/')[2]}](#{one['$ref'].rpartition('/')[2]})"
    if "enum" in one or "const" in one:
        return ", ".join(map(str, one.get("enum", [one.get("const")])))
    if "anyOf" in one:
        return " or ".join(_type(each) for each in one["anyOf"])
    kind = one.get("type", "any")
    kind = " or ".join(kind) if isinstance(kind, list) else kind
    return f"{kind} of {_type(one['items'])}" if kind == "array" and "items" in one else kind


PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands,
    "audit-toml.md": config,
    "probes.md": probes,
    "recipes.md": training_recipes,
    "perturbations.md": perturbations,
    "policies.md": policies,
    "results.md": results,
    "python.md": api,
    "probe-api.md": probe_api,
}


def pages() -> Iterator[tuple[str, str]]:
    """File name → content."""
    for name, made in PAGES.items():
        title, _, rest = made().partition("\n")
        lines = [line.rstrip() for line in f"{title}\n\n{MADE}\n{rest}".splitlines()]
        yield name, "\n".join(lines).rstrip() + "\n"


def main() -> int:
    """Write the pages, or with ``--check`` say which differ: exit code 1."""
    check = "--check" in sys.argv[1:]
    wrong = []
    for name, content in pages():
        file = OUT / name
        if check:
            wrong += [] if file.is_file() and file.read_text(encoding="utf-8") == content else [name]
        else:
            OUT.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding="utf-8")
    if wrong:
        print(f"docs/reference: {', '.join(wrong)} not as the code is: python docs/generate.py")
    return int(bool(wrong))


if __name__ == "__main__":
    raise SystemExit(main())
