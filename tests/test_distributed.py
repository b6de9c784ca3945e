"""Several processes: who does what, sums over all of them, and norms that see the whole batch."""

import os
import signal
import sys

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.processes import together
from utome.cli.app import main
from utome.config.architectures import RenormSettings
from utome.distributed import (
    agreed,
    any_of,
    by_first,
    gathered,
    is_first,
    one_fate,
    rank,
    share,
    size,
    sum_in_place,
    summed,
)
from utome.errors import ConfigError, DataError, LostProcessError, MachineError
from utome.launch import TOLD, Place, launched
from utome.models.normalisation import BatchNorm2d, BatchRenorm2d

CHANNELS, IMAGES = 3, 5
Arrays = list[np.ndarray]


def test_a_process_that_was_started_alone_is_the_first_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert launched() == Place(0, 1, 0)
    monkeypatch.setenv("RANK", "1")
    assert launched() == Place(0, 1, 0), "a rank alone, as other programs set it, means nothing"
    for name, value in (("WORLD_SIZE", "4"), ("MASTER_ADDR", "here"), ("MASTER_PORT", "1"), ("LOCAL_RANK", "0")):
        monkeypatch.setenv(name, value)
    assert launched() == Place(1, 4, 0)


def test_alone_all_is_as_it_was() -> None:
    tensor = torch.tensor([1.0])
    assert summed(tensor) is tensor
    sum_in_place([tensor])
    with one_fate():
        assert (rank(), size(), tensor.item()) == (0, 1, 1.0)
    assert (by_first(lambda: 3), agreed(4), gathered(5), any_of(True, False)) == (3, 4, [5], (True, False))
    assert share(7) == slice(0, 7)
    with pytest.raises(DataError) as raised, one_fate():
        raise DataError("a file")
    assert not raised.value.shared


def talk() -> dict[str, object]:
    """One of everything that processes say to each other."""
    weight = torch.tensor([1.0 + rank()], requires_grad=True)
    torch.autograd.backward(summed(weight**2).square())
    grids = [torch.full((2, 3), 1.0 + rank()), torch.arange(8.0).view(1, 2, 2, 2).to(memory_format=torch.channels_last)]
    sum_in_place(grids)
    return {
        "by first": by_first(lambda: f"process {rank()}"), "agreed": agreed(rank()), "gathered": gathered(rank()),
        "any": any_of(rank() == 1, rank() == 0, False), "first": is_first(),
        "slope": weight.grad.item() if weight.grad is not None else None,
        "grids": [grid.tolist() for grid in grids],
        "shares": [[share(count, each) for each in range(size())] for count in (1, 5, 6)],
    }  # fmt: skip


def test_what_one_says_all_hear() -> None:
    first, second = together(talk)
    assert (first.pop("first"), second.pop("first")) == (True, False)
    # The loss is (1² + 2²)² in both; its slope is 2·(1² + 2²)·2w for each own w.
    assert (first.pop("slope"), second.pop("slope")) == (20.0, 40.0)
    assert first == second
    assert (first["by first"], first["agreed"], first["gathered"]) == ("process 0", 0, [0, 1])
    assert first["any"] == (True, True, False)
    assert first["grids"] == [[[3.0] * 3] * 2, [[[[0.0, 2.0], [4.0, 6.0]], [[8.0, 10.0], [12.0, 14.0]]]]]
    assert first["shares"] == [
        [slice(0, 0), slice(0, 1)],
        [slice(0, 2), slice(2, 5)],
        [slice(0, 3), slice(3, 6)],
    ]


def fail(number: int) -> None:
    with one_fate():
        if rank() == number:
            raise DataError(f"process {number} cannot read a file")


def fail_first() -> None:
    def write() -> None:
        raise MachineError("the disk is full")

    by_first(write)


def die(number: int) -> None:
    if rank() == number:
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
    gathered(None)


@pytest.mark.parametrize("number", [0, 1])
def test_what_one_cannot_do_none_does(number: int) -> None:
    for error in together(fail, number):
        assert isinstance(error, DataError)
        assert (str(error), error.shared) == (f"process {number} cannot read a file", True)


def test_what_the_first_cannot_do_for_all_none_does() -> None:
    assert [str(error) for error in together(fail_first)] == ["the disk is full"] * 2


@pytest.mark.parametrize("number", [0, 1])
def test_a_process_that_was_killed_is_missed_at_once(number: int) -> None:
    error = together(die, number)[1 - number]
    assert isinstance(error, LostProcessError)
    assert "Go on with --resume" in str(error)


def norm(kind: str) -> nn.Module:
    """A norm in training whose weights are no ones and zeros; renormalisation's limits open within two steps."""
    settings = RenormSettings.model_validate({"rate": 0.1, "warmup_steps": 1, "r_steps": 2, "d_steps": 2})
    made: nn.Module = BatchNorm2d(CHANNELS) if kind == "batch" else BatchRenorm2d(CHANNELS, settings)
    with torch.no_grad():
        made.get_parameter("weight").copy_(torch.linspace(-1, 2, CHANNELS))
        made.get_parameter("bias").copy_(torch.linspace(3, -2, CHANNELS))
    return made.train()


def normalised(kind: str, own: slice) -> tuple[Arrays, Arrays, Arrays]:
    """Of the last of four steps on these of the images: output and slope by the input, slopes by the parameters; the statistics."""
    layer, draws = norm(kind), torch.Generator().manual_seed(0)
    for _ in range(4):
        whole = (
            3 * torch.randn(IMAGES, CHANNELS, 6, 4, generator=draws) + torch.tensor([0.0, 50.0, -7.0])[:, None, None]
        )
        slopes = torch.randn(IMAGES, CHANNELS, 6, 4, generator=draws)
        maps = whole[own].requires_grad_()
        layer.zero_grad()
        output: Tensor = layer(maps)
        torch.autograd.backward((output * slopes[own]).sum())
    assert maps.grad is not None
    gradients = [each.grad for each in layer.parameters() if each.grad is not None]
    return (
        [output.detach().numpy(), maps.grad.numpy()],
        [each.numpy() for each in gradients],
        [each.numpy() for each in layer.buffers()],
    )


def normalised_in_shares(kind: str, images: tuple[slice, slice]) -> tuple[Arrays, Arrays, Arrays]:
    return normalised(kind, images[rank()])


@pytest.mark.parametrize("kind", ["batch", "renorm"])
@pytest.mark.parametrize("images", [2, 0])
def test_a_norm_of_unequal_shares_is_that_of_the_whole_batch_forwards_and_back(kind: str, images: int) -> None:
    whole = normalised(kind, slice(0, IMAGES))
    shares = together(normalised_in_shares, kind, (slice(0, images), slice(images, IMAGES)))
    for number, tensor in enumerate(whole[0]):
        joined_up = np.concatenate([each[0][number] for each in shares])
        np.testing.assert_allclose(joined_up, tensor, rtol=1e-5, atol=1e-5)
    for number, tensor in enumerate(whole[1]):
        np.testing.assert_allclose(sum(each[1][number] for each in shares), tensor, rtol=1e-5, atol=1e-4)
    for share_ in shares:
        for ours, theirs in zip(share_[2], whole[2], strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("verb", ["predict", "evaluate", "status"])
def test_what_one_process_does_is_refused_in_many_and_the_first_says_so(
    verb: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["utome", verb, "RUN", "IMAGES", "--out", "OUT"][: 2 if verb == "status" else 6])
    said = []
    for number in range(2):
        for name, value in zip(TOLD, [f"{number}", "2", "127.0.0.1", "1"], strict=True):
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == ConfigError.exit_code
        said.append(capsys.readouterr().err)
    assert said[0].startswith(f"Error: `utome {verb}` works in one process, and torchrun started 2.")
    assert said[1] == ""
