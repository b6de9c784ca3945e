"""Which backend computes a model here: compared with PyTorch in float32 on the first images, and remembered.

What was found lies in the user's cache, by the model, the size of the images, the processor, the threads and the versions; so a repeat
computes with the same backend and gives the same bytes. Without the file it is found anew.
"""

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from pydantic import TypeAdapter, ValidationError

from utome.config.prediction import Backend
from utome.data.weight_cache import cache_folder
from utome.device import Device
from utome.errors import ConfigError, ModelError, UtomeError
from utome.events import Listener, Noted, silent
from utome.files import new_folder, sha256_bytes, write_json
from utome.modelfolder.folder import Model
from utome.models.network import SegmentationNetwork
from utome.prediction.backends.compiled import OnnxRuntime, OpenVino
from utome.prediction.backends.exporting import as_onnx
from utome.prediction.backends.installed import COMPETING, is_installed, refuse_uninstalled
from utome.prediction.backends.int8 import int8_engine
from utome.prediction.backends.trial import EXAMPLES, Engine, Example, Trial, largest, middle, tried

PROCESSOR = torch.device("cpu")
TRIALS = TypeAdapter(tuple[Trial, ...])


@runtime_checkable
class Chooser(Protocol):
    """Says on the first images what computes."""

    def engine(self, network: SegmentationNetwork, examples: Iterable[Example]) -> Engine:
        """What computes from now on; `network` is the model's with its norms folded, on the device."""


class Choice:
    """The choice of one model's backend; `int8` is its document in whole numbers, where that is wanted.

    `ConfigError` where the backend that is wanted is not installed, or computes on processors and the model lies elsewhere.
    """

    def __init__(
        self, model: Model, device: Device, wanted: Backend, *, int8: bytes | None = None, listen: Listener = silent
    ) -> None:
        self._model, self._device, self._wanted = model, device, wanted
        self._int8, self._listen = int8, listen
        refuse_uninstalled(wanted)
        if wanted in {"openvino", "onnx", "int8"} and device.torch.type != "cpu":
            raise ConfigError(
                f"The backend `{wanted}` computes on the processor, but the model lies on '{device.torch}'. Set machine.device=cpu, or "
                "take --backend torch."
            )

    def engine(self, network: SegmentationNetwork, examples: Iterable[Example]) -> Engine:
        """What computes from now on; `network` is the model's with its norms folded, on the device.

        The middles of the first `EXAMPLES` images are looked at; there must be one. `ModelError` where the backend that is wanted cannot
        take the model, or is too far from PyTorch in float32 on one of them.
        """
        self._network = network
        if self._wanted == "float32" or (self._candidates == ["torch"] and self._device.dtype == torch.float32):
            return self._built("float32" if self._wanted == "float32" else "torch")
        shown = list(islice(examples, EXAMPLES))
        pieces = [middle(each.image) for each in shown]
        place = self._place(largest(pieces).shape)
        known = self._remembered(place)
        if known is not None:
            best = _best(known)
            self._say(f"{best.backend} in {best.number} computes, as was found before.", aloud=self._wanted == "auto")
            return self._built(best.backend)
        engines = self._engines()
        trials = tried(engines, self._reference, pieces)
        best = self._judged(trials, [each.source for each in shown])
        self._remember(place, trials)
        return next(engine for engine in engines if engine.backend == best.backend)

    def _judged(self, trials: Sequence[Trial], sources: Sequence[str]) -> Trial:
        """The trial that wins, all having been told; `ModelError` where the one that is wanted is refused."""
        others = f" and {len(sources) - 1} more" if len(sources) > 1 else ""
        for trial in trials:
            time = f", {trial.seconds:.2g} s" if len(trials) > 1 else ""
            self._say(f"{trial.sentence} (the middle of '{sources[0]}'{others}{time}).")
            if trial.within:
                continue
            if trial.backend == "torch":
                self._say(f"WARNING: {trial.allowed}. So the model was validated, too; --backend float32 is exact.")
            elif self._wanted != "auto":
                raise ModelError(
                    f"The backend `{trial.backend}` is refused for this model: {trial.sentence}, and {trial.allowed}. "
                    "Take --backend torch."
                )
            else:
                self._say(f"{trial.backend} is left out: {trial.allowed}.")
        best = _best(trials)
        self._say(f"{best.backend} in {best.number} computes, the fastest here.", aloud=self._wanted == "auto")
        return best

    @property
    def _candidates(self) -> list[Backend]:
        if self._wanted != "auto":
            return [self._wanted]
        on_processor = self._device.torch.type == "cpu"
        return [each for each in COMPETING if each == "torch" or (on_processor and is_installed(each))]

    def _engines(self) -> list[Engine]:
        """All candidates that can take the model."""
        engines = []
        for backend in self._candidates:
            try:
                engines.append(self._built(backend))
            except ModelError as error:
                if self._wanted != "auto":
                    raise
                self._say(f"{backend} is left out: {error}")
        return engines

    def _built(self, backend: Backend) -> Engine:
        device = Device(PROCESSOR, torch.float32)
        number = _name(self._device.dtype)
        if backend == "torch":
            return Engine("torch", number, self._network, self._device)
        if backend == "float32":
            return Engine("float32", "float32", self._network, Device(self._device.torch, torch.float32))
        form = self._network.geometry, self._network.receptive_field
        try:
            if backend == "onnx":
                return Engine("onnx", "float32", OnnxRuntime(self._document, *form), device)
            if backend == "openvino":
                return Engine("openvino", number, OpenVino(self._document, *form, number=number), device)
            if self._int8 is None:
                raise AssertionError("whoever wants int8 brings its document")
            return int8_engine(self._int8, self._network)
        except Exception as error:  # each library has errors of its own
            raise ModelError(
                f"The backend `{backend}` cannot take this model: {' '.join(str(error).split())[:200]} Take --backend torch."
            ) from error

    @cached_property
    def _document(self) -> bytes:
        return as_onnx(self._network, self._model.card.in_channels)

    @property
    def _reference(self) -> Engine:
        """The network as it was trained, in float32."""
        device = Device(self._device.torch, torch.float32)
        device.place_network(self._model.network)
        return Engine("float32", "float32", self._model.network, device)

    def _remembered(self, place: Path) -> tuple[Trial, ...] | None:
        """The trials of an earlier time; none where there are none, or where the file is damaged."""
        with suppress(OSError, ValidationError):
            trials = TRIALS.validate_json(place.read_bytes())
            if trials and all(trial.backend in self._candidates for trial in trials):
                return trials
        return None

    def _remember(self, place: Path, trials: Sequence[Trial]) -> None:
        with suppress(OSError, UtomeError):
            new_folder(place.parent)
            write_json(place, [asdict(trial) for trial in trials])

    def _place(self, shape: tuple[int, ...]) -> Path:
        """The file for what was found: another one whenever anything differs that may change what is found.

        A small image says little of the time that a large one takes, so each doubling of the pixels, up to a whole piece, has its own.
        """
        able: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
        known = {
            "weights": self._model.card.weights_sha256,
            "int8": None if self._int8 is None else sha256_bytes(self._int8),
            "candidates": self._candidates,
            "device": self._device.name,
            "threads": torch.get_num_threads(),
            "doublings": (shape[1] * shape[2]).bit_length(),
            "processor": dict(able),
            "versions": {name: _version(name) for name in ("utome", "torch", "openvino", "onnxruntime")},
        }
        return cache_folder() / "backends" / f"{sha256_bytes(json.dumps(known, sort_keys=True).encode())}.json"

    def _say(self, sentence: str, *, aloud: bool = True) -> None:
        if aloud:
            self._listen(Noted(f"Backend: {sentence}"))


def _best(trials: Sequence[Trial]) -> Trial:
    """The fastest that is near enough; PyTorch where none is, and a backend that alone was tried."""
    near = [trial for trial in trials if trial.within or trial.backend == "torch"]
    return min(near or trials, key=lambda trial: trial.seconds)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
