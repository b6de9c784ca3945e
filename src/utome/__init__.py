"""utome trains, compares and applies U-Net segmentation from few annotated images."""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from utome.prediction.arrays import LoadedModel as LoadedModel
    from utome.prediction.arrays import load as load

__all__ = ["LoadedModel", "__version__", "load"]
__version__ = version("utome")


def __getattr__(name: str) -> Any:
    """What needs torch is imported when it is asked for, so that `import utome` is instant."""
    if name in {"load", "LoadedModel"}:
        return getattr(import_module("utome.prediction.arrays"), name)
    raise AttributeError(f"module 'utome' has no attribute {name!r}")


def __dir__() -> list[str]:
    """The names that there are, with those that are imported later."""
    return sorted({*globals(), *__all__})
