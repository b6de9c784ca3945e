"""A network as ONNX, for images of any size that it takes."""

import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from utome.models.network import SegmentationNetwork

INPUT, OUTPUT = "image", "logits"


def as_onnx(network: SegmentationNetwork, channels: int) -> bytes:
    """The network, which lies on the processor in eval mode, as an ONNX document of one image at a time.

    By torch's older exporter: it needs no package but onnx, takes a fifteenth of the time, and is right for each of our networks.
    """
    side = network.geometry.input_side(2 * network.geometry.stride)
    sides = {2: "height", 3: "width"}
    with TemporaryDirectory() as folder, warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter(
            "ignore"
        )  # of the exporter's age, and of the size, which is asked for once and not recorded
        document = Path(folder) / "model.onnx"
        torch.onnx.export(
            network,
            (torch.zeros(1, channels, side, side),),
            document,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_axes={INPUT: sides, OUTPUT: sides},
            dynamo=False,
        )
        return document.read_bytes()
