"""How far each pixel of a network's output looks, followed back through every operation of the network itself.

The network runs once without memory for its values (torch's `meta` device) while its operations are noted. From one
pixel of the output, the interval of columns that it depends on is then followed back, operation by operation, as if
maps had no border. All networks here treat rows as they treat columns.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

Interval = tuple[int, int]
Back = Callable[[Interval], Interval]
aten = torch.ops.aten


@dataclass(frozen=True)
class Reach:
    """`field`: the widest side of what one output pixel depends on, but for means over the whole image.

    `halo`: how far the pixels between two multiples of the stride look beyond these, at most; so a tile that begins on
    such a multiple is exact from there on. `is_global`: whether there are means over the whole image.
    """

    field: int
    halo: int
    is_global: bool


def reach(run: Callable[[Tensor], Tensor], *, channels: int, side: int, stride: int) -> Reach:
    """The reach of what `run` makes of an image on the `meta` device, of this many channels and pixels a side."""
    image = torch.empty(1, channels, side, side, device="meta")
    with torch.no_grad(), _Notes(image) as notes:
        output = run(image)
    # Where a pixel lies on the pooling grid changes how far it looks.
    looks = [notes.back(output, pixel) for pixel in range(stride)]
    beyond = max(last for _, last in looks) - (stride - 1)
    return Reach(
        field=max(last - first + 1 for first, last in looks),
        halo=max(-min(first for first, _ in looks), beyond),
        is_global=notes.is_global,
    )


@dataclass(frozen=True)
class _Note:
    """One operation: which tensor came out, which went in, and how an interval goes back."""

    output: int
    inputs: tuple[int, ...]
    back: Back


class _Notes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes every operation on what descends from the image."""

    def __init__(self, image: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._image = image
        self._kept: list[Tensor] = [image]  # so that no two tensors share an identity
        self._known = {id(image)}
        self._notes: list[_Note] = []
        self.is_global = False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run the operation and note it."""
        del types
        result = func(*args, **(kwargs or {}))
        inputs = [tensor for tensor in _tensors(args) if id(tensor) in self._known]
        output = result[0] if isinstance(result, tuple | list) else result
        if inputs and isinstance(output, Tensor):
            self._note(func.overloadpacket, inputs, output, args)
        return result

    def back(self, output: Tensor, pixel: int) -> Interval:
        """The columns of the image that this column of the output depends on."""
        seen: dict[int, Interval] = {id(output): (pixel, pixel)}
        for note in reversed(self._notes):
            if note.output in seen:
                first, last = note.back(seen[note.output])
                for number in note.inputs:
                    before = seen.get(number, (first, last))
                    seen[number] = min(before[0], first), max(before[1], last)
        return seen[id(self._image)]

    def _note(self, operation: Any, inputs: Sequence[Tensor], output: Tensor, args: Sequence[Any]) -> None:
        self._kept.append(output)
        self._known.add(id(output))
        if output.shape[-1] == 1:
            self.is_global = True  # a mean over the whole image, and what is made of it
            return
        wide = [tensor for tensor in inputs if tensor.shape[-1] != 1]
        back = _BACK.get(operation, _unchanged)(args, output)
        if back is _same and any(tensor.shape[-1] != output.shape[-1] for tensor in wide):
            raise AssertionError(f"how far {operation} looks is not known here")
        self._notes.append(_Note(id(output), tuple(id(tensor) for tensor in wide), back))


def _tensors(args: Sequence[Any]) -> list[Tensor]:
    flat = [each for arg in args for each in (arg if isinstance(arg, list | tuple) else [arg])]
    return [each for each in flat if isinstance(each, Tensor)]


def _same(interval: Interval) -> Interval:
    return interval


def _unchanged(args: Sequence[Any], output: Tensor) -> Back:
    del args, output
    return _same


def _convolution(args: Sequence[Any], output: Tensor) -> Back:
    del output
    kernel, stride, padding, dilation, transposed = args[1].shape[-1], args[3][-1], args[4][-1], args[5][-1], args[6]
    span = dilation * (kernel - 1)
    if transposed:
        return lambda at: (-((span - padding - at[0]) // stride), (at[1] + padding) // stride)
    return lambda at: (at[0] * stride - padding, at[1] * stride - padding + span)


def _max_pool(args: Sequence[Any], output: Tensor) -> Back:
    del output
    kernel, stride = args[1][-1], args[2][-1]
    padding = args[3][-1] if len(args) > 3 else 0
    return lambda at: (at[0] * stride - padding, at[1] * stride - padding + kernel - 1)


def _bilinear(args: Sequence[Any], output: Tensor) -> Back:
    factor = output.shape[-1] // args[0].shape[-1]

    def left(column: int) -> int:
        return (2 * column + 1 - factor) // (2 * factor)

    return lambda at: (left(at[0]), left(at[1]) + 1)


def _slice(args: Sequence[Any], output: Tensor) -> Back:
    dimension, start = (args[1] if len(args) > 1 else 0), (args[2] if len(args) > 2 else 0) or 0
    if dimension % output.ndim != output.ndim - 1:
        return _same
    return lambda at: (at[0] + start, at[1] + start)


def _pad(args: Sequence[Any], output: Tensor) -> Back:
    del output
    left = args[1][0]
    return lambda at: (at[0] - left, at[1] - left)


_BACK: dict[Any, Callable[[Sequence[Any], Tensor], Back]] = {
    aten.convolution: _convolution,
    aten.max_pool2d_with_indices: _max_pool,
    aten.upsample_bilinear2d: _bilinear,
    aten.slice: _slice,
    aten.constant_pad_nd: _pad,
}
