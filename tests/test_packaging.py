"""The installed package.

The wheel is complete, and the command works in a folder with modules of the same names.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("auditor", "probes", "reports")
LIST_PROBES = "import sys\nfrom auditor.cli.main import main\nsys.exit(main(['probes']))"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds what the wheel holds, and nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, folder / "source" / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / "source" / name)
    build = "import setuptools.build_meta as build\nbuild.build_wheel('..')"
    command = [sys.executable, "-W", "error::UserWarning", "-c", build]
    done = subprocess.run(command, cwd=folder / "source", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    (wheel,) = folder.glob("auditor-*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder / "site")
    return folder / "site"


def test_the_wheel_holds_every_file_of_the_packages(site: Path) -> None:
    def files(root: Path) -> set[str]:
        return {
            path.relative_to(root).as_posix()
            for name in PACKAGES
            for path in (root / name).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }

    assert files(site) == files(ROOT)


def listed(site: Path, folder: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """``audit probes`` in a folder that has a ``probes`` and a ``reports`` of its own."""
    (folder / "probes").mkdir(exist_ok=True)
    (folder / "probes" / "__init__.py").write_text("raise RuntimeError('not these')\n", encoding="utf-8")
    (folder / "reports.py").write_text("raise RuntimeError('nor these')\n", encoding="utf-8")
    command = [sys.executable, *flags, "-c", LIST_PROBES]
    environment = {**os.environ, "PYTHONPATH": str(site)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_the_command_runs_where_the_users_folder_has_packages_of_the_same_names(site: Path, tmp_path: Path) -> None:
    # -P is how an installed command starts: the current folder is not where Python looks first.
    done = listed(site, tmp_path, "-P")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("quality ")


def test_a_package_of_the_same_name_that_python_finds_first_is_refused_in_one_line(site: Path, tmp_path: Path) -> None:
    done = listed(site, tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "the package 'probes' that Python finds is not auditor's own" in done.stderr
    assert "run from another folder" in done.stderr
