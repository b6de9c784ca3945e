"""Weights from the Hugging Face hub: downloaded once, or refused in one sentence."""

import os
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from utome.errors import ConfigError, MachineError
from utome.models.hub import Downloaded, download


class FakeHub(ModuleType):
    """What is used of huggingface_hub: a hub that is asked, and a cache that remembers what it gave."""

    def __init__(self, files: dict[str, Path], error: Exception | None = None) -> None:
        super().__init__("huggingface_hub")
        self.files, self.error = files, error
        self.cache: dict[str, str] = {}
        self.asked: list[str] = []
        self.ModelCard = lambda text: SimpleNamespace(data=SimpleNamespace(license=text.split()[-1]))

    def try_to_load_from_cache(self, repository: str, file: str) -> str | None:
        return self.cache.get(f"{repository}/{file}")

    def hf_hub_url(self, repository: str, file: str) -> str:
        return f"https://hub/{repository}/{file}"

    def get_hf_file_metadata(self, url: str, *, timeout: float) -> None:
        assert timeout <= 5
        self.asked.append(url)
        if self.error:
            raise self.error

    def hf_hub_download(self, repository: str, file: str, *, etag_timeout: float) -> str:
        assert etag_timeout <= 5
        found = str(self.files[file])
        self.cache[f"{repository}/{file}"] = found
        return found


class RepositoryNotFoundError(Exception):
    pass


class EntryNotFoundError(Exception):
    pass


class LocalEntryNotFoundError(EntryNotFoundError):
    pass


class HFValidationError(ValueError):
    pass


ERRORS = (RepositoryNotFoundError, EntryNotFoundError, LocalEntryNotFoundError, HFValidationError)


NAME = "hf:timm/tf_efficientnet_b0.ns_jft_in1k"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable that is set for the package is put back as it was."""
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
    monkeypatch.delenv("HF_HUB_DISABLE_TELEMETRY")


def install(monkeypatch: pytest.MonkeyPatch, hub: FakeHub) -> FakeHub:
    errors = ModuleType("huggingface_hub.errors")
    for each in ERRORS:
        setattr(errors, each.__name__, each)
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    monkeypatch.setitem(sys.modules, "huggingface_hub.errors", errors)
    return hub


def files(folder: Path, card: str = "license: apache-2.0") -> dict[str, Path]:
    readme, weights = folder / "README.md", folder / "model.safetensors"
    readme.write_text(card, encoding="utf-8")
    weights.write_bytes(b"weights")
    return {"model.safetensors": weights, "README.md": readme}


def test_weights_are_downloaded_once_with_their_licence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hub = install(monkeypatch, FakeHub(files(tmp_path)))
    found, again = download(NAME), download(NAME)
    assert hub.asked == ["https://hub/timm/tf_efficientnet_b0.ns_jft_in1k/model.safetensors"]
    assert found == again == Downloaded(tmp_path / "model.safetensors", "tf_efficientnet_b0", "apache-2.0")


def test_without_a_card_the_licence_is_unknown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(monkeypatch, FakeHub({"model.safetensors": files(tmp_path)["model.safetensors"]}))
    assert download(NAME).licence is None


def test_a_card_that_cannot_be_read_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(monkeypatch, FakeHub(files(tmp_path, card="")))
    assert download(NAME).licence is None


def test_without_the_package_it_is_said_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ConfigError, match=r"Install it with `pip install utome\[hub\]`, or give the path of a file."):
        download(NAME)


@pytest.mark.parametrize(
    "error", [ConnectionError("Name or service not known\nsecond line"), LocalEntryNotFoundError("no network.")]
)
def test_without_a_network_one_sentence_says_what_to_do(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, FakeHub({}, error))
    with pytest.raises(MachineError) as caught:
        download(NAME)
    said = str(caught.value)
    assert f"'{NAME}' cannot be downloaded from the Hugging Face hub: " in said
    assert "Connect to the network, or download its 'model.safetensors' elsewhere" in said
    assert "\n" not in said
    assert ".." not in said


@pytest.mark.parametrize("kind", [RepositoryNotFoundError, EntryNotFoundError, HFValidationError])
def test_a_repository_that_is_not_there_is_a_slip_in_the_name(
    kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, FakeHub({}, kind("401 Client Error")))
    with pytest.raises(ConfigError, match=r"the Hugging Face hub has no such repository with a 'model.safetensors'"):
        download(NAME)


@pytest.mark.parametrize("name", ["hf:google/bit", "hf:timm", "hf:timm/", "hf:timm/a/b", "hf:"])
def test_only_timms_repositories_are_taken(name: str) -> None:
    with pytest.raises(ConfigError, match="only timm's weights are taken, as 'hf:timm/NAME'"):
        download(name)


def test_telemetry_is_off(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(monkeypatch, FakeHub(files(tmp_path)))
    download(NAME)
    assert os.environ["HF_HUB_DISABLE_TELEMETRY"] == "1"
