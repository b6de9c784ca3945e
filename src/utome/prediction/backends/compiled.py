"""Networks from ONNX as OpenVINO and ONNX Runtime compute them, for images of any size that they take."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from utome.prediction.backends.exporting import INPUT
from utome.tiling import Geometry

Number = str  # the number type of the convolutions: float32, bfloat16 or int8
# For so many sizes of image compiled networks are kept.
KEPT = 2
HINTS = {"float32": "f32", "bfloat16": "bf16", "int8": "f32"}


class Compiled:
    """A network of this geometry in another library; abstract. It lies on the processor, as its images do."""

    def __init__(self, geometry: Geometry, receptive_field: int | None) -> None:
        self.geometry, self.receptive_field = geometry, receptive_field

    def __call__(self, image: Float32[Tensor, "1 c h w"]) -> Float32[Tensor, "1 k y x"]:
        """The logits of each class."""
        return torch.from_numpy(self._computed(np.ascontiguousarray(image.numpy())))

    def _computed(self, image: Float32[np.ndarray, "1 c h w"]) -> Float32[np.ndarray, "1 k y x"]:
        raise AssertionError("a library says how it computes")


class OpenVino(Compiled):
    """By OpenVINO; `number` is the type of what is not whole numbers in the document itself.

    Compiled anew for each size of image, of which the last few are kept: OpenVINO 2026.4 gives wrong numbers in int8 where a map is
    cropped and its size is open.
    """

    def __init__(self, document: bytes, geometry: Geometry, receptive_field: int | None, *, number: Number) -> None:
        super().__init__(geometry, receptive_field)
        import openvino

        self._core: Any = openvino.Core()
        # Not `openvino.convert_model`, which tells its maker of its use.
        self._model: Any = self._core.read_model(document)
        self._options = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "INFERENCE_PRECISION_HINT": HINTS[number],
        }
        self._requests: dict[tuple[int, ...], Any] = {}

    def _computed(self, image: Float32[np.ndarray, "1 c h w"]) -> Float32[np.ndarray, "1 k y x"]:
        request = self._requests.pop(image.shape, None) or self._compiled(image.shape)
        self._requests[image.shape] = request  # the newest comes last
        return next(iter(request.infer([image]).values()))

    def _compiled(self, shape: tuple[int, ...]) -> Any:
        while len(self._requests) >= KEPT:
            del self._requests[next(iter(self._requests))]
        self._model.reshape(list(shape))
        return self._core.compile_model(self._model, "CPU", self._options).create_infer_request()


class OnnxRuntime(Compiled):
    """By ONNX Runtime, in float32."""

    def __init__(self, document: bytes, geometry: Geometry, receptive_field: int | None) -> None:
        super().__init__(geometry, receptive_field)
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3  # errors
        self._session: Any = onnxruntime.InferenceSession(document, options, providers=["CPUExecutionProvider"])

    def _computed(self, image: Float32[np.ndarray, "1 c h w"]) -> Float32[np.ndarray, "1 k y x"]:
        return self._session.run(None, {INPUT: image})[0]
