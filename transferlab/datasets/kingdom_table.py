"""The table `kingdoms.csv`, as spreadsheets and editors of any kind write it."""

import csv
import io
import re
import unicodedata
from pathlib import Path

KINGDOMS = {"natural": "natural", "manmade": "man-made"}  # by what is left of a word without spaces and hyphens
BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
SEPARATORS = ",;\t|"
LINES = re.compile("\r\n|\r|\n")


def read_kingdoms(path: Path, names: list[str]) -> tuple[str | None, ...]:
    """Return the kingdom of each class, "natural" or "man-made"; None for all of them if there is no such file.

    The file is text with a line `class,kingdom` and one for each class, in any order; further columns and classes are
    not looked at. It is read as UTF-8 or UTF-16, with or without a byte order mark; as Windows' Western European code
    page only if all classes are then found in it. Columns are parted by a comma, a semicolon, a tab or a bar. Spaces
    around a word, empty lines, and the case of the headings and kingdoms make no difference.

    Raises:
        ValueError: naming the file, the line and the reason, for a file that cannot be read so, a kingdom that is
            neither, two kingdoms for a class, or a class without one.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "kingdoms.csv")
    ...     _ = path.write_bytes("\\ufeffClass;Kingdom\\r\\nant; natural\\r\\ncup; Man-made\\r\\n".encode("utf-16-le"))
    ...     read_kingdoms(path, ["ant", "cup"])
    ('natural', 'man-made')
    """
    if not path.exists():
        return (None,) * len(names)
    content = path.read_bytes()
    text, broken = _decoded(content)
    if text is None:
        raise ValueError(f"{path}, line {broken}: this is not text; save the table as CSV (UTF-8)")
    table = _parsed(path, text)
    known = [table.get(_key(name)) for name in names]
    if broken and any(row is None for row in known):
        raise ValueError(
            f"{path}, line {broken}: this is not UTF-8, and the names that other code pages make of it are not those "
            "of the classes; save the table as CSV (UTF-8)"
        )
    kingdoms = []
    for name, row in zip(names, known, strict=True):
        if row is None:
            missing = [name for name, row in zip(names, known, strict=True) if row is None]
            raise ValueError(
                f"{path} has no line for {len(missing)} of {len(names)} classes: {', '.join(missing[:10])}"
                f"{', ...' * (len(missing) > 10)}; it must say natural or man-made for each"
            )
        line, kingdom = row
        if _word(kingdom) not in KINGDOMS:
            raise ValueError(
                f"{path}, line {line}: the kingdom of {name} is {kingdom!r}; it must be natural or man-made"
            )
        kingdoms.append(KINGDOMS[_word(kingdom)])
    return tuple(kingdoms)


def _decoded(content: bytes) -> tuple[str | None, int]:
    """Return the text, and the first line that is not UTF-8 or UTF-16 (0: there is none); no text if it is binary."""
    encoding = next((name for mark, name in BYTE_ORDER_MARKS if content.startswith(mark)), "utf-8")
    if encoding == "utf-8" and b"\0" in content[:2]:  # a letter of UTF-16 whose other byte is 0
        encoding = "utf-16-be" if content[:1] == b"\0" else "utf-16-le"
    try:
        text, broken = content.decode(encoding), 0
    except UnicodeDecodeError as error:
        broken = content[: error.start].count(b"\n") + 1
        text = content.decode("cp1252", "replace") if encoding == "utf-8" else "\0"
    binary = next((number for number, line in enumerate(LINES.split(text), 1) if "\0" in line), 0)
    return (None, broken or binary) if binary else (text, broken)


def _parsed(path: Path, text: str) -> dict[str, tuple[int, str]]:
    """Return the line and the kingdom of every class that the table names."""
    separators = SEPARATORS
    table: dict[str, tuple[int, str]] = {}
    headings: list[str] | None = None
    separator = ","
    for number, line in enumerate(LINES.split(text), 1):
        if told := re.fullmatch(r'"?sep=(.)"?', line.strip(" ")):  # Excel's own line
            separators = told[1]
            continue
        if not line.strip().strip(SEPARATORS).strip():
            continue
        if headings is None:
            tried = {each: [word.casefold() for word in _fields(path, number, line, each)] for each in separators}
            separator = next((each for each, words in tried.items() if {"class", "kingdom"} <= {*words}), "")
            if not separator:
                raise ValueError(
                    f"{path}, line {number}: the columns must be class and kingdom, as in a first line "
                    f"class,kingdom; this line is {line.strip()[:80]!r}"
                )
            headings = tried[separator]
            continue
        words = _fields(path, number, line, separator)
        row = dict(zip(headings, words, strict=False))
        name, kingdom = _key(row.get("class", "")), row.get("kingdom", "")
        if name in table and _word(table[name][1]) != _word(kingdom):
            raise ValueError(
                f"{path}, line {number}: the kingdom of {name} is {kingdom!r} here and {table[name][1]!r} in line "
                f"{table[name][0]}; a class has one"
            )
        table.setdefault(name, (number, kingdom))
    if headings is None:
        raise ValueError(f"{path}, line 1: there is nothing in it; the first line must be class,kingdom")
    return table


def _fields(path: Path, number: int, line: str, separator: str) -> list[str]:
    try:
        (words,) = csv.reader(io.StringIO(line), delimiter=separator, skipinitialspace=True)
    except (csv.Error, ValueError) as error:
        raise ValueError(f"{path}, line {number}: it cannot be read ({error})") from None
    return [word.strip() for word in words]


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip()


def _word(kingdom: str) -> str:
    return re.sub(r"[\s\-\u2010-\u2015_]", "", kingdom).casefold()
