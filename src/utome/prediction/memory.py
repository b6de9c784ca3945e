"""How much memory a network takes for an image, and how much there is."""

import copy
import os
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from utome.device import Device
from utome.models.network import SegmentationNetwork

# Convolutions need some room of their own, and so do others on the machine.
MARGIN = 1.5
CONTAINER = Path("/sys/fs/cgroup")


def largest_tile(network: SegmentationNetwork, channels: int, size: tuple[int, int], device: Device) -> int | None:
    """The largest side in one piece that memory allows of an image of this size; none where all of it fits."""
    free = free_bytes(device)
    if free is None:
        return None
    bare, geometry = copy.deepcopy(network).to("meta"), network.geometry

    def fits(height: int, width: int) -> bool:
        sides = [geometry.input_side(side) for side in (height, width)]
        return MARGIN * forward_bytes(bare, (1, channels, sides[0], sides[1])) <= free

    if fits(*size):
        return None
    low, high = 0, -(-max(size) // geometry.stride)
    while high - low > 1:
        middle = (low + high) // 2
        side = middle * geometry.stride
        low, high = (middle, high) if fits(min(side, size[0]), min(side, size[1])) else (low, middle)
    return max(low, 1) * geometry.stride


def forward_bytes(network: nn.Module, shape: Sequence[int]) -> int:
    """The most bytes of float32 maps that a network on the `meta` device holds at a time for an image of this shape."""
    image = torch.empty(*shape, device="meta")
    with torch.no_grad(), _Held() as held:
        network(image)
    return held.most + image.nbytes


def free_bytes(device: Device) -> int | None:
    """The memory that is free on the device; none where that is not known."""
    if device.torch.type == "cuda":
        return int(torch.cuda.mem_get_info(device.torch)[0])
    known = [each for each in (_of_the_machine(), _of_the_container()) if each is not None]
    return min(known) if known else None


def _of_the_machine() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return int(dict(line.split(":", 1) for line in lines)["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def _of_the_container() -> int | None:
    """What a limit on this group of processes leaves, where Linux has set one."""
    try:
        limit, used = (int((CONTAINER / name).read_text(encoding="ascii")) for name in ("memory.max", "memory.current"))
    except (OSError, ValueError):  # `max` where there is no limit
        return None
    return max(0, limit - used)


class _Held(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of all tensors that operations gave and nobody let go."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._now, self.most = 0, 0
        self._known: set[int] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run the operation and count what comes out."""
        del types
        result = func(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, tuple | list) else [result]:
            if isinstance(tensor, Tensor):
                self._count(tensor.untyped_storage())
        return result

    def _count(self, storage: torch.UntypedStorage) -> None:
        number = storage._cdata
        if number in self._known:
            return
        self._known.add(number)
        self._now += storage.nbytes()
        self.most = max(self.most, self._now)
        weakref.finalize(storage, self._let_go, number, storage.nbytes())

    def _let_go(self, number: int, size: int) -> None:
        self._known.discard(number)
        self._now -= size
