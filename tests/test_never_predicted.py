"""A model that finds nothing of a class says so, and what may help."""

import html
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.command import TINY, run_utome
from utome.data.samples import Sample
from utome.evaluation.table import ImageScore, Scores
from utome.metrics.confusion import confusion

TRUTH = np.array([[0, 0, 1], [0, 2, 2]], np.uint8)


def scored(*predictions: np.ndarray) -> Scores:
    """Scores of predictions of the same small image."""
    sample = Sample(name="a", image=Path("a.png"), masks=(Path("b.png"),))
    images = [ImageScore(sample, "never", confusion(TRUTH, each, classes=4)) for each in predictions]
    return Scores(("background", "crack", "stain", "absent"), tuple(images))


def test_a_class_that_is_there_and_never_predicted_is_said() -> None:
    """And neither one that is found, nor one that occurs nowhere."""
    said = scored(np.where(TRUTH == 1, 0, TRUTH).astype(np.uint8)).never_predicted
    assert len(said) == 1
    assert "'crack'" in said[0]
    assert "another seed" in said[0]


@pytest.mark.parametrize("elsewhere", [False, True])
def test_one_pixel_predicted_anywhere_is_enough_to_say_nothing(elsewhere: bool) -> None:
    """Even a wrong one, in another image: the model can say the class."""
    nothing = np.where(TRUTH == 1, 0, TRUTH).astype(np.uint8)
    wrong = nothing.copy()
    wrong[0, 0] = 1
    assert scored(nothing, wrong).never_predicted == [] if elsewhere else scored(wrong).never_predicted == []


def test_training_its_page_and_an_evaluation_say_it(tmp_path: Path) -> None:
    """Of a class of one pixel an image, which a short training does not come to predict."""
    for number in range(6):
        image = np.random.default_rng(number).integers(0, 255, (32, 32), np.uint8)
        truth = np.zeros((32, 32), np.uint8)
        truth[5, 5] = 1
        for kind, pixels in (("images", image), ("masks", truth)):
            (tmp_path / "data" / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / "data" / kind / f"{number}.png")
    settings = ("training.epochs=80", "loss.dice=0", "optimizer.learning_rate=0.02", "data.split=4/1/1")
    run, sets = tmp_path / "run", [part for setting in settings for part in ("--set", setting)]
    trained = run_utome("train", tmp_path / "data", "--recipe", "unet", "--out", run, *TINY, *sets)
    assert trained.returncode == 0, trained.stderr
    sentence = "Nothing of 'foreground' is predicted in the images that were scored (1)"
    assert sentence in trained.stderr
    assert html.escape(sentence) in (run / "report.html").read_text(encoding="utf-8")
    evaluated = run_utome("evaluate", run, tmp_path / "data", "--json")
    assert sentence in evaluated.stderr
    assert any(sentence in note for note in json.loads(evaluated.stdout)["notes"])
