"""Config: defaults, template, one line for every mistake, settings of probes."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ValidationError

from auditor import config as configs
from auditor import tasks
from auditor.config import Config
from auditor.errors import ConfigError
from auditor.plugins import registry
from auditor.training import recipes


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "audit.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def refused(folder: Path, text: str | bytes) -> str:
    """The one line that a config is refused with, its path left out."""
    path = written(folder, text)
    with pytest.raises(ConfigError) as caught:
        configs.load(path)
    place, line = caught.value.line[: len(str(path))], caught.value.line[len(str(path)) :]
    assert place == str(path)
    return line.removeprefix(": ")


def test_without_a_file_everything_has_its_default() -> None:
    config = configs.load(None)
    assert config == Config()
    assert (config.seed, config.candidate, config.policy) == (0, None, None)
    assert (config.task.name, config.task.settings) == ("text-classification", {})
    assert config.training.recipes == ("standard",)
    assert configs.data_files(config) == {}
    assert configs.columns(config) == {}
    assert configs.policy_file(config) is None
    assert configs.out_folder(config) == Path("audit")


def test_the_template_loads_and_says_the_defaults(tmp_path: Path) -> None:
    assert configs.load(written(tmp_path, configs.TEMPLATE)).model_dump() == Config().model_dump()


def test_every_line_of_the_template_is_valid_when_its_mark_is_taken_away(tmp_path: Path) -> None:
    lines = configs.TEMPLATE.splitlines()
    bare = "\n".join(re.sub(r"^# (?=[a-z_]+ = |\[)", "", line) for line in lines)
    config = configs.load(written(tmp_path, bare))
    assert config.candidate == "standard"
    assert config.data.domains == {"tweets": Path("tweets.csv")}
    assert config.training.recipe == {"fgm": {"epsilon": 1.0, "learning_rate": 2e-5}}
    assert config.compare[0].expect == "higher"


def keys_of(model: type[BaseModel], table: str = "") -> set[str]:
    sections = {"data", "training", "audit"}
    keys = {f"{table}{name}" for name in model.model_fields if name not in sections}
    for name in sections & set(model.model_fields):
        section = model.model_fields[name].annotation
        assert isinstance(section, type)
        keys |= keys_of(section, f"{name}.")
    return keys


def test_the_template_shows_every_key_and_explains_it() -> None:
    found: set[str] = set()
    table = ""
    for line in configs.TEMPLATE.splitlines():
        header = re.match(r"(?:# )?(\[+)([a-z_.]+)\]", line)
        key = re.match(r"(?:# )?([a-z_]+) = ", line)
        if header:
            # [training.recipe.fgm] shows training.recipe, and [probes.noise] shows probes.
            table = f"{header[2]}."
            found.add(header[2].rpartition(".")[0] or header[2])
        elif key:
            found.add(f"{table}{key[1]}")
            assert re.search(r" # \w", line), line
    assert keys_of(Config) - found == set()


def test_the_template_names_every_task() -> None:
    (named,) = re.findall(r"# what the model does: (.*?); without settings", configs.TEMPLATE)
    own = [name for name, kind in tasks.kinds().items() if kind.__module__.startswith("auditor.")]
    assert named.split(", ") == own


def test_paths_are_relative_to_the_configs_folder(tmp_path: Path) -> None:
    text = """
policy = "strict.toml"
[data]
train = "rows/train.csv"
test = "/elsewhere/test.csv"
validation = "validation.csv"
domains = { tweets = "tweets.csv" }
slices = { "2025" = "b.csv", "2024" = "a.csv" }
[audit]
out = "results"
"""
    config = configs.load(written(tmp_path, text))
    assert configs.data_files(config) == {
        "test": Path("/elsewhere/test.csv"),
        "train": tmp_path / "rows/train.csv",
        "validation": tmp_path / "validation.csv",
        "tweets": tmp_path / "tweets.csv",
        "2025": tmp_path / "b.csv",
        "2024": tmp_path / "a.csv",
    }
    assert list(configs.data_files(config))[-2:] == ["2025", "2024"], "in the order that the user gives"
    assert configs.policy_file(config) == tmp_path / "strict.toml"
    assert configs.out_folder(config) == tmp_path / "results"
    changed = config.model_copy(update={"seed": 3})
    assert changed.resolve(Path("x")) == tmp_path / "x"


def test_columns_are_collected_from_their_keys(tmp_path: Path) -> None:
    text = '[data]\ntext_column = "body"\nlabel_column = "stars"\ngroup_column = "author"\ncolumns = { premise = "p" }'
    config = configs.load(written(tmp_path, text))
    assert configs.columns(config) == {"premise": "p", "text": "body", "label": "stars", "group": "author"}


def test_a_field_may_have_several_columns(tmp_path: Path) -> None:
    config = configs.load(written(tmp_path, '[data]\ncolumns = { history = ["a", "b c"], turn = "d" }'))
    assert configs.columns(config) == {"history": "a, b c", "turn": "d"}


@pytest.mark.parametrize("columns", ["[]", '["a,b", "c"]', '["a", 1]', '["a", " "]'])
def test_a_list_of_columns_holds_names(tmp_path: Path, columns: str) -> None:
    with pytest.raises(ConfigError) as caught:
        configs.load(written(tmp_path, f"[data]\ncolumns = {{ history = {columns} }}"))
    assert "should be a column, or a list of columns without commas in their names" in caught.value.line
    assert "[data.columns] history = " in caught.value.line


@pytest.mark.parametrize(
    ("text", "name", "settings", "dumped"),
    [
        ('task = "ner"', "ner", {}, "ner"),
        ('[task]\nname = "ner"', "ner", {}, "ner"),
        ('[task]\nname = "ner"\nlenient = true', "ner", {"lenient": True}, {"name": "ner", "lenient": True}),
        # A setting may have any name but that of the name.
        ('[task]\nname = "x"\nsettings = [1]', "x", {"settings": [1]}, {"name": "x", "settings": [1]}),
    ],
)
def test_a_task_is_a_name_or_a_table(
    tmp_path: Path, text: str, name: str, settings: dict[str, Any], dumped: object
) -> None:
    config = configs.load(written(tmp_path, text))
    assert (config.task.name, config.task.settings) == (name, settings)
    assert config.model_dump()["task"] == dumped
    assert Config.model_validate(config.model_dump(), strict=False).task == config.task


@pytest.mark.parametrize(
    ("changes", "task"),
    [
        ({}, {"name": "ner", "lenient": True}),
        ({"task": "ner"}, {"name": "ner", "lenient": True}),
        ({"task": {"name": "ner", "lenient": False}}, {"name": "ner", "lenient": False}),
        # Settings of a task are no other's.
        ({"task": "text-classification"}, "text-classification"),
    ],
)
def test_settings_of_a_task_are_kept_where_changes_name_the_same(changes: dict[str, Any], task: object) -> None:
    config = configs.of_document({"task": {"name": "ner", "lenient": True}}, "audit.toml")
    assert configs.overlaid(config, configs.of_document(changes, "flags")).model_dump()["task"] == task


@pytest.mark.parametrize(
    ("recorded", "settings"),
    [({"lenient": True}, {"lenient": True}), ({"lenient": False}, {}), ({"repair": True}, {})],
)
def test_results_from_before_tasks_had_settings_are_read(recorded: dict[str, Any], settings: object) -> None:
    config = configs.recorded({"task": "ner", "data": recorded})
    assert (config.task.name, config.task.settings) == ("ner", settings)


def test_a_byte_order_mark_is_accepted(tmp_path: Path) -> None:
    assert configs.load(written(tmp_path, b"\xef\xbb\xbfseed = 3")).seed == 3


def test_a_config_cannot_be_changed_in_place() -> None:
    with pytest.raises(ValidationError):
        Config().seed = 1


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("sed = 1", "unknown key sed (did you mean 'seed'?)"),
        ("[training]\nepoch = 1", "unknown key [training] epoch (did you mean 'epochs'?)"),
        (
            '[[compare]]\nprobe = "a"\nmetric = "b"\nexpectt = "higher"',
            "unknown key [[compare]] 1 expectt (did you mean 'expect'?)",
        ),
        ('[[compare]]\nprobe = "a"', "[[compare]] 1 metric is missing"),
        (
            '[[compare]]\nprobe = "a"\nmetric = "b"\nexpect = "high"',
            "[[compare]] 1 expect = \"high\" should be 'higher' or 'lower' (did you mean 'higher'?)",
        ),
        ("seed = true", "seed = true should be a whole number"),
        ('seed = "1"', 'seed = "1" should be a whole number'),
        ("seed = -1", "seed = -1 must be at least 0 and below 4294967296"),
        ("task = 3", "task = 3 should be the name of a task, or a table that holds one"),
        ('task = ""', 'task = "" is empty; leave it out instead'),
        ('[task]\nname = ""', '[task] name = "" is empty; leave it out instead'),
        ("[task]\nname = 3", "[task] name = 3 should be text in quotes"),
        ("[task]\nlenient = true", '[task] name is missing (say which task it is: name = "ner")'),
        ("[data]\nlenient = true", 'unknown key [data] lenient (write [task] lenient = true, beside name = "ner")'),
        ("task = 2020-01-01", "holds a date or a time (put it in quotes)"),
        ("[training]\nepochs = 1.5", "[training] epochs = 1.5 should be a whole number"),
        ("[training]\nepochs = 0", "[training] epochs = 0 must be at least 1"),
        ("[training]\nlearning_rate = nan", "holds nan or inf (every number has to be finite)"),
        ("[training]\nwarmup = 1.0", "[training] warmup = 1.0 must be at least 0 and below 1"),
        ("[training]\nrecipes = []", "[training] recipes = [] is empty; leave it out instead"),
        ('[training]\nrecipes = "fgm"', '[training] recipes = "fgm" should be a list'),
        ('[training]\nrecipes = ["a", "a"]', '[training] recipes = ["a", "a"] names \'a\' twice'),
        ("[training.recipe]\nfgm = 3", "[training.recipe] fgm = 3 should be a table"),
        ("[probes]\nnoise = 3", "[probes] noise = 3 should be a table"),
        ("training = 3", "training = 3 should be a table"),
        ("compare = 3", "compare = 3 should be a list"),
        (
            '[audit]\ndevice = "gpu"',
            '[audit] device = "gpu" should be auto, cpu, cuda, cuda:1, mps, or cuda:0,cuda:1 for several',
        ),
        (
            '[audit]\nprecision = "fp3"',
            "[audit] precision = \"fp3\" should be 'fp32', 'bf16' or 'fp16' (did you mean 'fp32'?)",
        ),
        (
            '[audit]\nbackend = "onxx"',
            "[audit] backend = \"onxx\" should be 'torch' or 'onnx' (did you mean 'onnx'?)",
        ),
        ('[data]\ntrain = ""', '[data] train = "" is empty; leave it out instead'),
        ("[data.labels]\nneg = 0", "[data.labels] neg = 0 should be text in quotes"),
        ("[data.domains]\ntweets = 3", "[data.domains] tweets = 3 should be text in quotes"),
        (
            '[data.domains]\nhome = "x"',
            '[data] domains = {"home": "x"} \'home\' cannot be a domain\'s name; taken: home, test, train, validation',
        ),
        (
            '[data.slices]\ntest = "x"',
            '[data] slices = {"test": "x"} \'test\' cannot be a slice\'s name; taken: home, test, train, validation',
        ),
        (
            '[data]\ndomains = { a = "x" }\nslices = { a = "y" }',
            '[data] slices = {"a": "y"} \'a\' is a domain\'s name too',
        ),
        (b"a = '\xff'", "byte at offset 5 is not UTF-8 (save it as UTF-8)"),
        ("seed = " + 5000 * "9", "holds a whole number with thousands of digits"),
        ("seed = 0x" + 9000 * "f", "seed holds a whole number beyond 64 bits"),
        ("[probes.quality]\nexamples = 1" + 400 * "0", "probes.quality.examples holds a whole number beyond 64 bits"),
        ("probes = " + 1000 * "[" + 1000 * "]", "nests tables or lists more than 64 deep"),
        ("probes = " + 200 * "{ a = " + "1" + 200 * " }", "nests tables or lists more than 64 deep"),
        ("probes" + 1000 * ".a" + " = 1", "nests tables or lists more than 64 deep"),
        ("[probes" + 1000 * ".a" + "]", "nests tables or lists more than 64 deep"),
        ("seed = ", "not valid TOML: Invalid value (at end of document)"),
    ],
)
def test_a_mistake_is_told_in_one_line(tmp_path: Path, text: str | bytes, line: str) -> None:
    assert refused(tmp_path, text) == line


LIBRARY = re.compile(r"valid (integer|number|string|boolean|list|tuple|dict)|after validation|\\b(Input|Value) ")
"""What pydantic says in words of its own."""
VALUES: tuple[Any, ...] = (
    True,
    3,
    -3,
    1.5,
    "x",
    "",
    [],
    [True],
    [1.5, "x"],
    [[]],
    {},
    {"x": True},
    {"x": {}},
    {"x": [1.5]},
)


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_no_key_of_the_config_is_refused_in_the_words_of_a_library(value: Any) -> None:
    sections = ("data", "training", "audit")
    tables: list[dict[str, Any]] = [{name: value} for name in Config.model_fields]
    for section in sections:
        tables += [{section: {key: value}} for key in Config.model_fields[section].annotation.model_fields]  # type: ignore[union-attr]
    tables += [{"compare": [{"probe": "a", "metric": "b", key: value}]} for key in ("probe", "slice", "expect")]
    refusals = []
    for table in tables:
        try:
            configs.of_document(table, "audit.toml")
        except ConfigError as error:
            refusals.append(error.line)
    assert len(refusals) >= 20
    assert [line for line in refusals if LIBRARY.search(line)] == []


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_no_setting_is_refused_in_the_words_of_a_library(value: Any) -> None:
    defaults = [probe.settings for probe in registry.discover()]
    defaults += [recipes.find(name).settings_type() for name in recipes.names()]
    defaults += [tasks.kind(name).settings for name in tasks.names()]
    refusals = []
    for default in defaults:
        for field in dataclasses.fields(default):
            try:
                configs.probe_settings(default, {field.name: value}, "[here]")
            except ConfigError as error:
                refusals.append(error.line)
    assert len(refusals) >= 20
    assert [line for line in refusals if LIBRARY.search(line)] == []


def test_an_unknown_key_without_a_near_match_lists_the_known_ones(tmp_path: Path) -> None:
    assert refused(tmp_path, "[data]\nfoo.bar = 1").startswith("unknown key [data] foo (known: train, validation, ")


def test_long_values_are_cut_and_control_characters_shown_not_sent(tmp_path: Path) -> None:
    line = refused(tmp_path, f'seed = "{"x" * 100}"')
    assert line == f'seed = "{"x" * 59}… should be a whole number'
    assert "\x1b" not in refused(tmp_path, '"\\u001b[31m" = 1')


def test_a_missing_file_and_a_folder_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no such config file \(write one with: audit init\)"):
        configs.load(tmp_path / "audit.toml")
    with pytest.raises(ConfigError, match="is a folder, not a file"):
        configs.load(tmp_path)


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda", "cuda:1", "mps"])
def test_every_documented_device_is_accepted(tmp_path: Path, device: str) -> None:
    assert configs.load(written(tmp_path, f'[audit]\ndevice = "{device}"')).audit.device == device


@dataclasses.dataclass(frozen=True, slots=True)
class Curve:
    sizes: tuple[int, ...] = (30, 100)
    target: float = 0.95


@dataclasses.dataclass(frozen=True, slots=True)
class Options:
    examples: int = 200
    share: float = 0.1
    strict: bool = False
    words: Path | None = None
    families: tuple[str, ...] = ("typos",)
    severities: Mapping[str, float] = dataclasses.field(default_factory=lambda: {"middle": 0.2})
    strength: Literal["low", "high"] = "low"
    curve: Curve = Curve()
    total: int = dataclasses.field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.examples < 1:
            raise ValueError(f"examples = {self.examples}: at least 1")
        if self.share > 1:
            raise ConfigError(f"share = {self.share}: at most 1", hint="0.1 is a tenth")


WHERE = "[probes.noise]"


def test_settings_that_are_not_given_keep_the_instances_values() -> None:
    default = Options(examples=50)
    assert configs.probe_settings(default, {}, WHERE) == default
    assert configs.probe_settings(default, {"strict": True}, WHERE) == Options(examples=50, strict=True)


def test_settings_take_lists_tables_paths_and_whole_numbers_for_floats() -> None:
    given = {
        "share": 1,
        "words": "words.txt",
        "families": ["case", "typos"],
        "severities": {"low": 0.1},
        "curve": {"sizes": [1, 2]},
    }
    assert configs.probe_settings(Options(), given, WHERE) == Options(
        share=1.0,
        words=Path("words.txt"),
        families=("case", "typos"),
        severities={"low": 0.1},
        curve=Curve((1, 2), 0.95),
    )


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"example": 3}, "unknown key 'example' (did you mean 'examples'?)"),
        (
            {"zzz": 3},
            "unknown key 'zzz' (known: examples, share, strict, words, families, severities, strength, curve)",
        ),
        (
            {"total": 3},
            "unknown key 'total' (known: examples, share, strict, words, families, severities, strength, curve)",
        ),
        ({"examples": True}, "examples = true should be a whole number"),
        ({"examples": "3"}, 'examples = "3" should be a whole number'),
        ({"examples": 2.0}, "examples = 2.0 should be a whole number"),
        ({"examples": 0}, "examples = 0: at least 1"),
        ({"share": float("inf")}, "share holds nan or inf (every number has to be finite)"),
        ({"share": 2.0}, "share = 2.0: at most 1 (0.1 is a tenth)"),
        ({"strict": 1}, "strict = 1 should be true or false"),
        ({"families": "typos"}, 'families = "typos" should be a list'),
        ({"families": ["typos", 3]}, "[families] 1 = 3 should be text in quotes"),
        ({"severities": {"low": "x"}}, '[severities] low = "x" should be a number'),
        ({"strength": "hig"}, "strength = \"hig\" should be 'low' or 'high' (did you mean 'high'?)"),
        ({"curve": 3}, "curve = 3 should be a table"),
        ({"families": []}, "families is empty (leave it out for typos)"),
        ({"severities": {}}, "severities is empty (leave it out for middle)"),
        ({"families": ["a", "b", "a"]}, "families names 'a' twice"),
    ],
)
def test_a_wrong_setting_is_told_in_one_line(given: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        configs.probe_settings(Options(), given, WHERE)
    assert caught.value.line == f"{WHERE}: {line}"


def test_a_wrong_setting_of_a_nested_table_names_the_table() -> None:
    with pytest.raises(ConfigError, match=r"^\[probes\.noise\] curve: unknown key 'size' \(did you mean 'sizes'\?\)$"):
        configs.probe_settings(Options(), {"curve": {"size": [1]}}, WHERE)


def test_the_template_is_toml_that_the_standard_library_reads() -> None:
    assert tomllib.loads(configs.TEMPLATE)["task"] == {"name": "text-classification"}


def choices() -> list[tuple[Any, str]]:
    """Every setting of a probe that is a choice of several by default."""
    return [
        (probe, field.name)
        for probe in registry.discover()
        for field in dataclasses.fields(probe.settings)
        if isinstance(value := getattr(probe.settings, field.name), tuple | Mapping) and value
    ]


@pytest.mark.parametrize(("probe", "key"), choices(), ids=lambda one: getattr(one, "name", one))
def test_no_probe_takes_an_empty_choice(probe: Any, key: str) -> None:
    empty: Any = {} if isinstance(getattr(probe.settings, key), Mapping) else []
    with pytest.raises(ConfigError) as caught:
        configs.probe_settings(probe.settings, {key: empty}, f"[probes.{probe.name}]")
    assert caught.value.line.startswith(f"[probes.{probe.name}]: ")
    assert "\n" not in caught.value.line


def test_there_are_choices() -> None:
    assert len(choices()) > 6


def test_a_setting_that_is_empty_by_default_may_be_empty() -> None:
    assert configs.probe_settings(Nothing(), {"types": {}, "words": []}, WHERE) == Nothing()


@dataclasses.dataclass(frozen=True, slots=True)
class Nothing:
    types: Mapping[str, str] = dataclasses.field(default_factory=dict)
    words: tuple[str, ...] = ()
