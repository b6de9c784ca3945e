"""The demo, run from a built wheel: recipes and sample must be inside it, and the model must be good."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.conftest import ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with utome installed from its wheel; what it needs comes from the environment of the tests."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT],
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("utome-*.whl")
    subprocess.run(
        [*pip, "install", "--quiet", "--no-deps", "--target", folder / "site", wheel], check=True, capture_output=True
    )
    return folder / "site"


@pytest.fixture(scope="module")
def demo(site: Path) -> dict[str, Any]:
    """The demo's own document, from a process that sees the wheel before any checkout."""
    done = subprocess.run(
        [sys.executable, "-m", "utome", "demo", "--json", "--out", str(site.parent / "demo")],
        cwd=site.parent,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_the_demo_uses_the_sample_inside_the_wheel(demo: dict[str, Any], site: Path) -> None:
    assert Path(demo["data"]) == site / "utome" / "sample" / "nuclei"


def test_the_demo_finds_nuclei_of_both_kinds_on_images_that_training_never_saw(demo: dict[str, Any]) -> None:
    evaluation = demo["evaluation"]
    foreground = evaluation["classes"][1]
    assert evaluation["scored_on"] == {"images": 12, "seen_by_training": False, "at": "native"}
    assert foreground["iou"] >= 0.70
    assert foreground["iou_mean_per_image"] >= 0.70


def test_it_is_compared_with_otsus_threshold_in_both_ways(demo: dict[str, Any]) -> None:
    one_side, smaller = demo["otsu"]["classes"][1], demo["otsu_smaller_side"]["classes"][1]
    assert one_side["iou"] < 0.2, "one side for both kinds of microscopy is wrong for one of them"
    assert one_side["iou"] < smaller["iou"] < demo["evaluation"]["classes"][1]["iou"]


def test_the_demo_leaves_a_whole_run_folder_a_report_and_predictions(demo: dict[str, Any]) -> None:
    run = Path(demo["run"])
    wanted = [
        "config.yaml",
        "environment.json",
        "data.json",
        "events.jsonl",
        "report.html",
        "history.csv",
        "timing.csv",
        "status.json",
    ]
    assert [name for name in wanted if not (run / name).is_file()] == []
    assert (run / "model" / "model.safetensors").is_file()
    assert json.loads((run / "status.json").read_text())["status"] == "done"
    written = sorted(Path(demo["predictions"]).glob("*.png"))
    assert len(written) == 12
    assert {size_and_mode(path) for path in written} == {((256, 256), "P")}
    assert size_and_mode(Path(demo["picture"]))[0] > (500, 500)


def size_and_mode(path: Path) -> tuple[tuple[int, int], str]:
    with Image.open(path) as image:
        return image.size, image.mode
