"""Make the fixtures that the encoders and the attention gate are compared with, from published implementations.

Weights and running statistics are drawn from a seed in the order of the modules, so that they need not be stored: the
tests draw the same ones for our networks. Stored are the input, channels of the maps that MONAI's and torchvision's
networks make of it, and the names and shapes of the weights that torchvision and timm publish.

    pip install monai==1.6.1 timm==1.0.31 torch==2.13.0 torchvision==0.28.0
    python scripts/make_encoder_fixtures.py tests/fixtures
"""

import argparse
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn

SEED = 2019
IMAGE = (1, 3, 64, 32)
GATE = (12, 8, 6)  # channels of the map, of the gating map, and inside
CHANNELS = 8
# The mean of the running variances, by which maps stay of one size from the first to the last and follow the image.
VARIANCE = {"efficientnet": 0.75, "resnet": 1.5, "gate": 1.0}
SCALES = [f"b{number}" for number in range(8)]


def draw_weights(modules: Iterable[nn.Module], kind: str) -> str:
    """Set the weights and statistics of all convolutions and norms, in this order; the sha256 of all that was drawn.

    `kind` is one of `VARIANCE`.
    """
    draws, digest = np.random.default_rng(SEED), hashlib.sha256()

    def put(tensor: Tensor, values: np.ndarray) -> None:
        values = values.astype("<f4")
        digest.update(values.tobytes())
        tensor.copy_(torch.from_numpy(values))

    with torch.no_grad():
        for module in modules:
            if isinstance(module, nn.Conv2d):
                inputs = module.weight[0].numel()
                put(module.weight, draws.standard_normal(module.weight.shape) * (2 / inputs) ** 0.5)
                if module.bias is not None:
                    put(module.bias, draws.standard_normal(module.bias.shape) * 0.1)
            elif (
                isinstance(module, nn.BatchNorm2d)
                and module.running_mean is not None
                and module.running_var is not None
            ):
                put(module.weight, draws.uniform(0.8, 1.2, module.weight.shape))
                put(module.bias, draws.standard_normal(module.bias.shape) * 0.2)
                put(module.running_mean, draws.standard_normal(module.running_mean.shape) * 0.2)
                put(module.running_var, VARIANCE[kind] * draws.uniform(2 / 3, 4 / 3, module.running_var.shape))
    return digest.hexdigest()


def some_channels(image: Tensor) -> Tensor:
    """Channels at equal steps, so that the fixture stays small."""
    return image[:, :: max(1, image.shape[1] // CHANNELS)].contiguous()


def drawn_image(shape: tuple[int, ...], seed: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape).astype("<f4"))


def inputs_of(network: nn.Module, places: Mapping[str, nn.Module], image: Tensor) -> dict[str, Tensor]:
    """What goes into each of these modules when the network looks at the image."""
    seen: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[[nn.Module, Any], None]:
        # Copied, since what follows may be computed in place.
        return lambda module, inputs: seen.update({name: inputs[0].clone()})

    handles = [module.register_forward_pre_hook(keep(name)) for name, module in places.items()]
    with torch.no_grad():
        network.eval()(image)
    for handle in handles:
        handle.remove()
    return {name: seen[name] for name in places}


def import_torchvision() -> ModuleType:
    """Also where its compiled operators, which no network here needs, do not fit the torch that is installed."""
    try:
        return import_module("torchvision")
    except RuntimeError:
        library: Any = torch.library  # partly without types
        operators = library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            operators.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        return import_module("torchvision")


def torchvision_efficientnet(torchvision: ModuleType) -> tuple[nn.Module, dict[str, nn.Module]]:
    network = torchvision.models.efficientnet_b0()
    stages = network.features
    places = {f"expansion{stride}": stages[stage][0].block[1] for stride, stage in {2: 2, 4: 3, 8: 4, 16: 6}.items()}
    places |= {f"block{stride}": stages[after] for stride, after in {2: 1, 4: 3, 8: 4, 16: 6}.items()}
    return network, places | {"stage7": stages[8], "top": network.avgpool}


def monai_efficientnet(nets: ModuleType) -> tuple[nn.Module, dict[str, nn.Module]]:
    network = nets.EfficientNetBN("efficientnet-b0", spatial_dims=2, in_channels=3, pretrained=False)
    stages = network._blocks
    places = {
        f"expansion{stride}": stages[stage - 1][0]._depthwise_conv_padding
        for stride, stage in {2: 2, 4: 3, 8: 4, 16: 6}.items()
    }
    places |= {f"block{stride}": stages[after - 1] for stride, after in {2: 1, 4: 3, 8: 4, 16: 6}.items()}
    return network, places | {"stage7": network._conv_head_padding, "top": network._avg_pooling}


def resnet_places(network: Any) -> dict[str, nn.Module]:
    """The same names in torchvision and MONAI."""
    after = {2: network.maxpool, 4: network.layer2, 8: network.layer3, 16: network.layer4, 32: network.avgpool}
    return {f"stage{stride}": module for stride, module in after.items()}


def monai_gate(nets: ModuleType) -> tuple[dict[str, Tensor], str]:
    """An attention gate's two inputs and its output."""
    channels, gating, inner = GATE
    gate = import_module(f"{nets.__name__}.attentionunet").AttentionBlock(2, f_int=inner, f_g=gating, f_l=channels)
    parts = [module for part in (gate.W_x, gate.W_g, gate.psi) for module in part.modules()]
    drawn = draw_weights(parts, "gate")
    tensors = {"map": drawn_image((1, channels, 6, 5), SEED), "gating": drawn_image((1, gating, 6, 5), SEED + 1)}
    with torch.no_grad():
        gated = gate.eval()(tensors["gating"], tensors["map"])
    return {f"monai.gate.{name}": each for name, each in {**tensors, "gated": gated}.items()}, drawn


def published(networks: Mapping[str, nn.Module]) -> dict[str, dict[str, list[int]]]:
    return {
        name: {key: list(tensor.shape) for key, tensor in network.state_dict().items()}
        for name, network in networks.items()
    }


def epsilons(make: Callable[[str], nn.Module], names: Iterable[str]) -> dict[str, float]:
    """The epsilon of the norms of each network, which is the same in all of one."""
    found = {}
    with torch.device("meta"):
        for name in names:
            norms = [module.eps for module in make(name).modules() if isinstance(module, nn.BatchNorm2d)]
            (found[name],) = set(norms)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    out: Path = parser.parse_args().out
    torchvision, nets = import_torchvision(), import_module("monai.networks.nets")
    timm = import_module("timm")
    resnet = torchvision.models.resnet50()
    resnet_2d = nets.resnet50(
        spatial_dims=2, n_input_channels=3, conv1_t_size=7, conv1_t_stride=2, bias_downsample=False
    )
    networks = {
        "torchvision.efficientnet": torchvision_efficientnet(torchvision),
        "monai.efficientnet": monai_efficientnet(nets),
        "torchvision.resnet": (resnet, resnet_places(resnet)),
        "monai.resnet": (resnet_2d, resnet_places(resnet_2d)),
    }
    image = drawn_image(IMAGE, SEED)
    tensors, drawn = {"image": image}, {}
    for name, (network, places) in networks.items():
        drawn[name] = draw_weights(network.modules(), name.partition(".")[2])
        maps = inputs_of(network, places, image)
        tensors |= {f"{name}.{place}": some_channels(each) for place, each in maps.items()}
    gate, drawn["monai.gate"] = monai_gate(nets)
    content = safetensors.torch.save(tensors | gate)
    record = {
        "packages": {name: version(name) for name in ("monai", "numpy", "timm", "torch", "torchvision")},
        "sha256": hashlib.sha256(content).hexdigest(),
        "drawn_sha256": drawn,
        "epsilon": {
            "torchvision": epsilons(torchvision.models.get_model, [f"efficientnet_{scale}" for scale in SCALES]),
            "timm": epsilons(
                timm.create_model, [f"{prefix}efficientnet_{scale}" for prefix in ("", "tf_") for scale in SCALES]
            ),
        },
        "names": {
            "torchvision": published({"efficientnet_b0": torchvision.models.efficientnet_b0(), "resnet50": resnet}),
            "timm": published(
                {name: timm.create_model(name) for name in ("efficientnet_b0", "tf_efficientnet_b0", "resnet50")}
            ),
        },
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / "encoders.safetensors").write_bytes(content)
    (out / "encoders.json").write_text(json.dumps(record, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
