"""A model in whole numbers, which lies in `int8` of its model folder beside what the validation images said of it."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32
from pydantic import ValidationError

from utome.config.section import Section
from utome.device import Device
from utome.errors import ConfigError, ModelError
from utome.files import new_folder, sha256_bytes, write_bytes, write_json
from utome.modelfolder.card import ModelCard
from utome.modelfolder.folder import model_folder
from utome.models.network import SegmentationNetwork
from utome.prediction.backends.compiled import OpenVino
from utome.prediction.backends.exporting import INPUT, OUTPUT
from utome.prediction.backends.trial import Engine

FOLDER, DOCUMENT, CHECK = "int8", "model.onnx", "check.json"
# The score may fall by half a point, and the interval must say so.
LOWEST = -0.005
# What is worked in whole numbers: sums over many values, and what merely hands them on.
WORKED = ("Conv", "ConvTranspose", "Relu", "MaxPool", "Concat", "Slice")
SUMS = ("Conv", "ConvTranspose")


class Check(Section):
    """What int8 cost on the validation images: mean IoU in float32 and in int8, and the difference with its paired 95 % interval.

    Without an interval `low` and `high` are none: too few images, or no difference on any.
    """

    weights_sha256: str
    document_sha256: str
    images: int
    before: float
    after: float
    difference: float
    low: float | None
    high: float | None
    versions: dict[str, str]

    @property
    def passed(self) -> bool:
        """Whether int8 is good enough: the interval's lower end, or no difference at all."""
        if self.low is None:
            return self.images > 1 and self.difference == 0
        return self.low >= LOWEST

    @property
    def sentence(self) -> str:
        """The check in words."""
        spread = "without an interval" if self.low is None else f"95 % interval {self.low:+.4f} to {self.high:+.4f}"
        return (
            f"int8 on {self.images} validation images: mean IoU {self.after:.4f} after {self.before:.4f} in float32, difference "
            f"{self.difference:+.4f}, {spread}"
        )


def int8_of(run: Path, card: ModelCard) -> bytes:
    """The document of a run's model in whole numbers; `ConfigError` where it was not checked, `ModelError` where it was refused."""
    folder = model_folder(run) / FOLDER
    check = checked(run, card)
    if check is None:
        raise ConfigError(
            f"'{run}' was not checked in int8 yet. `utome predict RUN IMAGES --backend int8` does it, where the run's images are."
        )
    refuse_failed(check)
    return (folder / DOCUMENT).read_bytes()


def checked(run: Path, card: ModelCard) -> Check | None:
    """What the validation images said of this model in int8; none where they were not asked, or where a file is damaged."""
    folder = model_folder(run) / FOLDER
    try:
        check = Check.model_validate_json((folder / CHECK).read_bytes())
        document = (folder / DOCUMENT).read_bytes()
    except (OSError, ValidationError):
        return None
    whole = sha256_bytes(document) == check.document_sha256
    return check if whole and check.weights_sha256 == card.weights_sha256 else None


def refuse_failed(check: Check) -> None:
    """`ModelError` where int8 costs too much."""
    if not check.passed:
        raise ModelError(
            f"The backend `int8` is refused for this model: {check.sentence}. The interval's lower end must be {LOWEST} or more. "
            "Take --backend torch."
        )


def keep(run: Path, document: bytes, check: Check) -> None:
    """Write both beside the model; the check comes last, as it names the other."""
    folder = model_folder(run) / FOLDER
    new_folder(folder)
    write_bytes(folder / DOCUMENT, document)
    write_json(folder / CHECK, check.model_dump(mode="json"))


def int8_engine(document: bytes, network: SegmentationNetwork) -> Engine:
    """The network by a document that is of it in whole numbers, as OpenVINO computes it on the processor."""
    computes = OpenVino(document, network.geometry, network.receptive_field, number="int8")
    return Engine("int8", "int8", computes, Device(torch.device("cpu"), torch.float32))


def in_int8(document: bytes, images: Iterable[Float32[np.ndarray, "c h w"]]) -> bytes:
    """An ONNX document with its convolutions in whole numbers, whose ranges are what these images need; of sizes that it takes.

    By ONNX Runtime: weights in 8 bits a channel, maps in 8 bits a map. The convolutions that give the logits stay as they are, so that
    no two classes are rounded to the same.
    """
    import onnx
    from onnxruntime import quantization

    class Images(quantization.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._images = iter(images)

        def get_next(self) -> dict[str, Any] | None:
            image = next(self._images, None)
            return None if image is None else {INPUT: image[None]}

    with TemporaryDirectory() as folder, _quiet():
        before, after = Path(folder) / "before.onnx", Path(folder) / "after.onnx"
        before.write_bytes(document)
        quantization.quantize_static(
            str(before), str(after), Images(),
            quant_format=quantization.QuantFormat.QDQ, op_types_to_quantize=list(WORKED), per_channel=True,
            activation_type=quantization.QuantType.QUInt8, weight_type=quantization.QuantType.QInt8,
            nodes_to_exclude=_last_sums(onnx.load_model_from_string(document).graph),
        )  # fmt: skip
        return after.read_bytes()


def _last_sums(graph: Any) -> list[str]:
    """The names of the convolutions between which and the logits there is no other."""
    makers = {name: node for node in graph.node for name in node.output}
    found, seen, todo = [], set(), [OUTPUT]
    while todo:
        node = makers.get(todo.pop())
        if node is None or node.name in seen:
            continue
        seen.add(node.name)
        if node.op_type in SUMS:
            found.append(node.name)
        else:
            todo += node.input
    return found


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the advice that ONNX Runtime gives to those who write documents by hand."""
    before = logging.root.manager.disable
    logging.disable(max(before, logging.WARNING))
    try:
        yield
    finally:
        logging.disable(before)
