"""The memory of a training is its own, whatever the process did before."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.builders import draw_discs, tiny_config
from utome.device import Device, forget_peak_memory
from utome.events import EpochDone, Event
from utome.jobs.train import train

CPU = Device(torch.device("cpu"), torch.float32)
CAN_FORGET = Path("/proc/self/clear_refs").exists()


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    forget_peak_memory()


@pytest.mark.skipif(not CAN_FORGET, reason="this system does not forget a peak")
def test_what_was_used_before_is_forgotten() -> None:
    forget_peak_memory()
    torch.ones(50_000_000)
    large = CPU.peak_memory_mb()
    forget_peak_memory()
    torch.ones(5_000_000)
    small = CPU.peak_memory_mb()
    assert large is not None
    assert small is not None
    assert 150 < large - small < 250


def test_a_system_that_cannot_forget_tells_a_peak_where_it_rose_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *arguments: object, **named: object) -> None:
        del arguments, named
        raise PermissionError(str(path))

    torch.ones(5_000_000)
    monkeypatch.setattr(Path, "write_text", refuse)
    forget_peak_memory()
    assert CPU.peak_memory_mb() is None
    more = torch.ones(200_000_000)
    peak = CPU.peak_memory_mb()
    assert peak is not None
    assert peak > more.nbytes / 1e6


@pytest.mark.usefixtures("one_thread")
def test_a_small_training_after_a_large_one_shows_its_own_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("utome.jobs.train.write_report", lambda *_: None)
    data = draw_discs(tmp_path / "data", [f"disc-{number}" for number in range(4)])

    def memory(name: str, *settings: str) -> float:
        found: list[float] = []

        def listen(event: Event) -> None:
            if isinstance(event, EpochDone) and event.peak_memory_mb is not None:
                found.append(event.peak_memory_mb)

        config = tiny_config(*settings, "training.epochs=1", "training.steps_per_epoch=1")
        train(data, config, tmp_path / name, listen=listen)
        return max(found, default=float("nan"))

    large = memory("large", "model.width=24", "training.tile=128", "training.batch=16")
    small = memory("small", "model.width=2", "training.tile=32", "training.batch=2")
    if CAN_FORGET:
        assert small < large - 30
    else:
        assert small != small  # noqa: PLR0124 - not known, as it is lower
