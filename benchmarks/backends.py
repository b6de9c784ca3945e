"""How fast each backend computes a U-Net of the published widths, beside PyTorch as it comes and beside what the processor can do.

All compute in turns in one process, so that whatever else the machine does slows all. The network has fresh weights: int8 is timed as if
it had passed its check, and nothing here says what it costs in score.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from statistics import median

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.table import Cell, Row, at_least
from utome.config.architectures import UNetSettings
from utome.device import Device
from utome.models.architectures import build_network
from utome.models.folding import folded
from utome.models.network import SegmentationNetwork
from utome.prediction.backends.compiled import OnnxRuntime, OpenVino
from utome.prediction.backends.exporting import as_onnx
from utome.prediction.backends.installed import is_installed, refuse_uninstalled
from utome.prediction.backends.int8 import in_int8
from utome.prediction.segmenter import Segmenter

# Widths 64 to 1024 as in Ronneberger et al. 2015, in the same form, with norms to fold.
NETWORK = UNetSettings(width=64, depth=4)
SIDE, RUNS = 512, 5
# Of bfloat16, whose product is the processor's peak.
PRODUCT = 4096
EAGER, PEAK = "PyTorch, float32, as it comes", f"product of {PRODUCT}x{PRODUCT}, bfloat16"
TIMES_AS_FAST: Mapping[str, float] = {"torch, bfloat16": 2.8, "openvino, bfloat16": 3.0, "int8": 6.0}
CPU = torch.device("cpu")
Run = Callable[[], object]


def backends() -> list[Row]:
    """One row a backend that is installed, and one of the product."""
    network = build_network(NETWORK, in_channels=1, classes=2, seed=0).eval()
    image = torch.randn(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network(image)
    runs = dict(_runs(network, image))
    factors = torch.randn(2, PRODUCT, PRODUCT).bfloat16()
    runs[PEAK] = lambda: torch.mm(*factors)
    work = {name: float(counter.get_total_flops()) for name in runs} | {PEAK: 2.0 * PRODUCT**3}
    seconds = _in_turns(runs)
    peak = work[PEAK] / median(seconds[PEAK])
    return [
        Row(_cells(name, median(taken), median(seconds[EAGER]), work[name], peak), {"seconds": taken})
        for name, taken in seconds.items()
    ]


def _runs(network: SegmentationNetwork, image: Tensor) -> Iterator[tuple[str, Run]]:
    light = folded(network)
    form = light.geometry, light.receptive_field
    exact, quick = Device(CPU, torch.float32), Device(CPU, torch.bfloat16)
    yield EAGER, _run(network, image, exact)
    placed = quick.place(image)
    quick.place_network(light)
    yield "torch, float32", _run(light, placed, exact)
    yield "torch, bfloat16", _run(light, placed, quick)
    document = as_onnx(light, 1) if is_installed("openvino") or is_installed("onnx") else b""
    if is_installed("onnx"):
        yield "onnx, float32", _run(OnnxRuntime(document, *form), image, exact)
    if is_installed("openvino"):
        for number in ("float32", "bfloat16"):
            yield f"openvino, {number}", _run(OpenVino(document, *form, number=number), image, exact)
    if is_installed("onnx") and is_installed("int8"):
        refuse_uninstalled("int8", making=True)
        whole_numbers = in_int8(document, [image[0, :, :128, :128].numpy()])
        yield "int8", _run(OpenVino(whole_numbers, *form, number="int8"), image, exact)


def _run(segmenter: Segmenter, image: Tensor, device: Device) -> Run:
    def run() -> object:
        with torch.inference_mode(), device.autocast():
            return segmenter(image)

    return run


def _in_turns(runs: Mapping[str, Run]) -> dict[str, list[float]]:
    """Seconds of each, after a first time that is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(RUNS + 1):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            if turn:
                seconds[name].append(time.perf_counter() - started)
    return seconds


def _cells(name: str, seconds: float, eager: float, work: float, peak: float) -> dict[str, Cell]:
    times = eager / seconds
    ratio: Cell = "" if name == PEAK else at_least(times, TIMES_AS_FAST[name]) if name in TIMES_AS_FAST else times
    return {
        "what": name,
        "seconds": seconds,
        "times as fast": ratio,
        "10⁹ operations/s": work / seconds / 1e9,
        "share of the bfloat16 peak": work / seconds / peak,
    }
