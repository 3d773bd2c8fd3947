"""The book in a class: the exercises of a chapter, an edition without solutions, and scores of submitted notebooks."""

import ast
import copy
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pandas as pd
import yaml
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from transferlab.chapters import assigned, batch
from transferlab.chapters.exercises import LONGEST, NO_ANSWER
from transferlab.engine.recipes import SCALES
from transferlab.system.kernels import own_kernels

WORDS_A_MINUTE = 238  # of non-fiction, read in silence, in English (Brysbaert 2019)
COLUMNS = ["notebook", "chapter", "exercise", "goal", "result", "note"]
BY_HAND = "by hand"  # the result of an exercise without a check cell
NOT_RUN = "not run"
_EDGE = re.compile(r"^`{3,}\{solution-(start|end)\}[^`]*^`{3,}$\n?", re.MULTILINE)
_WHOLE = re.compile(r"^(`{3,})\{solution\} .*?^\1$\n?", re.MULTILINE | re.DOTALL)
_EXERCISE = re.compile(r"^(`{3,})\{exercise\} (?P<title>[^\n]+)\n(?P<text>.*?)^\1$", re.MULTILINE | re.DOTALL)
_CHECK = re.compile(r"^def (check_\w+)\(", re.MULTILINE)


@dataclass(frozen=True)
class Exercise:
    """An exercise of a chapter. Without a check cell, `check` and `check_id` are empty."""

    label: str  # such as "ex-count"
    title: str
    goal: int  # the number of the goal that it practises
    check: str = ""  # the source of the check cell
    check_id: str = ""

    @property
    def function(self) -> str:
        """The name of the function in its check cell, or an empty string."""
        found = _CHECK.search(self.check)
        return found[1] if found else ""

    @property
    def replies(self) -> list[str]:
        """What the check cell says to wrong answers, first to those foreseen, last the hint for all others."""
        return [reply for call in _calls(self.check) for reply in _replies(call)]


@dataclass(frozen=True)
class Chapter:
    """A chapter as it is handed out, without solutions."""

    name: str
    notebook: NotebookNode
    solutions: frozenset[str]  # the ids of the code cells of its solutions

    @classmethod
    def read(cls, path: Path) -> "Chapter":
        """Read a chapter of the book."""
        whole = nbformat.read(path, as_version=4)
        notebook = without_solutions(whole)
        kept = {cell.id for cell in notebook.cells}
        return cls(path.stem, notebook, frozenset(c.id for c in whole.cells if c.cell_type == "code") - kept)

    @property
    def title(self) -> str:
        """The title, without its number."""
        return self.notebook.cells[0].source.partition("\n")[0].removeprefix("# ")

    @property
    def goals(self) -> list[str]:
        """What a reader will learn, in the order of the numbers that exercises name."""
        return re.findall(r"^\d\. (.+)$", self.notebook.cells[0].source.split("What you will learn")[1], re.MULTILINE)

    @property
    def exercises(self) -> list[Exercise]:
        """The exercises, in the order of the chapter."""
        found: list[Exercise] = []
        for cell in self.notebook.cells:
            if cell.cell_type == "markdown":
                found += [_exercise(match) for match in _EXERCISE.finditer(cell.source)]
            elif cell.cell_type == "code" and _CHECK.search(cell.source):
                found[-1] = Exercise(found[-1].label, found[-1].title, found[-1].goal, cell.source, cell.id)
        return found

    @property
    def words(self) -> int:
        """How many words of text there are to be read, without code, formulas, pictures and solutions."""
        text = "\n".join(cell.source for cell in self.notebook.cells if cell.cell_type == "markdown")
        text = re.sub(r"<svg.*?</svg>|\$[^$]*\$", " ", text, flags=re.DOTALL)
        text = re.sub(r"^[`:]{3,}.*$|^:\w+:.*$|<[^>]+>|\]\([^)]*\)", " ", text, flags=re.MULTILINE)
        return len(re.findall(r"[^\W\d_][\w'’-]*", text))

    @property
    def minutes(self) -> int:
        """How many minutes it takes to read these words, without a look at a figure or code and a pause to think."""
        return max(1, round(self.words / WORDS_A_MINUTE))


def chapters(folder: Path | None = None) -> list[Chapter]:
    """Return the chapters in a folder (default: those of the checkout), in the order of the book."""
    paths = sorted(folder.glob("[0-9]*.ipynb")) if folder else batch.find([])
    return [Chapter.read(path) for path in paths]


def without_solutions(notebook: NotebookNode) -> NotebookNode:
    """Return a copy of a chapter without the cells and the text of its solutions.

    Raises ValueError where a solution begins or ends twice.
    """
    copied, cells, inside = copy.deepcopy(notebook), [], False
    for cell in copied.cells:
        if cell.cell_type != "markdown":
            cells += [] if inside else [cell]
            continue
        first, *rest = _EDGE.split(_WHOLE.sub("", cell.source))
        kept = "" if inside else first
        for edge, text in zip(rest[::2], rest[1::2], strict=True):
            if inside == (edge == "start"):
                raise ValueError(f"in cell {cell.id} a solution {edge}s that has {'' if inside else 'not '}begun")
            inside = edge == "start"
            kept += "" if inside else text
        if kept.strip():
            cell.source = kept.strip("\n")
            cells.append(cell)
    if inside:
        raise ValueError("a solution does not end; close it with {solution-end}")
    copied.cells = cells
    return copied


def student_edition(out: Path) -> list[Path]:
    """Write what the book is built from, but without solutions, into a new folder; return the paths of its chapters.

    The chapters in `out/notebooks` can be handed out as they are. The configuration has no address of the repository,
    since its notebooks have the solutions. Raises ValueError if `out/notebooks` already holds something.
    """
    notebooks = out / "notebooks"
    if notebooks.exists() and any(notebooks.iterdir()):
        raise ValueError(f"{notebooks} is not empty; remove it, or choose another folder for --out")
    root = batch.repository()
    notebooks.mkdir(parents=True, exist_ok=True)
    for chapter in chapters():
        nbformat.write(chapter.notebook, notebooks / f"{chapter.name}.ipynb")
    shutil.copytree(root / "book", out / "book", dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "_toc.yml", out)
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    config["title"] += " (student edition)"
    config["repository"]["url"] = ""
    (out / "_config.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return sorted(notebooks.glob("*.ipynb"))


# --- scores ---------------------------------------------------------------------------------------------------------


def submissions(given: Sequence[Path]) -> list[tuple[Path, Chapter]]:
    """Return the notebooks that are named or lie in the folders named, each with the chapter that it is a copy of.

    Raises ValueError, before anything is run, for what is not there, is no notebook, or is no copy of a chapter.
    """
    paths: list[Path] = []
    for path in given:
        if path.is_dir():
            inside = [each for each in sorted(path.rglob("*.ipynb")) if ".ipynb_checkpoints" not in each.parts]
            if not inside:
                raise ValueError(f"there is no notebook (.ipynb) in the folder {path}")
            paths += inside
        elif path.exists():
            paths.append(path)
        else:
            raise ValueError(f"{path} does not exist; give notebooks, or folders of notebooks")
    known = chapters()
    return [(path, _chapter_of(path, known)) for path in dict.fromkeys(paths)]


def score(
    given: Sequence[Path], scale: str = "smoke", runs: Path | None = None, seconds: int = 600
) -> Iterator[pd.DataFrame]:
    """Run submitted notebooks, and yield for each a table of what its check cells say: a row an exercise.

    A result is "right", "not yet", "no answer", "not run" (an error stopped the notebook before), or "by hand" for an
    exercise that no cell checks. Check cells are run as they were handed out, where they stand and again at the end;
    the note says if they had been edited or removed. Solutions that a copy of the whole edition still has are not run.
    Each cell has at most that many `seconds`.

    The code of the notebooks is executed with your rights. Raises ValueError as `submissions` does.
    """
    if scale not in SCALES:
        raise ValueError(f"no scale {scale!r}; there are {', '.join(SCALES)}")
    if seconds < 1:
        raise ValueError(f"--timeout is {seconds}; it must be 1 second or more")
    found = submissions(given)
    return (_score(path, chapter, scale, runs, seconds) for path, chapter in found)


def _score(path: Path, chapter: Chapter, scale: str, runs: Path | None, seconds: int) -> pd.DataFrame:
    submitted = _read(path)
    prepared, notes = _prepare(submitted, chapter)
    stopped = _execute(prepared, path.parent, scale, runs, seconds)
    said = {cell.id: _said(cell) for cell in prepared.cells if cell.cell_type == "code"}
    rows = []
    for each in chapter.exercises:
        result, note = BY_HAND, ""
        if each.check:
            here, end = (said.get(f"{where}-{each.label}", (NOT_RUN, "")) for where in ("here", "end"))
            result, note = here if here[0] == "right" or end[0] == NOT_RUN else end
            note = stopped if result == NOT_RUN else note
        note = "; ".join(filter(None, (notes.get(each.label), note)))
        rows.append((str(path), chapter.name, each.label, each.goal, result, note))
    table = pd.DataFrame(rows, columns=COLUMNS)
    table.attrs["stopped"] = stopped
    return table


def _chapter_of(path: Path, known: Sequence[Chapter]) -> Chapter:
    """Return the chapter with which a notebook has most exercises in common."""
    text = "\n".join(cell.source for cell in _read(path).cells)

    def shared(chapter: Chapter) -> int:
        return sum(
            bool(re.search(rf":label: {each.label}$", text, re.MULTILINE))
            + bool(each.function and re.search(rf"\b{each.function}\(", text))
            for each in chapter.exercises
        )

    best = max(known, key=shared)
    if not shared(best):
        raise ValueError(f"{path} has no exercise of any chapter; give a notebook that make student wrote, filled in")
    return best


def _read(path: Path) -> NotebookNode:
    try:
        notebook = nbformat.read(path, as_version=4)
        if notebook.nbformat_minor < 5:  # cells had no ids
            notebook.nbformat_minor = 5
        for place, cell in enumerate(notebook.cells):
            cell.id = cell.get("id") or f"cell-{place}"
    except Exception as error:  # nbformat has no one error for all that can be wrong with a file
        reason = " ".join(str(error).split())[:120]
        raise ValueError(f"{path} cannot be read as a notebook: {reason or type(error).__name__}") from None
    return notebook


def _prepare(submitted: NotebookNode, chapter: Chapter) -> tuple[NotebookNode, dict[str, str]]:
    """Return a notebook to run, with the check cells that were handed out, and a note for each that was not there."""
    notebook, notes = copy.deepcopy(submitted), {}
    notebook.cells = [cell for cell in notebook.cells if cell.cell_type != "code" or cell.id not in chapter.solutions]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    for each in chapter.exercises:
        if not each.check:
            continue
        places = [place for place, cell in enumerate(notebook.cells) if _is_check(cell, each)]
        if not places:
            notes[each.label] = "check cell removed"
        for place in places[:1]:
            cell = notebook.cells[place]
            if cell.cell_type != "code" or cell.source.strip() != each.check.strip():
                notes[each.label] = "check cell edited"
            notebook.cells[place] = _to_check(each, "here")
        notebook.cells.append(_to_check(each, "end"))
    notebook.metadata.kernelspec = copy.deepcopy(chapter.notebook.metadata.kernelspec)
    return notebook, notes


def _is_check(cell: NotebookNode, exercise: Exercise) -> bool:
    return cell.id == exercise.check_id or bool(re.search(rf"^def {exercise.function}\(", cell.source, re.MULTILINE))


def _to_check(exercise: Exercise, where: str) -> NotebookNode:
    """Return a check cell. An error in it, such as an answer that is not defined, does not stop the notebook."""
    cell = nbformat.v4.new_code_cell(exercise.check, metadata={"tags": ["raises-exception"]})
    cell.id = f"{where}-{exercise.label}"
    return cell


def _execute(notebook: NotebookNode, folder: Path, scale: str, runs: Path | None, seconds: int) -> str:
    """Run a notebook, in place and in a folder, as far as it goes; return where and why it stopped, if it did."""
    own_kernels()
    parameters = {"scale": scale, **({"runs": str(runs.resolve())} if runs else {})}
    if (place := _parameters(notebook)) is not None:  # as papermill does it
        source = "\n".join(["# Parameters", *(f"{name} = {value!r}" for name, value in parameters.items())])
        notebook.cells.insert(place + 1, nbformat.v4.new_code_cell(source))
    started: list[NotebookNode] = []
    client = NotebookClient(
        notebook,
        timeout=seconds,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        on_cell_start=lambda cell, cell_index: started.append(cell),
    )
    try:
        client.execute()
    except CellExecutionError as failure:
        error = f"{failure.ename}: {failure.evalue}"
    except TimeoutError:
        error = f"it took more than {seconds} seconds"
    except Exception as failure:  # a kernel that died: the next notebook may work
        error = f"{type(failure).__name__}: {failure}"
    else:
        return ""
    return " ".join(f"stopped at {_name(started, notebook)}: {error}".split())[:LONGEST]


def _name(started: list[NotebookNode], notebook: NotebookNode) -> str:
    """Name the last cell that started, by its place among the code cells of what was handed in and its first line."""
    if not started:
        return "the start"
    last = started[-1]
    code = [
        cell.id for cell in notebook.cells if cell.cell_type == "code" and not cell.source.startswith("# Parameters")
    ]
    lines = [line for line in last.source.splitlines() if line.strip()]
    place = f"code cell {code.index(last.id) + 1}" if last.id in code else "the parameters"
    return f"{place} ({lines[0][:60] if lines else 'empty'})"


def _parameters(notebook: NotebookNode) -> int | None:
    """Return the place of the cell of parameters: the tagged one or, as some editors drop tags, that sets the scale."""
    code = [(place, cell) for place, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    for place, cell in code:
        if "parameters" in cell.metadata.get("tags", ()):
            return place
    for place, cell in code:
        try:
            if "scale" in assigned(cell.source):
                return place
        except SyntaxError:  # a magic, or a mistake of the reader's
            continue
    return None


def _said(cell: NotebookNode) -> tuple[str, str]:
    """Return the result that a check cell printed, and its hint or its error."""
    errors = [output for output in cell.outputs if output.output_type == "error"]
    if errors:
        return "not yet", f"{errors[0].ename}: {errors[0].evalue}"[:LONGEST]
    lines = "".join(output.text for output in cell.outputs if output.get("name") == "stdout").strip().splitlines()
    last = lines[-1] if lines else ""  # what an answer itself prints comes before
    if last == "Right.":
        return "right", ""
    if last == NO_ANSWER:
        return "no answer", ""
    return ("not yet", last.removeprefix("Not yet: ")) if last else (NOT_RUN, "")


# --- what an exercise is --------------------------------------------------------------------------------------------


def _exercise(match: re.Match) -> Exercise:
    label = re.search(r"^:label: (\S+)$", match["text"], re.MULTILINE)
    goal = re.search(r"^\*Practises goal (\d)\.\*$", match["text"], re.MULTILINE)
    if not label or not goal:
        raise ValueError(f"the exercise {match['title']!r} needs a :label: and a line *Practises goal N.*")
    return Exercise(label[1], match["title"], int(goal[1]))


def _calls(source: str) -> list[ast.Call]:
    """Return the calls of check and check_function in a check cell."""
    return [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("check", "check_function")
    ]


def _replies(call: ast.Call) -> list[str]:
    function = getattr(call.func, "id", "")
    hint = call.args[2 if function == "check" else 3]
    known = [value for each in call.args[3:4] if isinstance(each, ast.Dict) for value in each.values]
    return [ast.literal_eval(each) for each in (*known, hint)]
