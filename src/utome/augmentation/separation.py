"""Objects where only classes are known, and gaps between objects that touch.

Ronneberger et al. 2015 part touching cells "using morphological operations" and say no more; the rule here is that of the
same laboratory's later software (Falk et al. 2019): row by row, a pixel that touches another object's earlier pixel is
given up. Every pixel is judged by the objects as they were, so the gap is one pixel wide between an object and the one below
it, and two between objects side by side, where the upper right neighbour gives up a pixel on the left too.
"""

import numpy as np
from jaxtyping import Int32, Integer, UInt8
from scipy import ndimage

LabelMap = UInt8[np.ndarray, "h w"]
Objects = Integer[np.ndarray, "h w"]

BACKGROUND = 0
# The label of a pixel of which nothing is known.
IGNORED = 255
# Upper left, above, upper right, left: each pair of touching pixels is seen once, from the later one. (y, x)
EARLIER = ((-1, -1), (-1, 0), (-1, 1), (0, -1))


def components(labels: LabelMap, *, background: int = BACKGROUND) -> Int32[np.ndarray, "h w"]:
    """Object numbers from 1: the connected parts of each class but the background, class by class; 0 elsewhere.

    Pixels that touch at a corner are connected: so a thin line that runs aslant stays one object, and no two objects of one
    class touch, so that `separate` has nothing to part.
    """
    objects, count = np.zeros(labels.shape, dtype=np.int32), 0
    for number in np.unique(labels):
        if number in {background, IGNORED}:
            continue
        parts, found = ndimage.label(labels == number, structure=np.ones((3, 3)))
        objects += np.where(parts > 0, parts + np.int32(count), 0)
        count += found
    return objects


def separate(labels: LabelMap, objects: Objects) -> LabelMap:
    """The labels with background where a pixel's upper left, upper, upper right or left neighbour is of another object.

    Only objects of one class are parted, and what is left of them touches nowhere, not even at corners. Objects are the
    pixels with one number above 0. Where it touches others, an object one pixel wide vanishes.
    """
    labels = labels.copy()
    ridges = np.zeros(labels.shape, dtype=bool)
    for down, right in EARLIER:
        here, there = _paired(down, right)
        alike = (labels[here] == labels[there]) & (objects[here] > 0) & (objects[there] > 0)
        ridges[here] |= alike & (objects[here] != objects[there])
    labels[ridges & (labels != IGNORED)] = BACKGROUND
    return labels


def _paired(down: int, right: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """The pixels that have a neighbour so many rows and columns away, and those neighbours."""
    (here_y, there_y), (here_x, there_x) = _shifted(down), _shifted(right)
    return (here_y, here_x), (there_y, there_x)


def _shifted(by: int) -> tuple[slice, slice]:
    if by == 0:
        return slice(None), slice(None)
    return (slice(-by, None), slice(None, by)) if by < 0 else (slice(None, -by), slice(by, None))
