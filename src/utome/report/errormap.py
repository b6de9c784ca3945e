"""Where a prediction is right and where it is wrong, in colours on the image in dimmed grey.

The four colours differ, from each other and from the dimmed image, also for readers who lack one of the three cones;
a test measures how much.
"""

from collections.abc import Sequence

import numpy as np

from utome.data.classes import IGNORED
from utome.data.formats import Pixels
from utome.prediction.pictures import COLOURS, OPACITY, Colour, LabelMap, displayed, palette

FOUND, INVENTED, MISSED, UNKNOWN = (240, 228, 66), (213, 94, 0), (86, 180, 233), (148, 60, 200)
# The first class has no colour of its own; where it was missed, among more than two classes, it is white.
FIRST_MISSED = (255, 255, 255)
DIMMED = 0.5
Entry = tuple[tuple[int, ...], str]


def error_map(pixels: Pixels, truth: LabelMap, predicted: LabelMap, *, classes: int) -> Colour:
    """The errors as `legend` explains them; of two classes the second is what is to be found.

    Among more, what is right is tinted in the colour of its class, and what is wrong is filled with that of its true class.
    """
    # Grey, so that every colour means something.
    grey = displayed(pixels).mean(axis=2, keepdims=True, dtype=np.float64) * DIMMED
    shown = np.repeat(grey.astype(np.uint8), 3, axis=2)
    known = truth != IGNORED
    right = known & (truth == predicted)
    if classes == 2:
        shown[right & (truth == 1)] = FOUND
        shown[known & ~right & (truth == 0)] = INVENTED
        shown[known & ~right & (truth == 1)] = MISSED
    else:
        colours = palette()
        colours[0] = FIRST_MISSED
        some = right & (truth > 0)
        shown[some] = ((1 - OPACITY) * shown[some] + OPACITY * colours[truth[some]]).round().astype(np.uint8)
        shown[known & ~right] = colours[truth[known & ~right]]
    shown[~known] = UNKNOWN
    return shown


def legend(classes: Sequence[str], *, unknown: bool = True) -> list[Entry]:
    """What the colours of an error map mean; `unknown` where there may be pixels of which nothing is known."""
    nothing_known = [(UNKNOWN, "nothing is known here; not counted")] if unknown else []
    if len(classes) == 2:
        return [
            (FOUND, f"{classes[1]}, found"),
            (INVENTED, f"predicted as {classes[1]}, but is not"),
            (MISSED, f"{classes[1]}, missed"),
            *nothing_known,
        ]
    named = [(FIRST_MISSED, classes[0]), *zip(COLOURS[1:], classes[1:], strict=False)]
    filled = [(colour, f"{name}, taken for another class") for colour, name in named]
    return [*filled, ((0, 0, 0), "right where only tinted, or dimmed"), *nothing_known]
