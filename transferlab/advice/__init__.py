"""Where to cut: advice for a donor and one's own images, with evidence (see `advise`)."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, replace
from io import StringIO
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
import torch

from transferlab import donors, splits
from transferlab.advice import checks, features, probes, sentences, trials
from transferlab.advice.evidence import Estimate, HeldOut, accuracy, difference
from transferlab.datasets.folder import PARTS, Files, list_parts
from transferlab.datasets.images import is_hidden
from transferlab.datasets.prepare import OtherImages, prepare
from transferlab.datasets.prepared import is_prepared
from transferlab.donors import DEFAULT, Donor
from transferlab.lab import Lab
from transferlab.notation import Treatment
from transferlab.store import Run, Store
from transferlab.system import cache
from transferlab.system.files import default_runs, expanded
from transferlab.system.machine import cores, hardware, peak_megabytes

NETWORK = "resnet18"
OF_CUTS = [
    "cut", "keeps", "width", "accuracy", "low", "high", "gain", "gain_low", "gain_high", "milliseconds", "megabytes",
]  # fmt: skip
OF_WAYS = ["network", "cut", "keeps", "rate", "accuracy", "low", "high", "gain", "gain_low", "gain_high"]


@dataclass(frozen=True, eq=False)
class Advice:
    """The answer and its evidence.

    Attributes:
        answer: the answer after everything that was done; its `sentence` is to be read first.
        quick: the answer of the probes alone.
        cuts: a row for each cut: cut, keeps, width, accuracy, low, high (0..1), gain, gain_low, gain_high (against the
            last cut), milliseconds (an image, up to there), megabytes.
        ways: a row for each way to train: network, cut, keeps, rate, accuracy, low, high, gain, gain_low, gain_high
            (against the last cut, frozen); without rows if nothing was trained.
        checks: what was looked for beforehand.
        facts: what the answer is about: folder, donor, counts, machine, seconds.
    """

    answer: sentences.Answer
    quick: sentences.Answer
    cuts: pd.DataFrame
    ways: pd.DataFrame
    checks: list[checks.Check]
    facts: dict[str, Any]

    @property
    def sentence(self) -> str:
        """The answer in a sentence."""
        return self.answer.sentence

    def as_json(self) -> str:
        """Return all of it as JSON."""
        whole = {
            "sentence": self.sentence,
            "answer": asdict(self.answer),
            "answer_of_probes": asdict(self.quick),
            "cuts": self.cuts.to_dict("records"),
            "ways": self.ways.to_dict("records"),
            "checks": [asdict(each) for each in self.checks],
            "facts": self.facts,
        }
        return json.dumps(whole, indent=1)


def advise(
    folder: str | Path,
    network: str | None = None,
    weights: str | Path = DEFAULT,
    donor: str | Path | Run | None = None,
    quick: bool = False,
    runs: str | Path | None = None,
    device: str = "auto",
    at_once: int | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Advice:
    """Say which blocks of a trained network to keep for the images of a folder, and what that is worth.

    Everything is kept as it goes: decoded images and features in the cache, networks in the run store. So the same call
    goes on where it was interrupted, and is done in seconds once it was finished.

    Args:
        folder: `<class>/*`, or `train/<class>/*` with or without `val/<class>/*`; or what `prepare` made of it.
        network: a published architecture, one of `networks.pretrained.ARCHITECTURES`; None: resnet18.
        weights: its weights: "DEFAULT", another name of torchvision's, or a file, .safetensors or .pth.
        donor: instead of a network, a base of the run store, as `donors.find` takes it.
        quick: only probe the cuts, and train nothing. Otherwise networks are trained at the last cut, in the middle,
            and at that of the others with the best probe.
        runs, device, at_once: as for `Lab`.
        say: is told what is being done, a line at a time.

    Returns:
        The advice; `advice.sentence` is the answer.

    Raises:
        ValueError: for a folder that holds nothing to learn from, and what `donors.find` and `list_parts` raise.
        OSError: for published weights that are not here, and a cache or store that cannot be written.
        RuntimeError: if a GPU has no room.

    >>> advise("photos", quick=True).sentence  # doctest: +SKIP
    'Keep all 8 blocks with a linear classifier on them: 81 % ± 7. That is the simple rule, and no other way is better.'
    """
    started = perf_counter()
    if network is not None and donor is not None:
        raise ValueError(
            f"both network={network!r} and donor={str(donor)!r} were given; a donor has its own: leave one"
        )
    root, given_val = layout(expanded("folder", folder))
    whole = network or NETWORK if donor is None else donor
    found = donors.find(whole, weights, Store(default_runs() if runs is None else runs))
    files: dict[str, Files] | None = None
    unreadable: list[str] = []
    prepared = root
    if not is_prepared(root):
        told = StringIO()
        with redirect_stdout(told):
            files = list_parts("folder", root)[0]
            prepared, unreadable = _prepared(root, found)
        for line in told.getvalue().splitlines():
            if line.startswith("Passed over"):  # the rest is of no use here: what is held out is settled by folds
                say(line)
    lab = Lab("folder", runs=runs, data_root=prepared, device=device, at_once=at_once, donor=whole, weights=weights)
    if reason := checks.trainable(lab.data):
        raise ValueError(f"nothing can be learned from {root}: {reason}")
    looked = [*checks.of_folder(lab.data, files, unreadable, given_val), *checks.of_donor(found, lab.data)]
    for check in looked:
        if check.wrong:
            say(f"Note: {check.sentence}")
    probed, tested, chosen = _probed(lab, found, given_val)
    last, right = found.cuts[-1], probed.right
    first = sentences.answer(
        {f"cut {cut}": right[cut] for cut in found.cuts}, tested, f"cut {last}",
        {f"cut {cut}": sentences.probe_phrase(cut, last) for cut in found.cuts},
        None if chosen is None else f"cut {chosen}",
    )  # fmt: skip
    cuts = _cut_rows(found, probed, tested)
    ways, answer = pd.DataFrame(columns=OF_WAYS), first
    if quick:
        say("A probe cannot see what fresh layers above a cut would learn; leave out quick to train at three cuts.")
    else:
        say(f"By the probes: {first.sentence}")
        ways, answer = _trained(lab, _promising(cuts, last), last, given_val)
    facts = {
        "folder": str(root),
        "donor": found.title,
        "donor_is": found.name,
        "classes": list(lab.data.class_names),
        "images": int((lab.data.train_labels >= 0).sum() + (lab.data.test_labels >= 0).sum()),
        "tested": len(tested),
        "tested_on": "val" if given_val else f"{splits.fold_count(lab.data)} folds",
        "pixels": found.framing.size,
        "quick": quick,
        "hardware": hardware(lab.device),
        "cores": cores(),
        "torch": torch.__version__,
        "seconds": round(perf_counter() - started, 1),
        "peak_megabytes": round(peak_megabytes()),
    }
    return Advice(answer, first, cuts, ways, looked, facts)


def layout(folder: Path) -> tuple[Path, bool]:
    """Return the folder that holds the parts or the classes, and whether it says itself what is for validation.

    Raises ValueError or FileNotFoundError for a folder that has no classes to tell apart.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} does not exist; give a folder with <class>/* or train/<class>/* inside")
    if is_prepared(folder):
        return folder, True
    inside = sorted(each.name for each in folder.iterdir() if each.is_dir() and not is_hidden(each.name))
    parts = [name for name in inside if name.casefold() in PARTS]
    if "train" in inside and "val" in inside:
        return folder, True
    if parts == ["train"]:
        return layout(folder / "train")[0], False
    if parts:
        raise ValueError(
            f"{folder} has {', '.join(parts)}; rename them to train and val, or leave only train, whose images are "
            "then divided into folds"
        )
    if not inside:
        raise ValueError(f"{folder} has no folders of classes; put the images of each class into {folder}/<class>/")
    if len(inside) < 2:
        raise ValueError(f"{folder} has one class, {inside[0]}; two or more are needed to tell apart")
    return folder, False


def _prepared(root: Path, donor: Donor) -> tuple[Path, list[str]]:
    """Decode the images of a folder as the donor expects them, into the cache; return where, and what is unreadable."""
    key = hashlib.sha256(f"{os.path.realpath(root)}{tuple(donor.framing)}".encode()).hexdigest()[:16]
    out = cache.folder() / "advice" / f"{root.name}-{key}"
    size, resize, interpolation = donor.framing
    options = (size, cores() if size > features.SMALL else 1, resize, interpolation)
    try:
        return out, prepare("folder", root, out, *options)
    except OtherImages:  # all files of the folder have been replaced since; what lies in the cache is nobody's work
        shutil.rmtree(out)
        return out, prepare("folder", root, out, *options)


@dataclass(frozen=True, eq=False)
class _Probed:
    right: dict[int, np.ndarray]
    features: features.Features


def _probed(lab: Lab, donor: Donor, given_val: bool) -> tuple[_Probed, HeldOut, int | None]:
    """Probe every cut; return what each got right, on which images, and the cut that train alone would choose.

    Without a `val` every image is tested once, in its fold, and the cut is chosen later.
    """
    images, labels, fold = splits.in_folds(lab.data, "folds")
    seen = features.of_all_cuts(donor, images, lab.device)
    if not given_val:
        right, rows = _in_folds(seen, labels, fold, "probes")
        return _Probed(right, seen), HeldOut(labels[rows], fold[rows]), None
    train, test = splits.held_out(lab.data)
    test += len(lab.data.train_labels)
    inside = splits.in_folds(lab.data, "validation")[2]
    inside = np.concatenate([inside, np.full(len(labels) - len(inside), -1)])
    inside[np.setdiff1d(np.arange(len(inside)), train)] = -1
    tuned, rows = _in_folds(seen, labels, inside, "choosing")
    own = HeldOut(labels[rows], inside[rows])
    chosen = max(donor.cuts, key=lambda cut: (accuracy(tuned[cut], own).value, cut))
    right = {
        cut: probes.answers(array, labels, train, test) == labels[test]
        for cut, array in zip(seen.cuts, seen.arrays, strict=True)
    }
    return _Probed(right, seen), HeldOut(labels[test], np.zeros(len(test), int)), chosen


def _in_folds(
    seen: features.Features, labels: np.ndarray, fold: np.ndarray, what: str
) -> tuple[dict[int, np.ndarray], np.ndarray]:
    """Return for each cut which images a probe got right that was fitted on the other folds; and the images' rows."""
    from tqdm.auto import tqdm

    used = np.flatnonzero(fold >= 0)
    count = len(seen.cuts) * len(np.unique(fold[used]))
    with tqdm(total=count, desc=what, unit="probe") as bar:
        said = {
            cut: probes.in_folds(array, labels, fold, bar.update)
            for cut, array in zip(seen.cuts, seen.arrays, strict=True)
        }
    return {cut: (each == labels)[used] for cut, each in said.items()}, used


def _cut_rows(donor: Donor, probed: _Probed, tested: HeldOut) -> pd.DataFrame:
    last, seen, rows = donor.cuts[-1], probed.features, []
    for place, cut in enumerate(donor.cuts):
        mine = accuracy(probed.right[cut], tested)
        gain = _against(probed.right[cut], probed.right[last], tested)
        rows.append(
            (cut, sentences.kept(cut, last), seen.arrays[place].shape[1], mine.value, mine.low, mine.high, gain.value,
             gain.low, gain.high, seen.milliseconds[place], seen.megabytes[place])
        )  # fmt: skip
    return pd.DataFrame(rows, columns=OF_CUTS)


def _against(right: np.ndarray, rule: np.ndarray, tested: HeldOut) -> Estimate:
    """Compare a way with the simple rule; the rule itself is no better than itself, and that is certain."""
    return Estimate(0, 0, 0, 0) if right is rule else difference(right, rule, tested)


def _promising(cuts: pd.DataFrame, last: int) -> list[int]:
    """Return the cuts to train at: the last, the middle one, and of the others that with the best probe.

    No probe says so, but where the donor comes from another world the middle cut is the best more often than any other
    (`study.forecasts`): a probe does not see what fresh layers would learn.
    """
    middle = sorted(cuts.cut)[(len(cuts) - 1) // 2]
    others = cuts[~cuts.cut.isin([middle, last])].sort_values(["accuracy", "cut"], ascending=False).cut
    return sorted({*others.head(1).tolist(), middle, last})


def _trained(lab: Lab, cuts: list[int], last: int, given_val: bool) -> tuple[pd.DataFrame, sentences.Answer]:
    """Train at some cuts, and compare with the last one, frozen."""
    where = trials.plan(lab, given_val)
    tested = trials.tested(lab, where)
    ways = trials.train(lab, trials.names(cuts, len(lab.task("B", *where.report[0]).train_labels)), where)
    rule = f"A{last}B"
    right, rows = {way.network: way.right for way in ways}, []
    for way in ways:
        mine, gain = accuracy(way.right, tested), _against(way.right, right[rule], tested)
        cut = Treatment.parse(way.network).n
        keeps = sentences.kept(cut, last) if cut else "nothing"
        numbers = (mine.value, mine.low, mine.high, gain.value, gain.low, gain.high)
        rows.append((way.network, cut, keeps, way.rate, *numbers))
    chosen = max(ways, key=lambda way: way.chosen_at).network if len(where.report) < 2 else None
    phrases = {way.network: sentences.way_phrase(way.network, last, way.rate) for way in ways}
    answer = sentences.answer(right, tested, rule, phrases, chosen)
    if "baseB" in right and answer.best != "baseB":
        scratch = accuracy(right["baseB"], tested)
        answer = replace(answer, sentence=f"{answer.sentence} From scratch: {sentences.percent(scratch)}.")
    return pd.DataFrame(rows, columns=OF_WAYS), answer
