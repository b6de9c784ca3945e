"""EfficientNet and ResNet-50 as encoders, and the attention gate: published counts, and published implementations' maps."""

import hashlib
import json
import runpy
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.conftest import ROOT
from utome.config.architectures import EfficientUNetSettings
from utome.models.attention import AttentionGate
from utome.models.efficientnet import (
    Convolutions,
    DepthwiseConv2d,
    EfficientNetEncoder,
    EndPaddedConv2d,
    InvertedBottleneck,
    Stage,
)
from utome.models.excitation import SqueezeExcitation
from utome.models.resnet import ResNetEncoder

FIXTURES = ROOT / "tests" / "fixtures"
# What made the fixtures draws the same weights for our networks.
SCRIPT = runpy.run_path(str(ROOT / "scripts" / "make_encoder_fixtures.py"))
GATE, draw_weights, some_channels = SCRIPT["GATE"], SCRIPT["draw_weights"], SCRIPT["some_channels"]
# Parameters from three channels without the classifier: those of the released networks less the classifier's.
COUNTS = {
    "b0": 4_007_548, "b1": 6_513_184, "b2": 7_700_994, "b3": 10_696_232,
    "b4": 17_548_616, "b5": 28_340_784, "b6": 40_735_704, "b7": 63_786_960,
}  # fmt: skip
RESNET_COUNT = 23_508_032
STRIDES = (2, 4, 8, 16, 32)
PUBLISHED: dict[str, dict[str, Any]] = {
    "torchvision": {"padding": "symmetric", "epsilon": 1e-5},
    "monai": {"padding": "tensorflow", "epsilon": 1e-3},
}


@pytest.fixture(scope="module")
def maps() -> dict[str, Tensor]:
    return safetensors.torch.load_file(FIXTURES / "encoders.safetensors")


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FIXTURES / "encoders.json").read_text(encoding="utf-8"))
    return content


def efficientnet(in_channels: int = 3, **settings: Any) -> EfficientNetEncoder:
    return EfficientNetEncoder(EfficientUNetSettings.model_validate(settings), in_channels)


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def alike(ours: Tensor, theirs: Tensor) -> None:
    """Equal to 1e-5 of the largest value."""
    assert ours.shape == theirs.shape
    assert float((ours - theirs).abs().max() / theirs.abs().max()) < 1e-5


class TestCounts:
    @pytest.mark.parametrize("scale", sorted(COUNTS))
    def test_an_efficientnet_has_the_published_number_of_parameters(self, scale: str) -> None:
        with torch.device("meta"):
            assert parameters(efficientnet(scale=scale)) == COUNTS[scale]

    def test_resnet_50_has_the_published_number_of_parameters(self) -> None:
        with torch.device("meta"):
            assert parameters(ResNetEncoder(3, 0.1)) == RESNET_COUNT

    def test_without_the_top_it_is_not_built(self) -> None:
        with torch.device("meta"):
            assert parameters(efficientnet(top=False)) == COUNTS["b0"] - 320 * 1280 - 2 * 1280

    def test_a_grey_stem_has_a_third_of_the_weights(self) -> None:
        with torch.device("meta"):
            assert parameters(efficientnet(in_channels=1)) == COUNTS["b0"] - 2 * 9 * 32
            assert parameters(ResNetEncoder(1, 0.1)) == RESNET_COUNT - 2 * 49 * 64


class TestMaps:
    @pytest.mark.parametrize(
        ("settings", "widths"),
        [
            ({}, (96, 144, 240, 672, 1280)),
            ({"top": False}, (96, 144, 240, 672, 320)),
            ({"taps": "block"}, (32, 24, 40, 112, 1280)),
            ({"taps": "block", "top": False}, (32, 24, 40, 112, 320)),
            ({"scale": "b7"}, (192, 288, 480, 1344, 2560)),
            ({"scale": "b7", "taps": "block", "top": False}, (64, 48, 80, 224, 640)),
        ],
    )
    @pytest.mark.parametrize("padding", ["symmetric", "tensorflow"])
    def test_widths_and_strides_are_those_of_the_maps(
        self, settings: dict[str, Any], widths: tuple[int, ...], padding: str
    ) -> None:
        with torch.device("meta"):
            encoder = efficientnet(**settings, padding=padding)
            found = encoder(torch.empty(2, 3, 64, 96))
        assert (encoder.widths, encoder.strides) == (widths, STRIDES)
        assert [tuple(each.shape) for each in found] == [
            (2, width, 64 // stride, 96 // stride) for width, stride in zip(widths, STRIDES, strict=True)
        ]

    def test_resnets_widths_and_strides_are_those_of_the_maps(self) -> None:
        with torch.device("meta"):
            encoder = ResNetEncoder(1, 0.1)
            found = encoder(torch.empty(2, 1, 64, 96))
        assert (encoder.widths, encoder.strides) == ((64, 256, 512, 1024, 2048), STRIDES)
        assert [tuple(each.shape) for each in found] == [
            (2, width, 64 // stride, 96 // stride) for width, stride in zip(encoder.widths, STRIDES, strict=True)
        ]

    @pytest.mark.parametrize("taps", ["expansion", "block"])
    @pytest.mark.parametrize("top", [True, False])
    def test_every_weight_has_a_part_in_the_maps(self, taps: str, top: bool) -> None:
        encoder = efficientnet(taps=taps, top=top, drop_connect=0)
        bottom = encoder(torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)))[-1]
        torch.autograd.backward(bottom.square().sum())
        assert all(parameter.grad is not None for parameter in encoder.parameters())


class TestPublishedImplementations:
    def test_the_fixture_is_the_recorded_one(self, record: dict[str, Any]) -> None:
        content = (FIXTURES / "encoders.safetensors").read_bytes()
        assert hashlib.sha256(content).hexdigest() == record["sha256"]
        versions = {
            "monai": "1.6.1",
            "numpy": "2.4.6",
            "timm": "1.0.31",
            "torch": "2.13.0+cpu",
            "torchvision": "0.28.0",
        }
        assert record["packages"] == versions

    @pytest.mark.parametrize("package", sorted(PUBLISHED))
    @pytest.mark.parametrize(("taps", "top"), [("expansion", True), ("block", False)])
    def test_efficientnet_gives_the_same_maps(
        self, package: str, taps: str, top: bool, maps: dict[str, Tensor], record: dict[str, Any]
    ) -> None:
        encoder = efficientnet(taps=taps, top=True, **PUBLISHED[package]).eval()
        assert draw_weights(encoder.modules(), "efficientnet") == record["drawn_sha256"][f"{package}.efficientnet"]
        if not top:
            encoder.top = nn.Sequential()
        names = [*(f"{taps}{stride}" for stride in STRIDES[:-1]), "top" if top else "stage7"]
        with torch.no_grad():
            found = encoder(maps["image"])
        for name, ours in zip(names, found, strict=True):
            alike(some_channels(ours), maps[f"{package}.efficientnet.{name}"])

    @pytest.mark.parametrize("package", ["torchvision", "monai"])
    def test_resnet_50_gives_the_same_maps(self, package: str, maps: dict[str, Tensor], record: dict[str, Any]) -> None:
        encoder = ResNetEncoder(3, 0.1).eval()
        assert draw_weights(encoder.modules(), "resnet") == record["drawn_sha256"][f"{package}.resnet"]
        with torch.no_grad():
            found = encoder(maps["image"])
        for stride, ours in zip(STRIDES, found, strict=True):
            alike(some_channels(ours), maps[f"{package}.resnet.stage{stride}"])

    @pytest.mark.parametrize("other", [{"padding": "tensorflow"}, {"epsilon": 1e-3}])
    def test_the_fixture_tells_the_paddings_and_the_epsilons_apart(
        self, other: dict[str, Any], maps: dict[str, Tensor]
    ) -> None:
        encoder = efficientnet(**(PUBLISHED["torchvision"] | other)).eval()
        draw_weights(encoder.modules(), "efficientnet")
        with torch.no_grad():
            bottom = encoder(maps["image"])[-1]
        with pytest.raises(AssertionError):
            alike(some_channels(bottom), maps["torchvision.efficientnet.top"])

    def test_the_attention_gate_gives_the_same_map(self, maps: dict[str, Tensor], record: dict[str, Any]) -> None:
        gate = AttentionGate(*GATE).eval()
        assert draw_weights(gate.modules(), "gate") == record["drawn_sha256"]["monai.gate"]
        with torch.no_grad():
            alike(gate(maps["monai.gate.map"], maps["monai.gate.gating"]), maps["monai.gate.gated"])


class TestParts:
    def test_squeeze_and_excitation_weighs_channels_by_their_means(self) -> None:
        part = SqueezeExcitation(4, 2, nn.ReLU())
        image = torch.randn(2, 4, 5, 3, generator=torch.Generator().manual_seed(0))
        means = torch.stack([image[:, channel].reshape(2, -1).mean(dim=1) for channel in range(4)], dim=1)
        inner = torch.relu(functional.linear(means, part.reduce.weight[:, :, 0, 0], part.reduce.bias))
        weights = torch.sigmoid(functional.linear(inner, part.expand.weight[:, :, 0, 0], part.expand.bias))
        torch.testing.assert_close(part(image), image * weights[:, :, None, None])

    def test_squeeze_and_excitation_takes_its_mean_in_float32(self) -> None:
        part = SqueezeExcitation(1, 1, nn.Identity()).bfloat16()
        seen: list[Tensor] = []
        part.reduce.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
        part(torch.full((1, 1, 128, 128), 1.0078125, dtype=torch.bfloat16))
        assert seen[0].item() == 1.0078125

    @pytest.mark.parametrize(("kernel", "before", "after"), [(3, 0, 1), (5, 1, 2)])
    def test_tensorflows_padding_is_one_shorter_before_than_after(self, kernel: int, before: int, after: int) -> None:
        layer = Convolutions(0.1, 1e-3, tensorflow=True).layer(2, 3, kernel, stride=2)[0]
        assert isinstance(layer, EndPaddedConv2d)
        image = torch.randn(1, 2, 8, 6, generator=torch.Generator().manual_seed(0))
        padded = torch.zeros(1, 2, 8 + before + after, 6 + before + after)
        padded[:, :, before : before + 8, before : before + 6] = image
        found = layer(image)
        assert found.shape == (1, 3, 4, 3)
        torch.testing.assert_close(found, functional.conv2d(padded, layer.weight, stride=2))

    def test_only_strided_convolutions_are_padded_like_tensorflows(self) -> None:
        kinds = {
            (module.stride[0], isinstance(module, EndPaddedConv2d))
            for module in efficientnet(padding="tensorflow").modules()
            if isinstance(module, nn.Conv2d)
        }
        assert kinds == {(1, False), (2, True)}

    def test_depthwise_convolutions_are_computed_in_float32_on_a_processor(self) -> None:
        layer = DepthwiseConv2d(4, 4, 5, padding=2, groups=4)
        image = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0)).bfloat16()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            narrow = layer(image)
        assert narrow.dtype == torch.bfloat16
        assert torch.equal(narrow, layer(image.float()).bfloat16())
        assert {type(each) for each in efficientnet().modules() if isinstance(each, nn.Conv2d) and each.groups > 1} == {
            DepthwiseConv2d
        }

    def test_norms_have_the_settings_rate_and_epsilon(self) -> None:
        with torch.device("meta"):
            networks = efficientnet(norm_rate=0.01), efficientnet(epsilon=1e-5), ResNetEncoder(3, 0.02)
        found = [
            {(each.momentum, each.eps) for each in network.modules() if isinstance(each, nn.BatchNorm2d)}
            for network in networks
        ]
        assert found == [{(0.01, 1e-3)}, {(0.1, 1e-5)}, {(0.02, 1e-5)}]


class TestDropConnect:
    def block(self, drop: float) -> InvertedBottleneck:
        block = InvertedBottleneck(8, Stage(1, 8, 3, 1, 2), 1, Convolutions(0.1, 1e-3, tensorflow=False), drop=drop)
        for module in block.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()  # so that the branch of a sample does not depend on the others
        return block

    def images(self, count: int) -> Tensor:
        one = torch.randn(1, 8, 4, 4, generator=torch.Generator().manual_seed(0))
        return one.repeat(count, 1, 1, 1)

    def test_a_branch_is_whole_or_absent_and_its_mean_stays(self) -> None:
        torch.manual_seed(0)
        block, images = self.block(0.25).eval(), self.images(4000)
        branch = (block(images[:1])[1] - images[:1])[0]
        block.training = True
        with torch.no_grad():
            added = block(images)[1] - images
        kept = added.flatten(1).abs().sum(dim=1) > 0
        assert 0.72 < float(kept.float().mean()) < 0.78  # four deviations of the share
        torch.testing.assert_close(added[kept][0], branch / 0.75, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(added.mean(dim=0), branch, atol=1e-5, rtol=0.04)

    def test_nothing_is_dropped_in_eval_mode_or_at_rate_zero(self) -> None:
        images = self.images(64)
        for block in (self.block(0.9).eval(), self.block(0.0)):
            added = block(images)[1] - images
            torch.testing.assert_close(added, added[:1].expand_as(added))

    def test_the_rate_rises_linearly_and_only_blocks_that_add_their_input_have_one(self) -> None:
        with torch.device("meta"):
            blocks = [each for each in efficientnet().modules() if isinstance(each, InvertedBottleneck)]
        expected = [None if number in {0, 1, 3, 5, 8, 11, 15} else 0.2 * number / 16 for number in range(16)]
        assert [each.drop for each in blocks] == pytest.approx(expected)
