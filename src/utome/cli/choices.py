"""Options that take one of a few words."""

from enum import StrEnum


class At(StrEnum):
    """The size at which scores are taken."""

    native = "native"
    network = "network"
