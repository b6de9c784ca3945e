"""Scoring a model on another folder: its masks are read as the model's classes, by name or value, or refused."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.builders import noise, save, save_pairs, square, tiny_model
from tests.layout_trees import HEIGHT, SQUARE, WIDTH, coco_document, coco_folder, nnunet_raw
from utome.config.overrides import evaluation_settings
from utome.config.sections import MachineSettings
from utome.data.fingerprints import fingerprint
from utome.data.survey import content_hash
from utome.errors import ConfigError, DataError
from utome.events import Event, Noted
from utome.jobs.evaluate import Evaluation, evaluate
from utome.modelfolder.folder import save_model

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = MachineSettings(device="cpu")
PAIR = {"background": (0,), "foreground": (255,)}
CELLS = {"background": (0,), "cell": (1,), "dirt": (2,)}
MIDDLE = HEIGHT // 2 * (WIDTH // 2 + 1)  # pixels of `square`


def model_of(root: Path, classes: Mapping[str, Sequence[int]], **changes: Any) -> Path:
    """A model with fresh weights that knows these classes."""
    model = tiny_model(classes=len(classes))
    entries = [{"name": name, "values": list(values)} for name, values in classes.items()]
    card = type(model.card).model_validate({**model.card.model_dump(), "classes": entries, **changes})
    save_model(root / "model", model.network.state_dict(), card)
    return root / "model"


def scored(run: Path, data: Path, *assignments: str) -> Evaluation:
    return evaluate(run, data, reading=evaluation_settings(assignments).data, machine=CPU)


def refusal(run: Path, data: Path, *assignments: str) -> str:
    with pytest.raises(DataError) as caught:
        scored(run, data, *assignments)
    assert caught.value.exit_code == 3
    return str(caught.value)


def truth(result: Evaluation) -> dict[str, int]:
    """Pixels of each class in the masks, as they were read."""
    return dict(zip(result.scores.classes, map(int, result.scores.together.counts.sum(axis=1)), strict=True))


def masks_folder(root: Path, *masks: np.ndarray, suffix: str = ".png") -> Path:
    for number, mask in enumerate(masks):
        save(root / "images" / f"{number}.png", noise(*mask.shape[:2], seed=number))
        save(root / "masks" / f"{number}{suffix}", mask)
    return root


def documented(root: Path, labels: Mapping[str, Any]) -> Path:
    """nnU-Net's raw data of 240 pixels: 120 of the value 0, 80 of 1 and 40 of 2."""
    nnunet_raw(root, labels)
    for path in (root / "labelsTr").iterdir():
        save(path, np.resize(np.array([0, 1, 2, 0, 1, 0], dtype=np.uint8), (HEIGHT, WIDTH)))
    return root


def noisy(path: Path) -> Path:
    """Pairs whose masks are black and white with the noise of JPEG."""
    masks_folder(path, np.zeros((HEIGHT, WIDTH), dtype=np.uint8))
    speckle = noise(HEIGHT, WIDTH, seed=5) % 9
    mask = np.where(square(HEIGHT, WIDTH) > 0, 255 - speckle, speckle).astype(np.uint8)
    (path / "masks" / "0.png").unlink()
    Image.fromarray(mask).save(path / "masks" / "0.jpg", quality=95)
    return path


@pytest.mark.parametrize(
    ("labels", "pixels"),
    [
        ({"background": 0, "cell": 1, "dirt": 2}, {"background": 120, "cell": 80, "dirt": 40}),
        ({"background": 0, "cell": 2, "dirt": 1}, {"background": 120, "cell": 40, "dirt": 80}),
        ({"background": 0, "Cell": 2, "DIRT": 1}, {"background": 120, "cell": 40, "dirt": 80}),
        ({"background": 2, "cell": 0, "dirt": 1}, {"background": 40, "cell": 120, "dirt": 80}),
        ({"background": [0, 1], "dirt": 2}, {"background": 200, "cell": 0, "dirt": 40}),
    ],
)
def test_classes_of_nnunet_are_matched_by_name(tmp_path: Path, labels: dict[str, Any], pixels: dict[str, int]) -> None:
    result = scored(model_of(tmp_path, CELLS), documented(tmp_path / "data", labels))
    assert truth(result) == pixels
    assert any(note.startswith("Classes, matched by name: background (") for note in result.notes)


def test_categories_of_coco_are_matched_by_name(tmp_path: Path) -> None:
    document = coco_document([{"category_id": 1, "segmentation": [SQUARE]}])
    for ids in ({"cell": 1, "dirt": 7}, {"dirt": 1, "cell": 7}):
        document["categories"] = [{"id": number, "name": name} for name, number in ids.items()]
        document["annotations"].append({"image_id": 10, "category_id": 7, "segmentation": [[0, 0, 1, 0, 1, 1, 0, 1]]})
        folder = tmp_path / next(iter(ids))
        result = scored(model_of(folder, CELLS), coco_folder(folder / "data", document))
        large = next(name for name, number in ids.items() if number == 1)
        assert truth(result)[large] == 12
        assert sum(truth(result).values()) == HEIGHT * WIDTH


def test_a_name_that_the_model_does_not_have_is_refused_with_both_lists(tmp_path: Path) -> None:
    folder = documented(tmp_path / "data", {"background": 0, "cell": 1, "mud": 2})
    assert refusal(model_of(tmp_path, CELLS), folder).startswith(
        "The model does not know 'mud': its classes are background, cell, dirt, those of the folder background, cell, mud. "
    )


def test_a_name_without_any_pixel_is_no_obstacle(tmp_path: Path) -> None:
    folder = documented(tmp_path / "data", {"background": 0, "cell": 1, "dirt": 2, "mud": 3})
    assert truth(scored(model_of(tmp_path, CELLS), folder))["dirt"] == 40


def test_names_that_a_user_gave_at_training_do_not_forbid_those_of_the_document(tmp_path: Path) -> None:
    folder = documented(tmp_path / "data", {"background": 0, "cell": 1, "mud": 2})
    run = model_of(tmp_path, {"nothing": (0,), "something": (1, 2)}, own_names=True)
    assert truth(scored(run, folder)) == {"nothing": 120, "something": 120}


@pytest.mark.parametrize("names", [("background", "dirt"), ("background", "foreground"), ("rest", "cell")])
def test_values_that_a_user_gave_at_training_count_more_than_those_of_the_document(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    folder = documented(tmp_path / "data", {"background": [0, 1], "dirt": 2})
    run = model_of(tmp_path, dict(zip(names, ((0,), (1, 2)), strict=True)), own_names=True)
    assert list(truth(scored(run, folder)).values()) == [120, 120]


def test_numbers_that_were_exchanged_are_matched_by_name_though_a_user_gave_them(tmp_path: Path) -> None:
    folder = documented(tmp_path / "data", {"background": 0, "cell": 2, "dirt": 1})
    assert truth(scored(model_of(tmp_path, CELLS, own_names=True), folder))["dirt"] == 80


def test_names_that_say_nothing_are_matched_by_value(tmp_path: Path) -> None:
    two = documented(tmp_path / "data", {"background": [0, 2], "cell": 1})
    assert truth(scored(model_of(tmp_path, PAIR), two)) == {"background": 160, "foreground": 80}
    numbered = model_of(tmp_path / "numbered", {f"class {number}": (number,) for number in range(3)})
    three = documented(tmp_path / "three", {"background": 0, "dirt": 2, "cell": 1})
    assert truth(scored(numbered, three)) == {"class 0": 120, "class 1": 80, "class 2": 40}


def test_a_folder_without_names_is_read_by_value(tmp_path: Path) -> None:
    mask = np.resize(np.array([0, 1, 2, 0], dtype=np.uint8), (HEIGHT, WIDTH))
    result = scored(model_of(tmp_path, CELLS), masks_folder(tmp_path / "data", mask))
    assert truth(result) == {"background": 60, "cell": 30, "dirt": 30}


TRAINED: dict[str, dict[str, Any]] = {
    "0/1": {"classes": {"background": (0,), "foreground": (1,)}},
    "0/255": {"classes": PAIR},
    "both": {"classes": {"background": (0,), "foreground": (1, 255)}},
    "noise": {"classes": PAIR, "threshold": 127},
    "0/7": {"classes": {"background": (0,), "foreground": (7,)}},
    "crack": {"classes": {"background": (1, 3, 4), "crack": (2,)}},
    "colours": {"classes": {"background": (2**24,), "foreground": (2**24 + 0xFF0000,)}},
}


def some_masks(kind: str, root: Path) -> Path:
    middle = square(HEIGHT, WIDTH, value=1)
    if kind == "noise":
        return noisy(root)
    if kind == "colours":
        return masks_folder(root, middle[:, :, None] * np.array([255, 0, 0], dtype=np.uint8))
    if kind == "both":
        return masks_folder(root, middle, middle * 255)
    return masks_folder(root, middle * np.uint8(int(kind.split("/")[1])))


@pytest.mark.parametrize("trained", TRAINED)
@pytest.mark.parametrize("given", ["0/1", "0/255", "both", "noise", "0/7", "colours"])
def test_background_and_foreground_are_the_same_however_they_are_written(
    tmp_path: Path, trained: str, given: str
) -> None:
    result = scored(model_of(tmp_path, **TRAINED[trained]), some_masks(given, tmp_path / "data"))
    middle = MIDDLE * len(result.scores.images)
    assert list(truth(result).values()) == [HEIGHT * WIDTH * len(result.scores.images) - middle, middle]
    assert any(note.startswith(("Masks ", "Some masks ")) for note in result.notes)


@pytest.mark.parametrize("trained", ["0/1", "0/255", "both", "noise"])
@pytest.mark.parametrize("value", [0, 255])
def test_masks_of_one_class_alone_are_scored(tmp_path: Path, trained: str, value: int) -> None:
    mask = np.full((HEIGHT, WIDTH), value, dtype=np.uint8)
    result = scored(model_of(tmp_path, **TRAINED[trained]), masks_folder(tmp_path / "data", mask))
    assert truth(result)["foreground"] == (HEIGHT * WIDTH if value else 0)


def test_a_few_noisy_masks_with_few_values_are_read_as_their_siblings_were(tmp_path: Path) -> None:
    mask = square(HEIGHT, WIDTH)
    mask[0, :3], mask[6, 4] = (1, 3, 2), 254
    run = model_of(tmp_path, PAIR, threshold=127)
    assert truth(scored(run, masks_folder(tmp_path / "data", mask)))["foreground"] == MIDDLE


def test_255_beside_labels_without_a_gap_is_ignored_as_in_training(tmp_path: Path) -> None:
    mask = np.resize(np.array([0, 1, 2, 255], dtype=np.uint8), (HEIGHT, WIDTH))
    result = scored(model_of(tmp_path, CELLS), masks_folder(tmp_path / "data", mask))
    assert truth(result) == {"background": 30, "cell": 30, "dirt": 30}


@pytest.mark.parametrize("trained", ["0/1", "noise", "crack"])
def test_masks_of_other_classes_are_refused_with_both_lists(tmp_path: Path, trained: str) -> None:
    mask = np.resize(np.array([0, 1, 2, 3], dtype=np.uint8), (HEIGHT, WIDTH))
    sentence = refusal(model_of(tmp_path, **TRAINED[trained]), masks_folder(tmp_path / "data", mask))
    assert sentence.startswith("The masks hold 0, 1, 2, 3, but the model's classes are background (")
    assert sentence.endswith("If the values number objects: --set data.truth=instances.")


def test_object_numbers_are_taken_when_it_is_said(tmp_path: Path) -> None:
    mask = np.resize(np.arange(4, dtype=np.uint8), (HEIGHT, WIDTH))
    run, data = model_of(tmp_path, PAIR), masks_folder(tmp_path / "data", mask)
    result = scored(run, data, "data.truth=instances")
    assert truth(result) == {"background": 30, "foreground": 90}
    assert "The masks hold object numbers: objects are united into one foreground." in result.notes


def test_a_model_of_object_numbers_is_scored_on_labels(tmp_path: Path) -> None:
    run = model_of(tmp_path, {"background": (0,), "foreground": (1,)}, truth="instances")
    data = noisy(tmp_path / "data")
    assert refusal(run, data).endswith("If these masks hold classes: --set data.truth=labels.")
    assert truth(scored(run, data, "data.truth=labels"))["foreground"] == MIDDLE


def test_ignored_values_may_be_said_anew(tmp_path: Path) -> None:
    run = model_of(tmp_path, {"background": (0,), "foreground": (1,)}, ignored=[255])
    data = masks_folder(tmp_path / "data", square(HEIGHT, WIDTH))
    assert truth(scored(run, data)) == {"background": HEIGHT * WIDTH - MIDDLE, "foreground": 0}
    assert truth(scored(run, data, "data.ignore=[]"))["foreground"] == MIDDLE
    mask = square(HEIGHT, WIDTH)
    mask[0] = 7
    strange = masks_folder(tmp_path / "strange", mask)
    assert sum(truth(scored(run, strange, "data.ignore=[7]")).values()) == HEIGHT * WIDTH - WIDTH


def test_values_that_are_no_numbers_may_be_filled(tmp_path: Path) -> None:
    image = noise(HEIGHT, WIDTH).astype(np.float32)
    image[0, 0] = np.nan
    save(tmp_path / "data" / "images" / "a.tif", image)
    save(tmp_path / "data" / "masks" / "a.png", square(HEIGHT, WIDTH))
    run = model_of(tmp_path, PAIR)
    assert "data.fill=0" in refusal(run, tmp_path / "data")
    assert truth(scored(run, tmp_path / "data", "data.fill=0"))["foreground"] == MIDDLE


@pytest.mark.parametrize("assignment", ["data.classes=[]", "data.group=x", "model.width=3", "seed=1"])
def test_all_other_settings_were_fixed_when_the_model_was_trained(assignment: str) -> None:
    with pytest.raises(ConfigError) as caught:
        evaluation_settings([assignment])
    assert str(caught.value) == (
        f"`{assignment.partition('=')[0]}` was fixed when the model was trained; here can be set: machine.device, "
        "machine.threads, machine.any_processes, data.layout, data.truth, data.unmarked, data.fill, data.ignore."
    )


def test_how_the_data_were_read_is_said_and_part_of_the_document(tmp_path: Path) -> None:
    empty = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    data = masks_folder(tmp_path / "data", square(HEIGHT, WIDTH), empty)
    save(data / "images" / "0.png", np.full((HEIGHT, WIDTH), 9, dtype=np.uint8))
    heard: list[Event] = []
    result = evaluate(model_of(tmp_path, PAIR), data, machine=CPU, listen=heard.append)
    assert result.notes[:2] == (
        "Masks are read as background (0), foreground (255).",
        "WARNING: '0' holds one value alone. Take it out, unless that is what such images look like.",
    )
    assert [note.startswith("WARNING: The masks of '1' are all background. ") for note in result.notes[2:]] == [True]
    assert [event.text for event in heard if isinstance(event, Noted)] == list(result.notes)
    assert result.as_json()["notes"] == list(result.notes)


def test_copies_of_training_images_at_another_depth_are_named(tmp_path: Path) -> None:
    seen, new = noise(64, 64, seed=1), noise(64, 64, seed=2)
    run = model_of(
        tmp_path,
        PAIR,
        images={content_hash(seen[:, :, None]): "train"},
        looks=[fingerprint(seen[:, :, None]).hex()],
    )
    mask = square(64, 64)
    same = save_pairs(tmp_path / "same", {"a": (seen, mask), "b": (new, mask)})
    assert not any("copy" in note for note in scored(run, same).notes)
    deep = save_pairs(tmp_path / "deep", {"a": (seen.astype(np.uint16) * 257, mask), "b": (new, mask)})
    assert any(
        note.startswith("WARNING: 1 image looks like a copy of images that training saw (as 'a')")
        for note in scored(run, deep).notes
    )
