"""Which backend computes: what is installed, compared with PyTorch in float32 on the first image, refused or remembered."""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.builders import noise, tiny_model
from tests.command import run_utome
from utome.config.prediction import Backend
from utome.device import Device
from utome.errors import ConfigError, ModelError
from utome.events import Event, Noted
from utome.modelfolder.folder import Model
from utome.models.folding import folded
from utome.prediction.backends import choice, compiled, installed, trial
from utome.prediction.backends.choice import Choice
from utome.prediction.backends.trial import Engine, Example, Trial
from utome.prediction.predictor import Predictor
from utome.tiling import Geometry

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = Device(torch.device("cpu"), torch.float32)
IMAGE = np.random.default_rng(0).normal(size=(1, 40, 48)).astype(np.float32)
EXAMPLES = (Example(IMAGE, "a.png"),)


class Pretended:
    """A library that computes as torch does, but for `change`."""

    def __init__(self, model: Model, change: Callable[[Tensor], Tensor] = lambda logits: logits) -> None:
        self._network, self._change = folded(model.network), change
        self.geometry: Geometry = self._network.geometry
        self.receptive_field = self._network.receptive_field

    def __call__(self, image: Any) -> Any:
        return self._change(self._network(image))


@pytest.fixture
def model(tmp_path: Path) -> Model:
    """A model whose weights no other test has, and so nothing is remembered of."""
    made = tiny_model()
    return Model(made.network, made.card.model_copy(update={"weights_sha256": str(tmp_path)}))


def pretend(monkeypatch: pytest.MonkeyPatch, **libraries: Any) -> None:
    """These backends are installed, and no others, and they compute so."""
    monkeypatch.setattr(choice, "is_installed", lambda backend: backend in {"torch", *libraries})
    monkeypatch.setattr(choice, "refuse_uninstalled", lambda backend: None)
    monkeypatch.setattr(choice, "as_onnx", lambda network, channels: b"")
    for name, kind in (("openvino", "OpenVino"), ("onnx", "OnnxRuntime")):
        if name in libraries:
            monkeypatch.setattr(choice, kind, lambda *_, made=libraries[name], **__: made)


def timed(monkeypatch: pytest.MonkeyPatch, seconds: dict[str, float]) -> None:
    """What is measured is as it is, but for the time."""
    real = trial.tried

    def tried(engines: Sequence[Engine], reference: Engine, pieces: Sequence[np.ndarray]) -> list[Trial]:
        found = real(engines, reference, pieces)
        return [
            Trial(each.backend, each.number, seconds[each.backend], each.largest, each.labels_changed) for each in found
        ]

    monkeypatch.setattr(choice, "tried", tried)


def chosen(model: Model, wanted: Backend, said: list[str] | None = None, examples: Sequence[Example] = EXAMPLES) -> str:
    def listen(event: Event) -> None:
        if isinstance(event, Noted) and said is not None:
            said.append(event.text)

    return Choice(model, CPU, wanted, listen=listen).engine(folded(model.network), examples).backend


def test_auto_takes_the_fastest_and_remembers_it(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, openvino=Pretended(model), onnx=Pretended(model))
    timed(monkeypatch, {"torch": 2.0, "openvino": 1.0, "onnx": 3.0})
    said: list[str] = []
    assert chosen(model, "auto", said) == "openvino"
    assert len(said) == 4
    assert re.match(
        r"Backend: openvino in float32 against PyTorch in float32: probabilities differ by \S+e-0\d at most, 0\.000%",
        said[1],
    )
    assert said[-1] == "Backend: openvino in float32 computes, the fastest here."
    # Another time it would be another, were it measured again.
    timed(monkeypatch, {"torch": 1.0, "openvino": 2.0, "onnx": 3.0})
    said.clear()
    assert chosen(model, "auto", said) == "openvino"
    assert said == ["Backend: openvino in float32 computes, as was found before."]


def test_what_is_remembered_is_of_one_model_and_one_set_of_backends(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, openvino=Pretended(model))
    timed(monkeypatch, {"torch": 2.0, "openvino": 1.0, "onnx": 0.5})
    assert chosen(model, "auto") == "openvino"
    pretend(monkeypatch, openvino=Pretended(model), onnx=Pretended(model))
    assert chosen(model, "auto") == "onnx"
    other = Model(model.network, model.card.model_copy(update={"weights_sha256": "another"}))
    timed(monkeypatch, {"torch": 1.0, "openvino": 2.0, "onnx": 2.0})
    assert chosen(other, "auto") == "torch"


def test_a_damaged_memory_is_made_anew(model: Model, monkeypatch: pytest.MonkeyPatch, own_cache: Path) -> None:
    pretend(monkeypatch, openvino=Pretended(model))
    timed(monkeypatch, {"torch": 2.0, "openvino": 1.0})
    before = set((own_cache / "backends").glob("*.json"))
    chosen(model, "auto")
    (kept,) = set((own_cache / "backends").glob("*.json")) - before
    whole = kept.read_bytes()
    assert [each["backend"] for each in json.loads(whole)] == ["torch", "openvino"]
    for content in (whole[:-9], b"[]", whole.replace(b"openvino", b"thirdone")):
        kept.write_bytes(content)
        assert chosen(model, "auto") == "openvino"
        assert kept.read_bytes() == whole


BROKEN = [lambda logits: -logits, lambda logits: logits * float("nan"), lambda logits: logits.roll(1, dims=-1)]


@pytest.mark.parametrize("change", BROKEN, ids=["turned round", "no numbers", "moved by a pixel"])
def test_a_backend_that_computes_something_else_is_refused(
    model: Model, monkeypatch: pytest.MonkeyPatch, change: Callable[[Tensor], Tensor]
) -> None:
    pretend(monkeypatch, openvino=Pretended(model, change))
    timed(monkeypatch, {"torch": 2.0, "openvino": 1.0})
    for _ in range(2):  # a refusal is not remembered as consent
        with pytest.raises(
            ModelError, match=r"`openvino` is refused for this model: .* get another class, and at most 0\.001"
        ):
            chosen(model, "openvino")
    said: list[str] = []
    assert chosen(model, "auto", said) == "torch"
    assert "Backend: openvino is left out: at most 0.001 and 0.001 of the pixels are accepted in float32." in said


def test_a_backend_that_cannot_take_the_model_is_named(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("no such\noperation")

    pretend(monkeypatch, openvino=None)
    monkeypatch.setattr(choice, "OpenVino", fail)
    with pytest.raises(ModelError, match="The backend `openvino` cannot take this model: no such operation"):
        chosen(model, "openvino")
    said: list[str] = []
    assert chosen(model, "auto", said) == "torch"
    assert "no such operation" in said[0]


@pytest.mark.parametrize(
    ("backend", "extra", "package"),
    [("openvino", "openvino", "openvino"), ("onnx", "onnx", "onnxruntime"), ("int8", "openvino,onnx", "openvino")],
)
def test_a_backend_that_is_not_installed_is_refused_with_what_installs_it(
    model: Model, monkeypatch: pytest.MonkeyPatch, backend: Backend, extra: str, package: str
) -> None:
    monkeypatch.setattr(installed, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=rf"`{backend}` needs the package {package}, .*utome\[{extra}\]"):
        Choice(model, CPU, backend)
    assert chosen(model, "auto") == "torch"


def test_other_libraries_compute_on_the_processor_alone(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "refuse_uninstalled", lambda backend: None)
    with pytest.raises(ConfigError, match=r"computes on the processor, but the model lies on 'meta'"):
        Choice(model, Device(torch.device("meta"), torch.float32), "onnx")


def test_bfloat16_of_torch_is_compared_once_and_float32_needs_no_comparison(model: Model) -> None:
    low = Device(torch.device("cpu"), torch.bfloat16)
    said: list[str] = []

    def listen(event: Event) -> None:
        said.append(getattr(event, "text", ""))

    for wanted, device, sentences in (("torch", low, 1), ("torch", low, 1), ("float32", low, 1), ("torch", CPU, 1)):
        engine = Choice(model, device, wanted, listen=listen).engine(  # type: ignore[arg-type]
            folded(model.network), EXAMPLES
        )
        assert engine.device.dtype == (torch.bfloat16 if (wanted, device) == ("torch", low) else torch.float32)
        assert len([each for each in said if "against PyTorch" in each]) == sentences


def test_a_predictor_asks_on_its_first_image_alone(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, onnx=Pretended(model))
    asked = []
    real = Choice.engine

    def engine(self: Choice, *arguments: Any) -> Engine:
        asked.append(arguments[1])
        return real(self, *arguments)

    monkeypatch.setattr(Choice, "engine", engine)
    predictor = Predictor(model, CPU, {"backend": "onnx"}, Choice(model, CPU, "onnx"))
    expected = Predictor(model, CPU)
    for number in range(2):
        pixels = noise(30, 41, 1, seed=number)
        assert predictor.logits(pixels, source=f"{number}.png").equal(expected.logits(pixels, source="a"))
    assert predictor.choose([(noise(9, 9, 1), "b")]) == ("onnx",)
    assert [[each.source for each in examples] for examples in asked] == [["0.png"]]


def test_several_images_are_compared_and_the_worst_counts(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong_where_bright(logits: Tensor) -> Tensor:
        return -logits if logits.shape[-1] > 48 else logits

    blank, wide = Example(np.zeros_like(IMAGE), "blank.png"), Example(IMAGE.repeat(2, axis=2), "wide.png")
    pretend(monkeypatch, onnx=Pretended(model, wrong_where_bright))
    assert chosen(model, "onnx", examples=[blank]) == "onnx"
    other = Model(model.network, model.card.model_copy(update={"weights_sha256": "other"}))
    with pytest.raises(ModelError, match="`onnx` is refused"):
        chosen(other, "onnx", examples=[blank, wide])
    said: list[str] = []
    assert chosen(other, "auto", said, [blank, wide]) == "torch"
    assert "(the middle of 'blank.png' and 1 more, " in said[0]


def test_what_small_images_showed_is_not_taken_for_large_ones(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, openvino=Pretended(model))
    small, large = [Example(IMAGE, "small.png")], [Example(IMAGE.repeat(2, axis=2), "large.png")]
    timed(monkeypatch, {"torch": 1.0, "openvino": 2.0})
    assert chosen(model, "auto", examples=small) == "torch"
    timed(monkeypatch, {"torch": 2.0, "openvino": 0.00123})
    said: list[str] = []
    assert chosen(model, "auto", said, large) == "openvino"
    assert "(the middle of 'large.png', 0.0012 s)" in said[1]
    assert chosen(model, "auto", examples=small) == "torch", "each is remembered"


def test_the_middle_of_an_image_is_compared() -> None:
    image = np.arange(1200, dtype=np.float32)[None, None, :].repeat(30, axis=1)
    piece = trial.middle(image)
    assert piece.shape == (1, 30, trial.SIDE)
    assert (piece[0, 0, 0], piece[0, 0, -1]) == (344, 855)


def test_a_word_that_is_no_backend_is_a_usage_error(tmp_path: Path) -> None:
    done = run_utome("predict", tmp_path, tmp_path, "--out", tmp_path / "out", "--backend", "tensorrt")
    assert done.returncode == 2
    assert "tensorrt" in done.stderr


def test_the_number_types_of_openvino_are_those_of_the_bounds() -> None:
    assert compiled.HINTS.keys() == trial.BOUNDS.keys()
