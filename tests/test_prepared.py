"""Prepared data knows what it was made from: what changed is decoded again, and what is damaged is named."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from transferlab import datasets
from transferlab.datasets import decoders, prepare, prepared
from transferlab.datasets.rows import Rows
from transferlab.engine.inputs import Crops, to_input
from transferlab.engine.recipes import Recipe
from transferlab.study import cost

SIZE = 8
DRAW = np.random.default_rng(0)


def new_image(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(DRAW.integers(0, 256, (SIZE, SIZE, 3), np.uint8)).save(path)


@pytest.fixture
def tree(tmp_path):
    """Three classes, three images each to train on and two to test on."""
    for part, count in (("train", 3), ("val", 2)):
        for name in ("ant", "bee", "cup"):
            for number in range(count):
                new_image(tmp_path / "tree" / part / name / f"{number}.png")
    return tmp_path / "tree"


def make(tree, out, workers=1):
    return prepare.prepare("folder", tree, out, SIZE, workers)


def load(root):
    return datasets.load("folder", data_root=root, size=SIZE)


def decoded(monkeypatch):
    """The names of the files that are decoded from now on."""
    names, real = [], prepare.read_image
    monkeypatch.setattr(
        prepare,
        "read_image",
        lambda path, size, *more: (names.append("/".join(Path(path).parts[-3:])), real(path, size))[1],
    )
    return names


def same(tree, out):
    """Whether a prepared folder is what would be prepared from the tree today, and what is read from it directly."""
    afresh = out.with_name("afresh")
    shutil.rmtree(afresh, ignore_errors=True)
    make(tree, afresh)
    one, other = load(out), load(afresh)
    pairs = zip(one.train_images, one.train_labels, other.train_images, strict=True)
    return (
        one.fingerprint == other.fingerprint
        and np.array_equal(one.train_labels, other.train_labels)
        and all(np.array_equal(image, again) for image, label, again in pairs if label >= 0)
    )


def test_a_second_preparation_decodes_what_has_changed_and_says_so(tree, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    broken = tree / "train" / "bee" / "1.png"
    whole = broken.read_bytes()
    broken.write_bytes(whole[:60])
    assert make(tree, out) == [str(broken)]
    assert "14 images decoded (14 new, 0 unreadable before" in capsys.readouterr().out
    names = decoded(monkeypatch)
    assert make(tree, out) == [str(broken)]
    assert names == ["train/bee/1.png"]  # it is tried again
    assert "0 images decoded" in capsys.readouterr().out
    names.clear()
    broken.write_bytes(whole)
    new_image(tree / "val" / "cup" / "0.png")  # another image under the same name
    os.utime(tree / "train" / "ant" / "0.png")  # touched, but the same
    assert make(tree, out) == []
    assert names == ["train/bee/1.png", "val/cup/0.png"]
    said = "2 images decoded (0 new, 1 unreadable before, 1 changed, 0 damaged in out); 13 as they were; 0 removed"
    assert said in capsys.readouterr().out
    assert same(tree, out) and load(out).fingerprint == load(tmp_path / "afresh").fingerprint
    names.clear()
    before = {path: path.stat().st_mtime_ns for path in out.glob("*.npy")}
    make(tree, out)
    assert names == [] and before == {path: path.stat().st_mtime_ns for path in out.glob("*.npy")}


def test_an_avif_that_is_named_jpg_and_has_a_flipped_bit_is_left_out(tree, tmp_path):
    path = tree / "train" / "bee" / "1.jpg"
    Image.open(tree / "train" / "bee" / "1.png").save(path, "AVIF")
    whole = path.read_bytes()
    for place in range(len(whole) - 1, 0, -1):  # where the decoder stumbles, and does not make another colour of it
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :])
        try:
            with Image.open(path) as image:
                image.load()
        except RuntimeError:
            break
    assert make(tree, tmp_path / "out") == [str(path)]
    assert len(load(tmp_path / "out").train_labels) == 10


def test_an_image_of_the_same_size_and_time_is_another_image(tree, tmp_path):
    """A program that keeps times cannot keep that of the last change of the file itself."""
    path, out = tree / "train" / "ant" / "0.bmp", tmp_path / "out"
    new_image(path)
    make(tree, out)
    times = path.stat()
    other = path.with_suffix(".part")
    Image.fromarray(DRAW.integers(0, 256, (SIZE, SIZE, 3), np.uint8)).save(other, "BMP")
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    other.replace(path)
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (times.st_size, times.st_mtime_ns)
    make(tree, out)
    assert same(tree, out)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "remove", "replace", "break", "touch", "rename", "new class", "damage", "kingdoms"]),
        st.integers(0, 99),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rounds=st.lists(STEPS, min_size=1, max_size=2))
def test_whatever_changes_it_is_as_if_prepared_afresh(tmp_path_factory, rounds):
    top = tmp_path_factory.mktemp("changes")
    tree, out = top / "tree", top / "out"
    for part in ("train", "val"):
        for name in "ab":
            for number in range(3):
                new_image(tree / part / name / f"{number}.png")
    make(tree, out)
    for steps in rounds:
        for what, number in steps:
            files = sorted((tree / "train").rglob("*.png"))
            path = files[number % len(files)]
            alone = len(list(path.parent.iterdir())) < 3
            if what == "add":
                new_image(path.with_name(f"x{number}.png"))
            elif what in ("remove", "break") and not alone:
                path.unlink() if what == "remove" else path.write_bytes(path.read_bytes()[:50])
            elif what == "replace":
                new_image(path)
            elif what == "touch":
                os.utime(path)
            elif what == "rename":
                path.rename(path.with_name(f"{number}{path.name}"))
            elif what == "new class":
                for part in ("train", "val"):
                    new_image(tree / part / f"Z{number}" / "0.png")
                    new_image(tree / part / f"Z{number}" / "1.png")
            elif what == "damage":
                array = np.load(out / "train_images.npy", mmap_mode="r+")
                array[number % len(array)] += 1
            else:
                table = "".join(f"{each.name},natural\n" for each in (tree / "train").iterdir())
                (tree / "kingdoms.csv").write_text("class,kingdom\n" + table, encoding="utf-8")
        if (tree / "kingdoms.csv").exists():  # complete, or it is refused
            table = "".join(f"{each.name},natural\n" for each in (tree / "train").iterdir())
            (tree / "kingdoms.csv").write_text("class,kingdom\n" + table, encoding="utf-8")
        try:
            make(tree, out)
        except ValueError as error:
            assert "no readable train image" in str(error)
            return
        assert same(tree, out)


def test_the_same_images_by_any_path_are_the_same_images(tree, tmp_path, monkeypatch):
    out = tmp_path / "out"
    monkeypatch.chdir(tmp_path)
    make("tree", "out")
    first, names = load("out").fingerprint, decoded(monkeypatch)
    make(tree, out)
    make(tmp_path / "out" / ".." / "tree", out)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    make("~/tree", "~/out")
    shutil.move("tree", "moved")
    make("moved", out)
    assert names == [] and load("~/out").fingerprint == first
    for path in Path("moved").rglob("*.png"):
        path.rename(path.with_name(f"other {path.name}"))
    with pytest.raises(ValueError, match="begun with other images"):
        make("moved", out)


def test_a_folder_of_an_earlier_version_is_read_and_prepared_again(tree, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    make(tree, out)
    first = load(out).fingerprint
    for path in out.glob("*_rows.npy"):
        path.unlink()
    (out / "begun.json").write_text(json.dumps({"name": "folder", "size": SIZE, "classes": [], "files": "0123"}))
    assert load(out).fingerprint == first
    names = decoded(monkeypatch)
    make(tree, out)
    assert len(names) == 15 and "prepared by an earlier version" in capsys.readouterr().out
    assert load(out).fingerprint == first


# --- damage ----------------------------------------------------------------------------------------------


def zeroed(path):
    content = path.read_bytes()
    path.write_bytes(content[:128] + bytes(len(content) - 128))


def flipped(path):
    content = bytearray(path.read_bytes())
    content[-7] ^= 1
    path.write_bytes(content)


DAMAGE = {
    "zeroed": zeroed,
    "flipped": flipped,
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "cut to the header": lambda path: path.write_bytes(path.read_bytes()[:128]),
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("no array"),
    "gone": lambda path: path.unlink(),
}


@pytest.mark.parametrize("what", DAMAGE)
@pytest.mark.parametrize("file", ["train_images", "test_images", "train_labels", "test_checksums"])
def test_damage_is_named_and_mended(tree, tmp_path, monkeypatch, file, what):
    out = tmp_path / "out"
    make(tree, out)
    first = load(out).fingerprint
    DAMAGE[what](out / f"{file}.npy")
    with pytest.raises(ValueError) as error:
        load(out)
    said = str(error.value)
    assert (f"{file}.npy" in said or f"labels or checksums in {out}" in said) and "is decoded" in said
    names = decoded(monkeypatch)
    make(tree, out)
    assert load(out).fingerprint == first and same(tree, out)
    if what == "flipped" and "images" in file:
        assert len(names) == 1 + 15  # the one; then those of `same`


def test_checksums_are_compared_once_a_process(tree, tmp_path, monkeypatch):
    out, compared = tmp_path / "out", []
    make(tree, out)
    real = prepared.damaged
    monkeypatch.setattr(
        prepared, "damaged", lambda images, *rest: (compared.append(len(images)), real(images, *rest))[1]
    )
    assert cost.size_of("folder", Recipe(size=SIZE), out) == (9, 6, 3)
    assert compared == []  # only counted
    load(out)
    load(out)
    assert compared == [9, 6]
    new_image(tree / "val" / "ant" / "0.png")
    make(tree, out)
    load(out)
    assert compared == [9, 6, 9, 6]


def test_a_network_without_crops_reads_prepared_images_as_an_array(tree, tmp_path, recwarn):
    out = tmp_path / "out"
    make(tree, out)
    mapped, direct = load(out).train_images, load(tree).train_images
    expected = to_input(direct, "float32")
    for images in (mapped, mapped[:], Rows(mapped, np.arange(9))):
        assert torch.equal(to_input(images, "float32"), expected)
    crops = Crops(mapped, Recipe(size=SIZE, crop=4, precision="float32"), torch.zeros(3, SIZE, SIZE), "cpu")
    assert not crops.resident
    (batch,) = crops.batches([crops.pick(torch.arange(9), None)])
    assert torch.equal(crops.take(batch), torch.from_numpy(direct[:, :, 2:6, 2:6]).float())
    assert not recwarn.list  # PyTorch warns of arrays that cannot be written


# --- programs --------------------------------------------------------------------------------------------


def test_a_script_without_a_main_guard_prepares(tree, tmp_path):
    for number in range(3, 600):
        shutil.copy(tree / "train" / "ant" / "0.png", tree / "train" / "ant" / f"{number}.png")
    script = tmp_path / "script.py"
    script.write_text(
        f"from transferlab.datasets.prepare import prepare\nprint(prepare('folder', {str(tree)!r}, 'out', 8, 2))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(prepare.__file__).parents[2])}
    finished = subprocess.run([sys.executable, script], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert finished.returncode == 0 and finished.stdout.endswith("\n[]\n"), finished.stderr
    assert same(tree, tmp_path / "out")


def test_an_image_that_a_program_dies_over_is_left_out(tree, tmp_path, monkeypatch):
    code = (
        "import os\nfrom transferlab.datasets import decoders, prepare\nreal = prepare.read_image\n"
        "prepare.read_image = lambda path, size, *more: os._exit(3) if '1.png' in path else real(path, size)\n"
        "decoders.serve(prepare.decode_chunk)"
    )
    real = decoders.decoders
    monkeypatch.setattr(prepare, "decoders", lambda *arguments: real(2, *arguments[1:], program=code))
    monkeypatch.setattr(prepare, "CHUNK", 4)
    assert {Path(path).name for path in make(tree, tmp_path / "out")} == {"1.png"}
    assert sorted(load(tmp_path / "out").train_labels.tolist()) == [-1, -1, -1, 0, 0, 1, 1, 2, 2]


def test_programs_that_cannot_start_are_a_sentence(tmp_path, capfd):
    with (
        pytest.raises(RuntimeError, match="could not be started; their own message is above"),
        decoders.decoders(2, len, str, program="raise SystemExit('no decoder')") as submit,
    ):
        list(submit([(1,), (2,), (3,)]))
    assert "no decoder" in capfd.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no locale of C")
def test_in_the_locale_of_c_everything_written_is_utf8(tree, tmp_path):
    for part in ("train", "val"):
        (tree / part / "ant").rename(tree / part / "муравей")
    (tree / "train" / "муравей" / "1.png").write_bytes(b"broken")
    (tree / "train" / "муравей" / "2.части").write_bytes(b"no image")
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    environment["PYTHONPATH"] = str(Path(prepare.__file__).parents[2])
    command = [sys.executable, "-m", "transferlab", "prepare", "folder", "--size", "8", "--workers", "1"]
    command += ["--data-root", str(tree), "--out", str(tmp_path / "готово")]
    finished = subprocess.run(command, env=environment, capture_output=True)
    said = finished.stdout.decode("utf-8")
    assert finished.returncode == 1, finished.stderr
    assert "train/муравей/1.png" in said and "1 .части" in said and "готово is ready" in said
    assert "муравей/1.png" in (tmp_path / "готово" / "unreadable.txt").read_text(encoding="utf-8")
    assert load(tmp_path / "готово").class_names == ("bee", "cup", "муравей")
