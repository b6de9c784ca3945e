"""What differs from file to file: palettes, depth, turns; and that prediction turns images as training did."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.builders import look, noise, save, save_palette, square, tiny_config, tiny_model
from tests.files import picture
from tests.inspected import HEIGHT, WIDTH, folder, parts
from utome.config.sections import MachineSettings
from utome.data.disagreements import disagreements, left_unturned
from utome.data.formats import palette_of, read_mask
from utome.data.problems import problems
from utome.data.splitting import Rule, split
from utome.data.survey import Survey
from utome.events import EpochDone, silent
from utome.jobs.predict import predict
from utome.jobs.preparing import model_card, prepare
from utome.modelfolder.folder import save_model

BLACK, RED, GREEN = (0, 0, 0), (255, 0, 0), (0, 255, 0)
BEST = EpochDone(1, 1, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, best=True, seconds=0.0, peak_memory_mb=None)
INDICES = square(HEIGHT, WIDTH, value=1)


def said(found: Survey) -> list[str]:
    return list(disagreements(found.facts, found.facts))


def with_palettes(root: Path, *palettes: tuple[int, ...]) -> Survey:
    folder(root, count=len(palettes))
    for number, colours in enumerate(palettes):
        save_palette(root / "masks" / f"cell{number}.png", INDICES, colours)
    return look(root)


def tagged(root: Path, number: int, orientation: int, *, stored: bool) -> None:
    """An image whose EXIF asks for a turn, and a mask that fits it as it is stored or as it is shown."""
    (root / "images").mkdir(parents=True, exist_ok=True)
    image = picture(Image.fromarray(noise(HEIGHT, WIDTH, seed=number)), "PNG", orientation=orientation)
    (root / "images" / f"cell{number}.png").write_bytes(image)
    save(root / "masks" / f"cell{number}.png", square(*((HEIGHT, WIDTH) if stored else (WIDTH, HEIGHT))))


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif"])
def test_the_colours_of_a_palette_are_read_with_its_indices(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"mask{suffix}"
    if suffix == ".tif":
        colormap = np.zeros((3, 256), dtype=np.uint16)
        colormap[0, 1], colormap[2, 2] = 255 * 257, 128 * 257
        tifffile.imwrite(path, INDICES, photometric="palette", colormap=colormap)
    else:
        save_palette(path, INDICES, (*BLACK, *RED, 0, 0, 128))
    assert read_mask(path).tolist() == INDICES.tolist()
    colours = palette_of(path)
    assert (colours[0], colours[1], colours[2]) == (0, 0xFF0000, 0x000080)
    assert palette_of(save(tmp_path / "grey.png", INDICES)) == {}


def test_palettes_with_swapped_indices_are_named(tmp_path: Path) -> None:
    found = with_palettes(tmp_path, (*BLACK, *RED, *GREEN), (*BLACK, *RED), (*BLACK, *GREEN, *RED), (*BLACK, *GREEN))
    (sentence,) = said(found)
    assert sentence == (
        "The palettes of the masks differ: index 1 is #ff0000 in 'cell0' and #00ff00 in 'cell2'. If the colours are meant, save the "
        "masks as RGB."
    )


def test_palettes_that_differ_in_what_no_mask_uses_are_alike(tmp_path: Path) -> None:
    found = with_palettes(tmp_path, (*BLACK, *RED), (*BLACK, *RED, *GREEN))
    assert [dict(fact.palette) for fact in found.facts] == [{0: 0, 1: 0xFF0000}] * 2
    assert said(found) == []


def test_palettes_beside_colours_are_named(tmp_path: Path) -> None:
    folder(tmp_path, count=3, mask=lambda number: np.array([BLACK, RED], dtype=np.uint8)[INDICES])
    save_palette(tmp_path / "masks" / "cell1.png", INDICES, (*BLACK, *RED))
    (sentence,) = said(look(tmp_path))
    assert (
        "Some masks have a palette, whose indices count (as 'cell1'), and others are coloured (as 'cell0')" in sentence
    )


def test_images_of_different_depth_are_counted(tmp_path: Path) -> None:
    folder(tmp_path, count=4)
    save(tmp_path / "images" / "cell2.png", noise(HEIGHT, WIDTH, dtype=np.uint16))
    (sentence,) = said(look(tmp_path))
    assert "The images differ in depth: 1 of uint16 (as 'cell2'), 3 of uint8 (as 'cell0')." in sentence


def test_disagreements_are_among_the_problems(tmp_path: Path) -> None:
    found = with_palettes(tmp_path, *[(*BLACK, *RED), (*BLACK, *GREEN)] * 10)
    doubts = problems(found, split(found.facts, Rule(), seed=0), Rule())
    assert any("The palettes of the masks differ" in doubt for doubt in doubts)


@pytest.mark.parametrize(
    ("stored", "unturned", "count"), [((True, True), True, 0), ((False, False), False, 0), ((True, False), False, 1)]
)
def test_images_that_are_turned_or_not_are_told_apart(
    tmp_path: Path, stored: tuple[bool, bool], unturned: bool, count: int
) -> None:
    folder(tmp_path, count=4)
    for number, each in enumerate(stored):
        tagged(tmp_path, number, 6, stored=each)
    found = look(tmp_path)
    assert left_unturned(found.facts) == unturned
    sentences = said(found)
    assert len(sentences) == count
    assert all(
        "1 are turned (as 'cell1') while the masks of 1 fit them as they are stored" in each for each in sentences
    )


def test_images_without_exif_leave_prediction_to_what_viewers_show(tmp_path: Path) -> None:
    assert not left_unturned(look(folder(tmp_path, count=4)).facts)


@pytest.mark.parametrize("stored", [True, False])
def test_the_card_remembers_how_the_images_of_training_stood(tmp_path: Path, stored: bool) -> None:
    parts(tmp_path)
    tagged(tmp_path / "train", 0, 8, stored=stored)
    tagged(tmp_path / "val", 1, 8, stored=False)
    card = model_card(prepare(tmp_path, tiny_config("training.tile=16"), silent), BEST)
    assert card.preparation.upright is not stored
    assert card.prepared_by.upright is not stored


@pytest.mark.parametrize("upright", [True, False])
def test_prediction_turns_an_image_as_training_did(tmp_path: Path, upright: bool) -> None:
    tagged(tmp_path, 0, 6, stored=True)
    model = tiny_model()
    preparation = model.card.preparation.model_copy(update={"upright": upright})
    save_model(
        tmp_path / "model", model.network.state_dict(), model.card.model_copy(update={"preparation": preparation})
    )
    result = predict(tmp_path / "model", tmp_path / "images", tmp_path / "out", machine=MachineSettings(device="cpu"))
    assert read_mask(result.written[0]).shape == ((WIDTH, HEIGHT) if upright else (HEIGHT, WIDTH))
