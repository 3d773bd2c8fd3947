"""Phrases that read like a translation: python tests/prose.py (make spelling, a part of make check).

Looks at the text of the chapters, the pages of the book, the README, CONTRIBUTING and the docstrings. Code is not read.
"""

import ast
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PHRASES = {  # what not to write, and what to write instead
    r"reckon\w*": "work out, compute",
    r"(?:is|are|was|were) told (?:by|in|of|with)": "is identified by, is explained in",
    r"g(?:ive|ives|ave|iven) back": "return",
    r"whoever": "anyone who",
    r"so many": "that many, as many",
    r"(?:which|what) share": "what fraction",
    r"no number any ?more|that is no number": "NaN or infinite",
    r"(?:one|two|three|some) (?:networks?|layers?|images?|epochs?|rows?|runs?) more": "one more network",
    r"h(?:eld|old|olds|olding) (?:\w+ )?against": "compare with",
    r"in (?:the )?place of .{1,40} above": "replace",
    r"rests? (?:anything|nothing|something) on": "rely on",
    r"(?:is|are) worth [+−-]?\d": "raises accuracy by",
    r"say nothing (?:about|of) others": "do not generalise",
    r"more of the like": "and so on",
    r"not everybody's|chosen by nobody": "staggered; untuned",
    r"as a text|be a text": "a string",
    r"(?:a|the) better school": "teach more",
    r"looked? at anew|once anew": "again",
}
WRONG = re.compile("|".join(rf"(?P<p{index}>\b(?:{phrase})\b)" for index, phrase in enumerate(PHRASES)), re.IGNORECASE)
NO_PROSE = re.compile(r"^(`{3,})(?!\{)[^\n]*\n.*?^\1\s*$|`[^`\n]*`", re.DOTALL | re.MULTILINE)


def texts() -> Iterator[tuple[str, str]]:
    """Every text with the place that it stands in."""
    for path in [*ROOT.glob("book/*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]:
        yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
    for path in ROOT.glob("notebooks/*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "markdown":
                yield f"{path.name}, cell {cell['id']}", "".join(cell["source"])
    for folder in ("transferlab", "book"):
        for path in ROOT.glob(f"{folder}/**/*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and (text := ast.get_docstring(node)):
                    yield f"{path.relative_to(ROOT)}, {getattr(node, 'name', 'the module')}", text


def faults(text: str) -> Iterator[str]:
    """What is wrong with a text, and what to write instead.

    >>> list(faults("Reckon first, `whoever` you are."))
    ["'Reckon': rather work out, compute"]
    """
    for found in WRONG.finditer(" ".join(NO_PROSE.sub("", text).split())):
        yield f"{found[0]!r}: rather {PHRASES[list(PHRASES)[int(found.lastgroup[1:])]]}"


def main() -> int:
    wrong = sorted(f"{place}: {fault}" for place, text in texts() for fault in faults(text))
    print("\n".join(wrong) or "No phrase of a translation.")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
