"""The facts of the machine without which a figure means nothing."""

import os
import platform
from typing import Any

import torch

from utome.device import choose_device
from utome.recipes.library import load_recipe


def machine_facts() -> dict[str, Any]:
    """Processor, cores, versions, the device that utome chooses, and how busy the machine is already."""
    able: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    config = load_recipe("unet").config
    return {
        "processor": able.get("cpu_name") or platform.processor() or platform.machine(),
        "cores": able.get("num_physical_cores") or os.cpu_count(),
        "threads": torch.get_num_threads(),
        "bfloat16": [name for name in ("avx512_bf16", "amx_bf16") if able.get(name)],
        "device": choose_device(config.machine, precision=config.training.precision).name,
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "load_average": os.getloadavg()[0],
    }
