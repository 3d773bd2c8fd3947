"""The published table: written row by row, resumable, and never another version's rows in silence."""

import subprocess
import sys
from dataclasses import replace

import pandas as pd
import pytest
from filelock import FileLock

from transferlab import Lab, study
from transferlab.engine.recipes import recipe_for
from transferlab.study.cost import size_of

SMALL = study.Study(((("base", "AnB", "AnB+"), (1, 7), "random", (0,), ("A", "B")),))


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    lab = Lab(scale="smoke", runs=folder / "runs", at_once=1)
    return folder, lab, study.publish(lab, folder / "networks.csv", SMALL)


def test_a_row_a_network_with_its_base_and_provenance(published):
    _, lab, table = published
    assert len(table) == 2 + 2 * 2 * 2
    for row in table.itertuples():
        run = lab.run(row.network, row.split, row.seed)
        assert (row.accuracy, row.run, row.data) == (run.accuracy, run.path.name, lab.data.fingerprint)
        assert row.base_accuracy == lab.run(f"base{row.target}").accuracy
    assert table[list(study.PROVENANCE)].notna().all().all()


def test_each_row_is_there_as_soon_as_its_network_is(published, tmp_path, monkeypatch):
    _, lab, table = published
    seen = []
    saved = study._save
    monkeypatch.setattr(study, "_save", lambda rows, path: (saved(rows, path), seen.append(len(study.read(path)))))
    study.publish(lab, tmp_path / "networks.csv", SMALL)
    assert seen == list(range(1, len(table) + 1))


def test_it_goes_on_from_the_rows_even_without_the_store(published, tmp_path):
    _, _, table = published
    half = tmp_path / "networks.csv"
    table[table.target == "B"].to_csv(half, index=False)
    kept = half.read_text().splitlines()
    elsewhere = Lab(scale="smoke", runs=tmp_path / "runs", at_once=1)
    resumed = study.publish(elsewhere, half, SMALL)
    timing = ["seconds", "trained_at"]
    pd.testing.assert_frame_equal(resumed.drop(columns=timing), table.drop(columns=timing), check_exact=True)
    assert set(kept) <= set(half.read_text().splitlines())
    trained = {path.name.split("-")[0] for path in (tmp_path / "runs" / "networks").iterdir()}
    assert trained == {"baseA", "baseB", "B1A", "B7A", "B1A+", "B7A+"}  # what was missing, and its parents


def test_rows_of_another_recipe_are_not_replaced_in_silence(published, tmp_path):
    folder, _, table = published
    path = tmp_path / "networks.csv"
    table.to_csv(path, index=False)
    before = path.read_bytes()
    other = Lab(scale="smoke", runs=folder / "runs", epochs=1, at_once=1)
    with pytest.raises(ValueError, match=r"10 of the 10 rows .* made by other code, data or recipe .*--replace"):
        study.publish(other, path, SMALL)
    assert path.read_bytes() == before
    replaced = study.publish(other, path, SMALL, overwrite=True)
    assert set(replaced.run).isdisjoint(table.run) and len(replaced) == len(table)


def test_two_studies_do_not_write_one_table(published, tmp_path):
    _, lab, _ = published
    with FileLock(tmp_path / "networks.lock"), pytest.raises(ValueError, match="another process is writing"):
        study.publish(lab, tmp_path / "networks.csv", SMALL)


def test_a_part_of_a_study():
    whole = study.STUDIES["networks"]
    part = whole.only("kingdom", 2)
    assert {(split, seed) for _, split, seed in part.jobs()} == {("kingdom", 2)}
    assert set(part.jobs()) < set(whole.jobs())
    assert whole.only().jobs() == whole.jobs()
    assert study.STUDIES["gaussian"].only(seed=3).changes == {"random_filters": "gaussian"}


def test_the_study_on_emoji_has_the_halves_of_2014_and_what_its_claims_need():
    emoji = study.STUDIES["emoji"]
    assert (
        emoji.dataset == "emoji"
        and emoji.only("random").jobs()
        == study.STUDIES["networks"].only("random").only("random").jobs()[: len(emoji.only("random").jobs())]
    )
    found = {(split, seed) for _, split, seed in emoji.jobs()}
    assert found == {*(("random", seed) for seed in range(4)), *(("kingdom", seed) for seed in range(3))}


def test_eighty_classes_of_emoji_are_trained_no_less_than_those_of_kingdoms():
    recipe, usual = recipe_for("laptop", "emoji", **study.STUDIES["emoji_80"].changes), recipe_for("laptop")
    (images, _, classes), (others, _, _) = size_of("emoji", recipe), size_of("kingdoms", usual)
    assert classes == 80 and recipe.batch == usual.batch
    assert 1 <= (recipe.epochs * images) / (usual.epochs * others) < 2


def test_networks_of_emoji_that_are_trained_longer_are_of_the_study_and_trained_twice_as_long():
    longer, usual = study.STUDIES["emoji_longer"], study.STUDIES["emoji"]
    assert set(longer.jobs()) < set(usual.jobs())
    twice, once = (recipe_for("laptop", "emoji", **each.changes) for each in (longer, usual))
    assert twice.epochs == 2 * once.epochs and replace(twice, epochs=once.epochs, curve_every=once.curve_every) == once


def test_a_part_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"no split kingdom with seed 3; it has .*; kingdom with seeds 0, 1, 2"):
        study.STUDIES["networks"].only("kingdom", 3)
    command = [sys.executable, "-m", "transferlab", "study", "gaussian", "--split", "kingdom", "--out", str(tmp_path)]
    finished = subprocess.run(command, capture_output=True, text=True)
    assert finished.returncode == 2 and "no split kingdom" in finished.stderr
    assert not list(tmp_path.iterdir())
