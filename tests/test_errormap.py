"""Maps of errors: which pixel has which colour, and whether readers of all colour visions tell the colours apart."""

from itertools import combinations

import numpy as np
import pytest
from skimage.color import rgb2lab

from utome.data.classes import IGNORED
from utome.prediction.pictures import COLOURS
from utome.report.errormap import FIRST_MISSED, FOUND, INVENTED, MISSED, UNKNOWN, error_map, legend

# Machado, Oliveira and Fernandes 2009, complete loss of one kind of cone; on linear light.
VISIONS = {
    "all": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.01182, 0.04294, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.3039)),
}
# Differences of 2 can be seen side by side; of this many, anywhere.
CLEAR = 25


def as_seen(colour: tuple[int, ...], vision: str) -> np.ndarray:
    """CIELAB of what a reader of this vision sees."""
    share = np.asarray(colour) / 255
    light = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    seen = (np.asarray(VISIONS[vision]) @ light).clip(0, 1)
    return rgb2lab(np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055))


@pytest.mark.parametrize("vision", VISIONS)
def test_the_colours_differ_from_each_other_and_from_the_dimmed_image(vision: str) -> None:
    colours = [as_seen(colour, vision) for colour in (FOUND, INVENTED, MISSED, UNKNOWN)]
    greys = [as_seen((grey, grey, grey), vision) for grey in range(0, 128, 3)]
    assert min(np.linalg.norm(one - other) for one, other in combinations(colours, 2)) > CLEAR
    assert min(np.linalg.norm(colour - grey) for colour in colours for grey in greys) > CLEAR


def test_of_two_classes_each_pixel_has_the_colour_of_its_case() -> None:
    pixels = np.full((1, 5, 3), 100, dtype=np.uint8)
    pixels[0, 0] = 0
    truth = np.array([[0, 1, 0, 1, IGNORED]], dtype=np.uint8)
    predicted = np.array([[0, 1, 1, 0, 1]], dtype=np.uint8)
    shown = error_map(pixels, truth, predicted, classes=2)
    assert shown[0].tolist() == [[0, 0, 0], *map(list, (FOUND, INVENTED, MISSED, UNKNOWN))]


def test_of_more_classes_errors_have_the_colour_of_the_true_class_and_what_is_right_is_tinted() -> None:
    pixels = np.arange(6, dtype=np.uint8)[None, :, None] * 20
    truth = np.array([[0, 1, 2, 0, 2, IGNORED]], dtype=np.uint8)
    predicted = np.array([[0, 1, 1, 2, 0, 0]], dtype=np.uint8)
    shown = error_map(pixels, truth, predicted, classes=3)[0].tolist()
    assert shown[2:] == [list(COLOURS[2]), list(FIRST_MISSED), list(COLOURS[2]), list(UNKNOWN)]
    assert len(set(shown[0])) == 1, "grey"
    red, green, blue = shown[1]
    assert red > green > blue, "orange, as the first class that is no background"


def test_the_legend_names_the_classes() -> None:
    assert [text for _, text in legend(("background", "crack"))][:3] == [
        "crack, found",
        "predicted as crack, but is not",
        "crack, missed",
    ]
    assert len(legend(("a", "b", "c"))) == 5
    for classes in (("background", "crack"), ("a", "b", "c")):
        assert legend(classes, unknown=False) == legend(classes)[:-1]
