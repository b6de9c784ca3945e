"""A process of its own that predicts a large image and says how much memory that took: see `tests.test_streams_memory`."""

import json
import resource
import sys
from pathlib import Path

from utome.config.sections import MachineSettings
from utome.jobs.predict import Manner, predict

UNIT = 1 if sys.platform == "darwin" else 1024


def main(model: Path, small: Path, image: Path, out: Path) -> None:
    """Predict a small image, so that all is imported and torch has what it keeps, and then the large one."""
    machine = MachineSettings(device="cpu", threads=1)
    predict(model, small, out / "small", manner=Manner(format="tiff"), machine=machine)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT
    predict(model, image, out / "large", manner=Manner(), machine=machine)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT
    sys.stdout.write(json.dumps({"before": before, "after": after}))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
