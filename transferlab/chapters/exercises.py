"""The check cells of the exercises: right, or not yet with a hint.

What is right stands in a check cell as a hash, or is computed by `answers`, so that nobody reads it by accident.
Neither keeps anybody from finding it out; the solutions are in the book.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from transferlab.numbers import plain

NO_ANSWER = "No answer yet: replace ... with your answer, then run both cells again."
TOO_EARLY = "This check needs the cells above it: run them first, then this one again."
LONGEST = 300  # characters of a message
_HASH = re.compile(r"(ex-[\w-]+):[0-9a-f]{12}")


@dataclass(frozen=True)
class Riddle:
    """A question to be answered with a letter in the page. Each choice has a text, and the reply to it."""

    name: str
    question: str
    choices: Mapping[str, tuple[str, str]]
    right: str  # hashed

    def is_right(self, letter: str) -> bool:
        """Whether a letter is the right one."""
        return fnv1a(f"{self.name}:{letter}") == self.right


def check(
    answer: Any, expected: Any, hint: str, known: Mapping[Any, str] = {}, within: float = 1e-6, digits: int = 4
) -> None:
    """Say whether `answer` is `expected`: a value, a function that computes it, or what `hashed` made of it.

    Numbers are compared within a relative difference of `within`, hashed ones as rounded to that many significant
    `digits`; of texts, neither capitals nor spaces count. A wrong answer gets the `hint`, or the text that `known` has
    for it, where wrong answers may be hashed as well; `...`, which means no answer, gets neither.

    >>> expected, half = hashed(6, "ex-double"), hashed(3, "ex-double")
    >>> check(3, expected, "Count again.", {half: "this is half of it."})
    Not yet: this is half of it.
    >>> check(6.0, expected, "Count again.")
    Right.
    >>> check(..., expected, "Count again.")
    No answer yet: replace ... with your answer, then run both cells again.
    """
    if _missing(answer):
        return _say(NO_ANSWER)
    if callable(expected):
        try:
            expected = expected()
        except Exception:  # a cell that was not run, or a table that the reader has changed
            return _say(TOO_EARLY)
    if _same(answer, expected, within, digits):
        return _say("Right.")
    _say(f"Not yet: {next((text for wrong, text in known.items() if _same(answer, wrong, within, digits)), hint)}")


def check_function(mine: Callable, theirs: Callable, cases: Iterable[tuple], hint: str, within: float = 1e-6) -> None:
    """Say whether two functions agree for each tuple of arguments; if not, for which one they differ.

    >>> check_function(abs, lambda number: number, [(2,), (-3,)], "Mind the sign.")
    Not yet: for -3 yours returns 3, and -3 is right. Mind the sign.
    """
    for case in cases:
        where = f"for {_brief(case)[1:-1].removesuffix(',')} yours" if case else "yours"
        try:
            expected = theirs(*case)
        except Exception:
            return _say(TOO_EARLY)
        try:
            answer = mine(*case)
        except Exception as error:  # whatever the reader's code does, the answer is a sentence
            return _say(f"Not yet: {where} stops with {type(error).__name__}: {_brief(error, str)}. {hint}")
        if _missing(answer):
            return _say(NO_ANSWER)
        if not _same(answer, expected, within):
            return _say(f"Not yet: {where} returns {_brief(answer)}, and {_brief(expected)} is right. {hint}")
    _say("Right.")


def hashed(answer: Any, name: str, digits: int = 4) -> str:
    """Return what stands for an answer in the check cell of the exercise `name`, such as "ex-count".

    Numbers are rounded to that many significant `digits`, texts are written small and without spaces, and tuples,
    lists and arrays go element by element.

    >>> hashed("B", "ex-half") == hashed(" b ", "ex-half")
    True
    >>> hashed(2.0001, "ex-half", digits=3)
    'ex-half:b66b22488b60'
    """
    return f"{name}:{hashlib.sha256(f'{name}:{_normal(answer, digits)}'.encode()).hexdigest()[:12]}"


def fnv1a(text: str) -> str:
    """Return the FNV-1a hash of a text, 32 bits. A page has no better one where it is opened from a file.

    >>> fnv1a("a")
    'e40c292c'
    """
    number = 0x811C9DC5
    for byte in text.encode():
        number = (number ^ byte) * 0x01000193 & 0xFFFFFFFF
    return f"{number:08x}"


def _say(text: str) -> None:
    """Print a message on one line, cut to at most `LONGEST` characters."""
    text = " ".join(text.encode(errors="backslashreplace").decode().split())
    print(text if len(text) <= LONGEST else f"{text[: LONGEST - 2].rsplit(' ', 1)[0]} …")


def _brief(value: Any, write: Callable[[Any], str] = repr, room: int = 56) -> str:
    """Return a value in at most `room` characters: the first elements of a list, the shape of an array."""
    try:
        if room < 8:
            return "…"
        if isinstance(value, float | np.floating):
            return f"{float(value):.7g}"
        if shape := tuple(getattr(value, "shape", None) or ()):
            text = f"{type(value).__name__} of shape {shape}"
        elif hasattr(value, "shape"):
            text = _brief(value.item(), room=room)
        elif isinstance(value, tuple | list):
            text = _brief_list(value, room)
        else:
            text = " ".join(write(value).split())
    except Exception:  # an object may refuse to be written
        text = f"something of type {type(value).__name__}"
    return text if len(text) <= room else f"{text[: room - 1]}…"


def _brief_list(values: tuple | list, room: int) -> str:
    """Return as many elements as there is room for, and how many there are if that is not all."""
    more, left = f", … ({len(values)} in all)", room - 2
    parts: list[str] = []
    for value in values:
        free = left - (len(more) if len(parts) < len(values) - 1 else 0)
        part = _brief(value, room=free)
        if parts and part.endswith("…"):
            break
        parts.append(part)
        left -= len(part) + 2
    rest = more if len(parts) < len(values) else "," if isinstance(values, tuple) and len(values) == 1 else ""
    text = f"{', '.join(parts)}{rest}"
    return f"({text})" if isinstance(values, tuple) else f"[{text}]"


def _missing(answer: Any) -> bool:
    """Whether an answer, or a part of it, is still to be given."""
    return answer is ... or (isinstance(answer, tuple | list) and any(part is ... for part in answer))


def _same(one: Any, other: Any, within: float, digits: int = 4) -> bool:
    """Whether two values are the same. What cannot be compared, such as an array with a text, is not."""
    try:
        if isinstance(other, str) and (match := _HASH.fullmatch(other)):
            return hashed(one, match[1], digits) == other
        return _equal(one, other, within)
    except Exception:  # a reader's answer can be anything, and whatever comparing it raises, it is not the right one
        return False


def _equal(one: Any, other: Any, within: float) -> bool:
    if isinstance(other, tuple | list):
        return (
            isinstance(one, tuple | list | np.ndarray)
            and len(one) == len(other)
            and all(_equal(a, b, within) for a, b in zip(one, other, strict=True))
        )
    if isinstance(other, np.ndarray):
        return np.array_equal(one, other)
    if isinstance(other, str):
        return isinstance(one, str) and _plain(one) == _plain(other)
    if isinstance(other, int | float | np.number) and not isinstance(other, bool):
        if isinstance(plain(one), bool):
            return False
        return bool(np.isclose(float(one), float(other), rtol=within, atol=within * abs(float(other)) + 1e-12))
    return bool(one == other)


def _plain(text: str) -> str:
    return "".join(text.split()).replace("−", "-").casefold()


def _normal(answer: Any, digits: int) -> str:
    """Return an answer as the text that is hashed."""
    if getattr(answer, "shape", None) == ():
        answer = answer.item()
    if isinstance(answer, bool):
        return str(answer)
    if isinstance(answer, tuple | list) or hasattr(answer, "shape"):
        if len(answer) > 100:
            raise ValueError("no exercise asks for that much")
        return f"({','.join(_normal(part, digits) for part in answer)})"
    try:
        return f"{float(answer) + 0.0:.{digits - 1}e}"  # -0.0 is 0
    except ValueError:
        return _plain(answer)
