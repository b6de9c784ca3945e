"""What a family of scores is: something counted in each image that adds up, and the numbers that follow from it.

The score of a data set follows from the sum over its images, and an image's score from its own counts, by the same
function; so intervals can be had for every one of them.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, Protocol, Self, TypeVar

import numpy as np
from jaxtyping import Float64

from utome.evaluation.case import Case

Sums = Float64[np.ndarray, " s"]


class Addable(Protocol):
    """What adds up."""

    def __add__(self, other: Self, /) -> Self: ...


Counts = TypeVar("Counts", bound=Addable)


@dataclass(frozen=True)
class Measure(Generic[Counts]):
    """One number of a family: its name in tables, JSON and CSV, how it follows from counts, and its convention.

    `of` answers NaN where the number does not exist. `bounds` are what it lies between, none where it is a distance
    or a count. Without `interval` it is no function of sums, or not one whose spread is told. What is not `shown` is in
    the JSON alone. `whole` numbers are counts.
    """

    name: str
    of: Callable[[Counts], float]
    convention: str
    bounds: tuple[float, float] | None = (0.0, 1.0)
    interval: bool = True
    shown: bool = True
    whole: bool = False


class Family(ABC, Generic[Counts]):
    """A family of scores; `headline` is the measure by which images are ranked, the higher the better or the worse.

    `about` says what the numbers of a data set are over.
    """

    name: ClassVar[str]
    about: str
    headline: str
    higher_is_better: ClassVar[bool] = True
    measures: Sequence[Measure[Counts]]

    @abstractmethod
    def count(self, case: Case) -> Counts:
        """What is counted in one image."""

    @abstractmethod
    def pack(self, counts: Counts) -> Sums:
        """The counts as numbers in a row, all that measures with an interval need."""

    @abstractmethod
    def unpack(self, sums: Sums) -> Counts:
        """The counts again."""


def counted(name: str, of: Callable[[Counts], float], convention: str, *, shown: bool = True) -> Measure[Counts]:
    """A measure that is a number of things."""
    return Measure(name, of, convention, bounds=None, interval=False, shown=shown, whole=True)
