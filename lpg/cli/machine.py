"""How JAX uses this machine: cores as devices, and programs that are compiled once and kept."""

import hashlib
import os
import platform
from importlib.metadata import version
from pathlib import Path


def set_up_jax() -> None:
    """Presents the cores as devices and switches the persistent compilation cache on; before JAX's first use.

    What the user has set by JAX_NUM_CPU_DEVICES, JAX_PLATFORMS and JAX_COMPILATION_CACHE_DIR stays.
    """
    import jax

    if "JAX_NUM_CPU_DEVICES" not in os.environ and os.environ.get("JAX_PLATFORMS", "cpu") == "cpu":
        try:
            # Harmless beside a GPU, whose devices then come first.
            jax.config.update("jax_num_cpu_devices", num_cores())
        except RuntimeError:
            pass  # JAX is in use already: called from a program and not from a shell
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        jax.config.update("jax_compilation_cache_dir", str(cache_folder()))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)


def num_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cache_folder() -> Path:
    """A folder for this jaxlib on this kind of CPU: compiled programs run nowhere else."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    cpu = hashlib.sha256(cpu_model().encode()).hexdigest()[:12]
    return base / "lpg" / f"jaxlib-{version('jaxlib')}-{cpu}"


def cpu_model() -> str:
    """Name and abilities of the CPU, as well as they can be found out."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    lines = [line for line in text.splitlines() if line.startswith(("model name", "flags", "Features", "CPU part"))]
    return " ".join(dict.fromkeys(lines)) or platform.machine()
