"""Where and how to compute: device, number type, memory layout, threads, memory, and repeatable arithmetic."""

import ctypes
import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from traceback import clear_frames
from typing import Literal, TypeVar

import torch
from torch import Tensor, nn

from utome.config.sections import MachineSettings
from utome.distributed import size, use_own_gpu
from utome.errors import MachineError

try:
    import resource
except ImportError:  # Windows has none
    resource = None  # type: ignore[assignment]

# What torch and oneDNN, which computes its convolutions, say on a processor where they get no memory.
REFUSALS = ("DefaultCPUAllocator", "could not create a primitive", "could not create a memory")
Precision = Literal["auto", "float32", "bfloat16"]
Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class Device:
    """A torch device and the number type of its convolutions; channels lie last in memory."""

    torch: torch.device
    dtype: torch.dtype

    def autocast(self) -> AbstractContextManager[object]:
        """Compute in `dtype` where that is safe. Never float16: slow on a processor, and it overflows."""
        if self.dtype == torch.float32:
            return nullcontext()
        return torch.autocast(self.torch.type, dtype=self.dtype)

    def place(self, tensor: Tensor) -> Tensor:
        """A batch of images on this device, channels last."""
        return tensor.to(self.torch, memory_format=torch.channels_last)

    def place_network(self, network: Network) -> Network:
        """The network on this device, channels last."""
        return network.to(self.torch, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def peak_memory_mb(self) -> float | None:
        """The most memory since `forget_peak_memory`, of the GPU or of this process, in millions of bytes; none where it is not known."""
        if self.torch.type == "cuda":
            return round(torch.cuda.max_memory_allocated(self.torch) / 1e6, 1)
        peak = _peak_of_process()
        return round(peak / 1e6, 1) if peak > _before.peak else None

    @property
    def name(self) -> str:
        """Device and number type in words, as in `cpu, bfloat16`."""
        return f"{self.torch}, {str(self.dtype).removeprefix('torch.')}"


def choose_device(machine: MachineSettings, *, precision: Precision) -> Device:
    """The device that the settings name, or the best there is; `MachineError` where there is no such device."""
    if machine.threads is not None:
        torch.set_num_threads(machine.threads)
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    kind = next(name for name, there in available.items() if there) if machine.device == "auto" else machine.device
    if not available[kind]:
        there = ", ".join(name for name, is_there in available.items() if is_there)
        raise MachineError(
            f"This machine has no device '{kind}' that torch can use; there is: {there}. Set machine.device=auto."
        )
    if kind == "mps" and size() > 1:
        raise MachineError("Several processes cannot share the device 'mps'. Set machine.device=cpu.")
    if kind == "cuda":
        use_own_gpu()
    device = torch.device(kind)
    if precision == "auto":
        return Device(device, torch.bfloat16 if _is_good_at_bfloat16(device) else torch.float32)
    return Device(device, torch.bfloat16 if precision == "bfloat16" else torch.float32)


@contextmanager
def enough_memory(advice: Callable[[], str] | None = None) -> Iterator[None]:
    """Turn torch's refusal of memory into a `MachineError`; what to do is said by `advice`, which is asked once that memory is free."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_refusal_of_memory(error):
            raise
        clear_frames(error.__traceback__)  # they hold what was computed so far
        reason = error.with_traceback(None)
    else:
        return
    way_out = (
        "Lower training.batch, training.tile or model.width; for prediction, --set a smaller prediction.tile."
        if advice is None
        else advice()
    )
    raise MachineError(f"There is too little memory for this network and tile. {way_out}") from reason


def is_refusal_of_memory(error: BaseException) -> bool:
    """Whether torch or Python say that there is too little memory; on a processor torch has no class of its own for it."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(words in str(error) for words in REFUSALS)


@dataclass
class _Before:
    """The most memory of this process before what is measured, in bytes, on systems that cannot be told to forget it."""

    peak: int = 0


_before = _Before()


def forget_peak_memory() -> None:
    """Measure memory anew from here on: what this process did before, such as a larger network's training, is no part of it."""
    gc.collect()
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.reset_peak_memory_stats()
    # What was freed, but is kept for later. glibc alone has this call.
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # Linux: the peak is what is in use now
        _before.peak = 0
    except OSError:
        _before.peak = _peak_of_process()


def _peak_of_process() -> int:
    """The most memory that this process had, in bytes; 0 where it is not known."""
    # Linux; getrusage counts what a parent had when it started this process, too.
    with suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("VmHWM:")).split()[1])
    if resource is None:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def compute_repeatably() -> None:
    """Choose operations whose result is the same each time on the same machine."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # CUDA's matrix products repeat only with this
    torch.use_deterministic_algorithms(mode=True)
    # Nothing here reads memory that it has not written, so it need not be filled first.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False


def _is_good_at_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device)[0] >= 8  # Ampere and later; older ones emulate it
    if device.type == "cpu":
        able: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
        return bool(able.get("avx512_bf16") or able.get("amx_bf16"))
    return False
