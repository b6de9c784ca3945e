"""What torchvision and timm call the parts of EfficientNet and ResNet-50 in the weights that they publish."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

# The order of a block's parts, which torchvision counts; the first stage has no `expand`.
PARTS = ("expand", "depthwise", "excitation", "project")
RESNET_PARTS = ("first", "second", "third")


@dataclass(frozen=True)
class Naming:
    """Who gives the names; a tensor that all their files have; our module's path -> theirs; and what may be left over.

    Left over is what stands behind the encoder, by the beginnings of its names: the classifier, and the top where the
    encoder has none. Anything else means another network.
    """

    publisher: str
    mark: str
    module: Callable[[Sequence[str]], str]
    behind: tuple[str, ...]

    def published(self, name: str) -> str:
        """The published name of one of our encoder's tensors.

        >>> TORCHVISION.published("stages.1.0.excitation.reduce.weight")
        'features.2.0.block.2.fc1.weight'
        >>> TIMM.published("stages.0.0.project.1.running_mean")
        'blocks.0.0.bn2.running_mean'
        >>> RESNET.published("stages.3.0.shortcut.0.weight")
        'layer4.0.downsample.0.weight'
        """
        *module, tensor = name.split(".")
        return f"{self.module(module)}.{tensor}"


def _torchvision(module: Sequence[str]) -> str:
    if module[0] in {"stem", "top"}:
        return f"features.{0 if module[0] == 'stem' else 8}.{module[1]}"
    _, stage, block, part, inner = module
    place = PARTS.index(part) - (stage == "0")
    return f"features.{int(stage) + 1}.{block}.block.{place}.{ {'reduce': 'fc1', 'expand': 'fc2'}.get(inner, inner) }"


def _timm(module: Sequence[str]) -> str:
    if module[0] in {"stem", "top"}:
        return {"stem": ("conv_stem", "bn1"), "top": ("conv_head", "bn2")}[module[0]][int(module[1])]
    _, stage, block, part, inner = module
    if part == "excitation":
        return f"blocks.{stage}.{block}.se.conv_{inner}"
    parts, names = [part for part in PARTS if part != "excitation"], ["conv_pw", "conv_dw", "conv_pwl"]
    if stage == "0":
        # Without the widening, the narrowing convolution takes its name, and the norms count from there.
        parts, names = parts[1:], ["conv_dw", "conv_pw"]
    place = parts.index(part)
    return f"blocks.{stage}.{block}.{names[place] if inner == '0' else f'bn{place + 1}'}"


def _resnet(module: Sequence[str]) -> str:
    if module[0] == "stem":
        return ("conv1", "bn1")[int(module[1])]
    _, stage, block, part, inner = module
    if part == "shortcut":
        return f"layer{int(stage) + 1}.{block}.downsample.{inner}"
    return f"layer{int(stage) + 1}.{block}.{('conv', 'bn')[int(inner)]}{RESNET_PARTS.index(part) + 1}"


TORCHVISION = Naming("torchvision", "features.0.0.weight", _torchvision, ("classifier.", "features.8."))
TIMM = Naming("timm", "conv_stem.weight", _timm, ("classifier.", "conv_head.", "bn2."))
RESNET = Naming("torchvision or timm", "conv1.weight", _resnet, ("fc.",))
