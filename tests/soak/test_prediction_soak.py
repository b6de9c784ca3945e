"""Many-image predictions killed at a hundred drawn moments; `make soak` runs it."""

from pathlib import Path

import pytest

from tests.faulty_runs import Runs
from tests.test_predict_killed import FORMS, Predictions, killed_at_drawn_moments

pytestmark = pytest.mark.soak
MOMENTS = 100


@pytest.mark.parametrize("form", FORMS)
def test_killed_at_drawn_moments(form: str, runs: Runs, tmp_path: Path) -> None:
    predictions = Predictions(runs, tmp_path / "predictions", *FORMS[form])
    killed_at_drawn_moments(predictions, tmp_path, MOMENTS // len(FORMS), "soak")
