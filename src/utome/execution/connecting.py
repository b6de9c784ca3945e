"""Connecting to the scheduler of a Dask cluster, or saying why not, within ten seconds."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from distributed import Client
from distributed.comm.core import connect

from utome.errors import MachineError

# What an answer may take, in seconds, and what is left to close things where there is none.
PATIENCE = 7.0
CLOSING = 2.0


@contextmanager
def connected(address: str) -> Iterator[Client]:
    """A client of the scheduler at this address; `MachineError` where none answers."""
    _refuse_silence(address)
    try:
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except Exception as error:
        raise _unreachable(address, error) from error
    try:
        yield client
    finally:
        with suppress(TimeoutError, OSError):  # of a scheduler that is gone
            client.close(timeout=CLOSING)


def _refuse_silence(address: str) -> None:
    """A first handshake, in a thread of its own: Dask's client waits for ever where something answers that is no Dask."""
    found: list[Exception | None] = []
    thread = threading.Thread(target=lambda: found.append(_handshake(address)), daemon=True)
    thread.start()
    thread.join(PATIENCE + CLOSING)
    fault = found[0] if found else TimeoutError()
    if fault is not None:
        raise _unreachable(address, fault) from fault


def _handshake(address: str) -> Exception | None:
    async def shake() -> None:
        comm = await connect(address, timeout=PATIENCE)
        await comm.close()

    try:
        asyncio.run(asyncio.wait_for(shake(), PATIENCE))
    except Exception as error:
        return error
    return None


def _unreachable(address: str, error: Exception) -> MachineError:
    said = f" ({error})" if str(error) else ""
    return MachineError(
        f"No Dask scheduler answers at '{address}'{said}. Give the address that `dask scheduler` prints when it starts, as in "
        "tcp://HOST:8786; that of its web page is another."
    )
