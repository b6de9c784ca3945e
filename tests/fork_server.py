"""A process that has imported torch and forks one child for each command `utome`: a child is there at once, and may be killed.

It reads one JSON request a line and answers with one line. `start` forks a child that is to meet `faults`, `wait` gives its exit code
(negative where a signal ended it). See `tests.faulty_runs` for the other side.
"""

import contextlib
import errno
import io
import json
import os
import resource
import signal
import stat
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

# All that a run imports, so that children need not.
IMPORTED = (
    "utome.cli.app", "utome.cli.commands", "utome.cli.listening", "utome.jobs.train", "utome.jobs.resume", "utome.jobs.tune",
    "utome.jobs.study.running", "utome.jobs.predict",
)  # fmt: skip
# What torch imports when a network is first measured, which takes longer than these runs.
LATE = (
    "torch._dynamo", "torch._inductor", "pydantic.type_adapter", "rich._emoji_codes", "optuna", "optuna.samplers", "optuna.pruners",
    "optuna.storages._rdb.storage", "optuna.storages._rdb.alembic", "alembic.command", "sqlalchemy.dialects.sqlite",
)  # fmt: skip
PLOTTING = ("matplotlib.pyplot", "matplotlib.backends.backend_svg", "matplotlib.backends.backend_agg", "scipy.ndimage")


def main() -> None:
    """Answer requests until standard input ends."""
    for name in (*IMPORTED, *LATE, *PLOTTING):
        import_module(name)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    for line in sys.stdin:
        request = json.loads(line)
        answer = ANSWERS[request["ask"]](request)
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


def _start(request: Mapping[str, Any]) -> int:
    pid = os.fork()
    if pid == 0:
        _child(request)
    return pid


def _wait_until_stopped(request: Mapping[str, Any]) -> int:
    """1 when the child has stopped itself, 0 when it ended."""
    found = os.waitid(os.P_PID, request["pid"], os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    return int(found is not None and found.si_code == os.CLD_STOPPED)


def _wait(request: Mapping[str, Any]) -> int:
    """The exit code; with `kill_after` the child is killed if it is not done after so many seconds."""
    pid, kill_after = request["pid"], request.get("kill_after")
    if kill_after is not None:
        signal.sigtimedwait([signal.SIGCHLD], 0)  # of a child before this one
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            signal.sigtimedwait([signal.SIGCHLD], kill_after)
        os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _child(request: Mapping[str, Any]) -> NoReturn:
    code: Any = 70
    try:
        _redirect(request["output"])
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
        if "file_size" in request:
            resource.setrlimit(resource.RLIMIT_FSIZE, (request["file_size"], resource.RLIM_INFINITY))
        if "user" in request:
            os.setuid(request["user"])
        os.umask(0o022)
        for fault in request["faults"]:
            FAULTS[fault["kind"]](fault)
        sys.argv = ["utome", *request["command"]]
        from utome.cli.app import main as utome

        utome()
        code = 0
    except SystemExit as ended:
        code = 0 if ended.code is None else ended.code
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1)
    raise AssertionError("a child does not come here")


def _redirect(place: str) -> None:
    out = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.dup2(out, 1)
    os.dup2(out, 2)
    sys.stdin = io.StringIO()


def _at_call(fault: Mapping[str, Any]) -> None:
    """Before the nth call of a function, named as in `module:Class.method`, these signals come; or so often it raises OSError."""
    module_name, _, path = fault["function"].partition(":")
    owner: Any = import_module(module_name)
    *parents, name = path.split(".")
    for parent in parents:
        owner = getattr(owner, parent)
    function, calls = getattr(owner, name), [0]

    def counted(*arguments: Any, **named: Any) -> Any:
        calls[0] += 1
        if calls[0] == fault["number"]:
            _signal(fault["signals"])
        return function(*arguments, **named)

    setattr(owner, name, counted)


def _at_file_operation(fault: Mapping[str, Any]) -> None:
    """Before the nth operation on files that could be lost these signals come; `half`: half of what was to be synced is on the disk."""

    def before(number: int, operation: str, handle: int | None) -> None:
        del operation
        if number == fault["number"]:
            if fault.get("half") and handle is not None:
                os.ftruncate(handle, os.fstat(handle).st_size // 2)
            _signal(fault["signals"])

    _watch_files(before)


def _refusing(fault: Mapping[str, Any]) -> None:
    """From the nth operation on files on, the system refuses all of them for this reason."""
    number_of = getattr(errno, fault["reason"])

    def before(number: int, operation: str, handle: int | None) -> None:
        del operation, handle
        if number >= fault["number"]:
            raise OSError(number_of, os.strerror(number_of))

    _watch_files(before)


def _filling(fault: Mapping[str, Any]) -> None:
    """Before the nth step the disk becomes full: a file of others takes all that is left."""
    loop: Any = import_module("utome.training.loop")

    step, count = loop._step, [0]

    def counted(*arguments: Any) -> None:
        count[0] += 1
        if count[0] == fault["number"]:
            with contextlib.suppress(OSError), Path(fault["file"]).open("wb", buffering=0) as file:
                while True:
                    file.write(bytes(1000))
        step(*arguments)

    loop._step = counted


def _removing(fault: Mapping[str, Any]) -> None:
    """Before the nth step a folder is gone, as when a disk is pulled out."""
    loop: Any = import_module("utome.training.loop")

    step, count = loop._step, [0]

    def counted(*arguments: Any) -> None:
        count[0] += 1
        if count[0] == fault["number"]:
            Path(fault["folder"]).rename(fault["to"])
        step(*arguments)

    loop._step = counted


def _little_memory(fault: Mapping[str, Any]) -> None:
    """The process may have so many bytes more than it has when training begins."""
    keeping: Any = import_module("utome.training.keeping")

    begin = keeping.CheckpointKeeper.begin

    def limited(keeper: Any) -> None:
        begin(keeper)
        has = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (has + fault["bytes"], resource.RLIM_INFINITY))

    keeping.CheckpointKeeper.begin = limited


def _trace_files(fault: Mapping[str, Any]) -> None:
    """Write down every operation on files, and the most bytes that lay in a folder."""
    found: list[str] = []
    folder, most = Path(fault["folder"]), [0]

    def before(number: int, operation: str, handle: int | None) -> None:
        del number, handle
        found.append(operation)
        most[0] = max(most[0], sum(path.stat().st_size for path in folder.rglob("*.safetensors")) + _temporary(folder))
        # Not through the functions that are watched.
        handle = os.open(fault["trace"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.write(handle, json.dumps({"operations": found, "most_bytes": most[0]}).encode())
        os.close(handle)

    _watch_files(before)


def _temporary(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob(".writing-*"))


def _watch_files(before: Callable[[int, str, int | None], None]) -> None:
    fsync, replace, unlink, count = os.fsync, os.replace, os.unlink, [0]

    def told(operation: str, handle: int | None = None) -> None:
        count[0] += 1
        before(count[0], operation, handle)

    def watched_fsync(handle: int) -> None:
        folder = stat.S_ISDIR(os.fstat(handle).st_mode)
        told("sync folder" if folder else "sync file", None if folder else handle)
        fsync(handle)

    def watched_replace(source: Any, target: Any, **options: Any) -> None:
        told(f"rename {Path(target).name}")
        replace(source, target, **options)

    def watched_unlink(path: Any, **options: Any) -> None:
        told(f"remove {Path(path).name}")
        unlink(path, **options)

    os.fsync, os.replace, os.unlink = watched_fsync, watched_replace, watched_unlink  # type: ignore[assignment]


def _poison(fault: Mapping[str, Any]) -> None:
    """At these steps, counted over the whole process, a number is not finite; see `tests.poison`."""
    from tests import poison

    poison.PLACES[fault["place"]](set(fault["steps"]))


def _without_report(fault: Mapping[str, Any]) -> None:
    """Leave out the pages, which take longer than all the rest."""
    del fault
    train: Any = import_module("utome.jobs.train")
    study: Any = import_module("utome.jobs.study.running")
    tune: Any = import_module("utome.jobs.tune")
    train.write_report = study.write_study_report = lambda *_: None
    tune.study_html = lambda *_: ""


def _signal(names: list[str]) -> None:
    for name in names:
        os.kill(os.getpid(), getattr(signal, name))


ANSWERS: Mapping[str, Callable[[Mapping[str, Any]], int]] = {
    "start": _start, "wait": _wait, "wait stopped": _wait_until_stopped,
}  # fmt: skip
FAULTS: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
    "call": _at_call, "file": _at_file_operation, "trace": _trace_files, "poison": _poison,
    "refuse": _refusing, "fill": _filling, "remove": _removing, "memory": _little_memory, "no report": _without_report,
}  # fmt: skip

if __name__ == "__main__":
    main()
