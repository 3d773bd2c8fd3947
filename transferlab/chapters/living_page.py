"""The page "The living network": its HTML and scripts, and the figure that it shows where no script runs."""

import base64
import io
from html import escape

import numpy as np
from PIL import Image
from torch import Tensor

from transferlab.chapters.assets import web_file
from transferlab.engine.inputs import outputs, to_input
from transferlab.lab import Lab
from transferlab.networks import LAYER_NAMES

# in an order in which a student can read them
SCRIPTS = ("network", "unpack", "picture", "maps", "controls", "see", "learn", "page")
INK = (11, 110, 153)  # the accent of the book, which is seen on light and on dark paper
SCALE = 3  # pixels of the figure for one number of a map
NO_SCRIPT = (
    "The networks run in your browser, by JavaScript, and there is none here. "
    "The figure below shows what you would see."
)


def page(where: str, figure: str) -> str:
    """Return the page's HTML. `where` is the address of the folder of `living.export`, `figure` that of `still`.

    The top that is trained in a worker is a script that the page does not run itself.
    """
    css = "".join(web_file(name) for name in ("colours.css", "widgets.css", "living/living.css"))
    code = "\n".join(web_file(name) for name in ("chart.js", *(f"living/{name}.js" for name in SCRIPTS)))
    return (
        f"<style>{css}</style>"
        f'<div class="tl-widget tl-living" id="tl-living" role="group" aria-label="The living network">'
        f'<p class="tl-said" role="status">{NO_SCRIPT}</p>{figure}</div>'
        f'<script type="text/plain" id="tl-top">{web_file("living/top.js")}</script>'
        f"<script>(() => {{\n{code}\n"
        f'livingPage(document.getElementById("tl-living"), "{escape(where)}");\n}})();</script>'
    )


def still(lab: Lab, names: tuple[str, str] = ("baseB", "A5B"), split: str = "random", seed: int = 0) -> str:
    """Return a figure, as HTML: one held-out image of task B, and its maps in all layers of two networks."""
    task = lab.task("B", split, seed)
    image = np.asarray(task.test_images[:1])
    columns = [maps(lab, name, image, split, seed) for name in names]
    sheet = Image.fromarray(_beside([_above([_picture(image[0]), *column]) for column in columns]))
    sheet = sheet.resize((sheet.width * SCALE, sheet.height * SCALE), Image.Resampling.NEAREST)
    file = io.BytesIO()
    sheet.save(file, "PNG", optimize=True)
    what = lab.data.class_names[task.classes[task.test_labels[0]]].replace("_", " ")
    where = f"of {names[0]} (left) and {names[1]} (right)"
    words = f"A held-out image ({what}) and its maps in the eight layers, from conv1 down to fc8, {where}."
    source = base64.b64encode(file.getvalue()).decode()
    return (
        f'<figure><img class="tl-still" src="data:image/png;base64,{source}" alt="{escape(words)}">'
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
