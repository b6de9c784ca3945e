"""Where trials may be kept: the URL of a storage as SQLAlchemy takes it apart, and how Optuna opens it."""

import re
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from utome.errors import ConfigError

if TYPE_CHECKING:  # imported for real when it runs, so that `--help` is instant
    from optuna.storages import RDBStorage
    from sqlalchemy.engine import URL

# So long a SQLite file may be held by somebody else.
BUSY_SECONDS = 30.0
HIDDEN = "***"


def storage_url(given: str) -> "URL":
    """The URL of a storage, with the whole path of a SQLite file.

    `ConfigError` where it is none, would be lost with the process, or has a password where `shown` would not hide it.
    """
    import sqlalchemy.exc

    try:
        url = sqlalchemy.engine.make_url(given)
        url.get_dialect()
    except (sqlalchemy.exc.ArgumentError, ValueError):  # the latter for a port that is no number
        raise ConfigError(_no_storage(re.sub("//.*@", f"//{HIDDEN}@", given))) from None
    if any(word in name.lower() for name in url.query for word in ("passw", "pwd")):
        raise ConfigError(
            f"The storage '{shown(url.set(query={}))}' has a password behind its `?`. Write it before the host, where it is hidden when "
            "the storage is named: postgresql+psycopg://USER:PASSWORD@HOST/DATABASE."
        )
    if url.get_backend_name() != "sqlite":
        return url
    if url.database in {None, "", ":memory:"}:
        raise ConfigError(
            f"{_no_storage(given)} SQLite keeps this one in memory, where it would be lost with the process."
        )
    if url != file_url(str(url.database)):
        raise ConfigError(f"{_no_storage(shown(url))} Of SQLite nothing but the path of a file is accepted.")
    return file_url(Path(str(url.database)).absolute())


def file_url(path: Path | str) -> "URL":
    """The URL of a SQLite file, whatever characters its path has."""
    from sqlalchemy.engine import URL

    return URL.create("sqlite", database=str(path))


def needs_password(url: "URL") -> bool:
    """Whether this is what `shown` left of a URL with a password."""
    return url.password == HIDDEN


def shown(url: "URL") -> str:
    """The URL without its password."""
    return url.render_as_string(hide_password=True)


def sqlite_file(url: "URL") -> Path | None:
    """The file of a SQLite storage; none for any other."""
    return Path(str(url.database)) if url.get_backend_name() == "sqlite" else None


def optuna_storage(url: "URL") -> "RDBStorage":
    """Optuna's storage there, made where there is none yet; errors are those of Optuna and SQLAlchemy."""
    import optuna

    file = sqlite_file(url)
    if file is None:
        # Optuna takes braces for places to put its version in.
        text = url.render_as_string(hide_password=False).replace("{", "{{").replace("}", "}}")
        return optuna.storages.RDBStorage(text)

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(file, timeout=BUSY_SECONDS, check_same_thread=False)

    # By its path: in a URL `?`, `%` and braces would mean something else.
    return optuna.storages.RDBStorage("sqlite:///study.db", engine_kwargs={"creator": connect})


def _no_storage(named: str) -> str:
    return (
        f"'{named}' is no storage. Write sqlite:///FILE.db or postgresql+psycopg://USER@HOST/DATABASE, or leave --storage out for a file "
        "in the study's folder."
    )
