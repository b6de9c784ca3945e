"""Numbers that went wrong: where they did first, for a sentence that helps."""

from collections.abc import Callable, Iterator, Mapping
from itertools import count

import torch
from torch import Tensor, nn

from utome.distributed import gathered
from utome.training.progress import Progress


class NotFiniteError(Exception):
    """A step met a number that is not finite; the training loop catches it."""

    def __init__(self, where: str, cause: str) -> None:
        super().__init__(f"{cause} {where}")
        self.where, self.cause = where, cause


def first_unsound(network: nn.Module, progress: Progress) -> str | None:
    """What of a training's state is not finite, in words; none where all is."""
    weight = first_weight(network)
    if weight is not None:
        return f"The weights `{weight}`"
    weight = None if progress.average is None else first_weight(progress.average.network)
    if weight is not None:
        return f"The averaged weights `{weight}`"
    for name, parameter in network.named_parameters():
        for sum_, value in progress.optimizer.state.get(parameter, {}).items():
            if isinstance(value, Tensor) and not _finite(value):
                return f"The optimiser's `{sum_}` of the weights `{name}`"
    return None


def first_weight(network: nn.Module) -> str | None:
    """The name of the first weight or statistic that is not finite; none where all are."""
    return next((name for name, tensor in network.state_dict().items() if not _finite(tensor)), None)


def first_parameter(network: nn.Module) -> str | None:
    """The same among the weights alone: a batch that goes wrong takes the statistics with it, which says nothing."""
    return next((name for name, parameter in network.named_parameters() if not _finite(parameter)), None)


def first_module(network: nn.Module, image: Tensor) -> str | None:
    """The name of the first module to give an output that is not finite for this batch; none where all outputs are.

    The batch goes through the network once more, as it is; statistics that a norm keeps move on, so the network is to be
    thrown away or put back afterwards. Where several processes share the batch, all must ask, and the first in any of them is told.
    """
    first = first_output(network, lambda: network.supervised(image))  # type: ignore[operator]
    firsts = [each for each in gathered(first) if each is not None]
    return min(firsts)[1] if firsts else None


@torch.no_grad()
def first_output(network: nn.Module, work: Callable[[], object]) -> tuple[int, str] | None:
    """The first module whose output is not finite while the network does this work, after so many others; none where all are."""
    found: list[tuple[int, str]] = []
    turns = count()
    hooks = [
        module.register_forward_hook(_noting(name, turns, found)) for name, module in network.named_modules() if name
    ]
    try:
        work()
    finally:
        for hook in hooks:
            hook.remove()
    return found[0] if found else None


def first_gradient(network: nn.Module) -> str | None:
    """The name of the first parameter, from the output backwards, whose gradient is not finite; none where all are."""
    named = [(name, each.grad) for name, each in network.named_parameters() if each.grad is not None]
    return next((name for name, gradient in reversed(named) if not _finite(gradient)), None)


def not_finite(terms: Mapping[str, Tensor]) -> str:
    """Which of the loss terms are not finite, each with its value, as the beginning of a sentence."""
    bad = [f"{name} ({term.item():g})" for name, term in terms.items() if not _finite(term)]
    if len(bad) > 1:
        return f"The loss terms {' and '.join(bad)} are no longer finite"
    return f"The loss term {bad[0] if bad else 'sum'} is no longer finite"


def _noting(name: str, turns: Iterator[int], found: list[tuple[int, str]]):  # type: ignore[no-untyped-def]  # noqa: ANN202 - torch's own kind of hook
    def note(module: nn.Module, inputs: object, output: object) -> None:
        del module, inputs
        turn = next(turns)
        if isinstance(output, Tensor) and not _finite(output):
            found.append((turn, name))

    return note


def _finite(tensor: Tensor) -> bool:
    return bool(torch.isfinite(tensor).all())
