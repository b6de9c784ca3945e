"""A course of figures as a small line of blocks, for a terminal."""

from collections.abc import Sequence

BLOCKS = "▁▂▃▄▅▆▇█"


def blocks(values: Sequence[float], *, width: int = 20) -> str:
    """One block a value, the lowest to the highest of them, at most `width` of them, of which the last is the last value.

    >>> blocks([3, 2, 1.5, 1]), blocks([5, 5]), blocks([0, float("nan"), 1]), blocks([])
    ('█▅▃▁', '▁▁', '▁ █', '')
    """
    if len(values) > width:
        values = [values[-1 - round(place * (len(values) - 1) / (width - 1))] for place in reversed(range(width))]
    known = [value for value in values if abs(value) < float("inf")]  # NaN is not
    low, high = min(known, default=0.0), max(known, default=0.0)
    scale = (len(BLOCKS) - 1) / (high - low) if high > low else 0.0
    return "".join(BLOCKS[int((value - low) * scale + 0.5)] if abs(value) < float("inf") else " " for value in values)
