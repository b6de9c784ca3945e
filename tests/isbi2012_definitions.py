"""The algorithms of the ISBI 2012 scores, spelt out step by step, to compare the fast ones with."""

from collections import deque

import numpy as np
from scipy import ndimage

from utome.metrics.isbi2012.labelling import above, components
from utome.metrics.isbi2012.mismatches import Mismatch
from utome.metrics.isbi2012.simple_points import SIMPLE, rings

Pixel = tuple[int, int]  # x, y

MASK, QUEUED, LINE = -1, -2, 0


def immersed(cells: np.ndarray) -> np.ndarray:
    """The watershed by immersion, level by level: lines that arise from contact with lines may be taken back."""
    pixels = [(x, y) for x in range(cells.shape[1]) for y in range(cells.shape[0])]
    labels = dict.fromkeys(pixels, MASK)
    found = 0
    for white in (True, False):
        level = {(x, y): None for x, y in pixels if cells[y, x] == white}
        queue = deque(pixel for pixel in level if any(labels[other] >= 0 for other in _sides(pixel, labels)))
        labels |= dict.fromkeys(queue, QUEUED)
        while queue:
            queue.extend(_take(queue.popleft(), labels, level))
        for seed in level:
            if labels[seed] == MASK:
                found += 1
                _fill(seed, labels, level, found)
    # Basins are numbered along columns, components along rows.
    image = np.asarray([[labels[x, y] for x in range(cells.shape[1])] for y in range(cells.shape[0])])
    numbers = np.arange(found + 1)
    if cells.any():
        numbers[image[cells]] = components(cells)[cells]
    return numbers[image]


def _take(pixel: Pixel, labels: dict[Pixel, int], level: dict[Pixel, None]) -> list[Pixel]:
    flag, queued = False, []
    for other in _sides(pixel, labels):
        label = labels[pixel]
        if labels[other] > 0:
            if label == QUEUED or (label == LINE and flag):
                labels[pixel] = labels[other]
            elif label not in {LINE, labels[other]}:
                labels[pixel], flag = LINE, False
        elif labels[other] == LINE and label == QUEUED:
            labels[pixel], flag = LINE, True
        elif labels[other] == MASK and other in level:
            labels[other] = QUEUED
            queued.append(other)
    return queued


def _fill(seed: Pixel, labels: dict[Pixel, int], level: dict[Pixel, None], number: int) -> None:
    labels[seed] = number
    basin = [seed]
    while basin:
        new = [other for other in _sides(basin.pop(), labels) if labels[other] == MASK and other in level]
        labels |= dict.fromkeys(new, number)
        basin += new


def _sides(pixel: Pixel, inside: dict[Pixel, int]) -> list[Pixel]:
    x, y = pixel
    return [other for other in ((x - 1, y), (x, y - 1), (x + 1, y), (x, y + 1)) if other in inside]


def warped_slowly(truth: np.ndarray, probability: np.ndarray, threshold: float) -> np.ndarray:
    """The truth, warped towards the proposal, with every pixel tried in every round."""
    image = truth.copy()
    proposal = above(probability, threshold)
    order = [(x, y) for x in range(truth.shape[1]) for y in range(truth.shape[0])]
    order.sort(key=lambda place: -np.float32(abs(float(probability[place[1], place[0]]) - threshold)))
    before = -1
    while before != (before := int((image != proposal).sum())):
        for x, y in order:
            if image[y, x] != proposal[y, x] and SIMPLE[rings(image)[y, x]]:
                image[y, x] = not image[y, x]
    return image


def kinds_slowly(image: np.ndarray, mismatch: np.ndarray) -> np.ndarray:
    """The kind of every mismatch, with the cells counted anew when a pixel is taken out."""
    answer = np.zeros(image.shape, dtype=np.uint8)
    for y, x in np.argwhere(mismatch):
        answer[y, x] = _kind(image, y, x).value
    return answer


def _kind(image: np.ndarray, y: int, x: int) -> Mismatch:
    white, around = image[y, x], _around(image, y, x)
    if around == {0}:
        return Mismatch.OBJECT_DELETION if white else Mismatch.OBJECT_ADDITION
    if len(around) == 1:
        return Mismatch.HOLE_ADDITION if white else Mismatch.HOLE_DELETION
    if len(around) > 2:
        return Mismatch.SPLIT if white else Mismatch.MERGE
    if not white:
        return Mismatch.HOLE_ADDITION
    without = image.copy()
    without[y, x] = False
    return Mismatch.SPLIT if len(_around(without, y, x)) > 2 else Mismatch.HOLE_DELETION


def _around(image: np.ndarray, y: int, x: int) -> set[int]:
    neighbours = np.pad(ndimage.label(image)[0], 1)[y : y + 3, x : x + 3].ravel().tolist()
    del neighbours[4]
    return set(neighbours)
