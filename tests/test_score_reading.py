"""How `utome score` reads files: what belongs together, what pixels mean, and where they count."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from tests.builders import noise, save, save_palette, square
from tests.inspected import run_here
from tests.scored import FOUND, OBJECTS, Run, document, folders, values


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `utome score` with these arguments in this process."""
    return lambda *arguments: run_here(["score", *arguments], monkeypatch, capsys)


def test_a_mask_of_two_values_beside_object_numbers_is_parted_into_objects(run: Run, tmp_path: Path) -> None:
    truth, found = save(tmp_path / "t.tif", OBJECTS), save(tmp_path / "p.png", ((FOUND > 0) * 255).astype(np.uint8))
    ended = run(truth, found, "--truth", "objects", "--metrics", "objects", "--json")
    assert document(ended)["read_as"] == {"truth": "objects", "prediction": "labels"}
    assert "objects of the prediction are connected parts" in document(ended)["metrics"]["objects"]["about"]
    assert values(ended, "objects")["seg"] == 0.75 / 2


def test_pages_of_two_stacks_pair_by_number_and_are_one_unit(run: Run, tmp_path: Path) -> None:
    truth = np.stack([square(16, 16), np.roll(square(16, 16), 3, axis=0)] * 3)
    found = truth.copy()
    found[1, :8] = 0
    pair = [
        save(tmp_path / name, pixels, photometric="minisblack") for name, pixels in (("t.tif", truth), ("p.tif", found))
    ]
    ended = run(*pair, "--metrics", "pixels", "--json")
    said = document(ended)
    assert (said["images"], said["units"]) == (6, 1)
    assert [row["page"] for row in said["per_image"]] == [1, 2, 3, 4, 5, 6]
    assert [row["scores"]["pixels"]["accuracy"] < 1 for row in said["per_image"]] == [False, True, *4 * [False]]
    assert "Pages of one stack resemble each other and count as one." in ended.errors


@pytest.mark.parametrize(
    "names", [("a_gt", "a_pred"), ("man_seg000", "mask000"), ("21_manual1", "21_training"), ("x", "pred_x")]
)
def test_names_pair_without_their_marks(run: Run, tmp_path: Path, names: tuple[str, str]) -> None:
    save(tmp_path / "t" / f"{names[0]}.tif", square(16, 16))
    save(tmp_path / "p" / f"{names[1]}.png", square(16, 16))
    ended = run(tmp_path / "t", tmp_path / "p", "--json", "--metrics", "pixels")
    assert values(ended, "pixels")["mean_iou"] == 1
    assert f"'{names[0]}.tif' goes with '{names[1]}.png'" in ended.errors


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32", "float64"])
def test_probabilities_of_every_type_are_read_alike(run: Run, tmp_path: Path, kind: str) -> None:
    grey = noise(16, 16)
    largest = {"uint8": 1, "uint16": 257}.get(kind, 1 / 255)
    probability = save(tmp_path / "p.tif", (grey * np.float64(largest)).astype(kind))
    truth = save(tmp_path / "t.png", square(16, 16))
    ended = run(truth, probability, "--prediction", "probability", "--metrics", "pixels,ranking,thin", "--json")
    found, true = grey > 127, square(16, 16) > 0
    assert values(ended, "pixels")["foreground.iou"] == (found & true).sum() / (found | true).sum()
    above = (grey[true][:, None] > grey[~true]).mean() + (grey[true][:, None] == grey[~true]).mean() / 2
    assert values(ended, "ranking")["roc_area"] == pytest.approx(above, abs=1e-12)
    assert values(ended, "thin")["ods"] is not None


def test_a_probability_of_one_half_is_background(run: Run, tmp_path: Path) -> None:
    truth = save(tmp_path / "t.png", square(16, 16))
    half = save(tmp_path / "p.tif", np.where(square(16, 16) > 0, 0.75, 0.5).astype(np.float32))
    assert values(run(truth, half, "--metrics", "pixels", "--json"), "pixels")["accuracy"] == 1


def test_zero_and_one_in_bytes_are_probabilities_of_zero_and_one(run: Run, tmp_path: Path) -> None:
    truth, found = save(tmp_path / "t.png", square(16, 16)), save(tmp_path / "p.png", square(16, 16, value=1))
    ended = run(truth, found, "--prediction", "probability", "--metrics", "pixels", "--json")
    assert values(ended, "pixels")["mean_iou"] == 1


def test_a_palette_is_read_as_its_indices_and_zero_and_one_mean_zero_and_255(run: Run, tmp_path: Path) -> None:
    truth = save(tmp_path / "t.png", square(16, 16))
    found = save_palette(tmp_path / "p.png", square(16, 16, value=1), [0, 0, 0, 230, 159, 0])
    assert values(run(truth, found, "--json"), "pixels")["mean_iou"] == 1


def test_ignored_values_and_what_lies_outside_the_field_of_view_count_for_nothing(run: Run, tmp_path: Path) -> None:
    truth = np.zeros((8, 8), dtype=np.uint8)
    truth[:, :4], truth[0] = 1, 7
    found = np.ones((8, 8), dtype=np.uint8)
    field = np.full((8, 8), 255, dtype=np.uint8)
    field[4:] = 0
    paths = (save(tmp_path / "t.png", truth), save(tmp_path / "p.png", found))
    ignored = document(run(*paths, "--ignore", "7", "--json"))
    assert ignored["metrics"]["pixels"]["scores"]["foreground.precision"]["value"] == 28 / 56
    seen = run(*paths, "--ignore", "7", "--mask", save(tmp_path / "f.png", field), "--json")
    assert values(seen, "pixels")["foreground.precision"] == 12 / 24


def test_images_of_one_group_are_one_unit(run: Run, tmp_path: Path) -> None:
    for number, name in enumerate(("01L", "01R", "02L", "02R", "03L", "03R")):
        save(tmp_path / "t" / f"{name}_1stHO.png", square(16, 16))
        save(tmp_path / "p" / f"{name}_2ndHO.png", np.roll(square(16, 16), number, axis=0))
    pair = (tmp_path / "t", tmp_path / "p", "--metrics", "pixels", "--json")
    alone, grouped = run(*pair), run(*pair, "--group", "^(..)")
    assert [document(ended)["units"] for ended in (alone, grouped)] == [6, 3]
    assert "they are over 3 groups." in grouped.errors
    rows = [document(ended)["metrics"]["pixels"]["scores"]["foreground.iou"] for ended in (alone, grouped)]
    assert rows[0]["value"] == rows[1]["value"]
    assert rows[0]["interval_95"] != rows[1]["interval_95"]


def test_fields_of_view_pair_by_name(run: Run, tmp_path: Path) -> None:
    field = np.zeros((16, 16), dtype=np.uint8)
    field[:, :8] = 255
    for eye in ("01", "02"):
        save(tmp_path / "t" / f"{eye}_manual1.gif", square(16, 16))
        save(tmp_path / "p" / f"{eye}_test.png", square(16, 16) * (np.arange(16) < 8).astype(np.uint8))
        save(tmp_path / "f" / f"{eye}_test_mask.gif", field)
    assert values(run(tmp_path / "t", tmp_path / "p", "--json"), "pixels")["foreground.recall"] == 0.5
    seen = run(tmp_path / "t", tmp_path / "p", "--mask", tmp_path / "f", "--json")
    assert values(seen, "pixels")["foreground.recall"] == 1


def test_objects_outside_the_field_of_view_count_for_nothing(run: Run, tmp_path: Path) -> None:
    field = np.full((8, 8), 255, dtype=np.uint8)
    field[4:] = 0
    paths = (save(tmp_path / "t.tif", OBJECTS), save(tmp_path / "p.tif", FOUND), save(tmp_path / "f.png", field))
    ended = run(*paths[:2], "--mask", paths[2], "--truth", "objects", "--prediction", "objects", "--json")
    scores = values(ended, "objects")
    assert (scores["truth"], scores["predicted"], scores["seg"]) == (1, 1, 0.75)


def test_what_is_predicted_where_nothing_is_known_may_be_anything(run: Run, tmp_path: Path) -> None:
    truth = square(16, 16, value=1)
    truth[:2] = 255
    found = square(16, 16, value=1)
    found[:2], found[2] = 9, 1
    paths = (save(tmp_path / "t.png", truth), save(tmp_path / "p.png", found))
    said = document(run(*paths, "--json"))["metrics"]["pixels"]["scores"]
    assert said["foreground.precision"]["value"] == 64 / (64 + 16)
    assert said["accuracy"]["value"] == 1 - 16 / (14 * 16)


def test_255_means_nothing_known_in_truths_of_three_values_and_foreground_in_predictions_of_two(
    run: Run, tmp_path: Path
) -> None:
    truth = square(16, 16, value=1)
    truth[:2] = 255
    paths = (save(tmp_path / "t.png", truth), save(tmp_path / "p.png", square(16, 16)))
    ended = run(*paths, "--json")
    assert values(ended, "pixels")["mean_iou"] == 1
    assert "Ignored: 255." in ended.errors
    asked = run(*paths, "--foreground", "255", "--json")
    assert values(asked, "pixels")["foreground.iou"] == 0  # the truth has it above, the prediction in the middle


def test_a_jpeg_is_black_and_white_with_noise(run: Run, tmp_path: Path) -> None:
    truth, found = save(tmp_path / "t.png", square(32, 32)), save(tmp_path / "p.jpg", square(32, 32), quality=60)
    assert values(run(truth, found, "--json"), "pixels")["mean_iou"] == 1


def test_a_folder_of_object_numbers_is_told_from_classes_by_itself(run: Run, tmp_path: Path) -> None:
    for number in range(4):
        for folder in ("t", "p"):
            save(tmp_path / folder / f"{number}.tif", OBJECTS + number * (OBJECTS > 0).astype(np.uint8))
    ended = run(tmp_path / "t", tmp_path / "p", "--json")
    assert document(ended)["read_as"] == {"truth": "objects", "prediction": "objects"}
    assert values(ended, "objects")["panoptic_quality.0.5"] == 1
    as_classes = run(tmp_path / "t", tmp_path / "p", "--truth", "labels", "--json")
    assert document(as_classes)["read_as"] == {"truth": "labels", "prediction": "labels"}
    assert len(document(as_classes)["classes"]) == 6


def test_many_object_numbers_are_told_from_grey_levels(run: Run, tmp_path: Path) -> None:
    objects = np.arange(1, 50, dtype=np.uint16).reshape(7, 7).repeat(3, axis=0).repeat(3, axis=1)
    paths = (
        save(tmp_path / "t.tif", objects),
        save(tmp_path / "p.tif", np.where(objects < 40, objects, 0).astype(np.uint16)),
    )
    scores = values(run(*paths, "--json"), "objects")
    assert (scores["truth"], scores["missed"], scores["seg"]) == (49, 10, 39 / 49)


def test_colours_number_objects(run: Run, tmp_path: Path) -> None:
    palette = np.asarray([[0, 0, 0], [255, 0, 0], [0, 0, 255]], dtype=np.uint8)
    paths = (save(tmp_path / "t.png", palette[OBJECTS]), save(tmp_path / "p.png", palette[FOUND]))
    ended = run(*paths, "--truth", "objects", "--prediction", "objects", "--metrics", "objects", "--json")
    assert values(ended, "objects")["seg"] == 0.75 / 2


def test_a_value_that_no_truth_holds_may_be_the_foreground_of_empty_truths(run: Run, tmp_path: Path) -> None:
    paths = (
        save(tmp_path / "t.png", np.zeros((8, 8), dtype=np.uint8)),
        save(tmp_path / "p.png", square(8, 8, value=3)),
    )
    ended = run(*paths, "--foreground", "3", "--metrics", "pixels", "--json")
    assert values(ended, "pixels")["foreground.precision"] == 0


def test_the_predictions_of_utome_itself_are_scored(run: Run, tmp_path: Path) -> None:
    truth, _ = folders(tmp_path, 2)
    for path in truth.iterdir():
        save_palette(tmp_path / "out" / path.name, square(16, 16, value=1), [0, 0, 0, 230, 159, 0])
        save(tmp_path / "out" / "overlays" / path.name, noise(16, 16, 3))
    assert values(run(truth, tmp_path / "out", "--json"), "pixels")["mean_iou"] == 1


def test_a_stack_whose_axis_is_called_channels_is_read_as_pages(run: Run, tmp_path: Path) -> None:
    truth = np.stack([square(16, 16), np.roll(square(16, 16), 3, axis=0), square(16, 16)])
    save(tmp_path / "t.tif", truth, imagej=True, metadata={"axes": "CYX"})
    tifffile.imwrite(tmp_path / "p.tif", truth, photometric="minisblack")
    ended = run(tmp_path / "t.tif", tmp_path / "p.tif", "--json")
    assert document(ended)["images"] == 3
    assert values(ended, "pixels")["mean_iou"] == 1
    assert "holds 3 channels one after another, read as the pages of a stack." in ended.errors


def test_frames_without_truth_are_skipped_as_the_cell_tracking_challenge_skips_them(run: Run, tmp_path: Path) -> None:
    for frame in range(3):
        save(tmp_path / "01_RES" / f"mask{frame:03d}.tif", FOUND)
    save(tmp_path / "01_GT" / "SEG" / "man_seg001.tif", OBJECTS)
    ended = run(tmp_path / "01_GT" / "SEG", tmp_path / "01_RES", "--metrics", "objects", "--json")
    assert values(ended, "objects")["seg"] == 0.75 / 2
    assert "Predictions of frames without truth are skipped: 'mask000.tif', 'mask002.tif'." in ended.errors


@pytest.mark.parametrize("name", ["mask7.tif", "other.tif"])
def test_a_prediction_that_is_no_frame_is_not_skipped(run: Run, tmp_path: Path, name: str) -> None:
    save(tmp_path / "SEG" / "man_seg001.tif", OBJECTS)
    save(tmp_path / "RES" / "mask001.tif", FOUND)
    save(tmp_path / "RES" / name, FOUND)
    ended = run(tmp_path / "SEG", tmp_path / "RES")
    assert ended.code == 3
    assert f"without a truth of the same name in '{tmp_path / 'SEG'}': '{name}'" in ended.errors


def test_a_truth_of_a_frame_that_was_not_predicted_is_refused(run: Run, tmp_path: Path) -> None:
    save(tmp_path / "SEG" / "man_seg001.tif", OBJECTS)
    save(tmp_path / "SEG" / "man_seg005.tif", OBJECTS)
    for frame in (1, 2):
        save(tmp_path / "RES" / f"mask{frame:03d}.tif", FOUND)
    ended = run(tmp_path / "SEG", tmp_path / "RES")
    assert ended.code == 3
    assert "man_seg005.tif" in ended.errors
