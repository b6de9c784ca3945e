"""Small images, folders, configs and models that the tests are made of."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image

from utome.config.architectures import UNetSettings
from utome.config.overrides import override
from utome.config.settings import Config
from utome.data.layouts.finding import find_samples
from utome.data.survey import Survey, survey
from utome.modelfolder.card import ModelCard
from utome.modelfolder.folder import Model
from utome.models.architectures import build_network
from utome.recipes.library import load_recipe

TINY = (
    "model.width=4", "model.depth=2", "training.epochs=2", "training.batch=2", "training.tile=32",
    "training.precision=float32", "optimizer.warmup_steps=0", "machine.device=cpu",
)  # fmt: skip


def noise(*shape: int, seed: int = 0, dtype: type[np.integer[Any]] = np.uint8) -> np.ndarray:
    """Evenly distributed pixels over all that the type can hold."""
    draws = np.random.default_rng(seed)
    return draws.integers(0, np.iinfo(dtype).max, size=shape, dtype=dtype, endpoint=True)


def square(height: int, width: int, *, value: int = 255) -> np.ndarray:
    """A mask with a square of `value` in its middle, a quarter of each side from the border."""
    mask = np.zeros((height, width), dtype=np.uint8)
    mask[height // 4 : -(height // 4) or None, width // 4 : -(width // 4) or None] = value
    return mask


def save(path: Path, pixels: np.ndarray, **options: Any) -> Path:
    """Write pixels as the ending of `path` says: TIFF by tifffile, everything else by Pillow."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix in {".tif", ".tiff"}:
        tifffile.imwrite(path, pixels, **options)
    else:
        Image.fromarray(pixels).save(path, **options)
    return path


def save_palette(path: Path, indices: np.ndarray, colours: Sequence[int]) -> Path:
    """Write indices as a palette PNG with these colours, red, green and blue in turn."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(indices)
    image.putpalette(list(colours))
    image.save(path)
    return path


def save_pairs(root: Path, pairs: Mapping[str, tuple[np.ndarray, np.ndarray]], *, suffix: str = ".png") -> Path:
    """Write `images/NAME` and `masks/NAME` for each (image, mask) by name."""
    for name, (image, mask) in pairs.items():
        save(root / "images" / f"{name}{suffix}", image)
        save(root / "masks" / f"{name}.png", mask)
    return root


def pair(seed: int, height: int = 24, width: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """A grey image whose middle is brighter, and its 0/255 mask."""
    mask = square(height, width)
    return noise(height, width, seed=seed) // 2 + mask // 2, mask


def pair_folder(root: Path, count: int = 8, *, height: int = 24, width: int = 20) -> Path:
    """A folder of `count` different pairs, `image-0` and onwards."""
    return save_pairs(root, {f"image-{seed}": pair(seed, height, width) for seed in range(count)})


def draw_discs(root: Path, names: Sequence[str]) -> Path:
    """Noisy images with a bright disc each, and its mask, under these names; their order alone decides what is drawn."""
    rows, columns = np.mgrid[:48, :40]
    for number, name in enumerate(names):
        grey = np.random.default_rng(number).integers(0, 60, (48, 40))
        disc = (rows - 14 - 2 * number) ** 2 + (columns - 20) ** 2 < 64 + 10 * number
        save(root / "images" / f"{name}.png", (grey + 150 * disc).astype(np.uint8))
        save(root / "masks" / f"{name}.png", (disc * 255).astype(np.uint8))
    return root


def look(root: Path) -> Survey:
    """The folder, found and read."""
    return survey(find_samples(root))


def tiny_config(*assignments: str, recipe: str = "unet") -> Config:
    """A recipe made so small that an epoch takes a moment, with these settings changed."""
    return override(load_recipe(recipe).settings, [*TINY, *assignments])


def tiny_model(
    *, in_channels: int = 1, classes: int = 2, size: tuple[int, int] | None = None, convolution: str = "same"
) -> Model:
    """A ready model of width 4 and depth 2 with fresh weights, and its card."""
    settings = UNetSettings.model_validate({"width": 4, "depth": 2, "convolution": convolution})
    network = build_network(settings, in_channels=in_channels, classes=classes, seed=0).eval()
    card = ModelCard.model_validate({
        "utome": "0", "torch": "0", "recipe": "unet", "config_sha256": "c", "data_sha256": "d", "weights_sha256": "",
        "architecture": settings, "in_channels": in_channels,
        "classes": [{"name": f"class {number}", "values": [number]} for number in range(classes)],
        "threshold": None, "preparation": {
            "channels": in_channels, "normalization": "image", "size": size, "moments": None, "percentiles": (0.5, 99.5),
        }, "geometry": vars(network.geometry),
        "prediction_tile": 64, "precision": "float32", "metrics": {"val_loss": 0.5}, "images": {"a": "train", "b": "val"},
    })  # fmt: skip
    return Model(network, card)
