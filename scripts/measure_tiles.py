"""Measure how far tiles are from the whole image for every architecture, narrow and briefly trained: the table of docs/prediction.md.

python scripts/measure_tiles.py [RECIPE ...]

Each recipe's network is trained for 30 steps on the bundled nuclei, 4 channels wide where it has a width, on tiles of 128 pixels, all with
the same optimiser. Then two validation images, continued by their mirror images, are predicted in tiles of 128 and in one piece. Given
are the largest difference of a probability over both images, and the mean share of pixels that get another class.
"""

import sys
from collections.abc import Iterator
from itertools import islice

import numpy as np
from jaxtyping import Float32

from utome.config.overrides import override
from utome.config.prediction import PredictionSettings
from utome.config.settings import Config
from utome.device import Device
from utome.events import silent
from utome.jobs.demo import sample_folder
from utome.jobs.preparing import prepare
from utome.models.network import SegmentationNetwork
from utome.prediction.deviation import deviation_of
from utome.prediction.manner import suited
from utome.recipes.library import load_recipe, network_names
from utome.tiling import mirror
from utome.training.loop import Fleeting, fit
from utome.training.progress import begin, result

TILE, SIDE, BLEND, IMAGES = 128, 384, 16, 2
SAME_FOR_ALL = (
    f"training.tile={TILE}", "training.batch=2", "training.epochs=1", "training.steps_per_epoch=30", "training.precision=float32",
    "training.places=random",
    "data.normalization=image", "data.size=null", "data.split=null", "data.folds=null", "data.test_size=null", "optimizer.name=adam",
    "optimizer.learning_rate=0.002", "optimizer.warmup_steps=0", "machine.device=cpu",
)  # fmt: skip
# The sisters of se-unet differ from it in training alone, or need more maps than a narrow network has.
RECIPES = [name for name in network_names() if not name.startswith("se-unet-")]
NARROW = {"width": 4, "source_width": 4, "decoder": [8, 8, 8, 8, 8]}


def main() -> None:
    """Print one row of the table a recipe."""
    sys.stdout.write(
        "| recipe | halo | default halo | half of it | none | none, fading over 16 |\n|---|---|---|---|---|---|\n"
    )
    for name in sys.argv[1:] or RECIPES:
        network, images, device = _trained(name)
        usual = suited(PredictionSettings(), network, tile=TILE).model_copy(update={"tile": TILE})
        halo = network.geometry.halo if usual.halo is None else usual.halo
        cells = " | ".join(_cell(network, images, device, settings) for settings in _compared(usual, halo))
        averages = " (averages over the image)" if network.receptive_field is None else ""
        sys.stdout.write(f"| `{name}`{averages} | {halo} | {cells} |\n")
        sys.stdout.flush()


def _compared(usual: PredictionSettings, halo: int) -> Iterator[PredictionSettings | None]:
    yield usual
    for changed, blend in ((halo // 2, 0), (0, 0), (0, BLEND)):
        yield usual.model_copy(update={"halo": changed, "blend": blend}) if halo else None


def _trained(name: str) -> tuple[SegmentationNetwork, list[Float32[np.ndarray, "c h w"]], Device]:
    prepared = prepare(sample_folder(), _config(name), silent)
    progress = begin(prepared.task)
    fit(prepared.task, progress, Fleeting(), listen=silent)
    network = result(prepared.task, progress).eval()
    side = max(SIDE, 2 * network.geometry.halo + 4 * network.geometry.stride)
    return (
        network,
        [_continued(item.image, side) for item in islice(prepared.data.validation, IMAGES)],
        prepared.task.device,
    )


def _config(name: str) -> Config:
    settings = load_recipe(name).settings
    narrow = [f"model.{key}={value}" for key, value in NARROW.items() if key in settings["model"]]
    return override(settings, [*SAME_FOR_ALL, *narrow])


def _continued(image: Float32[np.ndarray, "c h w"], side: int) -> Float32[np.ndarray, "c y x"]:
    rows, columns = (mirror(0, side, length) for length in image.shape[1:])
    return image[:, rows[:, None], columns]


def _cell(
    network: SegmentationNetwork,
    images: list[Float32[np.ndarray, "c h w"]],
    device: Device,
    settings: PredictionSettings | None,
) -> str:
    if settings is None:
        return "-"
    found = [deviation_of(network, settings, image, device) for image in images]
    largest, changed = max(each.largest for each in found), float(np.mean([each.labels_changed for each in found]))
    return f"{largest:.1g}, {changed:.2%}"


if __name__ == "__main__":
    main()
