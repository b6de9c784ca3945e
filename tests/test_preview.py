"""The page of `utome recipes --preview`: tiles as they are trained on, with labels and weights, and nothing written but the page."""

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.builders import pair_folder, tiny_config
from tests.inspected import run_here
from utome.errors import ConfigError
from utome.jobs.preview import preview
from utome.report.preview import heat

pytestmark = pytest.mark.usefixtures("one_thread")
FIGURE = re.compile(r'<img src="data:image/png;base64,([^"]+)" alt="([^"]+)">')


def figures(page: Path) -> list[tuple[str, np.ndarray]]:
    """Caption and picture of each figure."""
    found = FIGURE.findall(page.read_text(encoding="utf-8"))
    return [(alt, np.asarray(Image.open(io.BytesIO(base64.b64decode(code))))) for code, alt in found]


def test_each_image_is_shown_as_it_is_and_in_versions_with_its_weights(tmp_path: Path) -> None:
    config = tiny_config("loss.weights.map=border", "augmentation.rotation=90")
    data = pair_folder(tmp_path / "data", 8)
    assert preview(data, config, tmp_path / "page.html", fixed=None) == 4
    shown = figures(tmp_path / "page.html")
    row = ["as it is", "epoch 1", "epoch 2", "epoch 3", "weights", *(f"weights, epoch {epoch}" for epoch in (1, 2, 3))]
    assert [caption for caption, _ in shown] == row * 4
    plain, *versions = (picture for caption, picture in shown[:4])
    assert all(picture.shape == plain.shape for picture in versions)
    assert len({picture.tobytes() for picture in (plain, *versions)}) == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "page.html"]


def test_without_weights_there_is_one_row_and_valid_convolutions_show_their_border(tmp_path: Path) -> None:
    config = tiny_config("model.convolution=valid", recipe="unet")
    preview(pair_folder(tmp_path / "data", 4), config, tmp_path / "page.html", fixed=None)
    shown = figures(tmp_path / "page.html")
    assert {caption for caption, _ in shown} == {"as it is", "epoch 1", "epoch 2", "epoch 3"}
    assert shown[0][1].shape[0] > 32 + 30  # the tile, and what the convolutions consume


def test_the_largest_weight_is_the_brightest_and_none_is_black() -> None:
    colours = heat(np.array([[0.0, 5.0, 10.0]], dtype=np.float32)).astype(int).sum(axis=2)[0]
    assert colours[0] < 10
    assert colours[0] < colours[1] < colours[2]
    assert (heat(np.zeros((1, 2), dtype=np.float32)) == heat(np.zeros((1, 1), dtype=np.float32))[0, 0]).all()


def test_a_page_that_is_none_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Let it end in \.html"):
        preview(tmp_path / "nowhere", tiny_config(), tmp_path / "page.png", fixed=None)


def test_settings_without_a_preview_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = run_here(["recipes", "unet", "--set", "model.width=3"], monkeypatch, capsys)
    assert ended.code == 2
    assert ended.errors == "Error: --set changes what --preview DATA shows. Give both, or neither.\n"
