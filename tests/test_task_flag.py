"""``--task`` of audit run and audit train."""

from __future__ import annotations

from argparse import Namespace

import pytest

from auditor import tasks
from auditor.cli import arguments, data_flags
from auditor.config import Config
from auditor.errors import ConfigError


@pytest.mark.parametrize("task", tasks.names())
@pytest.mark.parametrize("command", [["run", "--model", "ckpt"], ["train"]])
def test_every_task_can_be_named(command: list[str], task: str) -> None:
    options = arguments.parser().parse_args([*command, "--task", task])
    config = data_flags.applied(Config(), options)
    assert config.task.name == task
    assert "task" in config.model_fields_set


def test_a_config_keeps_the_settings_of_its_own_task() -> None:
    config = Config.model_validate({"task": {"name": "ner", "lenient": True}})
    assert data_flags.applied(config, Namespace(task="ner")).task.settings == {"lenient": True}
    assert data_flags.applied(config, Namespace(task="text-classification")).task.settings == {}
    assert data_flags.applied(config, Namespace(task=None)) is config


def test_an_unknown_task_names_the_nearest_known() -> None:
    with pytest.raises(ConfigError, match=r"unknown task 'nerr' \(did you mean 'ner'\?\)"):
        data_flags.applied(Config(), Namespace(task="nerr"))
