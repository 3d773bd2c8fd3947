"""What the student edition must not hold: python book/traces.py FOLDER, where FOLDER is what `make student` wrote.

Looks in every notebook, page and text file for the lines of every solution, code and text, but for those that a chapter
also has outside its solutions, or a page of the book, or the package (`answers` excepted). Solutions are found by other
means than those that cut them out.
"""

import json
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

CHAPTERS = Path(__file__).parents[1] / "notebooks"
SOLUTION = re.compile(
    r"^(`{3,})\{solution-start\}.*?\{solution-end\}\n\1$|^(`{3,})\{solution\}.*?^\2$", re.DOTALL | re.MULTILINE
)
SHORTEST = 12  # characters, without spaces, of a line that tells something
KINDS = {".html", ".ipynb", ".js", ".md", ".json", ".txt"}


class Words(HTMLParser):
    """The text of a page, without its tags."""

    def __init__(self):
        super().__init__()
        self.text = []

    def handle_data(self, data):
        self.text.append(data)


def squeezed(text: str) -> str:
    """A text without spaces, the marks of MyST, and the two kinds of quotation marks."""
    text = re.sub(r"\{[a-z-]+\}(?=`)|\[([^\]]*)\]\([^)]*\)", r"\1", text).replace("’", "'").replace("“", '"')
    return re.sub(r"[\s`*\\]", "", text.replace("”", '"').replace("‘", "'"))


def flat(chapter: Path) -> str:
    """All cells of a chapter, one after the other."""
    return "\n".join("".join(cell["source"]) for cell in json.loads(chapter.read_text(encoding="utf-8"))["cells"])


def solutions(folder: Path = CHAPTERS) -> set[str]:
    """The lines of all solutions that are nowhere else in the chapters, or in the pages beside them."""
    inside: set[str] = set()
    root = folder.parent
    public = [*root.glob("book/*.md"), *(path for path in root.glob("transferlab/**/*.py") if path.stem != "answers")]
    outside = "".join(squeezed(path.read_text(encoding="utf-8")) for path in public)
    for chapter in sorted(folder.glob("[0-9]*.ipynb")):
        text = flat(chapter)
        for found in SOLUTION.finditer(text):
            inside |= {squeezed(line) for line in found[0].splitlines() if not re.match(r"`{3}|:\w+:", line)}
        outside += squeezed(SOLUTION.sub("", text))
    return {line for line in inside if len(line) >= SHORTEST and line not in outside}


def texts(path: Path) -> Iterator[str]:
    """What a file says, as it is and without tags or escapes."""
    text = path.read_text(encoding="utf-8", errors="replace")
    yield squeezed(text)
    if path.suffix == ".html":
        page = Words()
        page.feed(text)
        yield squeezed("".join(page.text))
    elif path.suffix == ".ipynb":
        yield squeezed(flat(path))
        yield squeezed(json.dumps(json.loads(text), ensure_ascii=False).replace("\\n", "").replace('\\"', '"'))


def traces(folder: Path, lines: set[str]) -> Iterator[str]:
    """The lines that are in a file below a folder, and what only a solution has: its directive and its box."""
    marks = {squeezed(mark) for mark in ("{solution-start}", "{solution} ex-", 'class="solution')}
    for path in sorted(folder.rglob("*")):
        if path.suffix not in KINDS or not path.is_file():
            continue
        for text in texts(path):
            yield from (f"{path.relative_to(folder)}: {line}" for line in sorted(lines | marks) if line in text)


def main() -> int:
    folder = Path(sys.argv[1])
    if not (folder / "notebooks").is_dir():
        raise SystemExit(f"error: {folder} is not a student edition; give the folder that make student wrote")
    found = list(dict.fromkeys(traces(folder, solutions())))
    print("\n".join(found) or "No trace of a solution.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
