"""ImageNet weights for an encoder to begin with, as torchvision and timm publish them.

With the weights come the epsilon of the norms and the padding that they were trained with. torchvision: epsilon 1e-5 for
B0 to B4, 1e-3 for B5 to B7, symmetric padding (`torchvision/models/efficientnet.py`). timm: 1e-5 and symmetric, but
1e-3 and TensorFlow's padding where the name begins with `tf_` (`timm/models/efficientnet.py`). ResNet-50: 1e-5.
"""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import safetensors.torch
import torch
from torch import Tensor

from utome.config.architectures import EfficientUNetSettings, ResNetUNetSettings
from utome.errors import ConfigError, ModelError
from utome.files import sha256_bytes
from utome.models import hub
from utome.models.efficientnet import EfficientNetEncoder
from utome.models.parts import Encoder
from utome.models.published_names import RESNET, TIMM, TORCHVISION, Naming
from utome.models.resnet import ResNetEncoder

Padding = Literal["symmetric", "tensorflow"]
COLOURS = 3
FIRST = "stem.0.weight"
COUNTER = "num_batches_tracked"
# Beside weights from the hub, with timm's name of the network as `architecture`.
TIMM_CARD = "config.json"


@dataclass(frozen=True)
class StartingWeights:
    """An encoder's whole state by our names, where it is from, and what belongs to it; a licence of none is unknown."""

    tensors: dict[str, Tensor]
    source: str
    sha256: str
    licence: str | None
    epsilon: float
    padding: Padding


def read_starting_weights(settings: EfficientUNetSettings | ResNetUNetSettings, in_channels: int) -> StartingWeights:
    """The weights that `settings.weights` names, for an encoder of these settings and channels.

    Epsilon and padding are the weights' own where the settings leave them open. A local file of timm's TensorFlow
    weights is told by a name that begins with `tf_`, or by the `config.json` beside it. `ModelError` where they are
    damaged or of another network, `ConfigError` where they are not there, `MachineError` where the hub is out of reach.
    """
    if settings.weights is None:
        raise AssertionError("no weights are named")
    if settings.weights.startswith(hub.PREFIX):
        downloaded = hub.download(settings.weights)
        path, names, licence = downloaded.path, [downloaded.architecture], downloaded.licence
    else:
        path, licence = Path(settings.weights), None
        names = [path.name, _timm_name(path.parent)]
    content = _read(path, settings.weights)
    published = _tensors(content, path, settings.weights)
    naming = _naming(published, settings)
    epsilon, padding = _conventions(settings, naming, ported=any(name.startswith("tf_") for name in names))
    return StartingWeights(
        tensors=_for_channels(_renamed(published, naming, settings), in_channels),
        source=settings.weights,
        sha256=sha256_bytes(content),
        licence=licence,
        epsilon=epsilon,
        padding=padding,
    )


def _conventions(
    settings: EfficientUNetSettings | ResNetUNetSettings, naming: Naming, *, ported: bool
) -> tuple[float, Padding]:
    """Epsilon and padding; `ported`: whether timm took the weights over from TensorFlow."""
    if isinstance(settings, ResNetUNetSettings):
        return 1e-5, "symmetric"
    ported = ported and naming is TIMM
    late = naming is TORCHVISION and settings.scale in {"b5", "b6", "b7"}
    epsilon = 1e-3 if ported or late else 1e-5
    padding: Padding = "tensorflow" if ported else "symmetric"
    return settings.epsilon or epsilon, settings.padding or padding


def _timm_name(folder: Path) -> str:
    """The network's name in timm's card in this folder, or nothing."""
    try:
        card = json.loads((folder / TIMM_CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return str(card.get("architecture", "")) if isinstance(card, dict) else ""


def _read(path: Path, source: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ConfigError(
            f"model.weights is '{source}', and there is no such file. Give the path of a file, or 'hf:timm/NAME'."
        ) from error
    except OSError as error:
        raise ModelError(
            f"The weights '{source}' cannot be read: {error.strerror}. Give the path of a file that can."
        ) from error


def _tensors(content: bytes, path: Path, source: str) -> dict[str, Tensor]:
    """The tensors of a file by their published names; nothing in the file is run."""
    try:
        if path.suffix == ".safetensors":
            loaded = safetensors.torch.load(content)
        else:
            loaded = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file can go wrong in any way
        raise ModelError(
            f"'{source}' is damaged, or is no file of weights alone: a `.safetensors` file, or a state_dict that "
            "`torch.save` wrote, with no other objects in it. Download it again, or give another."
        ) from error
    if not isinstance(loaded, Mapping) or not all(isinstance(each, Tensor) for each in loaded.values()):
        raise ModelError(
            f"'{source}' holds something else than a state_dict, a tensor for each name. "
            "Save the `state_dict()` of the network alone, or give another file."
        )
    return {str(name): tensor.detach() for name, tensor in loaded.items()}


def _naming(published: Mapping[str, Tensor], settings: EfficientUNetSettings | ResNetUNetSettings) -> Naming:
    namings = [RESNET] if isinstance(settings, ResNetUNetSettings) else [TORCHVISION, TIMM]
    for naming in namings:
        if naming.mark in published:
            return naming
    wanted = " and no ".join(f"'{naming.mark}', as {naming.publisher} calls it," for naming in namings)
    raise _other_network(settings, f"has no {wanted.removesuffix(',')}")


def _renamed(
    published: Mapping[str, Tensor], naming: Naming, settings: EfficientUNetSettings | ResNetUNetSettings
) -> dict[str, Tensor]:
    """The encoder's tensors by our names, for three channels; `ModelError` at the first that is not as it must be."""
    tensors: dict[str, Tensor] = {}
    left = set(published)
    for name, ours in _encoder(settings).state_dict().items():
        theirs = naming.published(name)
        left.discard(theirs)
        if theirs in published:
            tensor = published[theirs]
        elif name.endswith(COUNTER):
            tensor = torch.tensor(0)
        else:
            raise _other_network(settings, f"has no '{theirs}'")
        if tensor.shape != ours.shape:
            raise _other_network(settings, f"has '{theirs}' as {_size(tensor.shape)}, not {_size(ours.shape)}")
        tensors[name] = tensor.to(ours.dtype).contiguous()
    foreign = sorted(name for name in left if not name.startswith(naming.behind))
    if foreign:
        raise _other_network(settings, f"has '{foreign[0]}' besides")
    return tensors


def _encoder(settings: EfficientUNetSettings | ResNetUNetSettings) -> Encoder:
    """The encoder of these settings for colour images, without memory for its weights."""
    with torch.device("meta"):
        if isinstance(settings, ResNetUNetSettings):
            return ResNetEncoder(COLOURS, settings.norm_rate)
        return EfficientNetEncoder(settings, COLOURS)


def _for_channels(tensors: dict[str, Tensor], in_channels: int) -> dict[str, Tensor]:
    """The first convolution made one for `in_channels`: each channel gets the mean of the colours' filters.

    Times 3 / `in_channels`, so that an image whose channels are all alike, a grey one, is answered as before: all that
    follows was trained with answers of that size.
    """
    if in_channels == COLOURS:
        return tensors
    mean = tensors[FIRST].mean(dim=1, keepdim=True) * (COLOURS / in_channels)
    return tensors | {FIRST: mean.repeat(1, in_channels, 1, 1)}


def _other_network(settings: EfficientUNetSettings | ResNetUNetSettings, difference: str) -> ModelError:
    if isinstance(settings, ResNetUNetSettings):
        network, advice = "ResNet-50", "Give weights of ResNet-50."
    else:
        network = f"EfficientNet-{settings.scale.upper()}"
        advice = f"Give weights of {network}, or set model.scale to what these are of."
    return ModelError(
        f"'{settings.weights}' {difference}, so these are weights of another network than {network}. {advice}"
    )


def _size(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape)) or "one number"
