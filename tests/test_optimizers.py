"""Optimisers as torch has them, the course of the learning rate, and the limit on the gradient."""

import math
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.builders import pair_folder, tiny_config
from utome.config.sections import AdamSettings, AdamWSettings, SGDSettings
from utome.events import Event, Progressed, silent
from utome.jobs.preparing import prepare
from utome.training.loop import Fleeting, fit
from utome.training.optimizers import learning_rate, make_optimizer
from utome.training.progress import begin

SCHEDULES = ("constant", "cosine", "polynomial", "step")


def rates(schedule: str, *, steps: int = 100, **settings: object) -> list[float]:
    """The learning rate at each step and, last, when all are done."""
    chosen = AdamSettings.model_validate({"learning_rate": 0.5, "schedule": schedule, **settings})
    return [learning_rate(chosen, step=step, steps=steps) for step in range(steps + 1)]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule_begins_with_the_learning_rate_and_never_rises(schedule: str) -> None:
    found = rates(schedule)
    assert found[0] == 0.5
    assert found == sorted(found, reverse=True)


def test_a_constant_schedule_stays() -> None:
    assert set(rates("constant")) == {0.5}


def test_a_cosine_falls_along_half_a_period_to_zero() -> None:
    found = rates("cosine")
    assert found[25] == pytest.approx(0.25 * (1 + math.sqrt(0.5)))
    assert found[50] == pytest.approx(0.25)
    assert found[100] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("power", [0.5, 0.9, 1.0, 2.0])
def test_a_polynomial_falls_as_the_power_of_what_is_left_to_zero(power: float) -> None:
    found = rates("polynomial", power=power)
    assert found[30] == pytest.approx(0.5 * 0.7**power)
    assert found[99] == pytest.approx(0.5 * 0.01**power)
    assert found[100] == 0


def test_a_step_schedule_drops_at_each_share_of_all_steps() -> None:
    found = rates("step", drops=[0.5, 0.75], drop=0.1)
    assert found[49] == 0.5
    assert found[50] == pytest.approx(0.05)
    assert found[74] == pytest.approx(0.05)
    assert found[75] == pytest.approx(0.005)
    assert found[100] == pytest.approx(0.005)


def test_drops_may_be_any_and_in_any_order() -> None:
    assert rates("step", drops=[0.9, 0.2, 0.2], drop=0.5)[::20] == pytest.approx(
        [0.5, 0.125, 0.125, 0.125, 0.125, 0.0625]
    )
    assert set(rates("step", drops=[])) == {0.5}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_warm_up_rises_linearly_and_multiplies_the_schedule(schedule: str) -> None:
    warmed, plain = rates(schedule, warmup_steps=3), rates(schedule)
    shares = [warm / rate for warm, rate in zip(warmed[:6], plain[:6], strict=True)]
    assert shares == pytest.approx([0.25, 0.5, 0.75, 1, 1, 1])


def test_each_optimiser_gets_its_own_settings() -> None:
    network = nn.Linear(2, 2)
    sgd = make_optimizer(network, SGDSettings(learning_rate=0.1, momentum=0.99))
    adam = make_optimizer(network, AdamSettings(learning_rate=0.1, betas=(0.5, 0.9), weight_decay=0.01))
    adamw = make_optimizer(network, AdamWSettings(learning_rate=0.1, betas=(0.5, 0.9), weight_decay=0.01))
    assert (type(sgd), sgd.defaults["momentum"]) == (torch.optim.SGD, 0.99)
    for optimizer, kind in ((adam, torch.optim.Adam), (adamw, torch.optim.AdamW)):
        assert type(optimizer) is kind
        assert (optimizer.defaults["betas"], optimizer.defaults["weight_decay"]) == ((0.5, 0.9), 0.01)
        assert optimizer.defaults["lr"] == 0.1


def stepped(optimizer: torch.optim.Optimizer, network: nn.Linear) -> list[float]:
    for number in range(5):
        optimizer.zero_grad()
        network(torch.tensor([[1.0, number]])).square().sum().backward()
        optimizer.step()
    return network.weight.flatten().tolist()


def test_adamw_steps_as_torchs_own_and_unlike_adam() -> None:
    networks = [nn.Linear(2, 1) for _ in range(3)]
    for network in networks[1:]:
        network.load_state_dict(networks[0].state_dict())
    settings = {"learning_rate": 0.05, "weight_decay": 0.3}
    ours = make_optimizer(networks[0], AdamWSettings.model_validate(settings))
    theirs = torch.optim.AdamW(networks[1].parameters(), lr=0.05, weight_decay=0.3)
    adam = make_optimizer(networks[2], AdamSettings.model_validate(settings))
    found = stepped(ours, networks[0])
    assert found == stepped(theirs, networks[1])
    assert found != stepped(adam, networks[2])


def gradients(root: Path, *assignments: str) -> list[float]:
    """The norm of the gradient of all weights together that each step was made with."""
    task = prepare(root, tiny_config("training.epochs=1", *assignments), silent).task
    norms: list[float] = []

    def listen(event: Event) -> None:
        if isinstance(event, Progressed):
            squares = [
                float(weight.grad.double().square().sum())
                for weight in task.network.parameters()
                if weight.grad is not None
            ]
            norms.append(math.sqrt(sum(squares)))

    fit(task, begin(task), Fleeting(), listen=listen)
    return norms


@pytest.mark.usefixtures("one_thread")
def test_clipping_limits_the_norm_of_all_gradients_together(tmp_path: Path) -> None:
    root = pair_folder(tmp_path, 8)
    free, loose, tight = (gradients(root, f"training.clip={clip}") for clip in ("null", 1e6, 0.01))
    assert min(free) > 0.05
    assert loose == pytest.approx(free)
    assert tight == pytest.approx([0.01] * len(free), rel=1e-3)
