"""Several processes that do one thing together, as torchrun starts them, but from a server that has imported torch already."""

import multiprocessing
import os
import socket
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import torch

from utome.distributed import joined
from utome.errors import UtomeError

SECONDS = 100


def together(work: Callable[..., Any], *arguments: Any, count: int = 2) -> list[Any]:
    """What `work` returns, or the exception that it raises, in each of the processes that have joined; none where one was killed."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["utome.jobs.train", "utome.jobs.resume"])
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    pipes = [context.Pipe(duplex=False) for _ in range(count)]
    processes = [
        context.Process(target=_join, args=(rank, count, port, pipe, work, arguments))
        for rank, (_, pipe) in enumerate(pipes)
    ]
    for process, (_, pipe) in zip(processes, pipes, strict=True):
        process.start()
        pipe.close()
    try:
        return [_received(pipe) for pipe, _ in pipes]
    finally:
        for process in processes:
            process.join(SECONDS)
            process.kill()


def _received(pipe: Connection) -> Any:
    if not pipe.poll(SECONDS):
        raise TimeoutError("a process did not answer")
    try:
        return pipe.recv()
    except EOFError:
        return None


def _join(rank: int, count: int, port: int, pipe: Connection, work: Callable[..., Any], arguments: Any) -> None:
    torch.set_num_threads(1)
    os.environ |= {
        "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
    }  # fmt: skip
    try:
        with joined():
            answer = work(*arguments)
    except Exception as error:
        if not isinstance(error, UtomeError):
            traceback.print_exc()
        answer = error
    pipe.send(answer)
