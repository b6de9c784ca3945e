"""What a terminal shows while a run goes on: a bar, and the course so far beside it."""

import io
import sys

import pytest

from utome.cli.listening import shown
from utome.events import EpochDone, Estimated, Progressed


class Terminal(io.StringIO):
    """Standard error on a terminal, or not."""

    def __init__(self, *, tty: bool, encoding: str = "utf-8") -> None:
        super().__init__()
        self._tty, self._encoding = tty, encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding

    def isatty(self) -> bool:
        return self._tty


def epoch(number: int) -> EpochDone:
    return EpochDone(
        number, 4, 1.0, 0.5, 4.0 - number, 0.5, number / 4, 0.1, best=False, seconds=3.0, peak_memory_mb=None
    )


def said(monkeypatch: pytest.MonkeyPatch, terminal: Terminal, *, epochs: int) -> str:
    """All that is written while so many epochs end and one more begins."""
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm")
    with shown() as listen:
        listen(Estimated(80, 4, 4, None))
        for number in range(1, epochs + 1):
            listen(Progressed(f"epoch {number}/4", 1, 2))
            listen(epoch(number))
        listen(Progressed(f"epoch {epochs + 1}/4", 1, 2))
    return terminal.getvalue()


def test_a_terminal_sees_loss_and_score_as_lines_of_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    text = said(monkeypatch, Terminal(tty=True), epochs=3)
    assert "loss █▅▁ IoU ▁▅█" in text
    assert "About 80 seconds for 4 epochs." in text


def test_one_epoch_has_no_course(monkeypatch: pytest.MonkeyPatch) -> None:
    text = said(monkeypatch, Terminal(tty=True), epochs=1)
    assert "epoch 2/4" in text
    assert "IoU ▁" not in text


def test_what_is_no_terminal_gets_lines_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    text = said(monkeypatch, Terminal(tty=False), epochs=3)
    assert text.isascii()
    assert [line.split()[0] for line in text.splitlines()] == ["About", "epoch", "epoch", "epoch"]


def test_a_terminal_that_has_no_blocks_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    text = said(monkeypatch, Terminal(tty=True, encoding="ascii"), epochs=3)
    assert "epoch 4/4" in text
    assert "IoU ▁" not in text
