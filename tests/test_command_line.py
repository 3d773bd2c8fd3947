"""The command line: options reach the Lab, costs are those of what would be trained, an interrupt is one line."""

import subprocess
import sys

import nbformat
import pytest
from formats import write_tree

from transferlab import __main__ as command
from transferlab.chapters import batch, living
from transferlab.notation import DEPTHS
from transferlab.store.sweeps import shown_jobs


@pytest.fixture
def folder(tmp_path):
    """Eight classes of six images to train on and four to test on."""
    return write_tree(tmp_path / "photographs", list("abcdefgh"), 6, 4)


def test_options_reach_the_lab(tmp_path, folder):
    line = f"status --scale smoke --runs {tmp_path} --device cpu --dataset folder --data-root {folder}"
    arguments = command.parser().parse_args([*line.split(), "--network", "resnet18", "--at-once", "3"])
    lab = command._lab(arguments)
    assert (lab.data.name, lab.recipe.network, lab.networks_at_once()) == ("folder", "resnet18", 3)
    assert lab.store.root == tmp_path


def test_the_run_store_is_that_of_the_lab_where_none_is_named(tmp_path, monkeypatch, say):
    monkeypatch.setenv("TRANSFERLAB_RUNS", str(tmp_path / "mine"))
    status, said, _ = say("why A3B --scale smoke")
    assert status == 0 and f"missing: {tmp_path / 'mine'}" in said


@pytest.mark.parametrize(
    ("option", "jobs"),
    [
        ("", [*dict.fromkeys([*shown_jobs(), *living.jobs()])]),
        (" --all", shown_jobs(few_layers=DEPTHS)),
        (" --split kingdom", shown_jobs(split="kingdom")),
    ],
)
def test_warm_trains_what_the_book_shows(tmp_path, monkeypatch, say, option, jobs):
    asked = []
    monkeypatch.setattr("transferlab.lab.Lab.train", lambda lab, given: asked.extend(given) or given)
    status, said, _ = say(f"warm --scale smoke --runs {tmp_path}{option}")
    assert (status, asked) == (0, jobs)
    assert f"{len(jobs)} networks are in {tmp_path}" in said


def test_the_time_left_is_that_of_so_many_networks_at_a_time(tmp_path, monkeypatch, lab, say):
    lab.run("baseB")
    monkeypatch.setattr("transferlab.lab.Lab.networks_at_once", lambda lab: 4)
    results = lab.results().assign(seconds=480.0)
    monkeypatch.setattr("transferlab.lab.Lab.results", lambda lab: results)
    _, said, _ = say(f"status --scale smoke --runs {tmp_path} --device cpu")
    assert "36 left, about 72 minutes at 480 s a network, 4 at a time" in said


def test_status_verifies_weights_on_request(tmp_path, say):
    where = f"--scale smoke --runs {tmp_path} --device cpu"
    lab = command._lab(command.parser().parse_args(["status", *where.split()]))
    path = lab.run("baseB").path
    assert "is as it was written" in say(f"status {where} --verify")[1]
    weights = path / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert "is not as it was written" not in say(f"status {where}")[1]
    _, said, _ = say(f"status {where} --verify")
    assert "weights.safetensors is not as it was written" in said and "moved to" in said
    assert not path.exists()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--scale laptop", "0.07 GB of images"),
        ("--scale laptop --study richer", "0.12 GB of images"),
        ("--scale modern", "4.72 GB of images"),
        ("--scale paper", "4.72 GB of images"),
    ],
)
def test_the_cost_of_kingdoms(say, line, said):
    status, out, err = say(f"plan --throughput 1000 {line}")
    assert status == 0, err
    assert said in out


def test_the_images_of_a_folder_are_counted(say, folder):
    status, out, err = say(f"plan --dataset folder --data-root {folder} --throughput 1000 --scale smoke")
    assert status == 0, err
    networks = int(out.split("\n")[1].split()[0])
    assert f"{networks} networks, {networks * 2 * 24 / 1e6:,.1f} million images" in out
    status, _, err = say(f"plan --dataset folder --data-root {folder / 'train'} --throughput 1000")
    assert status == 2 and "does not exist" in err
    assert say("plan --dataset folder --throughput 1000")[0] == 2


def test_another_network_costs_something_else(say):
    sizes = {say(f"plan --throughput 9{option}")[1].split("images, ")[1] for option in ("", " --network resnet18")}
    assert len(sizes) == 2


# --- interrupts ------------------------------------------------------------------------------------------


def test_an_interrupt_is_one_line_and_says_where_networks_are(tmp_path, monkeypatch, say):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("transferlab.lab.Lab.train", interrupted)
    status, out, err = say(f"warm --scale smoke --runs {tmp_path}")
    assert (status, out) == (130, "")
    assert err == f"python -m transferlab: interrupted; the networks trained so far are in {tmp_path}\n"


def test_an_interrupt_during_the_imports_is_one_line():
    code = (
        "import sys\n"
        "class Impatient:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name in ('torch', 'numpy', 'pandas'):\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Impatient())\n"
        "sys.argv = ['transferlab', 'warm']\n"
        "from transferlab.__main__ import main\n"
        "sys.exit(main())\n"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (finished.returncode, finished.stderr) == (130, "python -m transferlab: interrupted\n")


# --- chapters in a batch ---------------------------------------------------------------------------------


def chapter(folder, name, source):
    """A notebook with one cell of parameters."""
    cell = nbformat.v4.new_code_cell(source, metadata={"tags": ["parameters"]})
    path = folder / f"{name}.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    return path


def test_a_chapter_is_given_the_parameters_that_it_declares(tmp_path, capsys):
    one, two = chapter(tmp_path, "01_one", "scale = 1\ntrain = False"), chapter(tmp_path, "02_two", "scale = 1")
    assert batch.share_out([one, two], {"scale": "smoke", "train": True}) == {
        one: {"scale": "smoke", "train": True},
        two: {"scale": "smoke"},
    }
    assert capsys.readouterr().out == "train is ignored by 02_two, which does not use it\n"


def test_a_parameter_that_no_chapter_declares_stops_before_anything_runs(tmp_path, say):
    status, _, err = say(f"batch 01 08 --out {tmp_path / 'out'} -p train true")
    assert status == 2
    assert "no parameter train; these chapters know dataset, scale" in err
    assert not (tmp_path / "out").exists()


def test_a_book_without_assets_is_still_a_book(tmp_path, capsys):
    script = tmp_path / "fetch.py"
    script.write_text("raise SystemExit('error: npm could not fetch it; is there a network?\\nand more')")
    batch.fetch_assets(script)
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.endswith("npm could not fetch it; is there a network?\n")


def test_kernels_have_nothing_to_warn_of(tmp_path, capfd):
    path = chapter(tmp_path, "01_one", "scale = 1")
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)
    rows = batch.run([path], {}, tmp_path / "out")
    assert rows.error.tolist() == [""]
    assert "WARNING" not in capfd.readouterr().err
