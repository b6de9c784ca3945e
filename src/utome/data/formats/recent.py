"""What was decoded last, so that it need not be decoded again for the window beside."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import numpy as np

Key = TypeVar("Key", bound=Hashable)


class Recent(Generic[Key]):
    """Arrays by key, up to so many bytes of them; the one that was asked for longest ago goes first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._bytes = 0
        self._arrays: OrderedDict[Key, np.ndarray] = OrderedDict()

    def get(self, key: Key, make: Callable[[Key], np.ndarray]) -> np.ndarray:
        """The array of a key, made if it is not there; nobody may change it."""
        if key in self._arrays:
            self._arrays.move_to_end(key)
            return self._arrays[key]
        array = make(key)
        self._arrays[key] = array
        self._bytes += array.nbytes
        while self._bytes > self._most and len(self._arrays) > 1:
            self._bytes -= self._arrays.popitem(last=False)[1].nbytes
        return array
