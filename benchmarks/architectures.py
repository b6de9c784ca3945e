"""How fast every recipe's network is, and how much of the processor it uses.

Each is measured on the device and in the precision that utome chooses, and trained as utome trains it (`Practice`). The
peak is what `torch.mm` reaches with large bfloat16 matrices, also where utome computes in float32. Networks and product
take turns, the product before each network, so that what else the machine does slows all alike. Whoever's turn it is
goes twice, and the second time counts: the first brings its code and memory back, which a training has at hand. The
first round is not counted.
"""

import time
from collections.abc import Callable, Sequence
from statistics import median

import torch

from benchmarks.practice import CLASSES, Practice
from benchmarks.table import Cell, Row
from utome.config.architectures import ModelSettings
from utome.config.settings import Config
from utome.models.anatomy import Anatomy, anatomy
from utome.models.architectures import ARCHITECTURES
from utome.recipes.library import load_recipe, network_names

SIDE, IMAGES = 256, 2
ROUNDS = 5
# A step's multiply-accumulates over a forward pass's: the gradients of maps and of weights take as many each.
STEP = 3
# The side of the peak's square matrices.
PRODUCT = 4096


def architectures() -> list[Row]:
    """One row a network; recipes that share one share a row. The product's row is the last."""
    configs = _configs()
    practices = [Practice(config, side=SIDE, images=IMAGES) for config in configs.values()]
    product = _product(practices[0].device.torch)
    turns = [run for practice in practices for run in (product, practice.forward, practice.step)]
    seconds = take_turns(turns, ROUNDS)
    products = [each for taken in seconds[::3] for each in taken]
    peak = PRODUCT**3 / median(products)
    named = zip(configs.items(), practices, seconds[1::3], seconds[2::3], strict=True)
    rows = [
        _row(name, _anatomy(config.model), practice.device.name, forward, step, peak)
        for (name, config), practice, forward, step in named
    ]
    return [*rows, _row_of_product(products)]


def take_turns(runs: Sequence[Callable[[], float]], rounds: int) -> list[list[float]]:
    """What each of `runs` returns in each round, the second time that it is called there; the first round is left out."""
    taken: list[list[float]] = [[] for _ in runs]
    for _ in range(rounds + 1):
        for run, kept in zip(runs, taken, strict=True):
            run()
            kept.append(run())
    return [kept[1:] for kept in taken]


def _configs() -> dict[str, Config]:
    """The config of each recipe with a network of its own, by its name and those of later recipes with the same one."""
    names: dict[ModelSettings, list[str]] = {}
    for name in network_names():
        names.setdefault(load_recipe(name).config.model, []).append(name)
    return {", ".join(same): load_recipe(same[0]).config for same in names.values()}


def _product(device: torch.device) -> Callable[[], float]:
    draws = torch.Generator().manual_seed(0)
    one, other = (torch.randn(PRODUCT, PRODUCT, generator=draws).to(device, torch.bfloat16) for _ in range(2))

    def multiply() -> float:
        started = time.perf_counter()
        torch.mm(one, other)[0, 0].item()
        return time.perf_counter() - started

    return multiply


def _row(name: str, found: Anatomy, device: str, forwards: list[float], steps: list[float], peak: float) -> Row:
    forward, step = median(forwards) / IMAGES, median(steps) / IMAGES
    once = found.multiply_accumulates
    cells: dict[str, Cell] = {
        "recipe": name,
        "computes on": device,
        "input": "x".join(map(str, found.input_size)),
        "parameters": found.parameters,
        "GMAC an image": once / 1e9,
        "forward, ms an image": 1e3 * forward,
        "forward, GMAC/s": once / forward / 1e9,
        "forward, share of bfloat16 peak": once / forward / peak,
        "step, ms an image": 1e3 * step,
        "step, GMAC/s": STEP * once / step / 1e9,
        "step, share of bfloat16 peak": STEP * once / step / peak,
    }
    return Row(cells, {"forward_seconds": forwards, "step_seconds": steps})


def _row_of_product(seconds: list[float]) -> Row:
    gmac = PRODUCT**3 / 1e9
    cells: dict[str, Cell] = {
        "recipe": "none: `torch.mm`, the peak",
        "computes on": "bfloat16",
        "input": f"{PRODUCT}x{PRODUCT}",
        "parameters": "",
        "GMAC an image": gmac,
        "forward, ms an image": 1e3 * median(seconds),
        "forward, GMAC/s": gmac / median(seconds),
        "forward, share of bfloat16 peak": 1.0,
        "step, ms an image": "",
        "step, GMAC/s": "",
        "step, share of bfloat16 peak": "",
    }
    return Row(cells, {"product_seconds": seconds})


def _anatomy(settings: ModelSettings) -> Anatomy:
    channels = ARCHITECTURES[settings.architecture].channels
    return anatomy(settings, in_channels=channels, classes=CLASSES, size=SIDE)
