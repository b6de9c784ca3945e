"""How much each pixel counts in the loss: rare classes more, and most of all the gaps between neighbouring objects.

Ronneberger et al. 2015, equation 2: w = w_c + w0·exp(−(d1 + d2)² / 2σ²), with the distances d1 and d2 to the nearest and the
second nearest object. The paper does not define w_c; `class_weights` says what is taken here. It gives the equation
for every pixel, so that it also holds inside objects, where d1 = 0; later software has it on the background alone, and
`WeightMapRule.border_on` says which.

Falk et al. 2019, in their software: objects weigh 1, and the background v + λ·exp(−(d1 + d2)² / 2σ_sep²) +
(1 − v)·exp(−d1² / 2σ_bal²), the last two terms once for each class, with distances to the objects of that class.

In both, distances are those to the objects as they were annotated, before gaps are cut between them: as that software has
it, and so no object is lost that is all gap.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, Integer, UInt8
from scipy import ndimage

from utome.augmentation.object_distances import nearest_two
from utome.augmentation.separation import BACKGROUND, IGNORED, separate
from utome.errors import DataError

LabelMap = UInt8[np.ndarray, "h w"]
Objects = Integer[np.ndarray, "h w"]
Weights = Float32[np.ndarray, "h w"]
Terms = Float64[np.ndarray, "h w"]
Kind = Literal["border", "2019", "none"]

# A border term below this may be left out: half of what a float32 near w0 = 10 can tell apart.
NEGLIGIBLE = 5e-7


@dataclass(frozen=True)
class WeightMapRule:
    """How weights follow from labels and objects.

    `border` is equation 2 of 2015 with `w0`, `sigma` and `border_on`; `none` is its w_c alone; `2019` is the later variant with its
    four constants λ, σ_sep, v and σ_bal. `class_weights` is w_c for each class, and empty 1 for all; `2019` balances in its
    own way and leaves it out. `separate` cuts gaps between touching objects into the labels, whatever the weights.
    Weights are 0 or more; sigmas are in pixels, above 0.
    """

    kind: Kind = "border"
    w0: float = 10.0
    sigma: float = 5.0
    border_on: Literal["everywhere", "background"] = "everywhere"
    class_weights: tuple[float, ...] = ()
    separate: bool = True
    separation_weight: float = 50.0
    separation_sigma: float = 6.0
    background_weight: float = 0.1
    balance_sigma: float = 10.0


def weight_map(labels: LabelMap, objects: Objects, rule: WeightMapRule) -> tuple[LabelMap, Weights]:
    """The labels, with gaps where the rule cuts them, and the weight of each pixel: finite, and 0 where the label is ignored.

    Class 0 is the background; objects of all classes are numbered from 1 without a number in common, and pixels with the number
    0 belong to none. `DataError` where a label has no class weight.
    """
    target = separate(labels, objects) if rule.separate else labels.copy()
    terms = _of_2019(target, labels, objects, rule) if rule.kind == "2019" else _class_term(target, rule)
    if rule.kind == "border":
        border = _border(objects, rule.w0, rule.sigma)
        terms += border if rule.border_on == "everywhere" else np.where(target == BACKGROUND, border, 0)
    weights = terms.astype(np.float32)
    weights[labels == IGNORED] = 0
    return target, weights


def border_term(objects: Objects, *, w0: float = 10.0, sigma: float = 5.0) -> Weights:
    """w0·exp(−(d1 + d2)² / 2σ²) at every pixel, to 1e-6; 0 with fewer than two objects.

    >>> round(float(border_term(np.array([[1, 0, 2]]))[0, 1]), 4)
    9.2312
    """
    return _border(objects, w0, sigma).astype(np.float32)


def class_counts(labels: LabelMap, *, classes: int) -> Int64[np.ndarray, " k"]:
    """Pixels of each class; those of several images add up."""
    return np.bincount(labels[labels < classes], minlength=classes).astype(np.int64)


def class_weights(counts: Sequence[int] | Int64[np.ndarray, " k"]) -> tuple[float, ...]:
    """N / (K·n) of each class: with n of all N pixels, and K classes that occur. A class that does not occur gets 1.

    All classes count alike in the loss, and the mean weight of all pixels is 1, so that the learning rate means the same
    with balance and without. The other usual choice, the largest n over n, differs from it by one factor.

    >>> class_weights([6, 2, 0])
    (0.6666666666666666, 2.0, 1.0)
    """
    present = sum(count > 0 for count in counts)
    total = sum(map(int, counts))
    return tuple(total / (present * int(count)) if count > 0 else 1.0 for count in counts)


def _class_term(target: LabelMap, rule: WeightMapRule) -> Terms:
    """w_c: the weight of each pixel's class."""
    if not rule.class_weights:
        return np.ones(target.shape)
    strange = target[(target >= len(rule.class_weights)) & (target != IGNORED)]
    if strange.size:
        raise DataError(
            f"There is no weight for class {strange.max()}; class weights are given for 0 to {len(rule.class_weights) - 1}. "
            "Give one for each class of the data."
        )
    table = np.zeros(IGNORED + 1)
    table[: len(rule.class_weights)] = rule.class_weights
    return table[target]


def _of_2019(target: LabelMap, labels: LabelMap, objects: Objects, rule: WeightMapRule) -> Terms:
    weights = np.full(target.shape, rule.background_weight)
    for number in np.unique(labels[(labels != BACKGROUND) & (labels != IGNORED)]):
        members = np.where(labels == number, objects, 0)
        weights += _border(members, rule.separation_weight, rule.separation_sigma)
        weights += (1 - rule.background_weight) * _nearness(members > 0, rule.balance_sigma)
    return np.where(target == BACKGROUND, weights, 1.0)


def _border(objects: Objects, weight: float, sigma: float) -> Terms:
    """Distances matter as far as `weight`·exp(−d² / 2σ²) is more than negligible, since d1 + d2 is no less than d2."""
    reach = sigma * math.sqrt(2 * math.log(max(weight / NEGLIGIBLE, 1)))
    terms, second = nearest_two(objects, reach=reach)
    # In place: at this size, memory that is asked for anew costs more than the arithmetic.
    terms += second
    terms *= terms
    terms *= -1 / (2 * sigma**2)
    np.exp(terms, out=terms)
    terms *= weight
    return terms


def _nearness(inside: Bool[np.ndarray, "h w"], sigma: float) -> Terms:
    """exp(−d² / 2σ²) with the distance to the nearest pixel that is inside; 0 everywhere where there is none."""
    if not inside.any():
        return np.zeros(inside.shape)
    return np.exp(-(ndimage.distance_transform_edt(~inside) ** 2) / (2 * sigma**2))
