"""Every error a user can meet, and the exit code that it ends the command with.

    UtomeError
    ├── ConfigError       2   a setting, an option or a recipe
    ├── DataError         3   images and masks
    ├── ModelError        4   a model folder, or an image that a model cannot take
    ├── MachineError      5   disk, memory, device
    │   └── LostProcessError  5   another process of the same training has ended
    ├── PartlyFailedError 6   some of many failed, the rest was done
    ├── NumericalError    6   training left the finite numbers
    └── InterruptedRunError  130 (Ctrl-C) or 143 (SIGTERM)

A message is whole sentences: what was given, what is accepted, what to do next. Anything else that reaches the
command line is a defect of ours and ends with 1.
"""

import difflib
from collections.abc import Iterable
from typing import ClassVar


class UtomeError(Exception):
    """Something that a user can mend; abstract.

    Where many processes do one training, a `shared` error is met by all of them, and the first alone says it.
    """

    exit_code: ClassVar[int]
    shared: bool = False


class ConfigError(UtomeError):
    """A setting, an option or a recipe is not what is accepted."""

    exit_code = 2
    shared = True


class DataError(UtomeError):
    """Images or masks are missing, unreadable, or do not belong together."""

    exit_code = 3


class ModelError(UtomeError):
    """A model folder is damaged or unknown, or the model cannot take this image."""

    exit_code = 4


class MachineError(UtomeError):
    """The machine lacks something: disk, memory, permission, a device."""

    exit_code = 5


class LostProcessError(MachineError):
    """Another process of the same training has ended or cannot be reached; what was saved is kept."""


class PartlyFailedError(UtomeError):
    """Some of many failed; the rest was done and is kept."""

    exit_code = 6


class NumericalError(UtomeError):
    """A loss or a weight is no longer a finite number."""

    exit_code = 6
    shared = True


class InterruptedRunError(UtomeError):
    """A run was stopped from outside; what was finished is kept."""

    exit_code = 130
    shared = True


class TerminatedRunError(InterruptedRunError):
    """A run was stopped by SIGTERM; what was finished is kept."""

    exit_code = 143


def nearest(given: str, accepted: Iterable[str]) -> str:
    """A sentence that names the accepted word nearest to a slip, or all of them when none is near.

    >>> nearest("unet-2016", ["unet", "unet-2015"])
    "Did you mean 'unet-2015'?"
    >>> nearest("zzz", ["unet", "unet-2015"])
    "Accepted: 'unet', 'unet-2015'."
    """
    words = sorted(accepted)
    near = difflib.get_close_matches(given, words, n=1)
    return f"Did you mean '{near[0]}'?" if near else f"Accepted: {', '.join(repr(word) for word in words)}."
