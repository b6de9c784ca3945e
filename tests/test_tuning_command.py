"""`utome tune` as a user gives it: what it says, what it leaves, and how it goes on."""

import csv
import json
import re
import shlex
import sys
from pathlib import Path

import pytest
import yaml

from tests.command import run_utome
from tests.faulty_runs import TERM, Runs, at_step
from tests.searches import command, further, kept, search
from utome.config.settings import config_from_dict
from utome.jobs.demo import sample_folder

TOY = (
    "model.width=2", "model.depth=1", "training.epochs=1", "training.tile=32", "training.tiles_per_image=1", "machine.threads=1",
    "data.size=[32,32]", "data.test_size=[32,32]",
)  # fmt: skip


def test_five_trials_on_the_sample_end_in_a_config_that_train_accepts(runs: Runs, tmp_path: Path) -> None:
    toy = [part for each in TOY for part in ("--set", each)]
    out = tmp_path / "study"
    done = runs.wait(
        runs.start("tune", sample_folder(), "--recipe", "unet", "--out", out, "--trials", "5", *toy, "--json")
    )
    assert done.code == 0, done.said
    found = json.loads(done.said[done.said.index("{\n") :])
    assert found["trials"] == {"complete": 5, "pruned": 0, "failed": 0}
    assert found["epochs"] == found["epochs_of_full_search"] == 5
    best = config_from_dict(yaml.safe_load(Path(found["config"]).read_text()))
    assert best.optimizer.learning_rate == found["best"]["params"]["optimizer.learning_rate"]
    trained = runs.wait(runs.start("train", sample_folder(), "--config", found["config"], "--out", tmp_path / "run"))
    assert trained.code == 0, trained.said
    chosen = out / "trials" / f"{found['best']['trial']:04d}" / "seed-0"
    for name in ("history.csv", "model/model.safetensors"):
        assert (tmp_path / "run" / name).read_bytes() == (chosen / name).read_bytes(), "it repeats the trial"


@pytest.fixture(scope="module")
def two_seeds(runs: Runs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search of three trials with two seeds each, and its page."""
    out = tmp_path_factory.mktemp("two seeds") / "study"
    ended = runs.wait(runs.start(*command(runs, out, "--seeds", "2", trials=3, pruner="median"), report=True))
    assert ended.code == 0, ended.said
    assert "Next: utome train" in ended.said
    return out


def test_a_trial_is_a_folder_of_runs_whose_mean_counts(two_seeds: Path) -> None:
    rows = list(csv.DictReader((two_seeds / "trials.csv").read_text().splitlines()))
    assert [row["trial"] for row in rows] == ["0", "1", "2"]
    for row in rows:
        assert float(row["val_mean_iou"]) == (float(row["seed-0"]) + float(row["seed-1"])) / 2
        assert row["epochs"] == "8"
        runs = sorted((two_seeds / "trials" / f"{int(row['trial']):04d}").iterdir())
        assert [run.name for run in runs] == ["seed-0", "seed-1"]
        configs = [yaml.safe_load((run / "config.yaml").read_text()) for run in runs]
        assert [config["seed"] for config in configs] == [0, 1]
        assert [config["data"]["seed"] for config in configs] == [0, 0], "all share their parts"
        assert [config["optimizer"]["learning_rate"] for config in configs] == [
            float(row["optimizer.learning_rate"])
        ] * 2
    parts = {
        tuple((image["sha256"], image["part"]) for image in json.loads(path.read_text())["images"])
        for path in two_seeds.rglob("data.json")
    }
    assert len(parts) == 1


def test_the_page_shows_the_figures_and_the_best(two_seeds: Path) -> None:
    page = (two_seeds / "report.html").read_text()
    for title in (
        "training.batch against optimizer.learning_rate",
        "Trials in their order",
        "Parallel coordinates",
        "Best so far over",
    ):
        assert title in page
    assert page.count("<svg") == 4, "three trials tell no importances"
    assert not re.search(r"<(script|link|img)|url\(http", page), "nothing is fetched"
    assert "the best of many is lucky" in page


def test_the_journal_tells_what_happened(two_seeds: Path) -> None:
    events = [json.loads(line) for line in (two_seeds / "events.jsonl").read_text().splitlines()]
    kinds = [event["event"] for event in events]
    assert (kinds.count("TrialBegun"), kinds.count("TrialEnded"), kinds.count("TrialReported")) == (3, 3, 9)


def test_status_says_where_a_search_stands(two_seeds: Path) -> None:
    done = run_utome("status", two_seeds)
    assert done.returncode == 0, done.stderr
    assert "trials 3/3: 3 complete; 24 epochs trained" in done.stdout
    assert f"--config {shlex.quote(str(two_seeds / 'best.yaml'))}" in done.stdout
    document = json.loads(run_utome("status", two_seeds, "--json").stdout)
    assert (document["status"], document["of"], document["trials"]) == ("done", 3, {"complete": 3})


def test_a_search_that_is_another_one_is_refused(runs: Runs, two_seeds: Path) -> None:
    again = further(runs, two_seeds, "--pruner", "halving", "--seeds", "3")
    assert again.code == 2
    assert "--seeds was 2 and is 3, --pruner was median and is halving" in again.said
    assert "is there already and is not overwritten" in search(runs, two_seeds).said
    assert len(kept(two_seeds)) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="the system knows no such signals")
def test_a_search_that_is_told_to_end_saves_its_training_and_goes_on(runs: Runs, tmp_path: Path) -> None:
    out = tmp_path / "study"
    ended = search(runs, out, trials=2, faults=[at_step(3, TERM)])
    assert ended.code == 143, ended.said
    assert "Go on with --resume" in ended.said
    assert json.loads((out / "status.json").read_text())["status"] == "interrupted"
    assert further(runs, out).code == 0
    assert kept(out)[0][0] == "complete"


def test_recipes_show_what_is_searched() -> None:
    shown = run_utome("recipes", "se-unet-frem").stdout
    assert "# utome tune searches, in 50 trials: " in shown
    assert '#   model.enhancement.maps: {"low": 1, "high": 512}' in shown
    document = json.loads(run_utome("recipes", "se-unet-supervised", "--json").stdout)
    assert document["search"]["space"] == {"loss.supervision": {"low": 0.0, "high": 1.0}}
