"""Which side of Otsu's threshold is the foreground: chosen on the training images of a run, where these can be read."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from utome.config.overrides import read_config
from utome.config.settings import Config, config_from_dict
from utome.data.formats import Pixels
from utome.data.layouts.finding import find_samples
from utome.data.samples import Sample
from utome.data.survey import content_hash
from utome.data.truth import read_pixels, read_truth
from utome.errors import DataError, UtomeError
from utome.evaluation.otsu import LabelMap, Otsu, Side, fit_side
from utome.jobs.reading import told
from utome.modelfolder.card import ModelCard

CHOSEN: dict[Side, str] = {
    side: f"Otsu's threshold takes what is {side}, which fits the training images better."
    for side in ("bright", "dark")
}
SMALLER = "Otsu's threshold takes the smaller side of each image, since the training images {why}."


class RunFiles:
    """What a run wrote down beside its model: its config, and where its images lie."""

    def __init__(self, folder: Path) -> None:
        self.config: Config = config_from_dict(read_config(folder / "config.yaml"))
        self.data: dict[str, Any] = json.loads((folder / "data.json").read_text(encoding="utf-8"))


def run_files(run: Path, card: ModelCard) -> RunFiles | None:
    """The files of the run that `run` is, or whose model folder it is; none where they are missing or of another training."""
    for folder in (run, run.resolve().parent):
        try:
            files = RunFiles(folder)
        except (OSError, ValueError, UtomeError):
            continue
        if isinstance(files.data, dict) and files.data.get("sha256") == card.data_sha256:
            return files
    return None


def choose_side(files: RunFiles | None, card: ModelCard) -> tuple[Otsu, str]:
    """Otsu's threshold with its side, and a sentence that says which side, and why."""
    if files is None:
        return Otsu(side="smaller"), SMALLER.format(why="are not named beside the model")
    try:
        otsu = fit_side(_training_pairs(files, card))
    except (KeyError, TypeError, ValueError, OSError, UtomeError):
        return Otsu(side="smaller"), SMALLER.format(why="are no longer where the run read them, or have changed")
    return otsu, CHOSEN[otsu.side]


def _training_pairs(files: RunFiles, card: ModelCard) -> Iterator[tuple[Pixels, LabelMap]]:
    """Each training image with its truth, as training read them; `DataError` where one is not there or has changed."""
    settings = files.config.data
    wanted = {place(each): (each["content"], each["truth"]) for each in files.data["images"] if each["part"] == "train"}
    listing = told(find_samples(Path(files.data["root"]), settings.layout), settings)
    for sample in listing.samples:
        known = wanted.pop(place_of(sample), None)
        if known is None:
            continue
        pixels, truth = read_pixels(sample), read_truth(sample)
        if known != (content_hash(pixels), content_hash(truth[:, :, None])):
            raise DataError(f"'{sample.source}' or its mask has changed since it was trained on.")
        yield pixels, card.class_table.labels(truth, source=sample.truth_source)
    if wanted:
        raise DataError(f"{len(wanted)} of the training images are no longer there.")


def place(image: dict[str, Any]) -> tuple[str, str, int | None]:
    """What tells an image of `data.json` from all others."""
    return image["name"], image["image"], image["page"]


def place_of(sample: Sample) -> tuple[str, str, int | None]:
    """The same of an image that was found."""
    return sample.name, str(sample.image.resolve()), sample.page
