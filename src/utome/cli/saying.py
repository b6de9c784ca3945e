"""What every command says with: lines, a JSON document, and the name of a new run; nothing heavy is imported for it."""

import json
import sys
from datetime import date
from pathlib import Path
from typing import Any


def new_run(recipe: str) -> Path:
    """The first folder `runs/DATE-RECIPE-N` that is not there yet."""
    number = 1
    while (path := Path("runs") / f"{date.today().isoformat()}-{recipe}-{number}").exists():  # noqa: DTZ011 - the user's own day
        number += 1
    return path


def say(line: str) -> None:
    """One line on standard output."""
    sys.stdout.write(f"{line}\n")


def tell(line: str) -> None:
    """One line on standard error."""
    sys.stderr.write(f"{line}\n")


def say_json(document: Any) -> None:
    """One JSON document on standard output."""
    say(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))
