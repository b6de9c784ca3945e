"""What `utome demo` reaches, how long it takes and how much memory: one fresh process for each seed.

The process runs the demo's job and not the command, because the command has no seed to set.
"""

import json
import sys
import tempfile
from pathlib import Path

from benchmarks.child import run_child
from benchmarks.table import Row, at_least, at_most

SEEDS = (0, 1, 2)
IOU, SECONDS, GIGABYTES = 0.70, 120.0, 2.0
JOB = """
import json, sys
from pathlib import Path
from utome.jobs.demo import demo
print(json.dumps(demo(Path("demo"), seed=int(sys.argv[1])).as_json()))
"""


def demo() -> list[Row]:
    """One row a seed; the IoU is the foreground's, on images that training never saw."""
    return [_row(seed) for seed in SEEDS]


def _row(seed: int) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        done = run_child([sys.executable, "-c", JOB, str(seed)], Path(folder))
    _, foreground = json.loads(done.output)["evaluation"]["classes"]
    return Row(
        {
            "seed": seed,
            "IoU pooled": at_least(foreground["iou"], IOU),
            "IoU mean per image": at_least(foreground["iou_mean_per_image"], IOU),
            "seconds": at_most(done.seconds, SECONDS),
            "peak memory, GB": at_most(done.peak_bytes / 1e9, GIGABYTES),
        }
    )
