"""Launch buttons: none that lead nowhere, and the right ones once the repository has an address."""

import re
import subprocess
from pathlib import Path

import pytest
from formats import BUILD, write_book

ROOT = Path(__file__).parents[1]


def links(folder, **filled):
    """The links of a chapter's page to other hosts."""
    write_book(folder, **filled)
    built = subprocess.run([*BUILD, folder], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    page = (folder / "_build" / "html" / "notebooks" / "chapter.html").read_text(encoding="utf-8")
    return re.findall(r'<a href="(https?://[^"]+)"[^>]*class="[^"]*dropdown-item', page)


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
