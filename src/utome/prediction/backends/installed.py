"""Which backends are installed here."""

from collections.abc import Mapping
from importlib.util import find_spec

from utome.config.prediction import Backend
from utome.errors import ConfigError

# The packages that a backend imports, and the extras that bring them.
NEEDS: Mapping[str, tuple[str, ...]] = {
    "openvino": ("openvino", "onnx"),
    "onnx": ("onnxruntime", "onnx"),
    "int8": ("openvino",),
}
EXTRAS: Mapping[str, str] = {"openvino": "openvino", "onnx": "onnx", "int8": "openvino,onnx"}
# What makes int8 of a network; what runs it is `NEEDS`.
MAKES_INT8 = ("onnxruntime", "onnx")
# Those between which `auto` chooses; a tie goes to the first.
COMPETING: tuple[Backend, ...] = ("torch", "openvino", "onnx")


def is_installed(backend: Backend) -> bool:
    """Whether all packages of a backend are there; none is imported for it."""
    return not _lacking(NEEDS.get(backend, ()))


def refuse_uninstalled(backend: Backend, *, making: bool = False) -> None:
    """`ConfigError` where a package of the backend is missing; with `making`, also one that int8 is made with."""
    lacking = _lacking((*NEEDS.get(backend, ()), *(MAKES_INT8 if making else ())))
    if lacking:
        raise ConfigError(
            f"The backend `{backend}` needs the package {lacking[0]}, which is not installed. "
            f'Install it with `pip install "utome[{EXTRAS[backend]}]"`, or take --backend torch.'
        )


def _lacking(packages: tuple[str, ...]) -> list[str]:
    return [package for package in packages if find_spec(package) is None]
