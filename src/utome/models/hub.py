"""Weights from the Hugging Face hub, by the optional package `huggingface_hub`.

What was downloaded once is taken from that package's cache, and the network is not asked again.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType

from utome.errors import ConfigError, MachineError, UtomeError

PREFIX = "hf:"
WEIGHTS = "model.safetensors"
CARD = "README.md"
# How long the hub may take to answer.
SECONDS = 5.0


@dataclass(frozen=True)
class Downloaded:
    """The file of weights, timm's name of the network that they are of, and the licence that the repository states."""

    path: Path
    architecture: str
    licence: str | None


def download(weights: str) -> Downloaded:
    """The weights of `hf:timm/NAME`.

    `ConfigError` where there is no such repository or no `huggingface_hub`; `MachineError` where the hub cannot be
    reached.
    """
    repository = weights.removeprefix(PREFIX)
    publisher, _, name = repository.partition("/")
    if publisher != "timm" or not name or "/" in name:
        raise ConfigError(
            f"model.weights is '{weights}'; from the Hugging Face hub only timm's weights are taken, as "
            f"'hf:timm/NAME', such as 'hf:timm/efficientnet_b0.ra_in1k'. Give one of those, or the path of a file."
        )
    hub = _hub(weights)
    try:
        path = _cached(hub, repository, WEIGHTS) or _downloaded(hub, repository)
    except Exception as error:  # the package's HTTP library differs from version to version, and so do its errors
        raise _refused(hub, weights, error) from error
    return Downloaded(path, name.partition(".")[0], _licence(hub, repository))


def _hub(weights: str) -> ModuleType:
    # Read when the package is first imported: without it, each download tells the versions of this machine's packages.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        return import_module("huggingface_hub")
    except ImportError as error:
        raise ConfigError(
            f"model.weights is '{weights}', which needs the package huggingface_hub. "
            "Install it with `pip install utome[hub]`, or give the path of a file."
        ) from error


def _cached(hub: ModuleType, repository: str, file: str) -> Path | None:
    found = hub.try_to_load_from_cache(repository, file)
    return Path(found) if isinstance(found, str) else None


def _downloaded(hub: ModuleType, repository: str) -> Path:
    # Asked first because the download itself would repeat for half a minute where there is no network.
    hub.get_hf_file_metadata(hub.hf_hub_url(repository, WEIGHTS), timeout=SECONDS)
    path = Path(hub.hf_hub_download(repository, WEIGHTS, etag_timeout=SECONDS))
    with suppress(Exception):  # weights without a card are weights of unknown licence
        hub.hf_hub_download(repository, CARD, etag_timeout=SECONDS)
    return path


def _licence(hub: ModuleType, repository: str) -> str | None:
    """What the repository's card says, if it was downloaded with the weights."""
    card = _cached(hub, repository, CARD)
    if card is None:
        return None
    try:
        licence = hub.ModelCard(card.read_text(encoding="utf-8")).data.license
    except Exception:  # a card that is none, in whatever way
        return None
    return licence if isinstance(licence, str) else None


def _refused(hub: ModuleType, weights: str, error: Exception) -> UtomeError:
    errors = import_module(f"{hub.__name__}.errors")
    local = isinstance(error, errors.LocalEntryNotFoundError)  # the network's fault, though it is an EntryNotFoundError
    absent = (errors.RepositoryNotFoundError, errors.EntryNotFoundError, errors.HFValidationError)
    if isinstance(error, absent) and not local:
        return ConfigError(
            f"model.weights is '{weights}', but the Hugging Face hub has no such repository with a '{WEIGHTS}'. "
            "Look the name up at https://huggingface.co/timm, or give the path of a file."
        )
    reason = next(iter(str(error).splitlines()), "") or type(error).__name__
    return MachineError(
        f"'{weights}' cannot be downloaded from the Hugging Face hub: {reason.rstrip('.')}. Connect to the network, "
        f"or download its '{WEIGHTS}' elsewhere and give the path of that file as model.weights."
    )
