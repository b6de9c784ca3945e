"""The training loop, on one page.

torch's own generator is seeded anew at every step from (seed, epoch, step), so dropout is keyed as all else is, and
nothing random need be remembered to go on after an interruption at any step.

Several processes may share each step's tiles, see `utome.distributed`: what is computed of a step (loss, gradient, what is not finite)
is then that of all its tiles in every one of them, so all take the same turns. Each draws its own dropout.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from utome.data.batches import Batch
from utome.data.classes import IGNORED
from utome.distributed import rank, sum_in_place, summed
from utome.errors import NumericalError
from utome.events import EpochDone, Listener, Noted, Progressed
from utome.losses.total import Terms, loss_terms, total
from utome.randomness import key
from utome.training.faults import NotFiniteError, first_gradient, first_module, first_parameter, not_finite
from utome.training.magnitudes import fixed_tiles, magnitudes
from utome.training.optimizers import learning_rate
from utome.training.progress import SMALLER, Progress, Sums, Task, result
from utome.training.validation import validate

# So often training goes back to the last good state before it gives up.
RETURNS = 3


@runtime_checkable
class Keeper(Protocol):
    """Who saves the training's state, and may end it."""

    def moment(self) -> None:
        """All may be saved now: a step is done, or a validation image. May raise to end the training."""

    def epoch_done(self) -> None:
        """An epoch is in the history. May raise to end the training."""

    def go_back(self) -> None:
        """Put network and progress back to the last whole epoch, or to before the first step."""


class Fleeting:
    """A keeper that keeps nothing: for steps that are thrown away."""

    def moment(self) -> None:
        """Nothing is saved."""

    def epoch_done(self) -> None:
        """Nothing is saved."""

    def go_back(self) -> None:
        """There is nothing to go back to; training tries again from where it is, and ends after the last try."""


def fit(task: Task, progress: Progress, keeper: Keeper, *, listen: Listener, until: int | None = None) -> None:
    """Train from where `progress` stands until the last epoch, or until patience ends; with `until`, that epoch is the last of this call.

    Nothing else knows of `until`: the schedule of the learning rate is that of the whole training.

    Where numbers go wrong, training goes back to the last good state and on from there at half the learning rate, three times at most;
    then `NumericalError`.
    """
    stopping, epochs = task.config.training.stopping, task.config.training.epochs
    while progress.epoch < (epochs if until is None else min(until, epochs)):
        if stopping.patience is not None and progress.stopping.waited >= stopping.patience:
            break
        try:
            done = _epoch(task, progress, keeper, listen)
            done = replace(done, best=progress.best.improved(done))
            progress.stopping.improved(done)
            progress.history.append(done)
            progress.step, progress.sums = 0, Sums()
            keeper.epoch_done()
        except NotFiniteError as fault:
            _go_back(fault, task, progress, keeper, listen)
            continue
        listen(done)


def _epoch(task: Task, progress: Progress, keeper: Keeper, listen: Listener) -> EpochDone:
    """The rest of the epoch under way, and its validation; `NotFiniteError` where numbers go wrong."""
    started, epoch, config = time.perf_counter(), progress.epoch + 1, task.config
    task.network.train()
    for network in {task.network, result(task, progress)}:
        network.reselect(config.seed, epoch)
    terms, steps = loss_terms(config.loss, summed), len(task.batches)
    for batch in task.batches.epoch(epoch, after=progress.step):
        _step(task, progress, batch, terms)
        listen(Progressed(f"epoch {epoch}/{config.training.epochs}", progress.step, steps))
        keeper.moment()
    trained = time.perf_counter()
    scores = validate(
        result(task, progress), task.validation, config.loss, task.device, pieces=config.prediction, after_image=keeper.moment
    )  # fmt: skip
    if not math.isfinite(scores.loss):
        raise NotFiniteError(f"after epoch {epoch}", scores.wrong or f"The validation's loss became {scores.loss}")
    tiles = fixed_tiles(task.validation, task.batches.input_side)
    sums, known = progress.sums, max(progress.sums.pixels, 1)
    return EpochDone(
        epoch, config.training.epochs, sums.loss / known, sums.right / known, scores.loss, scores.accuracy, scores.mean_iou,
        sums.rate, best=False, peak_memory_mb=task.device.peak_memory_mb(),
        train_terms={name: each / known for name, each in sums.terms.items()}, val_terms=scores.terms,
        magnitudes=magnitudes(task.network, tiles, task.device),
        **_seconds(started, trained, time.perf_counter()),
    )  # fmt: skip


def _seconds(started: float, trained: float, ended: float) -> dict[str, float]:
    taken = {"seconds": ended - started, "train_seconds": trained - started, "val_seconds": ended - trained}
    return {name: round(each, 3) for name, each in taken.items()}


def _step(task: Task, progress: Progress, batch: Batch, terms: Terms) -> None:
    """One step of the optimiser; the sums and the count of steps move on with it."""
    config, epoch, steps = task.config, progress.epoch + 1, len(task.batches)
    torch.manual_seed(key(config.seed, "step", epoch, progress.step, *([rank()] if rank() else [])))
    number = (epoch - 1) * steps + progress.step
    rate = progress.caution * learning_rate(config.optimizer, step=number, steps=config.training.epochs * steps)
    for group in progress.optimizer.param_groups:
        group["lr"] = rate
    image, target = task.device.place(batch.image), batch.target.to(task.device.torch)
    weight = None if batch.weight is None else batch.weight.to(task.device.torch)
    with task.device.autocast():
        answers = task.network.supervised(image)
    found = terms(answers, target, weight)
    loss = total(found)
    value = loss.item()
    progress.optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    gradients = [each.grad for each in task.network.parameters() if each.grad is not None]
    sum_in_place(gradients)
    norm = torch.nn.utils.get_total_norm(gradients)
    if not (math.isfinite(value) and math.isfinite(norm.item())):
        where = f"at step {progress.step + 1} of epoch {epoch}, on {_names(batch)}"
        raise NotFiniteError(where, _cause(task, found, value, image))
    if config.training.clip is not None:
        torch.nn.utils.clip_grads_with_norm_(task.network.parameters(), config.training.clip, norm)
    progress.optimizer.step()
    if progress.average is not None:
        progress.average.follow(task.network)
    progress.sums = _added(progress.sums, found, (target, answers[0]), rate)
    progress.step += 1


def _added(sums: Sums, terms: Mapping[str, Tensor], step: tuple[Tensor, Tensor], rate: float) -> Sums:
    """The sums and those of a step, from its terms of the loss, and from its target and logits in all processes."""
    target, logits = step
    counts = torch.stack([(target != IGNORED).sum(), (logits.argmax(dim=1) == target).sum()])
    sum_in_place([counts])
    known, right = counts.tolist()
    loss = sums.loss + total(terms).item() * known
    summed_terms = {name: sums.terms.get(name, 0.0) + term.item() * known for name, term in terms.items()}
    return Sums(loss, sums.right + right, sums.pixels + known, rate, summed_terms)


def _cause(task: Task, terms: dict[str, Tensor], value: float, image: Float[Tensor, "n c h w"]) -> str:
    """What is not finite, in a sentence without its end: where it happened follows."""
    if math.isfinite(value):
        gradient = first_gradient(task.network)
        if gradient is None:
            return "The norm of the gradient is no longer finite, though each of its numbers is,"
        return f"The gradient of `{gradient}` is no longer finite, the first from the output backwards,"
    weight = first_parameter(task.network)
    if weight is not None:
        module = f"the weights `{weight}` are not finite"
    else:
        with task.device.autocast():
            first = first_module(task.network, image)
        module = (
            "all outputs of the network are finite" if first is None else f"the first such output is that of `{first}`"
        )
    return f"{not_finite(terms)} ({module})"


def _names(batch: Batch) -> str:
    names = list(dict.fromkeys(batch.names))
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(repr(name) for name in names[:3])}{more}"


def _go_back(fault: NotFiniteError, task: Task, progress: Progress, keeper: Keeper, listen: Listener) -> None:
    """Return to the last good state with a smaller learning rate; `NumericalError` where that was done often enough."""
    returns, rate = progress.returns + 1, task.config.optimizer.learning_rate
    if returns > RETURNS:
        raise NumericalError(
            f"{fault}. Training went back to the last good state {RETURNS} times, each time with {SMALLER:g} of the learning rate, and "
            f"came here again. Give a smaller optimizer.learning_rate, as {rate / 10:g}, or look at these images."
        ) from None
    keeper.go_back()
    progress.returns = returns
    listen(
        Noted(
            f"{fault}. Going back to the end of epoch {progress.epoch} and on at {progress.caution:g} of the learning rate."
        )
    )
