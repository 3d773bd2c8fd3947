"""Train the networks of the bug museum: book/results/museum.csv. Ten minutes; it goes on where it was stopped."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from transferlab import Lab
from transferlab.chapters.museum import EXHIBITS, RIGHT
from transferlab.study import RESULTS
from transferlab.system.machine import cores, hardware, one_thread

PATH = RESULTS / "museum.csv"
RUNS = Path(__file__).parents[1] / "runs"
DEPTHS, SPLIT, SEED = (1, 3, 5, 7), "random", 0


@cache
def opened() -> Lab:
    """The Lab of this process."""
    return Lab(scale="laptop", runs=RUNS, device="cpu")


def one(exhibit: str, n: int) -> dict:
    """A row: the accuracy of the mistaken network, and of the one that it was meant to be."""
    lab = opened()
    with one_thread():
        right = lab.run(RIGHT[exhibit].replace("n", str(n)), SPLIT, SEED).accuracy
        wrong = EXHIBITS[exhibit](lab, n, SPLIT, SEED)
    made = {"split": SPLIT, "seed": SEED, "data": lab.data.fingerprint, "hardware": hardware("cpu")}
    return {"exhibit": exhibit, "n": n, "wrong": wrong, "right": right, **made}


def main():
    rows = pd.read_csv(PATH).to_dict("records") if PATH.exists() else []
    done = {(row["exhibit"], row["n"]) for row in rows}
    todo = [(exhibit, n) for exhibit in EXHIBITS for n in DEPTHS if (exhibit, n) not in done]
    with ProcessPoolExecutor(cores(), multiprocessing.get_context("spawn")) as pool:
        for finished in tqdm(as_completed([pool.submit(one, *each) for each in todo]), total=len(todo)):
            rows.append(finished.result())
            table = pd.DataFrame(rows).assign(exhibit=lambda t: pd.Categorical(t.exhibit, list(EXHIBITS)))
            table.sort_values(["exhibit", "n"]).to_csv(PATH, index=False, float_format="%.6g")


if __name__ == "__main__":
    main()
