"""One worker on this machine: a pool of one spawned process, and what that process does."""

import multiprocessing
import os
import pickle
import signal
import threading
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any

from utome.errors import MachineError
from utome.execution.parcels import TOLD, carried_out, set_threads
from utome.execution.signals import Ears, held_back


class Spawned:
    """A worker. It has a pool of its own, so that one that is killed takes nothing with it but its own item."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._pool = self._new_pool()

    def begin(self, parcel: bytes) -> Future[bytes]:
        """Carry out a parcel; the process is started where there is none."""
        try:
            return self._submit(parcel)
        except BrokenProcessPool:  # it was killed while it had nothing to do
            self.renew()
            return self._submit(parcel)

    def renew(self) -> str:
        """Have a new process next time; in which way the old one ended."""
        self._pool.shutdown()
        code = None if self._context.process is None else self._context.process.exitcode
        self._pool = self._new_pool()
        return _in_words(code)

    def tell(self) -> None:
        """Tell the process to save and to leave; Windows has no signal for that but the Ctrl-C that its console sends to all."""
        if os.name == "posix" and (process := self._alive()) is not None:
            process.terminate()

    def close(self) -> int | None:
        """Let the process end once it is done; a handle that is ready when it has ended, or none where there is no process."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        process = self._alive()
        return None if process is None else process.sentinel

    def end(self) -> None:
        """End the process at once, if there still is one."""
        process = self._alive()
        if process is not None:
            process.kill()
        self._pool.shutdown()

    def _submit(self, parcel: bytes) -> Future[bytes]:
        try:
            with held_back():
                return self._pool.submit(_perform, parcel)
        except OSError as error:
            raise MachineError(
                f"No worker can be started: {error}. Give fewer --workers, or free some memory."
            ) from error

    def _alive(self) -> SpawnProcess | None:
        process = self._context.process
        return process if process is not None and process.is_alive() else None

    def _new_pool(self) -> ProcessPoolExecutor:
        self._context = _Remembering()
        return ProcessPoolExecutor(1, self._context, _prepare, (self._threads,))


class _Remembering(SpawnContext):
    """Remembers the one process that its pool starts: pools have no public name for it before Python 3.14."""

    process: SpawnProcess | None = None

    def Process(self, *arguments: Any, **settings: Any) -> SpawnProcess:  # type: ignore[override]  # noqa: N802
        """The process."""
        self.process = SpawnProcess(*arguments, **settings)
        return self.process


_ears = Ears()


def _prepare(threads: int) -> None:
    """What a worker does before it gets anything of the task."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):  # what is to be seen is shown by the process that fans out
        os.dup2(nowhere, stream)
    set_threads(threads)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    _ears.let_through()


def _leave_with_parent() -> None:
    """End this process when the one that started it has ended in any way; an item is whole or absent as after any kill."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _perform(parcel: bytes) -> bytes:
    try:
        _ears.working = True
        try:
            return pickle.dumps(TOLD) if _ears.told else carried_out(parcel)
        finally:
            _ears.working = False
    except KeyboardInterrupt:  # between the lines of this function
        return pickle.dumps(TOLD)


def _in_words(code: int | None) -> str:
    """How a process ended.

    >>> _in_words(-9), _in_words(1)
    ('killed by SIGKILL', 'with exit code 1')
    """
    if code is not None and code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"with exit code {code}"
