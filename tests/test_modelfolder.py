"""Model folders: what is saved is what is loaded, and a damaged one is refused whole."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.builders import tiny_model
from utome.errors import ModelError
from utome.files import sha256_bytes
from utome.modelfolder.folder import CARD, WEIGHTS, Model, load_model, save_model


@pytest.fixture
def model() -> Model:
    return tiny_model(classes=3)


@pytest.fixture
def folder(tmp_path: Path, model: Model) -> Path:
    save_model(tmp_path / "model", model.network.state_dict(), model.card)
    return tmp_path / "model"


def refusal(path: Path) -> str:
    with pytest.raises(ModelError) as caught:
        load_model(path)
    assert caught.value.exit_code == 4
    return str(caught.value)


def change_card(folder: Path, **changes: Any) -> None:
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    (folder / CARD).write_text(json.dumps(card | changes), encoding="utf-8")


def test_a_loaded_model_gives_the_logits_of_the_saved_one_bit_for_bit(folder: Path, model: Model) -> None:
    image = torch.randn(1, 1, 32, 36, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.equal(load_model(folder).network(image), model.network(image))


def test_a_loaded_model_is_ready_for_evaluation(folder: Path) -> None:
    assert not any(part.training for part in load_model(folder).network.modules())


def test_a_loaded_card_is_the_saved_one_with_the_hash_of_the_weights(folder: Path, model: Model) -> None:
    expected = sha256_bytes((folder / WEIGHTS).read_bytes())
    assert load_model(folder).card == model.card.model_copy(update={"weights_sha256": expected})


def test_a_model_folder_holds_the_weights_and_the_card_and_nothing_else(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {"model.safetensors", "model.json"}


def test_a_card_gives_back_classes_and_preparation(folder: Path) -> None:
    card = load_model(folder).card
    assert card.class_table.names == ("class 0", "class 1", "class 2")
    assert card.class_table.values == ((0,), (1,), (2,))
    assert (card.prepared_by.channels, card.prepared_by.normalization, card.prepared_by.size) == (1, "image", None)


def test_the_run_folder_around_a_model_is_as_good_as_the_model_folder(folder: Path) -> None:
    assert load_model(folder.parent).card == load_model(folder).card


def test_weights_that_do_not_lie_in_one_piece_are_saved(tmp_path: Path, model: Model) -> None:
    tensors = {
        name: value.to(memory_format=torch.channels_last) if value.ndim == 4 else value
        for name, value in model.network.state_dict().items()
    }
    save_model(tmp_path, tensors, model.card)
    loaded = load_model(tmp_path).network.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in tensors.items())


@pytest.mark.parametrize("place", [0, 100, -1])
def test_weights_with_a_flipped_bit_are_refused(folder: Path, place: int) -> None:
    content = bytearray((folder / WEIGHTS).read_bytes())
    content[place] ^= 1
    (folder / WEIGHTS).write_bytes(content)
    assert refusal(folder) == (
        f"The weights '{folder / WEIGHTS}' are not those that '{folder / CARD}' names: the folder is damaged. Copy it again, whole."
    )


def test_truncated_weights_are_refused(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-100])
    assert "the folder is damaged" in refusal(folder)


def test_missing_weights_are_refused(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    assert "cannot be read: No such file or directory. Copy the model folder again, whole." in refusal(folder)


def test_a_missing_card_is_refused(folder: Path) -> None:
    (folder / CARD).unlink()
    assert "holds no model: neither `model/model.json` nor `model.json` is in it" in refusal(folder)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "x").startswith(f"'{tmp_path / 'x'}' is not there. Give the folder of a run")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"3", b"null", b'"format"', b"{}", b"\xff\xfe", b'{"format": 2,}']
)
def test_a_card_that_is_no_json_document_with_a_format_is_refused(folder: Path, content: bytes) -> None:
    (folder / CARD).write_bytes(content)
    assert "is damaged: it is no JSON document with a `format`" in refusal(folder)


@pytest.mark.parametrize("version", [0, 1, "2", None])
def test_a_card_of_another_format_is_refused_with_the_version_that_wrote_it(folder: Path, version: Any) -> None:
    change_card(folder, format=version, utome="9.9")
    assert refusal(folder) == (
        f"'{folder / CARD}' has format {version}; this utome reads format 2. Use the version of utome that wrote it (9.9)."
    )


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"in_channels": "one"}, "in_channels"),
        ({"classes": []}, "classes"),
        ({"geometry": {}}, "geometry.stride"),
        ({"architecture": {"architecture": "unet", "width": 0}}, "architecture.unet.width"),
        ({"something": 1}, "something"),
    ],
)
def test_a_card_with_a_wrong_entry_is_refused_with_its_place(folder: Path, changes: dict[str, Any], path: str) -> None:
    change_card(folder, **changes)
    assert f"is damaged at `{path}`: " in refusal(folder)


@pytest.mark.parametrize(
    "changes", [{"in_channels": 3}, {"architecture": {"architecture": "unet", "width": 8, "depth": 2}}]
)
def test_a_card_that_describes_another_network_than_its_weights_is_refused(
    folder: Path, changes: dict[str, Any]
) -> None:
    change_card(folder, **changes)
    assert "another network" in refusal(folder)
