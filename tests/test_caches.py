"""The cache's folder, and how it stays small."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from auditor.storage import user_cache
from auditor.training import resume


def filled(folder: Path, *names: str) -> Path:
    """Folders of 100 bytes each, the first the longest unused."""
    for age, name in enumerate(names):
        (folder / key(name)).mkdir(parents=True)
        (folder / key(name) / "weights").write_bytes(bytes(100))
        os.utime(folder / key(name), (age, age))
    return folder


def key(name: str) -> str:
    """A key as trainings have one; sorted as the name is."""
    return name.encode().hex().ljust(64, "0")


def left(folder: Path) -> list[str]:
    names = [one.name for one in folder.iterdir()]
    return sorted(bytes.fromhex(one).rstrip(b"\0").decode() if len(one) == 64 else one for one in names)


def test_the_folder_is_the_one_named_or_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(user_cache.VARIABLE, "here")
    assert user_cache.folder() == Path("here")
    monkeypatch.delenv(user_cache.VARIABLE)
    assert user_cache.folder().name == "auditor"


def test_the_least_recently_used_go_first_until_the_rest_fits(tmp_path: Path) -> None:
    filled(tmp_path, "c", "a", "b")
    user_cache.prune(tmp_path, 300)
    assert left(tmp_path) == ["a", "b", "c"]
    user_cache.prune(tmp_path, 299)
    assert left(tmp_path) == ["a", "b"]
    user_cache.touch(tmp_path / key("a"))
    user_cache.prune(tmp_path, 100)
    assert left(tmp_path) == ["a"]


def test_the_one_in_use_stays_and_so_do_files(tmp_path: Path) -> None:
    filled(tmp_path, "used", "b")
    (tmp_path / "note").write_bytes(bytes(500))
    (tmp_path / "galaxy").mkdir()
    (tmp_path / "galaxy" / "mine").write_bytes(bytes(500))
    user_cache.prune(tmp_path, 0, in_use=key("used"))
    assert left(tmp_path) == ["galaxy", "note", "used"]


def test_nothing_is_raised_where_there_is_nothing_or_it_vanishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_cache.prune(tmp_path / "none", 0)
    user_cache.touch(tmp_path / "none")
    filled(tmp_path, "a")
    (tmp_path / key("a") / "gone").symlink_to(tmp_path / "nowhere")
    monkeypatch.setattr("shutil.rmtree", lambda *_, **__: None)
    user_cache.prune(tmp_path, 0)
    assert left(tmp_path) == ["a"]


def test_opening_a_keeper_makes_room(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(cache / user_cache.FITS, "mine", "old", "new")
    monkeypatch.setattr(user_cache, "LIMIT_BYTES", 200)
    keeper = resume.keeper(key("mine"))
    assert (keeper.folder, keeper.key) == (cache / user_cache.FITS / key("mine"), key("mine"))
    assert left(cache / user_cache.FITS) == ["mine", "new"]
