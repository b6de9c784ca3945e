"""Options that take one of a few words."""

from enum import StrEnum


class At(StrEnum):
    """The size at which scores are taken."""

    native = "native"
    network = "network"


class Objects(StrEnum):
    """How objects are told apart."""

    components = "components"
    watershed = "watershed"


class Backend(StrEnum):
    """What computes a prediction."""

    torch = "torch"
    float32 = "float32"
    openvino = "openvino"
    onnx = "onnx"
    int8 = "int8"
    auto = "auto"


class Probabilities(StrEnum):
    """The type of probabilities in files."""

    float32 = "float32"
    uint8 = "uint8"


class Format(StrEnum):
    """The format of label maps."""

    auto = "auto"
    tiff = "tiff"
    zarr = "zarr"


class TruthKind(StrEnum):
    """What a truth holds at a pixel: its class, or the number of its object."""

    labels = "labels"
    objects = "objects"


class PredictionKind(StrEnum):
    """What a prediction holds at a pixel: its class, the number of its object, or a probability."""

    labels = "labels"
    objects = "objects"
    probability = "probability"
