"""The master key as the settings name it, and the command ``mymessenger-server rekey``."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import trio

from server.settings import Settings
from storage import (
    CommandKey,
    GivenKey,
    KeyFile,
    MasterKey,
    StorageConfigurationError,
    change_master_key,
)
from storage.errors import StorageError
from storage.keys import parse_key
from storage.sealing import new_key

VARIABLE = "MYMESSENGER_MASTER_KEY"
NEW_VARIABLE = "MYMESSENGER_NEW_MASTER_KEY"


def master_key(settings: Settings, environ: Mapping[str, str]) -> MasterKey | None:
    """Return where the master key is, None where nothing is to be sealed.

    Raises :class:`StorageConfigurationError` where several places are named.
    """
    if settings.encryption == "off":
        return None
    given = environ.get(VARIABLE, "")
    if sum(map(bool, (given, settings.master_key_file, settings.master_key_command))) > 1:
        raise StorageConfigurationError(
            f"There are several places for the master key: name only one of --master-key-file,"
            f" --master-key-command and ${VARIABLE}."
        )
    if given:
        return GivenKey(given, f"${VARIABLE}")
    if settings.master_key_command:
        return CommandKey(settings.master_key_command)
    if settings.master_key_file:
        return KeyFile(Path(settings.master_key_file))
    return KeyFile(_beside(Path(settings.db_name)))


def _beside(database: Path) -> Path:
    """Return where the key of a database file is: beside it, whatever links lead to it."""
    with suppress(OSError, ValueError, RuntimeError):  # no path; opening it will say so
        database = database.expanduser().resolve()
    return Path(f"{database}.key")


def rekey(settings: Settings, environ: Mapping[str, str]) -> str:
    """Change the master key and return a sentence that says what to do now.

    Raises :class:`StorageError` where it could not be changed.
    """
    master = master_key(settings, environ)
    if master is None:
        raise StorageConfigurationError("With --encryption off there is no master key.")
    given = environ.get(NEW_VARIABLE, "")
    if not given and not isinstance(master, KeyFile):
        raise StorageConfigurationError(
            f"Whoever gives the master key has to make the new one, too: put it into"
            f" ${NEW_VARIABLE}, for example from  openssl rand -base64 32."
        )
    new = parse_key(given, f"${NEW_VARIABLE}") if given else new_key()
    try:
        trio.run(change_master_key, settings.database_url, master, new)
    except* StorageError as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from None
    if isinstance(master, KeyFile):
        return f"The master key is changed. The new one is in {master.where}: keep a copy of it."
    return (
        f"The master key is changed. At its next start the server needs the new one in the place"
        f" of {master.where}; one that runs goes on."
    )
