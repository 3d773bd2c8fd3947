"""ImageNet (ILSVRC 2012): its classes, and which of them are natural (the paper's Section 4.2)."""

import hashlib

CLASSES = 1000
# of the class names in their sorted order, n01440764 ... n15075141, joined by spaces
SHA256 = "791ce0333040dd249d13133f90d28ef0263ffc01e5de0afd85b3e32048d7d456"
NATURAL = (range(398), range(936, 959), range(970, 971), range(972, 999))  # 449 classes; the other 551 are man-made


def kingdoms_of(classes: list[str]) -> tuple[str, ...]:
    """Return "natural" or "man-made" for each class; raise ValueError unless these are the 1000 classes of ImageNet.

    `classes` are WordNet ids in sorted order, as folders are.
    """
    if hashlib.sha256(" ".join(classes).encode()).hexdigest() != SHA256:
        raise ValueError(
            f"ImageNet has {CLASSES} classes, in folders from n01440764 to n15075141; found {len(classes)}, from "
            f"{classes[0]} to {classes[-1]}. Unpack all of train and val (torchvision.datasets.ImageNet does), or read "
            'other classes as the data set "folder"'
        )
    natural = {index for part in NATURAL for index in part}
    return tuple("natural" if index in natural else "man-made" for index in range(CLASSES))
