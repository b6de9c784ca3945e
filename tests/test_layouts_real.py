"""The folders of real images, as they lie: recognised with no option, with what is known to be odd about each."""

from pathlib import Path

import pytest

from utome.data.formats import read_image
from utome.data.layouts.finding import find_samples
from utome.data.truth import read_truth
from utome.events import silent
from utome.jobs.inputs import find_inputs


@pytest.mark.parametrize(
    ("name", "count", "groups"),
    [
        ("isbi2012", 30, 0), ("dsb2018", 200, 0), ("chase_db1", 14, 7), ("cfd", 118, 0), ("deepcrack_tiles", 371, 123),
        ("drosophila_vnc", 20, 0),
    ],
)  # fmt: skip
def test_each_real_folder_is_recognised_and_its_first_and_last_pair_fit(
    real_images: Path, name: str, count: int, groups: int
) -> None:
    listing = find_samples(real_images / name)
    assert (listing.layout, len(listing.samples)) == (name, count)
    assert len({sample.group for sample in listing.samples} - {None}) == groups
    for sample in (listing.samples[0], listing.samples[-1]):
        assert read_truth(sample).shape == read_image(sample.image).shape[:2]


@pytest.mark.parametrize(
    ("name", "count"),
    [("isbi2012", 30), ("dsb2018", 200), ("chase_db1", 14), ("cfd", 118), ("deepcrack_tiles", 371), ("drosophila_vnc", 20)],
)  # fmt: skip
def test_of_each_real_folder_the_images_alone_are_predicted(real_images: Path, name: str, count: int) -> None:
    inputs = find_inputs(real_images / name, silent)
    samples = find_samples(real_images / name).samples
    assert {each.path for each in inputs} == {sample.image for sample in samples}
    assert len({each.name for each in inputs}) == len(inputs) == count


def test_sections_of_isbi_2012_are_in_the_order_of_the_stack(real_images: Path) -> None:
    listing = find_samples(real_images / "isbi2012")
    assert [sample.name for sample in listing.samples] == [str(number) for number in range(30)]
    assert "'test' holds 30 images without labels; it is left out." in listing.notes


def test_both_observers_of_chase_db1_are_known(real_images: Path) -> None:
    listing = find_samples(real_images / "chase_db1")
    assert all(sample.masks[0].name.endswith("_1stHO.png") for sample in listing.samples)
    assert all(sample.second is not None and sample.second.exists() for sample in listing.samples)
    assert [sample.group for sample in listing.samples[:3]] == ["01", "01", "02"]


def test_the_parts_of_deepcrack_share_two_photographs(real_images: Path) -> None:
    listing = find_samples(real_images / "deepcrack_tiles")
    parts = [sample.part for sample in listing.samples]
    assert (parts.count("train"), parts.count("test")) == (259, 112)
    assert any("so their score may be too good: '11289', 'IMG_6536'." in note for note in listing.doubts)


def test_values_of_cracks_and_of_the_nerve_cord_are_the_classes_of_their_layouts(real_images: Path) -> None:
    assert find_samples(real_images / "cfd").classes == {"background": (1, 3, 4), "crack": (2,)}
    cord = find_samples(real_images / "drosophila_vnc")
    assert cord.classes == {
        "background": (159, 255), "membrane": (0, 32, 64, 96, 128), "mitochondria": (191,), "synapse": (223,),
    }  # fmt: skip
    assert [sample.name for sample in find_samples(real_images / "drosophila_vnc" / "stack1").samples] == [
        sample.name for sample in cord.samples
    ]
