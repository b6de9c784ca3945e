"""A task and its item as bytes on their way to a worker, and the outcome as bytes on its way back.

Workers open parcels themselves, inside the task's own guard: what cannot be opened there is an error of the item and no death of the
worker, and nothing of the task is imported before its threads are set.
"""

import os
import pickle
import sys
import traceback
from collections.abc import Callable
from typing import Any

from utome.errors import InterruptedRunError, UtomeError
from utome.execution.work import Answered, Failed, Item, Lost, Outcome, Result

THREADS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
TOLD = Lost("told to end by a signal")


def packed(task: Callable[[Item], Result], item: Item) -> bytes:
    """A task and an item."""
    return pickle.dumps((task, item))


def carried_out(parcel: bytes) -> bytes:
    """The outcome of a parcel, packed; none of the task's exceptions is raised here."""
    try:
        task, item = pickle.loads(parcel)  # noqa: S301 - from the process that started this one
        return pickle.dumps(Answered(task(item)))
    except (KeyboardInterrupt, InterruptedRunError):
        return pickle.dumps(TOLD)
    except BaseException as error:  # SystemExit, too, ends the item and not the worker
        return pickle.dumps(Failed(_portable(error)))


def opened(outcome: bytes) -> Outcome[Any]:
    """The outcome that `carried_out` packed."""
    found: Outcome[Any] = pickle.loads(outcome)  # noqa: S301 - from a process that this one started
    return found


def set_threads(threads: int) -> None:
    """Let this process compute with so many threads: by its environment, which libraries read when they are imported."""
    os.environ.update(dict.fromkeys(THREADS, str(threads)))
    if "torch" in sys.modules:  # of whoever's script started us, or of the item before
        sys.modules["torch"].set_num_threads(threads)


def _portable(error: BaseException) -> Exception:
    """The error as the other process can have it, with its traceback as a note where it is no error of a user."""
    if not isinstance(error, UtomeError):
        error.add_note(f"In the worker:\n{''.join(traceback.format_exception(error)).rstrip()}")
    try:
        copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    except Exception:  # whatever its class does
        copy = None
    if isinstance(copy, Exception):
        return copy
    plain = RuntimeError(f"{type(error).__name__}: {error}")
    for note in getattr(error, "__notes__", ()):
        plain.add_note(note)
    return plain
