"""A recipe's network on one batch of noise, timed as utome trains it and applies it."""

import time

import torch

from utome.config.settings import Config
from utome.device import choose_device, compute_repeatably
from utome.losses.total import loss_terms, total
from utome.models.architectures import ARCHITECTURES, build_network
from utome.training.optimizers import make_optimizer

CLASSES = 2


class Practice:
    """The network with fresh weights, on the device and in the precision of its config, and its loss and optimiser.

    Images have the channels of the architecture's paper and `side` pixels, or the next size that the network takes.
    """

    def __init__(self, config: Config, *, side: int, images: int) -> None:
        self.device = choose_device(config.machine, precision=config.training.precision)
        channels = ARCHITECTURES[config.model.architecture].channels
        self._network = build_network(config.model, in_channels=channels, classes=CLASSES, seed=config.seed)
        compute_repeatably()
        self.device.place_network(self._network)
        self._terms = loss_terms(config.loss)
        self._optimizer = make_optimizer(self._network, config.optimizer)
        geometry, draws = self._network.geometry, torch.Generator().manual_seed(config.seed)
        side = geometry.input_side(max(1, side - geometry.shrink))
        answered = side - geometry.shrink
        self._image = self.device.place(torch.randn(images, channels, side, side, generator=draws))
        target = torch.randint(CLASSES, (images, answered, answered), generator=draws)
        self._target = target.to(self.device.torch)

    def forward(self) -> float:
        """The seconds of a prediction."""
        self._network.eval()
        started = time.perf_counter()
        with torch.inference_mode(), self.device.autocast():
            logits = self._network(self._image)
        logits[0, 0, 0, 0].item()  # a GPU works on behind the program's back until a value is asked of it
        return time.perf_counter() - started

    def step(self) -> float:
        """The seconds of a training step, after `utome.training.loop`."""
        self._network.train()
        started = time.perf_counter()
        with self.device.autocast():
            answers = self._network.supervised(self._image)
        value = total(self._terms(answers, self._target, None))
        self._optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(value)
        self._optimizer.step()
        value.item()
        seconds = time.perf_counter() - started
        self._optimizer.zero_grad(set_to_none=True)  # while other networks take their turns
        return seconds
