"""Files are whole or absent, and a refusal of the system is a sentence."""

import errno
import json
import os
from pathlib import Path
from typing import NoReturn

import pytest

from utome.errors import MachineError
from utome.files import append_line, cut_torn_line, new_folder, sha256_bytes, write_bytes, write_json, write_text


def full_disk(*_: object) -> NoReturn:
    raise OSError(errno.ENOSPC, "No space left on device")


def no_permission(*_: object, **__: object) -> NoReturn:
    raise PermissionError(errno.EACCES, "Permission denied")


def interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def test_what_is_written_is_read_again_and_nothing_else_lies_beside_it(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a", b"\x00\xff")
    write_text(tmp_path / "b", "λ")
    assert (tmp_path / "a").read_bytes() == b"\x00\xff"
    assert (tmp_path / "b").read_text(encoding="utf-8") == "λ"
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b"}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_written_file_has_the_mode_that_the_users_umask_gives(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        write_bytes(tmp_path / "a", b"")
        append_line(tmp_path / "journal", "")
    finally:
        os.umask(before)
    assert [path.stat().st_mode & 0o777 for path in tmp_path.iterdir()] == [mode, mode]


def test_a_name_that_is_not_utf_8_is_written_as_escapes(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    write_text(tmp_path / "text", f"λ {name}")
    append_line(tmp_path / "journal", f"λ {name}")
    write_json(tmp_path / "a.json", {"image": name})
    assert (tmp_path / "text").read_text(encoding="utf-8") == "λ caf\\udce9.png"
    assert (tmp_path / "journal").read_text(encoding="utf-8") == "λ caf\\udce9.png\n"
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"image": name}


def test_a_file_that_is_there_is_replaced(tmp_path: Path) -> None:
    write_text(tmp_path / "a", "a long old content")
    write_text(tmp_path / "a", "new")
    assert (tmp_path / "a").read_text(encoding="utf-8") == "new"


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failure_during_a_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "a"
    write_text(path, "old")
    with monkeypatch.context() as patch:
        patch.setattr(os if step == "fsync" else Path, step, full_disk)
        with pytest.raises(MachineError) as caught:
            write_text(path, "new")
    assert str(caught.value).startswith(
        f"'{path}' cannot be written: No space left on device. The file needs 3 bytes, and "
    )
    assert str(caught.value).endswith("MB free. Free some space there.")
    assert caught.value.exit_code == 5
    assert path.read_text(encoding="utf-8") == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_a_failure_during_a_first_write_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(MachineError):
        write_text(tmp_path / "a", "new")
    assert not list(tmp_path.iterdir())


def test_an_interruption_during_a_write_leaves_the_old_file_and_passes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_text(tmp_path / "a", "old")
    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_text(tmp_path / "a", "new")
    assert (tmp_path / "a").read_text(encoding="utf-8") == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_a_folder_that_may_not_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "open", no_permission)
    with pytest.raises(MachineError, match=r"cannot be written: Permission denied\. Make .* writable"):
        write_bytes(tmp_path / "a", b"")


def test_a_file_where_a_folder_should_be_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")
    with pytest.raises(MachineError, match="Not a directory"):
        write_bytes(file / "a", b"")
    with pytest.raises(MachineError, match="Not a directory"):
        new_folder(file / "folder")
    with pytest.raises(MachineError, match="File exists"):
        new_folder(file)
    with pytest.raises(MachineError, match="Not a directory"):
        append_line(file / "a", "")


def test_a_folder_where_a_file_should_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(MachineError, match="Is a directory"):
        write_bytes(tmp_path / "a", b"")
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_a_folder_that_is_not_there_is_not_made_on_the_way(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="No such file or directory"):
        write_bytes(tmp_path / "folder" / "a", b"")


def test_what_is_there_is_not_said_to_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_such_name(*_: object, **__: object) -> NoReturn:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory")  # what /proc says

    monkeypatch.setattr(Path, "mkdir", no_such_name)
    with pytest.raises(MachineError, match=r"No such file or directory\. Look after '"):
        new_folder(tmp_path / "a")
    with pytest.raises(MachineError, match=r"'.*gone' is not there, or no longer"):
        new_folder(tmp_path / "gone" / "a")


def test_a_new_folder_may_be_there_already(tmp_path: Path) -> None:
    new_folder(tmp_path / "a" / "b")
    new_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_json_is_written_as_one_document_that_ends_its_line(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"name": "λ", "value": [1, 0.5, None]})
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"name": "λ", "value": [1, 0.5, None]}
    assert text.endswith("}\n")
    assert "λ" in text


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_is_no_number_is_refused_in_json_and_the_old_file_stays(tmp_path: Path, number: float) -> None:
    write_json(tmp_path / "a.json", 1)
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"value": number})
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == "1\n"


def test_lines_are_added_to_the_end_of_a_journal(tmp_path: Path) -> None:
    for line in ("one", "zwölf"):
        append_line(tmp_path / "journal", line)
    assert (tmp_path / "journal").read_text(encoding="utf-8") == "one\nzwölf\n"


@pytest.mark.parametrize(("left", "kept"), [("one\ntw", "one\n"), ("one\n", "one\n"), ("on", ""), ("", "")])
def test_what_is_left_of_a_torn_line_is_cut_off_and_whole_lines_stay(left: str, kept: str, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    journal.write_text(left)
    cut_torn_line(journal)
    assert journal.read_text() == kept


def test_the_hash_is_sha256() -> None:
    assert sha256_bytes(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
