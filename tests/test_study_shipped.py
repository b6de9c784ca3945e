"""Every shipped study runs from one command, at toy settings on images in the layout of its data set."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.study_images import SHORT, TOYS
from utome.cli.app import app
from utome.errors import ConfigError
from utome.recipes.library import load_recipe
from utome.studies.library import find_study, load_study, study_names
from utome.studies.outcome import FEWEST_STEPS
from utome.studies.plan import Asked, config_of, planned

pytestmark = pytest.mark.usefixtures("one_thread")


def study(*arguments: str | Path) -> dict[str, Any]:
    """Run `utome study` to its good end, and return its JSON."""
    result = CliRunner().invoke(app, ["study", *map(str, arguments), "--json"])
    if result.exception is not None:
        raise result.exception
    return dict(json.loads(result.stdout))


@pytest.fixture
def _without_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages of runs and studies take longer than all the rest."""
    monkeypatch.setattr("utome.jobs.train.write_report", lambda *_: None)
    monkeypatch.setattr("utome.jobs.study.running.write_study_report", lambda *_: None)


def test_the_eight_studies_of_the_papers_are_shipped() -> None:
    assert study_names() == sorted(TOYS)


@pytest.mark.parametrize("name", sorted(TOYS))
def test_a_shipped_study_has_whole_configs_at_every_scale(name: str) -> None:
    found, _ = load_study(name)
    assert list(found.scales) == ["small", "gpu", "paper"]
    assert found.seeds >= 3
    assert found.published
    assert found.differences
    for scale in found.scales:
        asked = Asked(scale, arms=tuple(found.arms), seeds=1)
        for run in planned(found, found.arms, 1):
            training = config_of(found, asked, run).training
            assert training.epochs >= 40
            assert training.steps_per_epoch is not None or scale != "small"
            if training.steps_per_epoch is not None:
                assert training.epochs * training.steps_per_epoch >= FEWEST_STEPS


def test_the_paper_scale_is_what_the_recipe_publishes() -> None:
    found, _ = load_study("frem-drosophila")
    asked = Asked("paper", arms=tuple(found.arms))
    run = next(run for run in planned(found, found.arms, 1) if run.arm == "frem")
    config, recipe = config_of(found, asked, run), load_recipe("se-unet-frem").config
    assert (config.training.epochs, config.training.tile, config.training.places) == (2000, 256, "grid")
    assert config.model.model_dump()["enhancement"]["maps"] == 8
    assert config.optimizer == recipe.optimizer


def test_an_unknown_study_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match=r"There is no study 'frem-fly'\..*'frem-"):
        find_study("frem-fly")


@pytest.mark.usefixtures("_without_pages")
@pytest.mark.parametrize("name", sorted(TOYS))
def test_a_shipped_study_runs_from_one_command(name: str, tmp_path: Path) -> None:
    make, settings = TOYS[name]
    data, out = make(tmp_path / "data"), tmp_path / "out"
    sets = [part for each in (*SHORT, *settings) for part in ("--set", each)]
    outcome = study("run", name, "--data", data, "--out", out, "--seeds", "1", *sets)
    found, _ = load_study(name)
    assert {run["state"] for run in outcome["runs"]} == {"done"}
    assert {run["arm"] for run in outcome["runs"]} == {*found.arms, *found.references}
    first = next(iter(found.variants))
    for arm in (*found.arms, *found.references):
        main = [
            each
            for each in outcome["scores"]
            if (each["arm"], each["variant"], each["metric"]) == (arm, first, found.main)
        ]
        assert {each["protocol"] for each in main} == set(found.protocols)
        assert all(each["value"] is not None for each in main)
    assert {each["variant"] for each in outcome["scores"]} == set(found.variants)
    against = {(each["arm"], each["baseline_arm"]) for each in outcome["differences"] if each["variant"] == first}
    assert {arm for arm, baseline in against if baseline == found.baseline} == set(found.arms) - {found.baseline}
    assert outcome["data"]["generated"] == (name in {"frem-mouse", "unet2015-cells"})
    assert (out / "study.yaml").is_file()
