"""Chapters 1 to 4 on one folder with everything in it that cameras, editors and systems leave behind."""

import codecs
import json
import shutil
import sys
import unicodedata
from collections import Counter
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image

from transferlab import datasets
from transferlab.store import Store

NATURAL, MADE = ("Ameise", "Zaunkönig", "муха", "蜂"), ("cup", "salad bowl", "стул", "Öllampe")
EACH = {"train": 14, "val": 3}
SIDE = 32  # of the images that a data set "folder" has


def upright(label: int, number: int) -> Image.Image:
    """A picture, 48 pixels wide and 64 high, that no turn or flip leaves as it is."""
    down, right = np.mgrid[0:1:64j, 0:1:48j]
    colour = np.array([[200, 90, 40], [40, 160, 90], [70, 80, 210], [150, 150, 60]])[label % 4]
    pixels = (0.3 + 0.7 * down)[..., None] * (colour - 25 * (label // 4))
    pixels[:24, :18], pixels[40:52, 30:44] = 235, 15 * number
    return Image.fromarray((pixels + 12 * right[..., None]).clip(0, 255).astype(np.uint8))


def turned(image, path):
    exif = Image.Exif()
    exif[0x0112] = 6
    image.transpose(Image.Transpose.ROTATE_90).save(path.with_suffix(".jpg"), exif=exif, quality=97, subsampling=0)


def deep(image, path):
    Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257).save(path.with_suffix(".png"))


def floating(image, path):
    Image.fromarray(np.asarray(image.convert("L"), np.float32) / 255).save(path.with_suffix(".tiff"))


def on_hidden_black(image, path):
    alpha = np.full((64, 48), 255, np.uint8)
    alpha[:24, :18] = 0
    pixels = np.asarray(image) * (alpha > 0)[..., None]
    Image.fromarray(np.dstack([pixels, alpha])).save(path.with_suffix(".png"))


def animated(image, path):
    frames = [Image.new("RGB", image.size, "red")]
    image.save(path.with_suffix(".webp"), save_all=True, append_images=frames, lossless=True)


def printed(image, path):
    image.convert("CMYK").save(path.with_suffix(".tif"))


def misnamed(image, path):
    image.save(path.with_suffix(".JPG"), "PNG")


def nameless(image, path):
    image.save(path, "BMP")


def on_white(image):
    pixels = np.asarray(image).copy()
    pixels[:24, :18] = 255
    return Image.fromarray(pixels)


def grey(image):
    return image.convert("L")


# how it is saved, what a reader should see, and by how many of 255 steps a format may change a pixel
TRAPS = (
    (turned, Image.Image.copy, 12),
    (deep, grey, 0),
    (floating, grey, 1),
    (on_hidden_black, on_white, 0),
    (animated, Image.Image.copy, 0),
    (printed, Image.Image.copy, 0),
    (misnamed, Image.Image.copy, 0),
    (nameless, Image.Image.copy, 0),
)


def litter(folder: Path) -> None:
    """What systems and programs leave behind, with images in it that are none of the reader's."""
    for name in (".ipynb_checkpoints", "@eaDir", "__MACOSX", ".thumbnails"):
        (folder / name / "0.png").mkdir(parents=True)
        upright(0, 0).save(folder / name / "0.png" / "x.png")
        upright(0, 0).save(folder / name / "y.png")
    for name in ("Thumbs.db", ".DS_Store", "._0.jpg", "a.heic", "notes.txt", "film.mp4"):
        (folder / name).write_bytes(b"something else")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """The messy folder, and the same pictures as plain PNGs under plain names."""
    top = tmp_path_factory.mktemp("images")
    messy, clean, elsewhere = top / "Meine Bilder ~ 2026 ✓", top / "clean", top / "another disk"
    for part, count in EACH.items():
        for label, name in enumerate(sorted(NATURAL + MADE)):
            classes = [messy / part / name, clean / part / name]
            if name == "cup":  # a class on another disk, by a link
                classes[0] = elsewhere / part
                (messy / part).mkdir(parents=True, exist_ok=True)
                (messy / part / name).symlink_to(classes[0])
            for each in classes:
                each.mkdir(parents=True)
            for number in range(count):
                save, seen, _ = TRAPS[number % len(TRAPS)]
                target = classes[0]
                if name == "Zaunkönig" and number % 2:  # half of the images under another spelling of the same name
                    target = messy / part / unicodedata.normalize("NFD", name)
                    target.mkdir(exist_ok=True)
                save(upright(label, number), target / f"{number:02}")
                seen(upright(label, number)).save(clean / part / name / f"{number:02}.png")
            (classes[0] / "same").symlink_to(".")
            litter(classes[0])
        litter(messy / part)
    rows = [(name, "natural") for name in NATURAL] + [(name, "Man made") for name in MADE]
    text = "".join(f"\u00a0{name} ; {kingdom}\r\n" for name, kingdom in [("Class", "Kingdom"), *rows])
    (messy / "kingdoms.csv").write_bytes(codecs.BOM_UTF16_LE + text.encode("utf-16-le"))
    return messy, clean


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows lets only administrators make links")


def test_the_counts_kingdoms_and_pixels_are_those_of_the_plain_folder(folders):
    messy, clean = (datasets.load("folder", data_root=each) for each in folders)
    assert messy.class_names == clean.class_names == tuple(sorted(NATURAL + MADE))
    assert messy.kingdoms == tuple("natural" if name in NATURAL else "man-made" for name in messy.class_names)
    for part, count in (("train", EACH["train"]), ("test", EACH["val"])):
        labels = getattr(messy, f"{part}_labels")
        assert Counter(labels.tolist()) == dict.fromkeys(range(8), count)
        for label in range(8):
            mine, plain = (getattr(each, f"{part}_images")[labels == label].astype(int) for each in (messy, clean))
            apart = np.abs(mine[:, None] - plain[None]).max(axis=(2, 3, 4))
            # which is which: a class of two folders may be listed in another order
            assert sorted(apart.argmin(axis=0)) == list(range(count))
            assert np.all(apart.min(axis=0) <= [TRAPS[number % len(TRAPS)][2] for number in range(count)])


def test_preparing_it_leaves_out_what_is_broken_and_changes_no_pixel(folders, tmp_path, say):
    messy, _ = folders
    copy = tmp_path / "copy"
    shutil.copytree(messy, copy, symlinks=True)
    good = next((copy / "train" / "Ameise").glob("00.*"))
    (good.parent / "zz.png").write_bytes(good.read_bytes()[:200])
    status, *told = say(f"prepare folder --size {SIDE} --data-root", copy, "--out", tmp_path / "prepared")
    assert status == 1 and "zz.png" in "".join(told)
    prepared, read = (datasets.load("folder", data_root=each) for each in (tmp_path / "prepared", messy))
    for part in ("train", "test"):
        there = getattr(prepared, f"{part}_labels") >= 0  # the row of a broken image stays, without a class
        assert np.sum(~there) == (part == "train")
        for each in ("labels", "images"):
            assert np.array_equal(getattr(prepared, f"{part}_{each}")[there], getattr(read, f"{part}_{each}"))


@pytest.mark.nightly
def test_chapters_1_to_4_run_on_it(folders, tmp_path, say):
    runs = tmp_path / "runs"
    parameters = {"dataset": "folder", "data_root": folders[0], "scale": "smoke", "split": "kingdom", "runs": runs}
    pairs = [part for name, value in parameters.items() for part in ("-p", name, value)]
    status, *told = say("batch 01 02 03 04 --out", tmp_path / "out", *pairs)
    assert status == 0, told
    chapters = [json.dumps(nbformat.read(path, 4)) for path in sorted((tmp_path / "out" / "notebooks").glob("*.ipynb"))]
    assert len(chapters) == 4 and "Zaunk" in chapters[0]
    assert {"baseA", "baseB", "A4B", "B4B"} <= {str(run.treatment) for run in Store(runs).runs()}
