"""The run folder: a contract that other tools read. A second run never overwrites it.

Every file is written whole, but for `events.jsonl`, which grows by a line at a time.
"""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import torch

import utome
from utome.config.overrides import read_config
from utome.config.settings import Config, config_from_dict
from utome.data.splitting import Split
from utome.data.survey import Survey
from utome.device import Device
from utome.distributed import size
from utome.errors import ConfigError, ModelError
from utome.events import EpochDone, Event, Progressed
from utome.files import append_line, cut_torn_line, exclusive, sha256_bytes, sweep, write_json, write_text
from utome.modelfolder.card import StartingWeightsEntry
from utome.training.journals import history_csv, timing_csv

Status = Literal["running", "paused", "interrupted", "done", "failed"]
STARTING_WEIGHTS = "starting_weights.json"


class RunFolder:
    """The files of one run and who writes them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.model = path / "model"
        self.kept = path / "kept"
        self.checkpoints = path / "checkpoints"
        self.report = path / "report.html"
        self.config = path / "config.yaml"
        self.data = path / "data.json"
        self.history = path / "history.csv"

    def refuse_if_there(self) -> None:
        """`ConfigError` where something lies at the run's place already."""
        if not self.path.exists() or (self.path.is_dir() and not any(self.path.iterdir())):
            return
        resume = ", or add --resume to go on with that run" if self.config.is_file() else ""
        raise ConfigError(f"'{self.path}' is there already and is not overwritten. Give another --out{resume}.")

    def refuse_another_run(self) -> None:
        """`ConfigError` where another process began a run here in the meantime, whether or not it is done."""
        if self.config.exists():
            raise ConfigError(f"Another process began a run in '{self.path}'. Give another --out.")

    def create(self, config: Config, data: dict[str, Any], device: Device) -> None:
        """Write down what will be trained, on what, and where; the folder is there already, and this process's alone.

        The config comes last: a folder that has one has all that --resume needs.
        """
        write_json(self.data, data)
        write_json(self.path / "environment.json", environment(device))
        self.set_status("running")
        write_text(self.config, config.as_yaml())

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Work on the run as the only process, and clear away what a killed one left; `ConfigError` where another works on it."""
        with exclusive(self.path / "events.jsonl") as ours:
            if not ours:
                raise ConfigError(
                    f"Another process works on '{self.path}'. Wait until it is done, or give another --out."
                )
            sweep(self.path)
            cut_torn_line(self.path / "events.jsonl")
            yield

    def go_on(self, config: Config, history: Sequence[EpochDone]) -> None:
        """Write down that the run goes on, with this config and from this history."""
        write_text(self.config, config.as_yaml())
        self.set_status("running")
        if history:
            self.write_history(history)

    def saved_config(self) -> Config:
        """The config of the run that lies here; `ConfigError` where there is none."""
        if not self.config.is_file():
            raise ConfigError(
                f"'{self.path}' holds no run to go on with. Leave --resume out, or give the --out of that run."
            )
        try:
            return config_from_dict(read_config(self.config))
        except ConfigError as error:
            writer = self._writer()
            if writer in {None, utome.__version__}:
                raise
            raise ConfigError(
                f"The config of '{self.path}' was written by utome {writer}, and this is utome {utome.__version__}: {error} "
                f"Go on with the version that wrote it."
            ) from error

    def _writer(self) -> str | None:
        """The version of utome that began the run; none where it is not to be read."""
        try:
            known = json.loads((self.path / "environment.json").read_text(encoding="utf-8"))["utome"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return str(known)

    def write_starting_weights(self, weights: StartingWeightsEntry) -> None:
        """Write down what the encoder began with."""
        write_json(self.path / STARTING_WEIGHTS, weights.model_dump(mode="json"))

    def starting_weights(self) -> StartingWeightsEntry | None:
        """What the encoder began with; none where all weights were drawn. `ConfigError` where the file is damaged."""
        path = self.path / STARTING_WEIGHTS
        if not path.exists():
            return None
        try:
            return StartingWeightsEntry.model_validate_json(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"'{path}' is damaged, so the run cannot go on. Train anew with another --out."
            ) from error

    def refuse_lost_states(self) -> None:
        """`ModelError` where epochs were trained, so that states were saved, of which none is there: to begin anew would undo them."""
        if self.history.exists():
            raise ModelError(
                f"'{self.history.name}' of this run has epochs, but '{self.checkpoints}' has no list of states to go on from. Put that "
                "folder back, or train again with another --out."
            )

    def refuse_other_data(self, sha256: str) -> None:
        """`ConfigError` where the run was begun on other images, masks or parts than those of this hash."""
        try:
            known = json.loads(self.data.read_text(encoding="utf-8"))["sha256"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"'{self.data}' is missing or damaged, so the run cannot go on. Train anew with another --out."
            ) from error
        if known != sha256:
            raise ConfigError(
                f"The images or masks are not those that '{self.path}' was trained on. Give its own data, or train anew with another --out."
            )

    def set_status(self, status: Status, reason: str | None = None) -> None:
        """Say where the run stands."""
        write_json(self.path / "status.json", {"status": status, "reason": reason})

    def journal(self, event: Event) -> None:
        """Append an event to `events.jsonl`; mere progress is not kept."""
        if not isinstance(event, Progressed):
            append_line(self.path / "events.jsonl", json.dumps(event.as_json()))

    def write_history(self, history: Sequence[EpochDone]) -> None:
        """Write `history.csv`, which repeats bit for bit, and `timing.csv`, which does not."""
        write_text(self.history, history_csv(history))
        write_text(self.path / "timing.csv", timing_csv(history))


def describe_data(survey: Survey, split: Split) -> dict[str, Any]:
    """The content of `data.json`: where every image lies, what it holds and what it is for."""
    part_of = {fact.sample.source: part for part in ("train", "val", "test") for fact in getattr(split, part)}
    images = [
        {
            "name": fact.sample.name,
            "part": part_of.get(fact.sample.source, "unused"),
            "image": str(fact.sample.image.resolve()),
            "page": fact.sample.page,
            "group": fact.sample.group,
            "masks": [str(mask.resolve()) for mask in fact.sample.masks],
            "height": fact.height,
            "width": fact.width,
            "channels": fact.channels,
            "dtype": fact.dtype,
            "sha256": fact.sha256,
            "content": fact.content,
            "truth": fact.truth,
            "values": {str(value): count for value, count in fact.values.items()},
        }
        for fact in survey.facts
    ]
    classes = [
        {"name": name, "values": values}
        for name, values in zip(survey.classes.names, survey.classes.values, strict=True)
    ]
    return {
        "root": str(survey.listing.root.resolve()),
        "layout": survey.listing.layout,
        "classes": classes,
        "threshold": survey.classes.threshold,
        "ignored": survey.classes.ignored,
        "sha256": data_hash(survey, split),
        "images": images,
    }


def data_hash(survey: Survey, split: Split) -> str:
    """A hash of what is trained on: pixels, masks, classes and parts; not of names or places."""
    parts = [sorted((fact.content, fact.truth) for fact in getattr(split, part)) for part in ("train", "val", "test")]
    return sha256_bytes(
        json.dumps(
            [parts, survey.classes.names, survey.classes.values, survey.classes.threshold, survey.classes.ignored]
        ).encode()
    )


def environment(device: Device) -> dict[str, Any]:
    """Versions and machine, as far as they can change a result."""
    return {
        "utome": utome.__version__,
        "commit": _commit(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in ("torch", "numpy", "scipy", "pillow", "tifffile", "safetensors")},
        "platform": platform.platform(),
        "device": device.name,
        "gpu": torch.cuda.get_device_name() if device.torch.type == "cuda" else None,
        "threads": torch.get_num_threads(),
        "processor": _processor(),
        "processors": os.cpu_count(),
        "processes": size(),
        "command": sys.argv,
    }


def _processor() -> str:
    """The processor's name, as far as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return name or platform.processor() or platform.machine()


def _commit() -> str | None:
    """The commit of utome's own checkout, where it runs from one."""
    root = Path(utome.__file__).parents[2]
    if not ((root / ".git").exists() and (root / "src" / "utome").is_dir()):
        return None
    try:
        answer = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607 - whichever git the user has
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
