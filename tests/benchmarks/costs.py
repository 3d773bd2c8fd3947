"""The cost of the published study on every data set: the README's table.

    python tests/benchmarks/costs.py        about a minute; writes book/results/costs.csv and prints the table

The throughput of each network is measured on this machine, all cores together. What takes years here is for GPUs: the
column for a device of 10,000 images a second is arithmetic, to be scaled by what `plan` measures on yours.
"""

from datetime import UTC, datetime

import pandas as pd

from transferlab.engine import speed
from transferlab.engine.recipes import SCALES
from transferlab.study import RESULTS, STUDIES, cost
from transferlab.system.machine import cores, hardware, one_thread

PATH = RESULTS / "costs.csv"
ROWS = (("kingdoms", "laptop"), ("cifar100", "laptop"), ("imagenet", "modern"), ("imagenet", "paper"))
TITLES = {"kingdoms": "Kingdoms", "cifar100": "CIFAR-100", "imagenet": "ImageNet"}
GIVEN = 10_000  # images a second


def main():
    rows = []
    for dataset, scale in ROWS:
        recipe = SCALES[scale].on("cpu")
        with one_thread():
            rate = cores() * speed.throughput(recipe, cost.size_of(dataset, recipe)[2] // 2, "cpu")
        here, given = (cost.of_study(dataset, recipe, STUDIES["networks"], each) for each in (rate, GIVEN))
        rows.append({
            "dataset": dataset, "scale": scale, "networks": here.networks, "images": here.images,
            "images_per_second": rate, "hours": here.hours, "given_hours": given.hours,
            "image_gb": here.image_bytes / 1e9, "weight_gb": here.weight_bytes / 1e9, "cores": cores(),
            "hardware": hardware("cpu"), "measured_at": datetime.now(UTC).date().isoformat(),
        })  # fmt: skip
    table = pd.DataFrame(rows)
    table.to_csv(PATH, index=False, float_format="%.5g")
    print(markdown(pd.read_csv(PATH)))


def markdown(table: pd.DataFrame) -> str:
    """The table as the README has it."""
    made = table.iloc[0]
    lines = [
        f"| images, scale | networks | images to train on | {made.cores} cores ({made.hardware}) "
        f"| at {GIVEN:,} images/s | images and weights |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in table.itertuples():
        lines.append(
            f"| {TITLES[row.dataset]}, `{row.scale}` | {row.networks} | {row.images / 1e6:,.0f} million "
            f"| {time(row.hours)} at {row.images_per_second:,.0f}/s | {time(row.given_hours)} "
            f"| {row.image_gb:,.1f} + {row.weight_gb:,.1f} GB |"
        )
    hours = cost.OF_2014
    lines.append(f"| ImageNet in 2014 | 163 | {163 * 450_000 * 256 / 1e6:,.0f} million | | {time(hours)} on a K20 | |")
    return "\n".join(lines)


def time(hours: float) -> str:
    """Hours in words that can be grasped."""
    if hours < 3:
        return f"{60 * hours:.0f} minutes"
    if hours < 72:
        return f"{hours:.0f} hours"
    return f"{hours / 24:,.0f} days" if hours < 2 * 365 * 24 else f"{hours / 24 / 365:,.0f} years"


if __name__ == "__main__":
    main()
