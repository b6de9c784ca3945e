"""What would fit where memory was too little: found by trying, once the training has ended. Nothing is changed by itself."""

from collections.abc import Callable

import numpy as np
import torch

from utome.device import is_refusal_of_memory
from utome.losses.total import loss_terms, total
from utome.prediction.tiled import predict_tiled
from utome.training.optimizers import SUMS
from utome.training.progress import Task


def what_fits(task: Task) -> str:
    """A sentence with the largest batch, found by halving, or the largest tile, whose step fits into memory now.

    The network is of no use afterwards: its gradients and statistics are those of the trials.
    """
    task.network.zero_grad(set_to_none=True)
    batch, tile = task.config.training.batch, task.batches.side
    fitting = _largest(batch, lambda count: _step(task, count, tile))
    if fitting == batch:
        return _prediction(task)
    if fitting is not None:
        return (
            f"A step of {batch} tiles does not fit, one of {fitting} does: train anew with --set training.batch={fitting}. The batch is "
            "never made smaller by itself, since the result would be another."
        )
    least = 2 * task.network.geometry.stride
    fitting = _largest(tile, lambda side: side >= least and _step(task, 1, side))
    if fitting is not None:
        return (
            f"Not even a step of one tile of {tile} pixels fits; one tile of {fitting} does: train anew with --set training.batch=1 "
            f"--set training.tile={fitting}."
        )
    return "Not even the smallest tile fits: train anew with a smaller model.width."


def _prediction(task: Task) -> str:
    """Steps fit, so it was a validation image that did not."""
    tile = task.config.prediction.piece
    fitting = _largest(tile, lambda side: side >= 1 and _tries(task, lambda: _predict(task, side)))
    if fitting is None:
        return "Steps fit, but no validation image does: train anew with a smaller model.width."
    if fitting == tile:
        return "All fits now: something else took the memory. Go on with --resume."
    return f"Steps fit, but validation needs smaller tiles: train anew with --set prediction.tile={fitting}."


def _largest(most: int, fits: Callable[[int], bool]) -> int | None:
    """The first that fits of this number, its half, the half of that, to 1."""
    while most >= 1:
        if fits(most):
            return most
        most //= 2
    return None


def _step(task: Task, batch: int, side: int) -> bool:
    return _tries(task, lambda: _train(task, batch, side))


def _train(task: Task, batch: int, side: int) -> None:
    network, device = task.network.train(), task.device
    sums = SUMS[task.config.optimizer.name]  # which come with the optimiser's first step
    held = [torch.empty_like(each) for each in network.parameters() for _ in range(sums)]
    size, channels = network.geometry.input_side(side), task.batches.dataset[0].image.shape[0]
    image = device.place(torch.zeros(batch, channels, size, size))
    labelled = network.geometry.output_side(side)
    target = torch.zeros(batch, labelled, labelled, dtype=torch.int64, device=device.torch)
    with device.autocast():
        answers = network.supervised(image)
    total(loss_terms(task.config.loss)(answers, target, None)).backward()  # type: ignore[no-untyped-call]
    del held


def _predict(task: Task, tile: int) -> None:
    task.network.eval()
    sizes = [task.validation.network_size(number) for number in range(len(task.validation))]
    channels = task.batches.dataset[0].image.shape[0]
    largest = np.zeros((channels, *(max(each) for each in zip(*sizes, strict=True))), dtype=np.float32)
    pieces = task.config.prediction
    predict_tiled(task.network, largest, task.device, tile=tile, halo=pieces.halo, blend=pieces.blend)


def _tries(task: Task, trial: Callable[[], None]) -> bool:
    """Whether there is memory for this; other faults pass on."""
    try:
        trial()
    except (MemoryError, RuntimeError) as error:
        if not is_refusal_of_memory(error):
            raise
        return False
    finally:
        task.network.zero_grad(set_to_none=True)
        if task.device.torch.type == "cuda":
            torch.cuda.empty_cache()
    return True
