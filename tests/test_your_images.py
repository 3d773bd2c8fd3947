"""Images as cameras, editors and other programs leave them: which files are taken, and which pixels they have."""

import io
import os
import shutil
import sys
import unicodedata
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from transferlab import datasets
from transferlab.datasets import folder, images
from transferlab.datasets.folder import list_parts
from transferlab.datasets.images import PassedOver, as_text, find_images, is_hidden, read_image

MANY = settings(
    max_examples=30, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
SIDE = 12
needs_links = pytest.mark.skipif(sys.platform == "win32", reason="Windows lets only administrators make links")


# --- pixels ----------------------------------------------------------------------------------------------

# formats that lose nothing, and the modes that Pillow writes in them and reads again (found by trying all)
LOSSLESS = {
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "TIFF": ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "I;16", "I;16B", "I", "F"),
    "BMP": ("1", "L", "P", "RGB"),
    "DIB": ("1", "L", "P", "RGB"),
    "GIF": ("1", "L", "P"),
    "WEBP": ("L", "LA", "RGB", "RGBA", "CMYK"),
    "JPEG2000": ("L", "LA", "RGB", "RGBA", "CMYK", "I;16"),
    "PPM": ("1", "L", "RGB", "I", "I;16", "F"),
    "TGA": ("1", "L", "LA", "P", "RGB", "RGBA"),
    "PCX": ("1", "L", "P", "RGB"),
    "SGI": ("L", "RGB", "RGBA"),
    "QOI": ("RGB", "RGBA"),
    "DDS": ("L", "LA", "RGB", "RGBA"),
    "IM": ("1", "L", "LA", "RGB", "RGBA", "CMYK", "YCbCr", "I", "I;16", "F"),
    "ICO": ("RGB", "RGBA"),
    "MSP": ("1",),
    "XBM": ("1",),
}
CASES = [(name, mode) for name, modes in LOSSLESS.items() for mode in modes]
SUFFIX = {"JPEG2000": "jp2", "TIFF": "tif", "PPM": "ppm", "F": "pfm"}
OPTIONS = {"WEBP": {"lossless": True, "exact": True}}
LOSSY = {"JPEG": ("L", "RGB", "CMYK"), "MPO": ("RGB",), "AVIF": ("L", "RGB", "RGBA"), "WEBP": ("RGB",), "GIF": ("RGB",)}


def on_white(colour, alpha):
    share = alpha[..., None] / 255
    return colour * share + 255 * (1 - share)


def made(mode: str, draw: np.random.Generator, smooth: bool = False) -> tuple[Image.Image, np.ndarray]:
    """An image of a mode and, worked out without Pillow's help where it can be, the RGB values that it shows."""
    side = 32 if smooth else SIDE
    if smooth:
        down, across = np.mgrid[0:side, 0:side] * (200 / side)
        values = np.stack([down + 20, across + 20, (down + across) / 2 + 20, 255 - down / 2], -1).astype(np.uint8)
    else:
        values = draw.integers(0, 256, (side, side, 4), np.uint8)
    grey, rgb, alpha = values[..., 0], values[..., :3], values[..., 3]
    shown = np.repeat(grey[..., None], 3, -1).astype(float)
    if mode == "1":
        return Image.fromarray(grey > 127), np.where(shown > 127, 255.0, 0)
    if mode == "L":
        return Image.fromarray(grey), shown
    if mode in ("LA", "PA"):
        image = Image.fromarray(np.stack([grey, alpha], -1), "LA")
        if mode == "PA":
            image = Image.merge("PA", (Image.fromarray(grey).convert("P"), image.getchannel("A")))
            image.putpalette([each for level in range(256) for each in (level, level, level)])
        return image, on_white(shown, alpha)
    if mode == "P":
        palette = draw.integers(0, 256, (256, 3), np.uint8)
        image = Image.fromarray(grey, "P")
        image.putpalette(palette.tobytes())
        return image, palette[grey].astype(float)
    if mode == "RGBX":
        return Image.fromarray(values, "RGBX"), rgb.astype(float)
    if mode == "RGBA":
        return Image.fromarray(values), on_white(rgb.astype(float), alpha)
    if mode == "CMYK":
        ink = values.astype(float)
        return Image.fromarray(values, "CMYK"), (255 - ink[..., :3]) * (255 - ink[..., 3:]) / 255
    if mode.startswith("I;16") or mode == "I":
        deep = draw.integers(0, 65536, grey.shape)
        deep.flat[0] = 65535  # so that it is seen how far a mode goes that does not say it
        image = Image.fromarray(deep.astype({"I": np.int32, "I;16": "<u2", "I;16B": ">u2"}[mode]))
        return image, np.repeat(deep[..., None] // 256, 3, -1).astype(float)
    if mode == "F":
        share = draw.random(grey.shape, np.float32)
        return Image.fromarray(share), np.repeat(share[..., None] * 255.0, 3, -1)
    image = Image.fromarray(rgb)
    if mode == "LAB":
        profiles = [ImageCms.createProfile(name) for name in ("sRGB", "LAB")]
        converted = ImageCms.profileToProfile(image, *profiles, outputMode="LAB")
        return converted, np.asarray(converted.convert("RGB")).astype(float)
    if mode == "YCbCr":
        return image.convert(mode), rgb.astype(float)
    return image, rgb.astype(float)


@pytest.mark.parametrize(("name", "mode"), CASES, ids=lambda value: value)
@settings(MANY, max_examples=3)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_pixels_are_those_that_went_in(tmp_path, name, mode, seed):
    image, shown = made(mode, np.random.default_rng(seed))
    path = tmp_path / f"image.{SUFFIX.get(mode) if name == 'PPM' and mode == 'F' else SUFFIX.get(name, name.lower())}"
    size = SIDE
    if name == "ICO":  # of a few sizes only
        size = 32
        image = image.resize((32, 32), Image.Resampling.NEAREST)
        shown = np.asarray(Image.fromarray(np.arange(SIDE, dtype=np.uint8)[None]).resize((32, 1), 0))[0]
        shown = made(mode, np.random.default_rng(seed))[1][shown][:, shown]
    with warnings.catch_warnings(action="ignore"):  # IM is on its way out
        image.save(path, name, **OPTIONS.get(name, {}) | ({"sizes": [(32, 32)]} if name == "ICO" else {}))
    read = read_image(str(path), size).transpose(1, 2, 0).astype(float)
    # the rounding of 8 bits; between colour spaces a few levels
    assert np.abs(read - shown).max() <= (4 if mode in ("YCbCr", "LAB") else 1.01)
    assert path.suffix in images.suffixes()


@pytest.mark.parametrize(("name", "mode"), [(n, m) for n, modes in LOSSY.items() for m in modes])
def test_a_format_that_loses_something_loses_little(tmp_path, name, mode):
    image, shown = made(mode, np.random.default_rng(0), smooth=True)
    path = tmp_path / f"image.{name.lower()}"
    image.save(path, name, **({} if name == "GIF" else {"quality": 95}))
    read = read_image(str(path), 32).transpose(1, 2, 0)
    assert np.abs(read - shown).mean() < (6 if name == "GIF" else 4)


UPRIGHT = {  # by orientation: how an upright image is stored
    1: None, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}  # fmt: skip


@pytest.mark.parametrize("name", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_an_image_is_turned_as_the_camera_was(tmp_path, name, orientation):
    upright, shown = made("RGB", np.random.default_rng(0), smooth=True)
    stored = upright if orientation == 1 else upright.transpose(UPRIGHT[orientation])
    exif = Image.Exif()
    exif[274] = orientation
    path = tmp_path / f"image.{name.lower()}"
    stored.save(path, exif=exif, **({"quality": 95} if name in ("JPEG", "WEBP", "AVIF") else {}))
    assert np.abs(read_image(str(path), 32).transpose(1, 2, 0) - shown).mean() < 4


def test_exif_data_that_cannot_be_read_turn_nothing(tmp_path):
    image, shown = made("RGB", np.random.default_rng(0))
    for number, exif in enumerate(
        (b"Exif\0\0", b"Exif\0\0no TIFF header", b"Exif\0\0II*\0\xff\xff\xff\xff", b"\0" * 40)
    ):
        path = tmp_path / f"{number}.png"
        image.save(path, exif=exif)
        assert np.array_equal(read_image(str(path), SIDE).transpose(1, 2, 0), shown)


@MANY
@given(
    top=st.sampled_from([255, 65535, 2**31 - 1]), kind=st.sampled_from(["int32", "float32"]), seed=st.integers(0, 99)
)
def test_values_without_a_known_end_go_as_far_as_they_must(tmp_path, top, kind, seed):
    grey = np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE))
    grey.flat[0] = 255
    values = (grey * (top // 255)).astype(kind)
    Image.fromarray(values).save(tmp_path / "image.tif")
    assert np.abs(read_image(str(tmp_path / "image.tif"), SIDE)[0].astype(int) - grey).max() <= 1


def test_negative_and_infinite_values_and_whites_of_a_filter(tmp_path):
    def read(values):
        Image.fromarray(np.array(values, np.float32)).save(tmp_path / "image.tif")
        return read_image(str(tmp_path / "image.tif"), 2)[0].tolist()

    assert read([[-1, 1], [0, 1]]) == [[0, 255], [128, 255]]
    assert read([[0.5, 1.01], [0, 1]]) == [[128, 255], [0, 255]]
    assert read([[np.nan, np.inf], [0.2, 1]]) == [[0, 255], [51, 255]]
    assert read([[np.nan, np.nan], [np.nan, np.nan]]) == [[0, 0], [0, 0]]
    assert read([[3, 3], [3, 3]]) == [[3, 3], [3, 3]]


@pytest.mark.parametrize("mode", ["L", "I;16", "RGB", "P"])
def test_a_colour_that_is_declared_transparent_is_the_ground(tmp_path, mode):
    dtype, black = ("<u2", 0) if mode == "I;16" else (np.uint8, 0)
    values = np.full((4, 4, 3) if mode == "RGB" else (4, 4), 40 * 257 if mode == "I;16" else 40, dtype)
    values[0] = black
    image = Image.fromarray(values, "P") if mode == "P" else Image.fromarray(values)
    if mode == "P":
        image.putpalette([each for level in range(256) for each in (level, level, level)])
    image.save(tmp_path / "image.png", transparency=(0, 0, 0) if mode == "RGB" else black)
    read = read_image(str(tmp_path / "image.png"), 4)
    assert (read[:, 0] == 255).all() and (read[:, 1:] == 40).all()


def test_a_drawing_on_a_hidden_black_is_seen(tmp_path):
    values = np.zeros((8, 8, 4), np.uint8)
    values[2:6, 2:6, 3] = 255  # a black square; all else is transparent black
    Image.fromarray(values).save(tmp_path / "icon.png")
    read = read_image(str(tmp_path / "icon.png"), 8)
    assert (read[:, 2:6, 2:6] == 0).all() and (read[:, :2] == 255).all()


@pytest.mark.parametrize("name", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
def test_of_an_animation_the_first_frame_is_taken(tmp_path, name):
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "lime", "blue")]
    frames[0].save(tmp_path / f"film.{name.lower()}", save_all=True, append_images=frames[1:])
    read = read_image(str(tmp_path / f"film.{name.lower()}"), 16).astype(int)
    assert (read[0] > 245).all() and (read[1:] < 10).all()


@settings(MANY, max_examples=60)
@given(
    name=st.sampled_from(["PNG", "JPEG", "GIF", "TIFF", "WEBP", "AVIF", "BMP", "JPEG2000"]),
    place=st.floats(0, 1, exclude_max=True),
    bit=st.integers(0, 7),
    suffix=st.sampled_from([".jpg", ".png", ".tif"]),
)
def test_a_flipped_bit_is_an_image_or_a_sentence_that_names_the_file(tmp_path, name, place, bit, suffix):
    buffer = io.BytesIO()
    made("RGB", np.random.default_rng(0), smooth=True)[0].save(buffer, name)
    content = bytearray(buffer.getvalue())
    content[int(place * len(content))] ^= 1 << bit
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(content)
    try:
        assert read_image(str(path), 8).shape == (3, 8, 8)
    except ValueError as error:
        assert str(path) in str(error) and "repair or remove it" in str(error)


def test_no_other_program_draws_an_image(tmp_path):
    """A file may say that it is PostScript, whatever its name is; Pillow would hand it to Ghostscript."""
    (tmp_path / "image.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n")
    with pytest.raises(ValueError, match=r"cannot read the image .*image\.jpg"):
        read_image(str(tmp_path / "image.jpg"), 8)
    assert not {".eps", ".ps", ".h5", ".mpg", ".wmf", ".pdf"} & images.suffixes()


# --- files -----------------------------------------------------------------------------------------------

HIDDEN = [".ipynb_checkpoints", "@eaDir", "__MACOSX", ".hidden", "$RECYCLE.BIN", ".thumbnails"]


@pytest.fixture
def tree(tmp_path):
    """Five classes with two PNGs of 40 pixels each in train and val."""
    return write(tmp_path / "tree", ["ant", "bee", "cup", "dish", "three"])


def write(root: Path, names: list[str], count: int = 2, parts=("train", "val")) -> Path:
    draw = np.random.default_rng(0)
    for part in parts:
        for name in names:
            (root / part / name).mkdir(parents=True)
            for number in range(count):
                Image.fromarray(draw.integers(0, 256, (40, 40, 3), np.uint8)).save(root / part / name / f"{number}.png")
    return root


def counts(root: Path, part: str = "train") -> dict[str, int]:
    files, names, _ = list_parts("folder", root)
    found = Counter(label for _, label in files[part])
    return {name: found[label] for label, name in enumerate(names)}


@pytest.mark.parametrize("hidden", [*HIDDEN, "thumbs.db", ".DS_Store"])
def test_what_systems_leave_behind_is_passed_over_at_every_level(tree, hidden, capsys):
    expected = counts(tree)
    image = tree / "train" / "ant" / "0.png"
    for place in (tree / "train", tree / "val", tree / "train" / "bee"):
        (place / hidden / "0.png").mkdir(parents=True)
        shutil.copy(image, place / hidden / "x.png")
        shutil.copy(image, place / hidden / "0.png" / "x.png")
    (tree / "val" / "cup" / hidden).mkdir()  # an empty one
    (tree / "train" / "dish" / "._0.png").write_bytes(b"of a Macintosh")
    assert counts(tree) == expected
    assert f"Passed over in {tree}: hidden names (" in capsys.readouterr().out
    assert counts(tree) == expected
    assert capsys.readouterr().out == ""  # it is said once


def test_what_pillow_opens_is_taken_and_the_rest_is_counted(tree, capsys):
    image = Image.open(tree / "train" / "ant" / "0.png")
    for suffix in ("gif", "jfif", "avif", "webp", "JPG", "tiff", "bmp"):
        image.save(tree / "train" / "ant" / f"x.{suffix}")
    image.save(tree / "train" / "ant" / "no suffix", "JPEG")
    for name in ("a.heic", "b.HEIC", "notes.txt", "README", "film.mp4"):
        (tree / "train" / "ant" / name).write_bytes(b"something else")
    (tree / "train" / "list.csv").write_text("ant\n")
    assert counts(tree) == {"ant": 10, "bee": 2, "cup": 2, "dish": 2, "three": 2}
    said = capsys.readouterr().out
    assert "1 without a suffix, 1 .csv outside of classes, 2 .heic, 1 .mp4, 1 .txt\n" in said


@settings(MANY, max_examples=25)
@given(
    places=st.lists(
        st.lists(st.sampled_from(["a", "b", "deep", *HIDDEN]), max_size=3).map(tuple), min_size=1, max_size=6
    )
)
def test_any_tree_has_the_images_that_are_not_below_a_hidden_name(tmp_path_factory, places):
    top = tmp_path_factory.mktemp("tree")
    expected = set()
    (top / "ant").mkdir()
    for number, place in enumerate(places):
        folder_of = Path(top, "ant", *place)
        folder_of.mkdir(parents=True, exist_ok=True)
        (folder_of / f"{number}.png").touch()
        if not any(map(is_hidden, place)):
            expected.add(str(folder_of / f"{number}.png"))
    found = find_images([str(top / "ant")], str(top), (), PassedOver())
    assert {*found} == expected and found == sorted(found, key=os.path.split)


@needs_links
def test_links_lead_to_each_folder_once(tree, tmp_path):
    expected = counts(tree)
    (tree / "train" / "ant" / "same").symlink_to(".")
    (tree / "train" / "ant" / "up").symlink_to("..")
    (tree / "train" / "ant" / "far up").symlink_to(tmp_path)
    (tree / "train" / "ant" / "other class").symlink_to(tree / "train" / "bee")
    (tree / "train" / "ant" / "again.png").symlink_to("0.png")
    assert counts(tree) == expected
    elsewhere = write(tmp_path / "elsewhere", ["fly"], 3)
    (elsewhere / "train" / "fly" / "loop").symlink_to(elsewhere)
    for part in ("train", "val"):
        (tree / part / "fly").symlink_to(elsewhere / part / "fly")
    assert counts(tree) == expected | {"fly": 3}
    (tree / "train" / "bee" / "nowhere.png").symlink_to("nothing")
    with pytest.raises(ValueError, match=r"cannot read the image .*nowhere\.png"):
        datasets.load("folder", data_root=tree)
    (tree / "train" / "fly2").symlink_to(elsewhere / "train" / "fly")
    with pytest.raises(ValueError, match=r"the classes fly and fly2 of .*train are the same folder"):
        counts(tree)


@MANY
@given(name=st.text(st.characters(categories=["L", "M"]), min_size=1, max_size=8))
@example("Blaumeise\u0308")
@example("각")
def test_names_that_differ_by_their_normal_form_are_one_class(tmp_path_factory, name):
    forms = {unicodedata.normalize(form, name) for form in ("NFC", "NFD")}
    top = tmp_path_factory.mktemp("names")
    for number, form in enumerate(sorted(forms)):
        for part in ("train", "val") if number else ("val", "train"):
            (top / part / form).mkdir(parents=True, exist_ok=True)
            (top / part / form / f"{number}.png").touch()
    assert counts(top) == {unicodedata.normalize("NFC", name): len(forms)}


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are Unicode there")
def test_a_name_that_is_not_utf8_is_spelled_out(tmp_path):
    os.mkdir(os.path.join(os.fsencode(tmp_path), b"\xe9t\xe9"))
    assert [as_text(name) for name in os.listdir(tmp_path)] == ["\\xe9t\\xe9"]


# --- a folder as people have it --------------------------------------------------------------------------


def test_classes_alone_are_divided_by_a_stated_rule(tmp_path, capsys):
    write(tmp_path, ["ant", "bee"], 11, ["photos"])
    files, names, _ = list_parts("folder", tmp_path / "photos")
    assert names == ["ant", "bee"] and {part: len(listed) for part, listed in files.items()} == {"train": 16, "test": 6}
    assert Counter(label for _, label in files["test"]) == {0: 3, 1: 3}
    assert not {path for path, _ in files["train"]} & {path for path, _ in files["test"]}
    assert "has no train and val: one in 5 images of every class is held out" in capsys.readouterr().out
    shutil.move(tmp_path / "photos", tmp_path / "moved")
    again = list_parts("folder", tmp_path / "moved")[0]
    assert [Path(path).name for path, _ in again["test"]] == [Path(path).name for path, _ in files["test"]]
    assert datasets.load("folder", data_root=tmp_path / "moved").train_images.shape == (16, 3, 32, 32)


@pytest.mark.parametrize("others", [("training", "validation"), ("Train", "Test"), ("valid", "test")])
def test_parts_by_another_name_are_not_taken_for_classes(tmp_path, others):
    write(tmp_path / "photos", ["ant", "bee"], 2, others)
    with pytest.raises(FileNotFoundError, match=f"It has {', '.join(sorted(others))}; rename them to train and val"):
        list_parts("folder", tmp_path / "photos")


def test_a_part_is_not_taken_for_the_whole(tree):
    with pytest.raises(FileNotFoundError, match=r"train is itself a part .* beside val. Give the folder .*tree$"):
        list_parts("folder", tree / "train")
    shutil.rmtree(tree / "val")
    assert len(list_parts("folder", tree / "train")[0]["test"]) == 5  # alone it is a folder like any other


def test_what_cannot_be_divided_is_refused(tmp_path):
    write(tmp_path, ["ant", "bee"], 1, ["photos"])
    with pytest.raises(ValueError, match=r"the class ant of .* has 1 image; .* it needs 2 or more"):
        list_parts("folder", tmp_path / "photos")
    write(tmp_path, ["ant", "bee"], 2, ["half/train"])
    with pytest.raises(FileNotFoundError, match=r"half.val does not exist; .* It has train"):
        list_parts("folder", tmp_path / "half")


@pytest.mark.parametrize("name", ["folder", "imagenet"])
def test_validation_images_without_folders_are_to_be_sorted(tree, name):
    shutil.rmtree(tree / "val")
    (tree / "val").mkdir()
    for number in range(3):
        shutil.copy(tree / "train" / "ant" / "0.png", tree / "val" / f"ILSVRC2012_val_0000000{number}.JPEG")
    with pytest.raises(FileNotFoundError) as error:
        list_parts(name, tree)
    said = str(error.value)
    assert "val has no class folders, only 3 images" in said and "torchvision.datasets.ImageNet(" in said


def test_an_empty_class_says_what_was_passed_over_there(tree):
    for path in (tree / "train" / "cup").iterdir():
        path.rename(path.with_suffix(".heic"))
    with pytest.raises(ValueError, match=r"no image in 1 of 5 classes: cup \(passed over: 2 \.heic\)"):
        list_parts("folder", tree)
    assert folder.HELD_OUT == 5  # as the page says
