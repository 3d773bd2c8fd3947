"""kingdoms.csv as other programs write it: read as it is meant, or refused with file, line and reason."""

import codecs
import csv
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from transferlab.datasets.kingdom_table import read_kingdoms

MANY = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
NAMES = ["ant", "Bär", "cup", "dish"]
KINGDOMS = ("natural", "natural", "man-made", "man-made")
PLAIN = "class,kingdom\nant,natural\nBär,natural\ncup,man-made\ndish,man-made\n"
ENCODINGS = {
    "UTF-8": lambda text: text.encode(),
    "UTF-8 with a mark": lambda text: text.encode("utf-8-sig"),
    "UTF-16 little": lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
    "UTF-16 big": lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
    "UTF-16 without a mark": lambda text: text.encode("utf-16-le"),
    "UTF-16 big without a mark": lambda text: text.encode("utf-16-be"),
    "Windows": lambda text: text.encode("cp1252"),
}


def read(tmp_path, content):
    path = tmp_path / "kingdoms.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_kingdoms(path, NAMES)


@MANY
@given(
    encoding=st.sampled_from(sorted(ENCODINGS)),
    separator=st.sampled_from(",;\t|"),
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
    spaces=st.sampled_from(["", " ", "\u00a0", "  "]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    word=st.sampled_from(["man-made", "Man-made", "MAN MADE", "manmade", "man_made"]),
    swapped=st.booleans(),
    extra=st.sampled_from([[], ["remark, of mine"]]),
    order=st.permutations(range(4)),
    told=st.booleans(),
)
def test_any_program_may_have_written_it(
    tmp_path, encoding, separator, newline, spaces, quoting, word, swapped, extra, order, told
):
    rows = [["Class", "kingdom"], *([NAMES[i], KINGDOMS[i].replace("man-made", word)] for i in order), ["", ""]]
    rows = [[*(row[::-1] if swapped else row), *extra] for row in rows]
    text = io.StringIO()
    if told:
        text.write(f"sep={separator}{newline}")
    writer = csv.writer(text, delimiter=separator, lineterminator=newline, quoting=quoting)
    writer.writerows([spaces + each + spaces for each in row] for row in rows)
    assert read(tmp_path, ENCODINGS[encoding](text.getvalue())) == KINGDOMS


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "line 1: there is nothing in it; the first line must be class,kingdom"),
        ("ant,natural\n", "line 1: the columns must be class and kingdom, .*; this line is 'ant,natural'"),
        ("class,kingdom\nant,natural\n", "has no line for 3 of 4 classes: Bär, cup, dish; it must say natural or"),
        (PLAIN.replace("cup,man-made", "cup,thing"), "line 4: the kingdom of cup is 'thing'; it must be natural or"),
        (PLAIN.replace("cup,man-made", "cup"), "line 4: the kingdom of cup is ''; it must be natural or man-made"),
        (PLAIN + "\nant,man-made\n", "line 7: the kingdom of ant is 'man-made' here and 'natural' in line 2"),
        (PLAIN.encode("cp1251", "replace").replace(b"B?r", b"\xe4\xf0"), "line 3: this is not UTF-8, and the names"),
        (PLAIN.encode("mac_roman"), "line 3: this is not UTF-8, and the names"),
        (b"PK\x03\x04\x14\0\x06\0\x08\0\0\0", "line 1: this is not text; save the table as CSV"),
        (codecs.BOM_UTF16_LE + PLAIN.encode("utf-16-le")[:-1], "line .: this is not text; save the table as CSV"),
        ("class,kingdom\n" + "x" * 200_000 + ",natural\n", "line 2: it cannot be read"),
    ],
)
def test_what_is_refused_has_a_line_and_a_reason(tmp_path, content, message):
    with pytest.raises(ValueError, match=rf"kingdoms\.csv(, | ){message}"):
        read(tmp_path, content)


@MANY
@given(content=st.one_of(st.binary(max_size=60), st.text(max_size=40).map(lambda text: PLAIN[:30] + text)))
def test_any_content_is_a_table_or_a_sentence_that_names_the_file(tmp_path, content):
    try:
        read(tmp_path, content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    except ValueError as error:
        assert str(tmp_path / "kingdoms.csv") in str(error) and len(str(error)) < 500


def test_a_decomposed_name_is_the_composed_one(tmp_path):
    assert read(tmp_path, PLAIN.replace("ä", "a\u0308")) == KINGDOMS


def test_without_a_table_no_kingdom_is_known(tmp_path):
    assert read_kingdoms(tmp_path / "kingdoms.csv", NAMES) == (None,) * 4
