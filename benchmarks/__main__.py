"""`python -m benchmarks [NAME]`: run all benchmarks but the longest, or one, print its table, and keep it in `results/NAME.json`."""

import argparse
from collections.abc import Callable
from pathlib import Path

from benchmarks.architectures import architectures
from benchmarks.augmentation import augmentation
from benchmarks.backends import backends
from benchmarks.demo import demo
from benchmarks.enhancement import enhancement
from benchmarks.feeding import feeding
from benchmarks.inspection import inspection
from benchmarks.isbi2012 import isbi2012_scores
from benchmarks.machine import machine_facts
from benchmarks.metrics import metrics
from benchmarks.precision import precision
from benchmarks.prediction import prediction
from benchmarks.sliding_window import sliding_window
from benchmarks.startup import startup
from benchmarks.table import Row, markdown
from benchmarks.training_step import training_step
from benchmarks.weight_maps import weight_maps
from utome.files import new_folder, write_json

# Those that measure children's memory come before those that fill this process's own (see `child.Finished`).
BENCHMARKS: dict[str, Callable[[], list[Row]]] = {
    "startup": startup,
    "demo": demo,
    "inspection": inspection,
    "training_step": training_step,
    "feeding": feeding,
    "architectures": architectures,
    "augmentation": augmentation,
    "backends": backends,
    "enhancement": enhancement,
    "weight_maps": weight_maps,
    "isbi2012": isbi2012_scores,
    "metrics": metrics,
}
# These take minutes or hours, and so run only when they are named.
STUDIES: dict[str, Callable[[], list[Row]]] = {
    "precision": precision,
    "prediction": prediction,
    "sliding_window": sliding_window,
}
RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Run what the command line names."""
    named = f"one of {', '.join(BENCHMARKS)}; or, for hours, {', '.join(STUDIES)}"
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="How fast and how good utome is here.")
    parser.add_argument("name", nargs="?", choices=[*BENCHMARKS, *STUDIES], metavar="NAME", help=named)
    name = parser.parse_args().name
    machine = machine_facts()
    for fact, value in machine.items():
        print(f"- {fact}: {value}")
    new_folder(RESULTS)
    for chosen in BENCHMARKS if name is None else (name,):
        rows = {**BENCHMARKS, **STUDIES}[chosen]()
        print(f"\n## {chosen}\n\n{markdown(rows)}", flush=True)
        write_json(RESULTS / f"{chosen}.json", {"machine": machine, "rows": [row.as_json() for row in rows]})


if __name__ == "__main__":
    main()
