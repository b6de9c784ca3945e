"""Tiles of utome beside `sliding_window_inference` of MONAI, where that is installed: the same prepared network over the same large image.

MONAI is no dependency; `pip install --no-deps monai` into a folder on PYTHONPATH is enough. Its windows overlap by as much as our tiles,
twice as far as the network looks; what it takes the mean of there has seen the windows' borders too, so it is not what the whole image
gives. It also gets the side that we level our tiles to, which it does not find by itself. All compute in turns in one process.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from statistics import median

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from benchmarks.table import Cell, Row, at_most
from utome.config.architectures import UNetSettings
from utome.device import Device, choose_device
from utome.models.architectures import build_network
from utome.models.folding import folded
from utome.models.network import SegmentationNetwork
from utome.prediction.tiled import predict_tiled
from utome.recipes.library import load_recipe
from utome.tiling import plan

SIDE, TILE, RUNS = 4096, 1024, 5
UNET = load_recipe("unet").config
NETWORKS = {"width 2, depth 2": UNetSettings(width=2, depth=2), "`unet` as it is": UNET.model}
OURS = "utome"
Image = Float32[np.ndarray, "c h w"]
Run = Callable[[], Tensor]


def sliding_window() -> list[Row]:
    """Three rows a network, or one where MONAI is not installed."""
    image = np.random.default_rng(0).normal(size=(1, SIDE, SIDE)).astype(np.float32)
    device = choose_device(UNET.machine, precision=UNET.training.precision)
    rows = []
    for name, settings in NETWORKS.items():
        network = device.place_network(folded(build_network(settings, in_channels=1, classes=2, seed=0).eval()))
        rows += list(_rows(name, network, image, device))
    return rows


def _rows(name: str, network: SegmentationNetwork, image: Image, device: Device) -> Iterator[Row]:
    runs = dict(_runs(network, image, device))
    expected = runs[OURS]()
    differences = {each: (run() - expected).abs().max().item() for each, run in runs.items()}
    seconds = _in_turns(runs)
    for each, taken in seconds.items():
        ratio: Cell = 1.0 if each == OURS else at_most(median(seconds[OURS]) / median(taken), 1)
        yield Row(
            {
                "network": f"{name}, {device.name}",
                "what": each,
                "seconds": median(taken),
                "our time as a share": ratio,
                "largest difference of a logit from ours": differences[each],
            },
            {"seconds": taken},
        )


def _runs(network: SegmentationNetwork, image: Image, device: Device) -> Iterator[tuple[str, Run]]:
    yield OURS, partial(predict_tiled, network, image, device, tile=TILE)
    if find_spec("monai") is None:
        return
    for side in (TILE, plan(SIDE, network.geometry, tile=TILE)[0].size):
        yield f"MONAI, {side}", partial(_slid, network, image, device, side)


def _slid(network: SegmentationNetwork, image: Image, device: Device, side: int) -> Float32[Tensor, "k h w"]:
    inferers = import_module("monai.inferers")
    with torch.inference_mode(), device.autocast():
        found: Tensor = inferers.sliding_window_inference(
            device.place(torch.from_numpy(image)[None]),
            (side, side),
            1,
            network,
            overlap=2 * network.geometry.halo / side,
        )
        return found[0].float().cpu()


def _in_turns(runs: Mapping[str, Run]) -> dict[str, list[float]]:
    """Seconds of each; all have computed before."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(RUNS):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - started)
    return seconds
