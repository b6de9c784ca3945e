"""One training in many processes, as torchrun starts them: who does what, and sums over all of them.

Every process has the whole network and takes its share of each step's tiles; the first alone writes and speaks. All of
torch.distributed is in this file. A process that was started alone is the first of one, and everything here then does nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed
from torch import Tensor

from utome.errors import LostProcessError, MachineError, UtomeError
from utome.launch import Place, launched

Result = TypeVar("Result")
# So long one process waits for the others: reading the data and writing a state lie between two meetings. That one has ended is
# noticed at once.
PATIENCE = timedelta(minutes=30)


class _Here:
    """The place of this process; one that has left is alone, but does not become the first."""

    place = Place()


@contextmanager
def joined() -> Iterator[None]:
    """Join the processes that were started together, until the block ends."""
    place = launched()
    if place.size == 1:
        yield
        return
    gpus = torch.cuda.is_available() and torch.distributed.is_nccl_available()
    with _talking():
        torch.distributed.init_process_group("cpu:gloo,cuda:nccl" if gpus else "gloo", timeout=PATIENCE)
    _Here.place = place
    try:
        yield
    finally:
        leave()
        _Here.place = Place()


def leave() -> None:
    """Go on alone."""
    _Here.place = Place(_Here.place.rank)
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        with suppress(RuntimeError):  # of processes that have ended
            torch.distributed.destroy_process_group()


def rank() -> int:
    """The number of this process, from 0."""
    return _Here.place.rank


def size() -> int:
    """How many processes there are."""
    return _Here.place.size


def is_first() -> bool:
    """Whether this is the process that writes and speaks."""
    return rank() == 0


def share(count: int, of: int | None = None) -> slice:
    """Which of so many things are this process's, or those of the process `of`: as many as any other's, or one less or more."""
    number = rank() if of is None else of
    return slice(number * count // size(), (number + 1) * count // size())


def use_own_gpu() -> None:
    """Make torch's current GPU this process's own; `MachineError` where the machine has fewer GPUs than processes."""
    if size() == 1:
        return
    number, there = _Here.place.local_rank, torch.cuda.device_count()
    if number >= there:
        raise MachineError(
            f"This machine has {there} GPUs, but process {number + 1} here needs one of its own. Give torchrun "
            f"--nproc-per-node {there}, or set machine.device=cpu."
        )
    torch.cuda.set_device(number)


def by_first(work: Callable[[], Result]) -> Result:
    """What the first process alone does; its result, or the error of utome that it meets, is that of all."""
    if size() == 1:
        return work()
    outcome: list[Any] = [None, None]
    if is_first():
        try:
            outcome[0] = work()
        except UtomeError as error:
            outcome[1] = error
    with _talking():
        torch.distributed.broadcast_object_list(outcome, src=0)
    if outcome[1] is not None:
        raise _shared(outcome[1])
    result: Result = outcome[0]
    return result


def agreed(value: Result) -> Result:
    """The first process's value."""
    return by_first(lambda: value)


@contextmanager
def one_fate() -> Iterator[None]:
    """What one process cannot do, none does: an error of utome in one is raised in all."""
    if size() == 1:
        yield
        return
    fault = None
    try:
        yield
    except UtomeError as error:
        fault = error
    faults = [each for each in gathered(fault) if each is not None]
    if faults:
        raise _shared(faults[0])


@contextmanager
def ended_together() -> Iterator[None]:
    """Where all end with an error, none does before all have: torchrun soon kills those that are left."""
    try:
        yield
    except UtomeError as error:
        if error.shared:
            with suppress(LostProcessError):
                gathered(None)
        raise


def gathered(value: Result) -> list[Result]:
    """Every process's value, in their order."""
    if size() == 1:
        return [value]
    values: list[Any] = [None] * size()
    with _talking():
        torch.distributed.all_gather_object(values, value)
    return values


def any_of(*flags: bool) -> tuple[bool, ...]:
    """Of each flag, whether it is set in any process."""
    if size() == 1:
        return flags
    numbers = torch.tensor(flags, dtype=torch.int32)
    with _talking():
        torch.distributed.all_reduce(numbers, torch.distributed.ReduceOp.MAX)
    return tuple(bool(number) for number in numbers.tolist())


def summed(tensor: Tensor) -> Tensor:
    """The sum over all processes, for a loss that all compute alike: each gets the slope of its own summand.

    The gradients of the weights are then to be summed over the processes.
    """
    if size() == 1:
        return tensor
    total: Tensor = _Summed.apply(tensor)  # type: ignore[no-untyped-call]
    return total


def sum_in_place(tensors: Sequence[Tensor]) -> None:
    """Put in the place of each tensor its sum over all processes, bit for bit the same in each; all are of one type."""
    if size() == 1:
        return
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
    with _talking():
        torch.distributed.all_reduce(flat)
    for tensor, part in zip(tensors, torch.split(flat, [tensor.numel() for tensor in tensors]), strict=True):
        tensor.copy_(part.view(tensor.shape))


def stacked(tensor: Tensor) -> Tensor:
    """Every process's tensor, in their order, along a new first axis; all have one shape."""
    parts = [torch.empty_like(tensor) for _ in range(size())]
    with _talking():
        torch.distributed.all_gather(parts, tensor)
    return torch.stack(parts)


class _Summed(torch.autograd.Function):
    """A sum forwards, nothing backwards."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        del ctx
        total = tensor.clone()
        with _talking():
            torch.distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        del ctx
        return gradients[0]


def _shared(error: UtomeError) -> UtomeError:
    error.shared = True
    return error


@contextmanager
def _talking() -> Iterator[None]:
    """Turn torch's complaint that another process is gone, which has no class of its own, into a sentence."""
    try:
        yield
    except RuntimeError as error:
        raise LostProcessError(
            "Another process of this training has ended or cannot be reached, so none goes on; what was saved last is whole. Go on "
            f"with --resume. (torch says: {str(error).splitlines()[0] if str(error) else type(error).__name__})"
        ) from error
