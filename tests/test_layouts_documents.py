"""Data sets that a document describes: COCO and nnU-Net's raw data."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import look, noise, save
from tests.layout_trees import HEIGHT, SQUARE, WIDTH, coco_document, coco_folder, nnunet_raw, refusal
from utome.data.classes import IGNORED
from utome.data.coco import Runs, polygons_mask, runs_mask, unpacked
from utome.data.layouts.finding import find_images, find_samples
from utome.data.truth import read_objects, read_truth
from utome.errors import DataError

NUCLEUS = {"category_id": 1, "segmentation": [SQUARE]}
LABELS = {"background": 0, "cell": 1, "ignore": 2}


def polygon(*points: float, **more: Any) -> dict[str, Any]:
    return {"category_id": 7, "segmentation": [list(points)], **more}


@pytest.mark.parametrize(
    ("name", "images"),
    [
        ("annotations.json", "images"), ("annotations.json", ""), ("_annotations.coco.json", ""), ("cells_coco.json", "images"),
        ("instances_default.json", "images"), ("annotations/instances_default.json", "images"),
        ("annotations/cells.json", "images"),
    ],
)  # fmt: skip
def test_a_coco_document_is_found_by_its_name(tmp_path: Path, name: str, images: str) -> None:
    listing = find_samples(coco_folder(tmp_path, coco_document([NUCLEUS]), name=name, images=images))
    assert listing.layout == "coco"
    (sample,) = listing.samples
    assert (sample.name, sample.truth, sample.entry, sample.part) == ("a", "coco", 10, None)
    assert sample.masks == (tmp_path / name,)
    assert find_images(tmp_path) == [tmp_path / images / "a.png"]


def test_outlines_are_classes_in_the_order_of_the_categories_and_objects(tmp_path: Path) -> None:
    document = coco_document([NUCLEUS, polygon(4, 6, 9, 6, 9, 11, 4, 11), {**NUCLEUS, "iscrowd": 1}])
    document["annotations"][2]["segmentation"] = [[0, 0, 1, 0, 1, 1, 0, 1]]
    found = look(coco_folder(tmp_path, document))
    assert found.listing.classes == {"background": (0,), "nucleus": (1,), "wall": (2,)}
    assert found.classes.names == ("background", "nucleus", "wall")
    assert found.notes == (
        "Outlines are drawn as classes: background and nucleus, wall; where objects overlap, the later in the document wins.",
        "1 regions are crowds: they have their class, but are no objects.",
    )
    expected = np.zeros((HEIGHT, WIDTH), dtype=int)
    expected[3:7, 2:5], expected[6:11, 4:9] = 1, 2
    (sample,) = found.listing.samples
    assert (read_objects(sample) == expected).all()
    expected[0, 0] = 1
    assert (read_truth(sample) == expected).all()


def test_what_a_document_leaves_open_is_said(tmp_path: Path) -> None:
    document = coco_document([NUCLEUS, {"category_id": 1, "bbox": [0, 0, 2, 2]}], images=("a.png", "b.png"))
    save(coco_folder(tmp_path, document) / "images" / "c.png", noise(HEIGHT, WIDTH))
    assert find_samples(tmp_path).notes[1:] == (
        "1 of 2 objects have a box but no outline: read as background.",
        "Categories without objects are no classes: 'wall'.",
        "1 images have no objects: all of them is background.",
        "1 image files are in no document and are left out: 'c.png'.",
    )


def test_objects_of_images_that_a_document_does_not_list_are_counted_and_give_no_class(tmp_path: Path) -> None:
    strays = [{**polygon(4, 6, 9, 6, 9, 11), "image_id": 77}] * 2
    listing = find_samples(coco_folder(tmp_path, coco_document([NUCLEUS, *strays])))
    assert "2 objects are of images that the document does not list; left out." in listing.notes
    assert listing.classes == {"background": (0,), "nucleus": (1,)}


@pytest.mark.parametrize("where", ["folders", "annotations"])
def test_documents_of_parts_say_what_their_images_are_for(tmp_path: Path, where: str) -> None:
    for part, folder in (("train", "train"), ("val", "valid")):
        name = f"{folder}/_annotations.coco.json" if where == "folders" else f"annotations/instances_{part}2017.json"
        images = folder if where == "folders" else f"{part}2017"
        coco_folder(tmp_path, coco_document([NUCLEUS], images=(f"{part}.png",)), name=name, images=images)
    assert [(sample.name, sample.part) for sample in find_samples(tmp_path).samples] == [
        ("train", "train"), ("val", "val"),
    ]  # fmt: skip


def test_images_of_one_name_in_several_folders_have_names_of_their_own(tmp_path: Path) -> None:
    listing = find_samples(coco_folder(tmp_path, coco_document([NUCLEUS], images=("x/a.png", "y/a.png"))))
    assert [sample.name for sample in listing.samples] == ["x-a", "y-a"]


def test_an_image_that_is_named_twice_is_refused(tmp_path: Path) -> None:
    coco_folder(tmp_path, coco_document([NUCLEUS], images=("a.png", "a.png")))
    assert "names one image twice: '" in refusal(find_samples, tmp_path)


def test_documents_with_different_categories_are_refused(tmp_path: Path) -> None:
    document = coco_document([NUCLEUS])
    coco_folder(tmp_path, document, name="train/_annotations.coco.json", images="train")
    document["categories"] = [{"id": 1, "name": "cell"}]
    coco_folder(tmp_path, document, name="valid/_annotations.coco.json", images="valid")
    assert "have different categories. Export them together" in refusal(find_samples, tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"images": [{"id": 10}]}, "is a COCO document that cannot be read (images.0.file_name: Field required)"),
        ({"annotations": [{**NUCLEUS, "image_id": 10, "category_id": 5}]}, "of the category 5, which it does not name"),
        ({"annotations": []}, "has no outlines, and no objects"),
        ({"annotations": [{"image_id": 10, "category_id": 1}]}, "has no outlines, but boxes alone"),
        ({"annotations": [{"image_id": 10, "category_id": 1, "segmentation": [[float("nan")]]}]}, "finite number"),
    ],
)
def test_a_document_that_cannot_be_used_is_refused(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    coco_folder(tmp_path, coco_document([NUCLEUS]))
    (tmp_path / "annotations.json").write_text(json.dumps(coco_document([NUCLEUS]) | change))
    assert said in refusal(find_samples, tmp_path)


def test_two_images_of_one_number_are_refused(tmp_path: Path) -> None:
    document = coco_document([NUCLEUS], images=("a.png", "b.png"))
    coco_folder(tmp_path, document)
    document["images"][1]["id"] = 10
    (tmp_path / "annotations.json").write_text(json.dumps(document))
    assert "several images with the same number" in refusal(find_samples, tmp_path)


def test_a_damaged_document_is_refused_and_other_json_passed_over(tmp_path: Path) -> None:
    coco_folder(tmp_path, coco_document([NUCLEUS]))
    (tmp_path / "coco-notes.json").write_text("[1, 2]")
    assert find_samples(tmp_path).layout == "coco"
    (tmp_path / "annotations.json").write_text('{"images": [')
    assert "is damaged or no JSON" in refusal(find_samples, tmp_path)


def test_a_document_is_read_again_when_its_file_changes(tmp_path: Path) -> None:
    coco_folder(tmp_path, coco_document([NUCLEUS]))
    assert len(find_samples(tmp_path).samples) == 1
    coco_folder(tmp_path, coco_document([NUCLEUS], images=("a.png", "b.png")))
    assert len(find_samples(tmp_path).samples) == 2


def test_an_image_of_the_document_without_a_file_is_refused(tmp_path: Path) -> None:
    (coco_folder(tmp_path, coco_document([NUCLEUS])) / "images" / "a.png").unlink()
    assert "without a file in" in refusal(find_samples, tmp_path)


@pytest.mark.parametrize(
    "outline", [[[1, 2, 3]], {"size": [HEIGHT, WIDTH], "counts": [5]}, {"size": [4, 4], "counts": [16]},
                {"size": [HEIGHT, WIDTH], "counts": "5R"}, {"size": [HEIGHT, WIDTH], "counts": "5 2"}],
)  # fmt: skip
def test_an_outline_that_cannot_be_drawn_is_refused_with_its_image(tmp_path: Path, outline: object) -> None:
    document = coco_document([{"category_id": 1, "segmentation": outline}])
    with pytest.raises(DataError, match=r"has an outline in the image 'a\.png' that cannot be drawn"):
        read_truth(find_samples(coco_folder(tmp_path, document)).samples[0])


# Masks and runs as pycocotools 2.0 packs them.
@pytest.mark.parametrize(("text", "counts"), [("01c0", [0, 1, 19]), ("52203", [5, 2, 2, 2, 5]), ("T31", [100, 1])])
def test_packed_runs_are_unpacked(text: str, counts: list[int]) -> None:
    assert unpacked(text) == counts


def test_runs_go_column_by_column_and_begin_outside() -> None:
    mask = runs_mask(Runs(size=(3, 2), counts=[1, 3, 2]), 3, 2)
    assert mask.astype(int).tolist() == [[0, 1], [1, 0], [1, 0]]


@given(
    st.lists(st.tuples(st.floats(-4, 14), st.floats(-4, 14)), min_size=1, max_size=8),
)
def test_a_pixel_is_inside_where_a_ray_from_its_centre_crosses_the_edges_an_odd_number_of_times(
    corners: list[tuple[float, float]],
) -> None:
    mask = polygons_mask([[value for corner in corners for value in corner]], 9, 7)
    edges = list(zip(corners, corners[1:] + corners[:1], strict=True))
    for (row, column), inside in np.ndenumerate(mask):
        x, y = column + 0.5, row + 0.5
        left = sum(
            (y0 <= y) != (y1 <= y) and x0 + (y - y0) * (x1 - x0) / (y1 - y0) <= x for (x0, y0), (x1, y1) in edges
        )
        near = any(
            (y0 <= y) != (y1 <= y) and abs(x0 + (y - y0) * (x1 - x0) / (y1 - y0) - x) < 1e-9
            for (x0, y0), (x1, y1) in edges
        )
        assert near or inside == (left % 2 == 1)


def test_nnunet_cases_have_the_names_of_its_classes_and_pixels_to_ignore(tmp_path: Path) -> None:
    found = look(nnunet_raw(tmp_path, LABELS))
    assert found.listing.layout == "nnunet"
    assert [sample.name for sample in found.listing.samples] == ["cell_001", "cell_002"]
    assert (found.listing.classes, found.listing.ignored) == ({"background": (0,), "cell": (1,)}, (2,))
    assert found.listing.notes == ("'imagesTs' holds 1 images without labels; left out.",)
    labels = found.classes.labels(read_truth(found.listing.samples[0]), source="")
    assert set(np.unique(labels)) == {0, 1, IGNORED}


def test_nnunet_cases_with_labels_for_the_test_are_train_and_test(tmp_path: Path) -> None:
    listing = find_samples(nnunet_raw(tmp_path, LABELS, tested=True))
    assert [sample.part for sample in listing.samples] == ["train", "train", "test"]


def test_labels_of_the_first_version_have_the_value_before_the_name(tmp_path: Path) -> None:
    assert find_samples(nnunet_raw(tmp_path, {"1": "cell", "0": "background"})).classes == {
        "background": (0,), "cell": (1,),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (
            {"background": 0, "whole": [1, 2], "core": [2]},
            "describes regions that overlap ('whole', 'core' share a value)",
        ),
        ({"background": "zero", "cell": 1}, "The label 'background' of"),
        ({}, "has no labels; accepted"),
    ],
)
def test_labels_that_are_no_classes_are_refused(tmp_path: Path, labels: dict[str, Any], said: str) -> None:
    assert said in refusal(find_samples, nnunet_raw(tmp_path, labels))


def test_several_channels_of_a_case_are_refused(tmp_path: Path) -> None:
    save(nnunet_raw(tmp_path, LABELS) / "imagesTr" / "cell_001_0001.png", noise(HEIGHT, WIDTH))
    assert "has several channels in files of their own, 'cell_001_0000.png' and 'cell_001_0001.png'" in refusal(
        find_samples, tmp_path
    )


def test_a_case_without_a_channel_number_or_without_labels_is_refused(tmp_path: Path) -> None:
    (nnunet_raw(tmp_path, LABELS) / "labelsTr" / "cell_002.png").unlink()
    assert "without labels of its case" in refusal(find_samples, tmp_path)
    save(tmp_path / "imagesTr" / "cell_003.png", noise(HEIGHT, WIDTH))
    assert "has no channel number; accepted: names such as 'case_0000.png'" in refusal(find_samples, tmp_path)


def test_volumes_and_a_damaged_description_are_refused(tmp_path: Path) -> None:
    for path in (nnunet_raw(tmp_path, LABELS) / "imagesTr").iterdir():
        path.rename(path.with_suffix(".nii.gz"))
    assert "holds no images that can be read; accepted endings:" in refusal(find_samples, tmp_path)
    (tmp_path / "dataset.json").write_text("{")
    assert "is damaged or no JSON" in refusal(find_samples, tmp_path)
