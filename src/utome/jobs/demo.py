"""`utome demo`: the whole story on the bundled sample, one model for two kinds of microscopy."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from utome.config.overrides import override
from utome.data.layouts.finding import find_samples
from utome.data.survey import survey
from utome.device import choose_device
from utome.errors import ConfigError
from utome.evaluation.otsu import Otsu, fit_otsu, score_otsu
from utome.evaluation.table import Scores
from utome.events import Listener, Noted, silent
from utome.files import write_bytes
from utome.jobs.evaluate import Evaluation, evaluate
from utome.jobs.inspect import Inspection, inspect
from utome.jobs.predict import PredictResult, predict
from utome.jobs.train import TrainResult, train
from utome.modelfolder.folder import load_model
from utome.prediction.predictor import Predictor
from utome.recipes.library import load_recipe
from utome.report.sheet import sheet_png

# The default recipe, narrower and shorter, so that a laptop is done in about a minute.
SETTINGS = ("model.width=16", "training.tile=128", "training.epochs=30")


@dataclass(frozen=True)
class BothWays:
    """Otsu's threshold on the held-out images: with one side chosen on the training images, and side by image."""

    one_side: Scores
    smaller_side: Scores


@dataclass(frozen=True)
class Demo:
    """What each step gave. Otsu's threshold is scored on the same held-out images."""

    data: Path
    inspection: Inspection
    training: TrainResult
    evaluation: Evaluation
    otsu: BothWays
    prediction: PredictResult
    picture: Path

    def as_json(self) -> dict[str, Any]:
        """The document of `utome demo --json`."""
        return {
            "data": str(self.data),
            "run": str(self.training.run),
            "report": str(self.training.run / "report.html"),
            "picture": str(self.picture),
            "predictions": str(self.prediction.out),
            "evaluation": self.evaluation.as_json(),
            "otsu": self.otsu.one_side.as_json(),
            "otsu_smaller_side": self.otsu.smaller_side.as_json(),
        }


def demo(out: Path, *, seed: int = 0, listen: Listener = silent) -> Demo:
    """Inspect, train, evaluate, predict and report into `out`; the numbers come from images that training never saw."""
    if out.exists():
        raise ConfigError(f"'{out}' is there already and is not overwritten. Give another --out.")
    data = sample_folder()
    listen(Noted(f"1/5 inspect {data}"))
    inspection = inspect(data, cost=False, listen=listen)
    listen(Noted("2/5 train (about a minute on two cores)"))
    config = override(load_recipe("unet").settings, [*SETTINGS, f"seed={seed}"])
    training = train(data, config, out / "run", listen=listen)
    listen(Noted("3/5 evaluate on images that training never saw"))
    evaluation = evaluate(training.run, data / "test", machine=config.machine, listen=listen)
    otsu = compare_otsu(data, listen=listen)
    listen(Noted("4/5 predict"))
    prediction = predict(
        training.run, data / "test" / "images", out / "predictions", machine=config.machine, listen=listen
    )
    listen(Noted("5/5 report"))
    predictor = Predictor(load_model(training.run), choose_device(config.machine, precision=config.training.precision))
    write_bytes(out / "picture.png", sheet_png(predictor, evaluation.scores))
    return Demo(data, inspection, training, evaluation, otsu, prediction, out / "picture.png")


def sample_folder() -> Path:
    """The bundled images: 24 to train, 4 to choose the model, 12 never seen."""
    return Path(str(files("utome"))) / "sample" / "nuclei"


def compare_otsu(data: Path, *, listen: Listener = silent) -> BothWays:
    """What can be had without learning on the images in `test`."""
    found = survey(find_samples(data), listen=listen)
    parts = {part: [fact for fact in found.facts if fact.sample.part == part] for part in ("train", "test")}

    def scored(otsu: Otsu) -> Scores:
        return score_otsu(otsu, parts["test"], found.classes, {}, listen=listen)

    return BothWays(scored(fit_otsu(parts["train"], found.classes)), scored(Otsu(side="smaller")))
