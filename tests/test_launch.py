"""Launch buttons: none that lead nowhere, and the right ones once the repository has an address."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml

ROOT = Path(__file__).parents[1]


def links(folder, **filled):
    """Build a book of one chapter with the book's own settings; the links of its page to other hosts."""
    settings = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    settings["repository"]["url"] = filled.get("url", settings["repository"]["url"])
    settings["launch_buttons"]["jupyterhub_url"] = filled.get("hub", "")
    settings["execute"]["execute_notebooks"] = "off"
    (folder / "_config.yml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    (folder / "_toc.yml").write_text("format: jb-book\nroot: notebooks/chapter\n", encoding="utf-8")
    (folder / "notebooks").mkdir()
    chapter = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# A chapter")])
    chapter.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(chapter, folder / "notebooks" / "chapter.ipynb")
    shutil.copytree(ROOT / "book", folder / "book", ignore=shutil.ignore_patterns("mathjax", "widgets", "results"))
    command = [sys.executable, ROOT / "book" / "build.py", "build", folder]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    page = (folder / "_build" / "html" / "notebooks" / "chapter.html").read_text(encoding="utf-8")
    return re.findall(r'<a href="(https?://[^"]+)"[^>]*class="[^"]*dropdown-item', page)


def test_there_are_none_before_the_address_is_filled_in(tmp_path):
    assert links(tmp_path) == []


def test_they_lead_to_the_chapter_in_the_repository(tmp_path):
    binder, hub, colab = links(tmp_path, url="https://github.com/some/where", hub="https://hub.example.org")
    assert binder == "https://mybinder.org/v2/gh/some/where/main?urlpath=lab/tree/notebooks/chapter.ipynb"
    assert hub.startswith("https://hub.example.org/hub/user-redirect/git-pull?repo=https%3A//github.com/some/where")
    assert colab == "https://colab.research.google.com/github/some/where/blob/main/notebooks/chapter.ipynb"


@pytest.mark.parametrize("name", ["requirements.txt", "runtime.txt", "postBuild"])
def test_binder_finds_its_files(name):
    assert (ROOT / "binder" / name).is_file()
    assert name != "postBuild" or (ROOT / "binder" / name).stat().st_mode & 0o111
