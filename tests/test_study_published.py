"""The shipped studies print what their papers print: every published value, taken from the papers and not from the study files."""

import pytest

from utome.studies.file import PublishedEntry
from utome.studies.library import load_study, study_names

IOU, ACCURACY, SEG = "pixels.mean_iou", "pixels.accuracy", "objects.seg"
# Table 1 of unet2015 has these three columns.
ISBI = ("isbi2012.warping_error", "isbi2012.rand_error", "isbi2012.pixel_error")
PERCENT, PLAIN = 0.01, 1.0
# The place of a value: the arm that it stands beside (`arm/variant` where that is not the first), else the row of the paper.
Values = dict[tuple[str, str], float]


def by_place(metric: str, unit: float, values: dict[str, float]) -> Values:
    """The values of one metric."""
    return {(place, metric): value * unit for place, value in values.items()}


def table_1(rows: dict[str, tuple[float, float, float]]) -> Values:
    """The values of unet2015's table 1, row by row."""
    return {
        (place, metric): value for place, row in rows.items() for metric, value in zip(ISBI, row, strict=True)
    }  # fmt: skip


PRINTED: dict[str, Values] = {
    "frem-drosophila": by_place(
        IOU,
        PERCENT,
        {
            "se-unet": 73.98,
            "shallow": 74.70,
            "supervised": 75.15,
            "dropout": 74.83,
            "frem": 76.95,
            "frem/enhanced": 76.85,
        },
    ),
    "frem-mouse": by_place(
        IOU,
        PERCENT,
        {
            "se-unet": 59.50,
            "shallow": 60.36,
            "supervised": 59.19,
            "dropout": 59.01,
            "frem": 61.62,
            "fixed": 60.49,
            "frem/enhanced": 60.52,
        },
    ),
    "fullattention-em": by_place(
        IOU,
        PERCENT,
        {
            "unet in as-published": 85.59,
            "attention in as-published": 90.85,
            "advanced in as-published": 85.88,
            "full in as-published": 90.02,
        },
    ),
    "fullattention-cracks": by_place(
        IOU,
        PERCENT,
        {
            "best network, bridge photographs": 49.67,
            "a single photograph, figure 9": 48.92,
            "another training, the same photograph, figure 9": 46.54,
        },
    ),
    "effunet-nuclei": by_place(ACCURACY, PERCENT, {"resnet50": 97}),
    "effunet-vessels": by_place(ACCURACY, PERCENT, {"U-Net (ResNet50), DRIVE": 95, "Eff-UNet (B0), DRIVE": 96}),
    "unet2015-em": table_1(
        {
            "human values": (0.000005, 0.0021, 0.0010),
            "both/rotations": (0.000353, 0.0382, 0.0611),
            "DIVE-SCI": (0.000355, 0.0305, 0.0584),
            "IDSIA": (0.000420, 0.0504, 0.0613),
            "DIVE": (0.000430, 0.0545, 0.0582),
            "IDSIA-SCI": (0.000653, 0.0189, 0.1027),
        }
    ),
    "unet2015-cells": by_place(
        SEG,
        PLAIN,
        {
            "IMCB-SG (2014), PhC-U373": 0.2669,
            "IMCB-SG (2014), DIC-HeLa": 0.2935,
            "KTH-SE (2014), PhC-U373": 0.7953,
            "KTH-SE (2014), DIC-HeLa": 0.4607,
            "HOUS-US (2014), PhC-U373": 0.5323,
            "second best 2015, PhC-U373": 0.83,
            "second best 2015, DIC-HeLa": 0.46,
            "u-net (2015), PhC-U373": 0.9203,
            "u-net (2015), DIC-HeLa": 0.7756,
        },
    ),
}
# What is printed and is no score of ours stands in sentences.
TOLD = {
    "frem-drosophila": ("74.005", "73.98"),
    "effunet-nuclei": (".0580", ".0638", "69 epochs", ".0370", ".0912", "36"),
    "effunet-vessels": (".0152", ".2552", "0.000646", ".3011"),
    "unet2015-em": ("0.0003529",),
}


def place_of(each: PublishedEntry, first: str) -> str:
    """Where a value stands, as the tables above have it."""
    if each.arm is None:
        return each.row
    variant = "" if each.variant in {None, first} else f"/{each.variant}"
    return f"{each.arm}{variant}" + ("" if each.protocol is None else f" in {each.protocol}")


def test_every_shipped_study_has_its_papers_values_here() -> None:
    assert study_names() == sorted(PRINTED)


@pytest.mark.parametrize("name", sorted(PRINTED))
def test_the_published_values_are_those_that_the_paper_prints(name: str) -> None:
    study, _ = load_study(name)
    first = next(iter(study.variants))
    found = [
        ((place_of(each, first), each.metric), (each.value or 0.0) + PERCENT * (each.percent or 0.0))
        for each in study.published
    ]
    assert len(found) == len(dict(found))
    assert dict(found) == pytest.approx(PRINTED[name], rel=1e-9)


@pytest.mark.parametrize("name", sorted(TOLD))
def test_what_the_paper_prints_beside_scores_is_told_in_words(name: str) -> None:
    study, _ = load_study(name)
    text = " ".join(study.differences)
    for printed in TOLD[name]:
        assert printed in text


def test_a_value_that_the_paper_gives_as_about_so_much_is_shown_so() -> None:
    about = {
        name: [each.printed for each in load_study(name)[0].published if each.metric == ACCURACY] for name in PRINTED
    }
    assert {name: texts for name, texts in about.items() if texts} == {
        "effunet-nuclei": ["about 97 %"],
        "effunet-vessels": ["about 95 %", "about 96 %"],
    }
