"""Chapters by papermill, one after the other, and a book of what they gave."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

import pandas as pd
import yaml

from transferlab.system.files import checkout


def repository() -> Path:
    """The folder that holds the chapters and the book. Raises ValueError if the package is installed without it."""
    if folder := checkout():
        return folder
    raise ValueError("the chapters are not part of the installed package; run them from a checkout of the repository")


def find(names: Sequence[str]) -> list[Path]:
    """The chapters whose file names begin with one of `names`, such as "03"; all of them if there are no names.

    Raises ValueError for a name that no chapter begins with, and where there are no chapters at all.
    """
    chapters = sorted((repository() / "notebooks").glob("[0-9]*.ipynb"))
    known = ", ".join(chapter.stem for chapter in chapters)
    for name in names:
        if not any(chapter.stem.startswith(name) for chapter in chapters):
            raise ValueError(f"no chapter begins with {name!r}; there are {known}")
    return [chapter for chapter in chapters if not names or chapter.stem.startswith(tuple(names))]


def parse(pairs: Sequence[tuple[str, str]]) -> dict:
    """Parameters from pairs of name and text, read as YAML: `("seeds", "[0, 1]")` is a list of numbers."""
    return {name: yaml.safe_load(text) for name, text in pairs}


def run(chapters: Sequence[Path], parameters: dict, out: Path) -> pd.DataFrame:
    """Execute chapters with `parameters` into `out/notebooks`; a failure does not stop those that follow.

    Gives a row a chapter: chapter, seconds, and error, which is empty where all went well. A chapter that failed is
    there as far as it got. Raises ValueError if `out` holds chapters already.
    """
    import papermill  # here, since it takes a second to import

    folder = repository() / "notebooks"
    notebooks = out / "notebooks"
    if notebooks.exists() and any(notebooks.iterdir()):
        raise ValueError(f"{notebooks} is not empty; choose another folder for --out, so that nothing is overwritten")
    notebooks.mkdir(parents=True, exist_ok=True)
    rows = []
    for chapter in chapters:
        started, error = perf_counter(), ""
        try:
            papermill.execute_notebook(
                chapter, notebooks / chapter.name, parameters, cwd=folder, progress_bar=False, log_output=False
            )
        except papermill.PapermillExecutionError as failure:
            error = f"cell {failure.exec_count}: {failure.ename}: {failure.evalue}"
        except Exception as failure:  # a kernel that died, a file that cannot be written: the next chapter may do
            error = f"{type(failure).__name__}: {failure}"
        rows.append((chapter.stem, round(perf_counter() - started, 1), error))
        print(f"{chapter.stem}: {rows[-1][1]} s{', FAILED: ' + error if error else ''}", flush=True)
    return pd.DataFrame(rows, columns=["chapter", "seconds", "error"])


def render(out: Path) -> Path:
    """A book in `out/_build/html` of the chapters in `out/notebooks`; gives its first page.

    Raises RuntimeError, with the end of what Jupyter Book said, if it cannot be built.
    """
    root = repository()
    done = {chapter.stem for chapter in (out / "notebooks").glob("*.ipynb")}
    shutil.copytree(root / "book", out / "book", dirs_exist_ok=True)
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    config["execute"] = {"execute_notebooks": "off"}
    (out / "_config.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    for part in toc["parts"]:
        pages = part["chapters"]
        part["chapters"] = [page for page in pages if page["file"].split("/")[0] != "notebooks" or _stem(page) in done]
    (out / "_toc.yml").write_text(yaml.safe_dump(toc), encoding="utf-8")
    command = [sys.executable, str(root / "book" / "build.py"), "build", str(out)]
    built = subprocess.run(command, capture_output=True, text=True)
    if built.returncode:
        raise RuntimeError(f"the book in {out} could not be built: {(built.stdout + built.stderr)[-2000:]}")
    return out / "_build" / "html" / "index.html"


def _stem(page: dict) -> str:
    return Path(page["file"]).name
