"""`utome train --resume`: a run goes on where it stopped, or a finished one further than it was meant to."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from utome.config.overrides import override
from utome.config.settings import Config, config_from_dict, leaves
from utome.device import enough_memory
from utome.distributed import by_first, size
from utome.errors import ConfigError, ModelError
from utome.events import Listener, Noted, silent
from utome.jobs.preparing import Prepared, prepare
from utome.jobs.train import TrainResult, about, alone, run
from utome.modelfolder.card import StartingWeightsEntry
from utome.training.checkpoints import Checkpoints
from utome.training.progress import Progress, begin
from utome.training.runfolder import RunFolder, data_hash
from utome.training.space import refuse_too_little_space
from utome.training.state import Saved, put_back

# What may be another than when the run began: how far it goes, how it is watched and where it is computed.
MAY_CHANGE = ("training.epochs", "training.stopping.", "training.save_minutes", "training.keep_epochs", "machine.")


def resume(
    data: Path, out: Path, *, assignments: Sequence[str] = (), until: int | None = None, listen: Listener = silent
) -> TrainResult:
    """Go on with the run in `out` from its newest whole state, with its own config but for what `assignments` change.

    With `until` it goes on to the end of that epoch alone, see `utome.jobs.train.run`.

    Final weights and history are those of the run that was never stopped, bit for bit, on the same machine, versions, device,
    threads and processes. `ConfigError` where there is no run, another process works on it, or its config or data are no longer its own;
    `ModelError` where no state is whole, or all are gone. The run is left as it was in each of these cases.
    """
    folder = RunFolder(out)
    config = by_first(lambda: override(folder.saved_config().as_dict(), assignments))
    with enough_memory(), alone(folder):
        saved = by_first(Checkpoints(folder.checkpoints, {}).newest)
        if saved is None:
            by_first(folder.refuse_lost_states)
        else:
            refuse_other_settings(saved.about["config"], config, out)
            _refuse_other_processes(saved, config)
        prepared = prepare(data, config, listen, begun=saved is not None)
        by_first(lambda: folder.refuse_other_data(data_hash(prepared.survey, prepared.split)))
        prepared = replace(prepared, starting=by_first(lambda: _same_starting_weights(folder, prepared)))
        progress = begin(prepared.task)
        if saved is not None:
            put_back(saved, prepared.task.network, progress)
            _refuse_fewer_epochs(config, progress)
        by_first(lambda: refuse_too_little_space(out, prepared.task))
        for note in _notes(saved, prepared, progress):
            listen(Noted(note))
        by_first(lambda: folder.go_on(config, progress.history))
        return run(prepared, progress, folder, listen, until=until)


def refuse_other_settings(begun: Mapping[str, Any], config: Config, out: Path) -> None:
    """`ConfigError` where a setting differs that may not, with what it was and what it is."""
    # A run that began before a setting was there has its default.
    ours, theirs = leaves(config.as_dict()), leaves(config_from_dict(begun).as_dict())
    changed = [path for path in sorted({*ours, *theirs}) if ours.get(path) != theirs.get(path)]
    refused = [path for path in changed if not path.startswith(MAY_CHANGE)]
    if refused:
        differences = ", ".join(f"`{path}` was {theirs.get(path)} and is {ours.get(path)}" for path in refused)
        raise ConfigError(
            f"The settings are not those that '{out}' began with: {differences}. On --resume only these may change: "
            f"{_listed(MAY_CHANGE)}. Leave the others as they were, or train anew with another --out."
        )


def _refuse_other_processes(saved: Saved, config: Config) -> None:
    """`ConfigError` where the run began with another number of processes, unless the settings allow it."""
    begun = _processes(saved)
    if begun != size() and not config.machine.any_processes:
        raise ConfigError(
            f"The run was computed by {_counted(begun)}, and now there would be {_counted(size())}; its numbers would be the same up to "
            f"rounding alone. Start as many as before, or allow it with --set machine.any_processes=true."
        )


def _processes(saved: Saved) -> int:
    return int(saved.about.get("processes", 1))


def _counted(processes: int) -> str:
    return "one process" if processes == 1 else f"{processes} processes"


def _listed(paths: Iterable[str]) -> str:
    return ", ".join(f"{path}*" if path.endswith(".") else path for path in paths)


def _refuse_fewer_epochs(config: Config, progress: Progress) -> None:
    if config.training.epochs < progress.epoch:
        raise ConfigError(
            f"training.epochs is {config.training.epochs}, but {progress.epoch} epochs are done. Give at least that many."
        )


def _notes(saved: Saved | None, prepared: Prepared, progress: Progress) -> list[str]:
    """Where the run goes on, and what makes it another than one that was never stopped."""
    if saved is None:
        return ["Nothing was saved yet; starting anew."]
    then, now = saved.about, about(prepared)
    notes = [f"Going on after epoch {progress.epoch}{f', step {progress.step}' if progress.step else ''}."]
    for name, words in (("threads", "threads"), ("device", "device"), ("packages", "versions"), ("platform", "system")):
        if then[name] != now[name]:
            notes.append(f"The run began with {words} {then[name]}; with {now[name]} its last digits may differ.")
    if _processes(saved) != size():
        notes.append(
            f"The run was computed by {_counted(_processes(saved))} and now is by {_counted(size())}: the same up to rounding."
        )
    epochs = then["config"]["training"]["epochs"], prepared.task.config.training.epochs
    if epochs[0] != epochs[1]:
        notes.append(
            f"The run was to have {epochs[0]} epochs and now has {epochs[1]}. From here on the learning rate is what the schedule "
            f"`{prepared.task.config.optimizer.schedule}` says of {epochs[1]}."
        )
    stopping = prepared.task.config.training.stopping
    if stopping.patience is not None and progress.stopping.waited >= stopping.patience:
        notes.append(
            f"Training had stopped early, since {stopping.monitor} was no better for {progress.stopping.waited} epochs, and does not go "
            "on. To go on: --set training.stopping.patience=N, with a larger N, or null for none."
        )
    return notes


def _same_starting_weights(folder: RunFolder, prepared: Prepared) -> StartingWeightsEntry | None:
    """What the run wrote down of them; `ModelError` where they had to be read again and are others."""
    known = folder.starting_weights()
    if prepared.starting is not None and known is not None and prepared.starting.sha256 != known.sha256:
        raise ModelError(
            f"'{known.source}' no longer holds the weights that '{folder.path}' began with. Put them back, or train anew "
            "with another --out."
        )
    return known
