"""Numbers that are made to go wrong, inside a child of `tests.fork_server`: each at some steps, or validations, counted
over the whole process."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

# As any, since its parts are exchanged.
loop: Any = import_module("utome.training.loop")


def _loss(steps: set[int]) -> None:
    """One pixel of the batch is no number."""

    def changed(number: int, batch: Any) -> None:
        if number in steps:
            batch.image[0, 0, 0, 0] = float("nan")

    _before_each_step(changed)


def _gradient(steps: set[int]) -> None:
    """The loss is a number, and the gradient of one of its terms is not."""
    terms_of = loop.loss_terms
    count = [0]

    def terms_with_a_kink(settings: Any, whole: Any) -> Any:
        terms = terms_of(settings, whole)

        def found(answers: Any, target: Tensor, weight: Tensor | None) -> dict[str, Tensor]:
            count[0] += 1
            values = terms(answers, target, weight)
            if count[0] in steps:
                first = next(iter(values))
                # The root's slope at 0 is infinite, and infinity times zero is no number.
                values[first] = values[first] + torch.sqrt(answers[0].sum() * 0.0)
            return values

        return found

    loop.loss_terms = terms_with_a_kink


def _weight(steps: set[int]) -> None:
    """A statistic of a norm, which the training itself never reads, is infinite after the step before."""
    networks: list[Any] = []
    step = loop._step

    def changed(task: Any, progress: Any, batch: Any, *rest: Any) -> None:
        step(task, progress, batch, *rest)
        networks.append(task.network)
        if len(networks) in steps:
            statistic = next(buffer for name, buffer in task.network.named_buffers() if name.endswith("running_var"))
            statistic[0] = float("inf")

    loop._step = changed


def _validation(epochs: set[int]) -> None:
    """A statistic that only validation reads is no number while it is read."""
    validate, count = loop.validate, [0]

    def changed(network: Any, *rest: Any, **more: Any) -> Any:
        count[0] += 1
        mean = next(buffer for name, buffer in network.named_buffers() if name.endswith("running_mean"))
        whole = mean.clone()
        if count[0] in epochs:
            mean[0] = float("nan")
        scores = validate(network, *rest, **more)
        mean.copy_(whole)
        return scores

    loop.validate = changed


def _before_each_step(change: Callable[[int, Any], None]) -> None:
    step, count = loop._step, [0]

    def changed(task: Any, progress: Any, batch: Any, *rest: Any) -> None:
        count[0] += 1
        change(count[0], batch)
        step(task, progress, batch, *rest)

    loop._step = changed


PLACES: Mapping[str, Callable[[set[int]], None]] = {
    "loss": _loss, "gradient": _gradient, "weight": _weight, "validation": _validation,
}  # fmt: skip
