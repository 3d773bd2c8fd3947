"""Run chapters by papermill, one after the other, and make a book of the results."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import ClassVar

import nbformat
import pandas as pd
import yaml

from transferlab.chapters import assigned
from transferlab.system.files import checkout
from transferlab.system.kernels import own_kernels


def repository() -> Path:
    """Return the folder of the chapters and the book. Raises ValueError if the package is installed without it."""
    if folder := checkout():
        return folder
    raise ValueError("the chapters are not part of the installed package; run them from a checkout of the repository")


def find(names: Sequence[str]) -> list[Path]:
    """Return the chapters whose file names begin with one of `names`, such as "03"; without names, all of them.

    Raises ValueError for a name that no chapter begins with, and where there are no chapters at all.
    """
    chapters = sorted((repository() / "notebooks").glob("[0-9]*.ipynb"))
    known = ", ".join(chapter.stem for chapter in chapters)
    for name in names:
        if not any(chapter.stem.startswith(name) for chapter in chapters):
            raise ValueError(f"no chapter begins with {name!r}; there are {known}")
    return [chapter for chapter in chapters if not names or chapter.stem.startswith(tuple(names))]


def parse(pairs: Sequence[tuple[str, str]]) -> dict:
    """Read parameters from pairs of name and text, as papermill does with its own `-p`, and lists as lists.

    A text is a number, True, False or None where it is written so, also as `true`, `false` and `null`; a list or a
    mapping where it begins with `[` or `{`; without its quotation marks where it has some; and otherwise a text: a
    date, a path with `@` or `%`, a word. Raises ValueError for a list or a mapping that cannot be read, or holds what a
    notebook cannot.

    >>> parse([("seeds", "[0, 1]"), ("scale", "smoke"), ("runs", "2026-08-01"), ("train", "false")])
    {'seeds': [0, 1], 'scale': 'smoke', 'runs': '2026-08-01', 'train': False}
    """
    return {name: _value(name, text) for name, text in pairs}


def _value(name: str, text: str) -> object:
    known = {"True": True, "true": True, "False": False, "false": False, "None": None, "null": None}
    if text in known:
        return known[text]
    for number in (int, float):
        with suppress(ValueError):
            return number(text)
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    if text.lstrip()[:1] not in ("[", "{"):
        return text
    for read in (ast.literal_eval, _yaml):  # Python's own form first, in which 1e-3 is a number
        with suppress(ValueError, SyntaxError, TypeError, RecursionError, MemoryError, yaml.YAMLError):
            value = read(text)
            json.dumps(value)
            if isinstance(value, list | dict):
                return value
    raise ValueError(
        f"{name} is {text[:200]!r}; it begins as a list or a mapping, and must be one of numbers and texts, such as "
        f'"[0, 1]" or "{{\'batch\': 32}}"; a text that begins so must be in quotation marks'
    )


class _Texts(yaml.SafeLoader):
    """YAML in which a date is a text, as in papermill."""

    yaml_implicit_resolvers: ClassVar = {
        first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Texts.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"[-+]?\d+[eE][-+]?\d+"), list("-+0123456789"))


def _yaml(text: str) -> object:
    return yaml.load(text, _Texts)  # noqa: S506, it is a SafeLoader


def declared(chapter: Path) -> list[str]:
    """Return the parameters of a chapter: the names that its cell tagged `parameters` assigns to."""
    cells = nbformat.read(chapter, as_version=4).cells
    return [name for cell in cells if "parameters" in cell.metadata.get("tags", ()) for name in assigned(cell.source)]


def share_out(chapters: Sequence[Path], parameters: dict) -> dict[Path, dict]:
    """Give each chapter those of the parameters that it declares. Prints which chapters ignore which.

    Raises ValueError for a parameter that none of the chapters declares.
    """
    known = {chapter: declared(chapter) for chapter in chapters}
    every = list(dict.fromkeys(name for names in known.values() for name in names))
    if unknown := [name for name in parameters if name not in every]:
        raise ValueError(f"no parameter {', '.join(unknown)}; these chapters know {', '.join(every)}")
    for name in parameters:
        if over := [chapter.stem for chapter, names in known.items() if name not in names]:
            print(f"{name} is ignored by {', '.join(over)}, which {'does' if len(over) == 1 else 'do'} not use it")
    return {
        chapter: {name: value for name, value in parameters.items() if name in names}
        for chapter, names in known.items()
    }


def run(chapters: Sequence[Path], parameters: dict, out: Path) -> pd.DataFrame:
    """Execute chapters with `parameters` into `out/notebooks`; a failure does not stop those that follow.

    A chapter gets the parameters that it declares. Returns one row per chapter: chapter, seconds, and error, which is
    empty if all went well. A chapter that failed is saved as far as it got. Raises ValueError if `out` already holds
    chapters, and for a parameter that no chapter declares.
    """
    folder = repository() / "notebooks"
    notebooks = out / "notebooks"
    if notebooks.exists() and any(notebooks.iterdir()):
        raise ValueError(f"{notebooks} is not empty; choose another folder for --out, so that nothing is overwritten")
    shares = share_out(chapters, parameters)
    notebooks.mkdir(parents=True, exist_ok=True)
    import papermill  # here, since it takes a second to import

    own_kernels()
    rows = []
    for chapter, share in shares.items():
        started, error = perf_counter(), ""
        try:
            papermill.execute_notebook(
                chapter, notebooks / chapter.name, share, cwd=folder, progress_bar=False, log_output=False
            )
        except papermill.PapermillExecutionError as failure:
            error = f"cell {failure.exec_count}: {failure.ename}: {failure.evalue}"
        except Exception as failure:  # a kernel that died, a file that cannot be written: the next chapter may work
            error = f"{type(failure).__name__}: {failure}"
        rows.append((chapter.stem, round(perf_counter() - started, 1), error))
        print(f"{chapter.stem}: {rows[-1][1]} s{', FAILED: ' + error if error else ''}", flush=True)
    return pd.DataFrame(rows, columns=["chapter", "seconds", "error"])


def render(out: Path) -> Path:
    """Render the chapters in `out/notebooks` as a book in `out/_build/html`; return the path of its first page.

    Raises RuntimeError, with the end of what Jupyter Book said, if it cannot be built.
    """
    root = repository()
    fetch_assets(root / "book" / "fetch_assets.py")
    done = {chapter.stem for chapter in (out / "notebooks").glob("*.ipynb")}
    shutil.copytree(root / "book", out / "book", dirs_exist_ok=True)
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    config["execute"] = {"execute_notebooks": "off"}
    (out / "_config.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    for part in toc["parts"]:
        pages = part["chapters"]
        part["chapters"] = [page for page in pages if page["file"].split("/")[0] != "notebooks" or _stem(page) in done]
        # that page shows the networks of one study in particular, which a batch does not train
        part["chapters"] = [page for page in part["chapters"] if page["file"] != "book/living"]
    toc["parts"] = [part for part in toc["parts"] if part["chapters"]]
    (out / "_toc.yml").write_text(yaml.safe_dump(toc), encoding="utf-8")
    built = _python(root / "book" / "build.py", "build", out)
    if built.returncode:
        raise RuntimeError(f"the book in {out} could not be built: {(built.stdout + built.stderr)[-2000:]}")
    return out / "_build" / "html" / "index.html"


def fetch_assets(script: Path) -> None:
    """Fetch what the pages load in a browser, unless it is there. A failure is only reported: a book can do without."""
    fetched = _python(script)
    if fetched.returncode:
        reason = fetched.stderr.strip().partition("\n")[0].removeprefix("error: ")
        print(f"The book will have no live widgets and no typeset formulas: {reason}", file=sys.stderr)


def _python(script: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a script of the book's; it reads and writes UTF-8, whatever the locale is."""
    command, utf8 = [sys.executable, script, *arguments], {**os.environ, "PYTHONUTF8": "1"}
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", errors="replace", env=utf8)


def _stem(page: dict) -> str:
    return Path(page["file"]).name
