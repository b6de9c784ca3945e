"""Numbers of a study as text: as many places as a score needs, and a dash where there is none."""

import math
import re
from collections.abc import Iterable

from utome.statistics import comparison
from utome.statistics.intervals import Interval
from utome.studies.question import ALPHA, Metric

NOTHING, MINUS = "–", "−"
# Scores show so many digits that count, and shares so many places at least.
DIGITS = 3


def places(values: Iterable[float | None], metric: Metric) -> int:
    """After the point: so many that the largest value has three digits, and shares three places.

    >>> iou = Metric("iou", "IoU", higher_is_better=True, over="pooled")
    >>> error = Metric("warping", "warping error", higher_is_better=False, over="pooled")
    >>> places([0.74, None], iou), places([0.000353], error)
    (3, 6)
    """
    sizes = [abs(value) for value in values if value is not None and math.isfinite(value)]
    largest = max(sizes, default=0.0)
    least = DIGITS if metric.bounds is not None else 0
    if largest == 0:
        return least
    return min(max(least, DIGITS - 1 - math.floor(math.log10(largest))), 9)


def number(value: float | None, after_point: int) -> str:
    """A score; a dash where there is none.

    >>> number(0.5, 3), number(-0.0212, 3), number(None, 3)
    ('0.500', '−0.021', '–')
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    text = f"{value:.{after_point}f}"
    return (text.removeprefix("-") if float(text) == 0 else text).replace("-", MINUS)


def signed(value: float | None, after_point: int) -> str:
    """A difference, with its sign.

    >>> signed(0.03, 3), signed(-0.03, 3), signed(0.0, 3), signed(-0.0003, 3)
    ('+0.030', '−0.030', '0.000', '−0.0003')
    """
    text, finer = number(value, after_point), number(value, after_point + 1)
    if not text.strip("0.") and finer.strip(f"{MINUS}0."):
        text = finer  # so near to zero one digit more tells the side, and so whether an interval holds zero
    return f"+{text}" if value is not None and value > 0 and text.strip("0.") else text


def between(interval: Interval | None, after_point: int) -> str:
    """The ends of a score's interval, or nothing.

    >>> between(Interval(0.5, 0.75), 2), between(None, 2)
    ('0.50–0.75', '')
    """
    if interval is None:
        return ""
    low, high = number(interval.low, after_point), number(interval.high, after_point)
    return f"{low} to {high}" if interval.low < 0 else f"{low}–{high}"


def signed_between(interval: Interval | None, after_point: int) -> str:
    """The ends of a difference's interval, or nothing.

    >>> signed_between(Interval(-0.01, 0.07), 2)
    '−0.01 to +0.07'
    """
    if interval is None:
        return ""
    return f"{signed(interval.low, after_point)} to {signed(interval.high, after_point)}"


def p_text(p: float) -> str:
    """A p of three digits, or of more next to the level.

    >>> p_text(0.03125), p_text(1.0), p_text(0.00002), p_text(0.050047)
    ('0.0312', '1', '< 0.001', '0.05005')
    """
    return "< 0.001" if p < 0.001 else comparison.p_text(p, ALPHA)


def p_equals(p: float) -> str:
    """As it stands in a sentence.

    >>> p_equals(0.03125), p_equals(0.00002)
    ('p = 0.0312', 'p < 0.001')
    """
    text = p_text(p)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def with_unit(metric: Metric) -> str:
    """The metric as a column's head."""
    return f"{metric.title} ({metric.unit})" if metric.unit else metric.title


def count(number_of: int, noun: str) -> str:
    """So many of these.

    >>> count(1, "image"), count(3, "images"), count(12345, "group")
    ('1 image', '3 images', '12,345 groups')
    """
    return f"{number_of:,} {noun.removesuffix('s')}{'' if number_of == 1 else 's'}"


def listed(words: Iterable[str]) -> str:
    """A list within a sentence.

    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def slug(name: str) -> str:
    """A name that every file system and LaTeX take.

    >>> slug("a_b% ü"), slug("%%")
    ('a-b', 'x')
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "x"
