"""Launch buttons: none that lead nowhere, and the right ones once the repository has an address."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from formats import BUILD, write_book
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[1]
POSIX = pytest.mark.skipif(os.name == "nt", reason="Binder, Codespaces and Colab are Linux")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def links(folder, **filled):
    """The links of a chapter's page to other hosts."""
    write_book(folder, **filled)
    built = subprocess.run([*BUILD, folder], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    page = (folder / "_build" / "html" / "notebooks" / "chapter.html").read_text(encoding="utf-8")
    return re.findall(r'<a href="(https?://[^"]+)"[^>]*class="[^"]*dropdown-item', page)


@pytest.mark.nightly
def test_there_are_none_before_the_address_is_filled_in(tmp_path):
    assert links(tmp_path) == []


def test_they_lead_to_the_chapter_in_the_repository(tmp_path):
    found = links(tmp_path, url="https://github.com/some/where", hub="https://hub.example.org")
    binder, hub, colab, *others = found
    assert others[0] == "https://github.com/some/where" and others[1].startswith(f"{others[0]}/issues/new")
    assert binder == "https://mybinder.org/v2/gh/some/where/main?urlpath=lab/tree/notebooks/chapter.ipynb"
    assert hub.startswith("https://hub.example.org/hub/user-redirect/git-pull?repo=https%3A//github.com/some/where")
    assert colab == "https://colab.research.google.com/github/some/where/blob/main/notebooks/chapter.ipynb"


@pytest.mark.parametrize("name", ["requirements.txt", "runtime.txt", "postBuild"])
def test_binder_finds_its_files(name):
    assert (ROOT / "binder" / name).is_file()
    assert name != "postBuild" or (ROOT / "binder" / name).stat().st_mode & 0o111


@POSIX
def test_binder_installs_the_lock_and_then_the_rest():
    """repo2docker installs binder/requirements.txt from its folder, and runs postBuild in the repository's root."""
    python = (ROOT / "binder" / "runtime.txt").read_text(encoding="utf-8").strip().removeprefix("python-")
    assert re.fullmatch(r"3\.\d+", python) and python in SpecifierSet(PROJECT["requires-python"])
    named = re.findall(r"^-r (\S+)$", (ROOT / "binder" / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert [(ROOT / "binder" / name).resolve() for name in named] == [(ROOT / "requirements.lock").resolve()]
    post_build = ROOT / "binder" / "postBuild"
    subprocess.run(["bash", "-n", post_build], check=True)
    commands = [shlex.split(line, comments=True) for line in post_build.read_text(encoding="utf-8").splitlines()]
    (pip,) = [words for words in commands if words[:3] == ["python", "-m", "pip"]]
    assert pip[-4:] == ["-r", "requirements.txt", "-e", "."]


@POSIX
def test_a_codespace_runs_targets_that_exist():
    settings = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    version = re.fullmatch(r"mcr\.microsoft\.com/devcontainers/python:(3\.\d+)-\w+", settings["image"])
    assert version and version[1] in SpecifierSet(PROJECT["requires-python"])
    for command in settings["postCreateCommand"].values():
        subprocess.run(["bash", "-n", "-c", command], check=True)
    target = re.match(r"make (\w+)", settings["postCreateCommand"]["packages"])
    assert target and re.search(rf"^{target[1]}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    interpreter = settings["customizations"]["vscode"]["settings"]["python.defaultInterpreterPath"]
    assert interpreter == "${containerWorkspaceFolder}/.venv/bin/python"


@POSIX
@pytest.mark.skipif(not shutil.which("git") or not (ROOT / ".git").exists(), reason="no git, or no repository to clone")
def test_the_cell_for_colab_makes_the_clone_importable(tmp_path):
    """The cell of CONTRIBUTING.md, as written but for its address and place; pip only writes down its arguments."""
    (cell,) = re.findall(
        r"^```python\n(!git clone .*?)^```", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.S | re.M
    )
    cell = cell.replace("ADDRESS", ROOT.as_uri()).replace("/content", str(tmp_path))
    check = "import os, transferlab\nprint(os.getcwd(), transferlab.__file__, sep='\\n')\n"
    (tmp_path / "cell.ipy").write_text(cell + check, encoding="utf-8")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pip").write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > "{tmp_path}/asked"\n', encoding="utf-8")
    (tmp_path / "bin" / "pip").chmod(0o755)
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    own = {**os.environ, "PATH": path, "IPYTHONDIR": str(tmp_path / "ipython")}
    run = [sys.executable, "-m", "IPython", "--no-banner", tmp_path / "cell.ipy"]
    done = subprocess.run(run, cwd=tmp_path, env=own, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    clone = tmp_path / "transferlab"
    assert done.stdout.splitlines()[-2:] == [str(clone / "notebooks"), str(clone / "transferlab" / "__init__.py")]
    *_, asked = (tmp_path / "asked").read_text(encoding="utf-8").splitlines()
    place, extra = re.fullmatch(r"(.+)\[(\w+)\]", asked).groups()
    assert place == str(clone) and extra in PROJECT["optional-dependencies"]
