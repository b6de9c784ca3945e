"""What stays together: by the layout, by a pattern, by a column of a table."""

from pathlib import Path

import pytest

from utome.data.grouping import grouping
from utome.data.samples import Sample
from utome.errors import ConfigError, DataError


def sample(name: str, group: str | None = None) -> Sample:
    return Sample(name, Path("images") / f"{name}.tif", (), group=group)


def table(folder: Path, text: str, name: str = "eyes.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_word_the_layout_says() -> None:
    assert grouping(None).of(sample("a", "child 1")) == "child 1"
    assert grouping(None).of(sample("a")) is None


def test_a_pattern_gives_its_first_group_or_all_that_it_found() -> None:
    assert grouping(r"^(\d+)_").of(sample("07_left")) == "07"
    assert grouping(r"\d+").of(sample("07_left", "other")) == "07"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("eyes.csv", "image,child\na,1\nb.tif,2\n"),
        ("eyes.CSV", "child,File\n1,a\n2,b.tif\n"),
        ("eyes.tsv", "what\tchild\na\t1\nb.tif\t2\n"),
        ("eyes.csv", "image;child\nfolder/a.png;1\nfolder\\b.tif;2\n"),
        ("eyes.csv", "\ufeffimage,child\na,1\nb.tif,2\na,1\n"),
    ],
)
def test_a_column_of_a_table_gives_the_group_by_name_or_file_name(tmp_path: Path, name: str, text: str) -> None:
    groups = grouping(f"{table(tmp_path, text, name)}:child")
    assert [groups.of(sample("a")), groups.of(sample("b"))] == ["1", "2"]


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("image,child\na,1\n", DataError, "for the image 'b' the table has no line, or an empty one."),
        ("image,child\na,1\nb,\n", DataError, "for the image 'b' the table has no line, or an empty one."),
        ("image,chidl\na,1\n", ConfigError, r"has no column 'child'. Did you mean 'chidl'\?"),
        ("", ConfigError, "is empty. Give a line with the names of its columns"),
        ("image,child\na,1\na,2\n", DataError, "gives 'a' two groups: '1' and '2'. Keep one line."),
    ],
)
def test_a_table_that_does_not_say_is_refused(tmp_path: Path, text: str, error: type[Exception], said: str) -> None:
    path = table(tmp_path, text)
    with pytest.raises(error, match=said):
        grouping(f"{path}:child").of(sample("b"))


def test_a_table_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"names the table '.*none\.csv', which is not there"):
        grouping(f"{tmp_path / 'none.csv'}:child")
    (tmp_path / "eyes.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="cannot be read"):
        grouping(f"{tmp_path / 'eyes.csv'}:child")


def test_an_empty_word_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"data\.group is empty"):
        grouping("")
