"""The page "The living network" and its small forms on other pages: HTML, scripts, and a figure for where none runs."""

import base64
import io
from html import escape

import numpy as np
from PIL import Image
from torch import Tensor

from transferlab.chapters.assets import web_file
from transferlab.chapters.living import SHOWN_PER_CLASS, first_of_each
from transferlab.engine.inputs import outputs, to_input
from transferlab.lab import Lab
from transferlab.networks import LAYER_NAMES
from transferlab.notation import TASKS

# in an order in which a student can read them
SCRIPTS = ("network", "unpack", "picture", "maps", "controls", "answers", "easel", "see", "learn", "ask", "page")
PARTS = {
    "see": "See: a picture goes through two networks",
    "learn": "Learn: predict, then train three networks",
    "race": "Predict, then train three networks",
    "ask": "Will the transplanted network name this picture?",
}
INK = (11, 110, 153)  # the accent of the book, which is seen on light and on dark paper
SCALE = 3  # pixels of the figure for one number of a map
ASKED = 20  # which of the page's images of task B the home page begins with
NO_SCRIPT = "The networks run in your browser, by JavaScript, and there is none here."
PAPER = '<p class="tl-paper">On the screen, networks run here.</p>'


def part(name: str, inside: str = "", **data: int) -> str:
    """Return the HTML of a part of the page, one of PARTS. `inside` is what stands there without scripts.

    Raises ValueError for another name.
    """
    if name not in PARTS:
        raise ValueError(f"the living network has the parts {', '.join(PARTS)}; got {name!r}")
    told = "".join(f' data-{key}="{value}"' for key, value in data.items())
    figure = " The figure below shows what you would see." if name == "see" else ""
    said = f'<p class="tl-said" role="status">{NO_SCRIPT}{figure}</p>'
    return (
        f'<div class="tl-widget tl-living tl-{name}" data-part="{name}"{told} role="group" '
        f'aria-label="{PARTS[name]}">{said}{inside}{"" if name == "see" else PAPER}</div>'
    )


def code(where: str) -> str:
    """Return the styles and scripts of the parts, once for a page. `where` is the folder of `living.export`.

    The top that is trained in a worker is a script that the page does not run itself.
    """
    css = "".join(web_file(name) for name in ("colours.css", "widgets.css", "living/living.css"))
    scripts = "\n".join(web_file(name) for name in ("chart.js", *(f"living/{name}.js" for name in SCRIPTS)))
    return (
        f"<style>{css}</style>"
        f'<script type="text/plain" id="tl-top">{web_file("living/top.js")}</script>'
        f"<script>(() => {{\n{scripts}\n"
        f'const begin = () => living("{escape(where)}");\n'
        'if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);\n'
        "else begin();\n})();</script>"
    )


def question(lab: Lab, split: str = "random", seed: int = 0) -> str:
    """Return the part "ask" with its first picture, so that the home page need not read the networks to show it."""
    tasks = [lab.task(name, split, seed) for name in TASKS]
    rows = [first_of_each(task.test_labels, SHOWN_PER_CLASS) for task in tasks]
    picture = np.asarray(tasks[1].test_images[rows[1][ASKED]]).transpose(1, 2, 0)
    words = "A held-out picture of task B: what is it?"
    asked = (  # dark-light: the theme puts other pictures on white paper in the dark, and dims them
        f'<img class="tl-picture dark-light" src="{_png(Image.fromarray(picture))}" alt="{words}">'
        '<div class="tl-asked"><p>'
        "<code>A5B</code> has the first five layers of a network that never saw a thing of this kind. Only the three "
        "layers above them were trained on such things. Will it name this picture?</p></div>"
    )
    return part("ask", asked, image=len(rows[0]) + ASKED)


def still(lab: Lab, names: tuple[str, str] = ("baseB", "A5B"), split: str = "random", seed: int = 0) -> str:
    """Return a figure, as HTML: one held-out image of task B, and its maps in all layers of two networks."""
    task = lab.task("B", split, seed)
    image = np.asarray(task.test_images[:1])
    columns = [maps(lab, name, image, split, seed) for name in names]
    sheet = Image.fromarray(_beside([_above([_picture(image[0]), *column]) for column in columns]))
    sheet = sheet.resize((sheet.width * SCALE, sheet.height * SCALE), Image.Resampling.NEAREST)
    what = lab.data.class_names[task.classes[task.test_labels[0]]].replace("_", " ")
    where = f"of {names[0]} (left) and {names[1]} (right)"
    words = f"A held-out image ({what}) and its maps in the eight layers, from conv1 down to fc8, {where}."
    return (
        f'<figure class="tl-paper"><img class="tl-still dark-light" src="{_png(sheet)}" alt="{escape(words)}">'
        f"<figcaption>{escape(words)}</figcaption></figure>"
    )


def maps(lab: Lab, name: str, image: np.ndarray, split: str, seed: int) -> list[np.ndarray]:
    """Return the maps of one image `[1, 3, H, W]` in each layer of a network, as RGBA pictures `[h, w, 4]`."""
    network, values, pictures = lab.run(name, split, seed).network(), to_input(image, "float32"), []
    for index in range(len(LAYER_NAMES)):
        values = outputs(network[index : index + 1], values, "float32")
        shown = values.softmax(1) if index == len(LAYER_NAMES) - 1 else values
        pictures.append(_grid(shown[0]))
    return pictures


def _png(picture: Image.Image) -> str:
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def _grid(values: Tensor) -> np.ndarray:
    """Lay maps `[C, h, w]`, or units `[C]`, side by side, a number apart; ink is as thick as a number is large."""
    count = len(values)
    squares = values.reshape(count, -1).numpy()
    side = int(squares.shape[1] ** 0.5)
    across = 16 if side > 1 else 48
    sheet = np.zeros((-(-count // across) * (side + 1), across * (side + 1), 4), np.uint8)
    sheet[..., :3] = INK
    for place, square in enumerate(squares.reshape(count, side, side) / max(float(values.max()), 1e-9)):
        top, left = place // across * (side + 1), place % across * (side + 1)
        sheet[top : top + side, left : left + side, 3] = np.clip(255 * square, 18, 255)
    return sheet


def _picture(image: np.ndarray) -> np.ndarray:
    opaque = np.full((*image.shape[1:], 1), 255, np.uint8)
    return np.concatenate([image.transpose(1, 2, 0), opaque], 2)


def _above(pictures: list[np.ndarray], gap: int = 4) -> np.ndarray:
    width = max(each.shape[1] for each in pictures)
    return np.concatenate([np.pad(each, ((0, gap), (0, width - each.shape[1]), (0, 0))) for each in pictures])


def _beside(pictures: list[np.ndarray], gap: int = 12) -> np.ndarray:
    height = max(each.shape[0] for each in pictures)
    return np.concatenate([np.pad(each, ((0, height - each.shape[0]), (0, gap), (0, 0))) for each in pictures], 1)
