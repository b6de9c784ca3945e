"""One command at a time works in the folder of a prediction, and one that begins when it is done finds all."""

from pathlib import Path
from typing import Any

import pytest

from tests.predicted import many_images, tiny_run
from utome import files
from utome.config.sections import MachineSettings
from utome.errors import ConfigError
from utome.files import exclusive
from utome.jobs import manifest
from utome.jobs.predict import predict

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = MachineSettings(device="cpu")
MANIFEST = "manifest.jsonl"


def test_the_journal_is_held_until_it_is_rewritten_and_then_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, images, out = tiny_run(tmp_path / "run"), many_images(tmp_path / "images", 1), tmp_path / "out"
    predict(run, images / "0.png", out, machine=CPU)
    (images / "0.png").rename(images / "z.png")  # so that the order of the lines is another one
    write, leave = files.write_text, manifest.Manifest.leave
    begun: list[str] = []

    def another_begins(path: Path, text: str) -> None:
        with pytest.raises(ConfigError, match="Another process works on"):
            predict(run, images / "z.png", out, machine=CPU)
        begun.append("while it is written")
        write(path, text)

    def another_has_begun(self: manifest.Manifest) -> None:
        (out / ".parts").mkdir()
        leave(self)
        assert (out / ".parts").exists()
        begun.append("before it leaves")

    monkeypatch.setattr(manifest, "write_text", another_begins)
    monkeypatch.setattr(manifest.Manifest, "leave", another_has_begun)
    predict(run, images, out, machine=CPU)
    assert begun == ["while it is written", "before it leaves"]


def test_who_opened_a_journal_that_was_replaced_is_not_let_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / MANIFEST
    locked = files._locked

    def replaced(file: Any) -> bool:
        files.write_text(path, "new")
        return locked(file)

    monkeypatch.setattr(files, "_locked", replaced)
    with exclusive(path) as ours:
        assert not ours
    monkeypatch.undo()
    with exclusive(path) as ours:
        assert ours
