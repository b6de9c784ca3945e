"""Averaged weights: their closed form, what is validated and kept, and that an interruption leaves no trace."""

import json
from pathlib import Path

import pytest
import torch

from tests.builders import draw_discs, tiny_config
from tests.checkpoint_files import best_tensors, state_tensors
from tests.small_networks import picture, small
from utome.config.settings import Config
from utome.errors import ConfigError
from utome.events import EpochDone, Event, silent
from utome.jobs.preparing import prepare
from utome.jobs.resume import resume
from utome.jobs.train import TrainResult, train
from utome.training.averaging import AveragedNetwork
from utome.training.checkpoints import Checkpoints
from utome.training.keeping import CheckpointKeeper
from utome.training.loop import fit
from utome.training.progress import begin, result
from utome.training.state import put_back

pytestmark = pytest.mark.usefixtures("one_thread")


def config(*assignments: str) -> Config:
    return tiny_config("training.average=0.9", "training.epochs=3", "machine.threads=1", *assignments)


@pytest.fixture(scope="module")
def discs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_discs(tmp_path_factory.mktemp("discs"), [f"{number}" for number in range(8)])


@pytest.fixture(scope="module")
def run(discs: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainResult:
    return train(discs, config(), tmp_path_factory.mktemp("run") / "run")


@pytest.mark.parametrize("decay", [0.3, 0.999])
def test_the_average_is_the_weighted_sum_of_all_weights_that_there_were(decay: float) -> None:
    network = small("unet")
    average = AveragedNetwork(network, decay)
    expected = {name: tensor.double() for name, tensor in network.state_dict().items()}
    draws = torch.Generator().manual_seed(0)
    for step in range(1, 8):
        with torch.no_grad():
            for weight in network.parameters():
                weight.add_(torch.randn(weight.shape, generator=draws))
        average.follow(network)
        kept = min(decay, (1 + step) / (10 + step))
        expected = {
            name: kept * tensor + (1 - kept) * network.state_dict()[name].double() for name, tensor in expected.items()
        }
    for name, tensor in average.network.named_parameters():
        torch.testing.assert_close(tensor.double(), expected[name], atol=1e-5, rtol=1e-5)
    assert average.steps == 7


def test_weights_that_stay_are_their_own_average() -> None:
    network = small("unet")
    average = AveragedNetwork(network, 0.9)
    for _ in range(5):
        average.follow(network)
    assert all(
        torch.equal(one, other) for one, other in zip(average.network.parameters(), network.parameters(), strict=True)
    )


def test_statistics_are_averaged_and_counts_are_copied() -> None:
    network = small("unet").train()
    average = AveragedNetwork(network, 0.9)
    before = {name: buffer.clone() for name, buffer in network.named_buffers()}
    for _ in range(3):
        network(picture(network, side=8))
    average.follow(network)
    averages, news = dict(average.network.named_buffers()), dict(network.named_buffers())
    counts = [name for name in news if name.endswith("num_batches_tracked")]
    means = [name for name in news if name.endswith("running_mean")]
    assert counts
    assert all(averages[name].item() == 3 for name in counts)
    for name in means:
        torch.testing.assert_close(averages[name], 2 / 11 * before[name] + 9 / 11 * news[name])


def test_the_average_follows_without_touching_the_network_and_answers_as_in_prediction() -> None:
    network = small("unet").train()
    average = AveragedNetwork(network, 0.9)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    average.follow(network)
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    assert not average.network.training
    assert network.training


def test_without_averages_the_trained_network_is_the_result(discs: Path) -> None:
    task = prepare(discs, tiny_config(), silent).task
    progress = begin(task)
    assert progress.average is None
    assert result(task, progress) is task.network


def test_the_averages_are_what_is_kept_and_not_the_weights(run: TrainResult, discs: Path, tmp_path: Path) -> None:
    newest = state_tensors(run.run, 3)
    best = best_tensors(run.run)
    averages = {name.removeprefix("average."): each for name, each in newest.items() if name.startswith("average.")}
    assert averages.keys() == best.keys()
    assert any(not torch.equal(each, newest[f"network.{name}"]) for name, each in averages.items())
    if run.best.epoch == 3:
        assert all(torch.equal(each, best[name]) for name, each in averages.items())
    plain = train(discs, config("training.average=null"), tmp_path / "plain")
    assert (plain.run / "history.csv").read_bytes() != (run.run / "history.csv").read_bytes()


def test_averages_do_not_change_what_is_trained(run: TrainResult, discs: Path, tmp_path: Path) -> None:
    plain = train(discs, config("training.average=null"), tmp_path / "plain")
    ours, theirs = (state_tensors(each.run, 3) for each in (run, plain))
    weights = [name for name in theirs if name.startswith("network.")]
    assert weights
    assert all(torch.equal(ours[name], theirs[name]) for name in weights)
    assert not any(name.startswith("average.") for name in theirs)


def test_averages_come_back_from_a_checkpoint_bit_for_bit(discs: Path, tmp_path: Path) -> None:
    task = prepare(discs, config(), silent).task
    progress = begin(task)
    checkpoints = Checkpoints(tmp_path, {})
    keeper = CheckpointKeeper(task, progress, checkpoints, 0, lambda: None, lambda: None)
    keeper.begin()
    fit(task, progress, keeper, listen=silent)
    again = prepare(discs, config(), silent).task
    restored = begin(again)
    saved = checkpoints.newest()
    assert saved is not None
    put_back(saved, again.network, restored)
    assert progress.average is not None
    assert restored.average is not None
    assert restored.average.steps == progress.average.steps > 0
    for one, other in ((progress.average.network, restored.average.network), (task.network, again.network)):
        kept, read = one.state_dict(), other.state_dict()
        assert all(torch.equal(tensor, read[name]) for name, tensor in kept.items())


@pytest.mark.parametrize("last", [1, 2])
def test_an_interrupted_run_with_averages_goes_on_to_the_same_end(
    last: int, run: TrainResult, discs: Path, tmp_path: Path
) -> None:
    def stop(event: Event) -> None:
        if isinstance(event, EpochDone) and event.epoch == last:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(discs, config(), tmp_path / "run", listen=stop)
    assert json.loads((tmp_path / "run" / "status.json").read_text())["status"] == "interrupted"
    again = resume(discs, tmp_path / "run")
    for name in ("history.csv", "model/model.safetensors"):
        assert (again.run / name).read_bytes() == (run.run / name).read_bytes(), name
    ours, theirs = (state_tensors(each.run, 3) for each in (again, run))
    assert all(torch.equal(each, theirs[name]) for name, each in ours.items())


def test_a_share_of_one_or_none_is_refused() -> None:
    for share in ("1", "0", "-0.5"):
        with pytest.raises(ConfigError, match=r"`training\.average` is"):
            config(f"training.average={share}")
