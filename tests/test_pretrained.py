"""ImageNet weights by the names that torchvision and timm give them: read whole, adapted, or refused in a sentence."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from tests.conftest import ROOT
from utome.config.architectures import EfficientUNetSettings, ResNetUNetSettings
from utome.errors import ConfigError, ModelError
from utome.files import sha256_bytes
from utome.models import hub
from utome.models.efficientnet import SCALES, EfficientNetEncoder
from utome.models.pretrained import _conventions, read_starting_weights
from utome.models.published_names import TIMM, TORCHVISION
from utome.models.resnet import ResNetEncoder

# Names and shapes of the packages' own state_dicts, as the script that makes the fixtures found them.
RECORD: dict[str, Any] = json.loads((ROOT / "tests" / "fixtures" / "encoders.json").read_text(encoding="utf-8"))
NETWORKS = [(package, network) for package, networks in RECORD["names"].items() for network in networks]


def published(package: str, network: str, *, seed: int = 0) -> dict[str, Tensor]:
    """Random weights with the names, shapes and order of a published network; norms' variances are positive."""
    draws = torch.Generator().manual_seed(seed)
    return {
        name: torch.tensor(7) if not shape and name.endswith("tracked") else torch.rand(shape, generator=draws)
        for name, shape in RECORD["names"][package][network].items()
    }


def settings_of(network: str, weights: Path | str, **others: Any) -> EfficientUNetSettings | ResNetUNetSettings:
    form = ResNetUNetSettings if network == "resnet50" else EfficientUNetSettings
    return form.model_validate({"weights": str(weights), **others})


def encoder_of(settings: EfficientUNetSettings | ResNetUNetSettings, in_channels: int = 3) -> nn.Module:
    if isinstance(settings, ResNetUNetSettings):
        return ResNetEncoder(in_channels, settings.norm_rate)
    return EfficientNetEncoder(settings, in_channels)


def write(path: Path, tensors: dict[str, Tensor]) -> Path:
    if path.suffix == ".safetensors":
        safetensors.torch.save_file(tensors, path)
    else:
        torch.save(tensors, path)
    return path


def without(tensors: dict[str, Tensor], *endings: str) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in tensors.items() if not name.endswith(endings)}


@pytest.fixture(scope="module")
def b0(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small EfficientNet-B0 of torchvision's, as torchvision publishes it."""
    return write(tmp_path_factory.mktemp("weights") / "b0.pth", published("torchvision", "efficientnet_b0"))


class TestPublishedNames:
    @pytest.mark.parametrize(("package", "network"), NETWORKS)
    @pytest.mark.parametrize("ending", [".safetensors", ".pth"])
    def test_all_weights_but_the_classifier_come_back_bit_for_bit(
        self, package: str, network: str, ending: str, tmp_path: Path
    ) -> None:
        tensors = published(package, network)
        path = write(tmp_path / f"weights{ending}", tensors)
        settings = settings_of(network, path)
        found = read_starting_weights(settings, 3)
        encoder_of(settings).load_state_dict(found.tensors)
        assert (found.source, found.sha256, found.licence) == (str(path), sha256_bytes(path.read_bytes()), None)
        # All list their weights in the order in which they are computed, so this pairing does not rest on the names.
        theirs = [tensor for name, tensor in tensors.items() if not name.startswith(("classifier", "fc"))]
        assert len(found.tensors) == len(theirs)
        assert all(torch.equal(a, b) for a, b in zip(found.tensors.values(), theirs, strict=True))

    @pytest.mark.parametrize("network", ["efficientnet_b0", "resnet50"])
    def test_weights_without_the_norms_counters_are_whole(self, network: str, tmp_path: Path) -> None:
        tensors = without(published("torchvision", network), "num_batches_tracked")
        settings = settings_of(network, write(tmp_path / "old.pth", tensors))
        found = read_starting_weights(settings, 3).tensors
        encoder_of(settings).load_state_dict(found)
        assert {int(found[name]) for name in found if name.endswith("num_batches_tracked")} == {0}

    @pytest.mark.parametrize("package", ["torchvision", "timm"])
    def test_the_top_is_left_out_where_the_encoder_has_none(self, package: str, tmp_path: Path) -> None:
        path = write(tmp_path / "weights.safetensors", published(package, "efficientnet_b0"))
        settings = settings_of("efficientnet_b0", path, top=False)
        found = read_starting_weights(settings, 3).tensors
        encoder_of(settings).load_state_dict(found)
        assert not any(name.startswith("top") for name in found)

    def test_half_precision_becomes_float32(self, tmp_path: Path) -> None:
        halves = {name: tensor.half() for name, tensor in published("torchvision", "resnet50").items()}
        found = read_starting_weights(settings_of("resnet50", write(tmp_path / "half.pth", halves)), 3).tensors
        assert {tensor.dtype for tensor in found.values()} == {torch.float32, torch.int64}


class TestConventions:
    def test_each_packages_epsilon_is_the_one_of_its_own_networks(self) -> None:
        for package, epsilons in RECORD["epsilon"].items():
            naming = TORCHVISION if package == "torchvision" else TIMM
            assert len(epsilons) == len(SCALES) * (1 if package == "torchvision" else 2)
            for name, epsilon in epsilons.items():
                settings = EfficientUNetSettings.model_validate({"scale": name[-2:]})
                ported = name.startswith("tf_")
                expected = (epsilon, "tensorflow" if ported else "symmetric")
                assert _conventions(settings, naming, ported=ported) == expected, name

    @pytest.mark.parametrize(
        ("file", "card", "expected"),
        [
            ("model.safetensors", None, (1e-5, "symmetric")),
            ("tf_efficientnet_b0_ns.pth", None, (1e-3, "tensorflow")),
            ("model.safetensors", {"architecture": "tf_efficientnet_b0"}, (1e-3, "tensorflow")),
            ("model.safetensors", {"architecture": "efficientnet_b0"}, (1e-5, "symmetric")),
            ("model.safetensors", ["of", "another", "program"], (1e-5, "symmetric")),
        ],
    )
    def test_timms_tensorflow_weights_are_told_by_their_name_or_card(
        self, file: str, card: Any, expected: tuple[float, str], tmp_path: Path
    ) -> None:
        if card is not None:
            (tmp_path / "config.json").write_text(json.dumps(card), encoding="utf-8")
        path = write(tmp_path / file, published("timm", "tf_efficientnet_b0"))
        found = read_starting_weights(settings_of("efficientnet_b0", path), 3)
        assert (found.epsilon, found.padding) == expected

    def test_weights_from_the_hub_bring_their_name_and_licence(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        path = write(tmp_path / "model.safetensors", published("timm", "tf_efficientnet_b0"))
        given = hub.Downloaded(path, "tf_efficientnet_b0", "apache-2.0")
        monkeypatch.setattr(hub, "download", lambda weights: given)
        found = read_starting_weights(settings_of("efficientnet_b0", "hf:timm/tf_efficientnet_b0.in1k"), 3)
        assert (found.source, found.licence) == ("hf:timm/tf_efficientnet_b0.in1k", "apache-2.0")
        assert (found.epsilon, found.padding) == (1e-3, "tensorflow")

    def test_torchvisions_weights_are_none_of_tensorflows_whatever_their_file_is_called(self, tmp_path: Path) -> None:
        path = write(tmp_path / "tf_weights.pth", published("torchvision", "efficientnet_b0"))
        found = read_starting_weights(settings_of("efficientnet_b0", path), 3)
        assert (found.epsilon, found.padding) == (1e-5, "symmetric")

    def test_what_the_settings_say_wins(self, tmp_path: Path) -> None:
        path = write(tmp_path / "tf_efficientnet_b0.pth", published("timm", "tf_efficientnet_b0"))
        found = read_starting_weights(settings_of("efficientnet_b0", path, epsilon=0.25, padding="symmetric"), 3)
        assert (found.epsilon, found.padding) == (0.25, "symmetric")

    def test_resnets_are_torchs_own(self, tmp_path: Path) -> None:
        path = write(tmp_path / "resnet50.pth", published("timm", "resnet50"))
        found = read_starting_weights(settings_of("resnet50", path), 3)
        assert (found.epsilon, found.padding) == (1e-5, "symmetric")


class TestChannels:
    @pytest.mark.parametrize("channels", [1, 5])
    def test_a_grey_image_gets_the_same_answer_in_any_number_of_channels(self, channels: int, b0: Path) -> None:
        settings = settings_of("efficientnet_b0", b0)
        grey = torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
        first = {
            count: torch.conv2d(
                grey.repeat(1, count, 1, 1), read_starting_weights(settings, count).tensors["stem.0.weight"]
            )
            for count in (3, channels)
        }
        torch.testing.assert_close(first[channels], first[3])

    @pytest.mark.parametrize("channels", [1, 5])
    def test_only_the_first_convolution_is_changed_and_all_its_channels_alike(self, channels: int, b0: Path) -> None:
        settings = settings_of("efficientnet_b0", b0)
        colour, other = (read_starting_weights(settings, count).tensors for count in (3, channels))
        encoder_of(settings, channels).load_state_dict(other)
        assert all(torch.equal(other[name], colour[name]) for name in colour if name != "stem.0.weight")
        stem = other["stem.0.weight"]
        assert torch.equal(stem, stem[:, :1].expand_as(stem))


class TestRefused:
    def refused(self, path: Path, *, network: str = "efficientnet_b0", **others: Any) -> str:
        with pytest.raises(ModelError) as caught:
            read_starting_weights(settings_of(network, path, **others), 3)
        return str(caught.value)

    def test_weights_of_another_kind_of_network(self, b0: Path, tmp_path: Path) -> None:
        assert "has no 'conv1.weight'" in self.refused(b0, network="resnet50")
        said = self.refused(write(tmp_path / "resnet.pth", published("torchvision", "resnet50")))
        assert "has no 'features.0.0.weight', as torchvision calls it, and no 'conv_stem.weight', as timm" in said
        assert "weights of another network than EfficientNet-B0. Give weights of EfficientNet-B0" in said

    def test_weights_of_another_scale_name_the_first_difference(self, b0: Path) -> None:
        said = self.refused(b0, scale="b3")
        assert "has 'features.0.0.weight' as 32x3x3x3, not 40x3x3x3" in said
        assert "another network than EfficientNet-B3" in said
        assert "set model.scale" in said

    def test_a_missing_tensor_is_named(self, tmp_path: Path) -> None:
        tensors = without(published("timm", "efficientnet_b0"), "blocks.3.1.se.conv_expand.bias")
        said = self.refused(write(tmp_path / "weights.pth", tensors))
        assert "has no 'blocks.3.1.se.conv_expand.bias', so" in said

    def test_a_tensor_that_the_encoder_has_no_place_for_means_another_network(self, tmp_path: Path) -> None:
        tensors = published("timm", "resnet50") | {"layer1.0.se.fc1.weight": torch.zeros(1)}
        said = self.refused(write(tmp_path / "seresnet50.pth", tensors), network="resnet50")
        assert "has 'layer1.0.se.fc1.weight' besides" in said

    @pytest.mark.parametrize("ending", [".safetensors", ".pth", ".bin"])
    @pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
    def test_half_a_file(self, ending: str, share: float, b0: Path, tmp_path: Path) -> None:
        whole = write(tmp_path / f"whole{ending}", torch.load(b0, weights_only=True)).read_bytes()
        damaged = tmp_path / f"weights{ending}"
        damaged.write_bytes(whole[: int(share * len(whole))])
        said = self.refused(damaged)
        assert "is damaged, or is no file of weights alone" in said
        assert "Download it again, or give another." in said

    def test_a_text(self, tmp_path: Path) -> None:
        path = tmp_path / "weights.pth"
        path.write_text("<html>404</html>", encoding="utf-8")
        assert "is damaged" in self.refused(path)

    def test_code_in_a_pickle_is_not_run(self, tmp_path: Path) -> None:
        trace = tmp_path / "was-here"

        class Trap:
            def __reduce__(self) -> tuple[Any, ...]:
                return Path.touch, (trace,)

        torch.save({"features.0.0.weight": Trap()}, tmp_path / "zip.pth")
        (tmp_path / "plain.pth").write_bytes(pickle.dumps({"features.0.0.weight": Trap()}))
        for name in ("zip.pth", "plain.pth"):
            assert "no file of weights alone" in self.refused(tmp_path / name)
        assert not trace.exists()

    @pytest.mark.parametrize("content", [[1, 2], {"epoch": 3}, {"state_dict": {"a": torch.zeros(1)}}])
    def test_a_file_of_something_else(self, content: Any, tmp_path: Path) -> None:
        torch.save(content, tmp_path / "checkpoint.pth")
        said = self.refused(tmp_path / "checkpoint.pth")
        assert "something else than a state_dict" in said
        assert "Save the `state_dict()` of the network alone" in said

    def test_a_folder(self, tmp_path: Path) -> None:
        assert "cannot be read" in self.refused(tmp_path)

    def test_no_such_file(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"there is no such file. Give the path of a file, or 'hf:timm/NAME'"):
            read_starting_weights(settings_of("resnet50", tmp_path / "absent.pth"), 3)
