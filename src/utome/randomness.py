"""Keyed randomness: every draw is a function of what it is for, never of what was drawn before.

A key is made of (seed, purpose, epoch, content hash, ...). The order of files, the number of workers and an
interruption therefore change nothing.
"""

import hashlib

import numpy as np

Part = int | str


def key(*parts: Part) -> int:
    """A number below 2**63 that is a function of `parts` alone, the same on every machine.

    >>> key(0, "split", "a") == key(0, "split", "a") != key(1, "split", "a")
    True
    """
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode(errors="surrogatepass")).digest()[:8], "big") >> 1


def generator(*parts: Part) -> np.random.Generator:
    """A NumPy generator of its own for these parts."""
    return np.random.Generator(np.random.Philox(key(*parts)))
