"""The skeleton of a mask by parallel thinning: lines one pixel wide with the same parts and the same holes.

The conditions are those of Guo and Hall 1989 (Parallel thinning with two-subiteration algorithms, A1). Layers are
taken off in turn from two opposite sides; a pixel goes where its eight neighbours form one connected part (so that it
links nothing), are not so few that it ends a line, and leave it open to the side whose turn it is. The mask is
8-connected and its background 4-connected. A table has the answer for each of the 256 neighbourhoods, and a pixel is
looked at again only after one of its neighbours has gone, which changes nothing but the time.
"""

import numpy as np
from jaxtyping import Bool, Int64, UInt8

from utome.metrics.checks import Mask

# The neighbours clockwise from the one above; bit n of a neighbourhood's code is the n-th of them.
NEIGHBOURS = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))


def skeleton(mask: Mask) -> Mask:
    """Thin a mask to its skeleton; outside the image is background."""
    padded = np.pad(mask, 1)
    pixels = padded.reshape(-1)
    steps = np.asarray([dy * padded.shape[1] + dx for dy, dx in NEIGHBOURS], dtype=np.int64)
    waiting = [pixels.copy(), pixels.copy()]
    turn, idle = 0, 0
    while idle < 2:
        looked_at = np.flatnonzero(waiting[turn] & pixels)
        waiting[turn][looked_at] = False
        going = looked_at[REMOVABLE[turn][_neighbourhoods(pixels, looked_at, steps)]]
        pixels[going] = False
        for step in steps:
            waiting[0][going + step] = waiting[1][going + step] = True
        turn, idle = 1 - turn, 0 if going.size else idle + 1
    return padded[1:-1, 1:-1].copy()


def _neighbourhoods(
    pixels: Bool[np.ndarray, " n"], places: Int64[np.ndarray, " m"], steps: Int64[np.ndarray, " 8"]
) -> UInt8[np.ndarray, " m"]:
    codes = np.zeros(places.size, dtype=np.uint8)
    for bit, step in enumerate(steps):
        codes |= pixels[places + step].astype(np.uint8) << np.uint8(bit)
    return codes


def _removable() -> Bool[np.ndarray, "2 256"]:
    """For each of the two turns: may a pixel with this neighbourhood go?"""
    codes = np.arange(256)
    n, ne, e, se, s, sw, w, nw = ((codes >> bit & 1).astype(bool) for bit in range(8))
    gaps_closed = [~n & (ne | e), ~e & (se | s), ~s & (sw | w), ~w & (nw | n)]
    one_way_round = np.sum([nw | n, ne | e, se | s, sw | w], axis=0)
    other_way_round = np.sum([n | ne, e | se, s | sw, w | nw], axis=0)
    neighbours = np.minimum(one_way_round, other_way_round)
    links_nothing = np.sum(gaps_closed, axis=0) == 1
    no_end = (neighbours >= 2) & (neighbours <= 3)
    turns = [~((n | ne | ~se) & e), ~((s | sw | ~nw) & w)]
    return np.stack([links_nothing & no_end & open_side for open_side in turns])


REMOVABLE = _removable()
