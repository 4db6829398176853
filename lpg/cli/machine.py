"""How JAX uses this machine: CPU cores as devices, a persistent compilation cache, and the platform asked for."""

import hashlib
import os
import platform
from importlib.metadata import version
from pathlib import Path


def set_up_jax() -> None:
    """Presents the cores as devices and enables the persistent compilation cache; call it before JAX's first use.

    Values that the user has set with JAX_NUM_CPU_DEVICES, JAX_PLATFORMS and JAX_COMPILATION_CACHE_DIR are kept.
    """
    import jax

    if "JAX_NUM_CPU_DEVICES" not in os.environ and os.environ.get("JAX_PLATFORMS", "cpu") == "cpu":
        try:
            # No effect on a machine with a GPU: its devices come first.
            jax.config.update("jax_num_cpu_devices", num_cores())
        except RuntimeError:
            pass  # JAX is in use already, because a program called `main`
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ and (folder := cache_folder()) is not None:
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)


def num_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_bytes() -> int | None:
    """Memory of one device that has its own; on a CPU what this machine has free, or its container may still use.

    None if nobody says. Initialises JAX's backend.
    """
    import jax

    if jax.default_backend() != "cpu":
        return (jax.local_devices()[0].memory_stats() or {}).get("bytes_limit")
    found = []
    try:
        (line,) = [line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemAvailable")]
        found.append(1024 * int(line.split()[1]))
        limit, used = (int(Path(f"/sys/fs/cgroup/memory.{name}").read_text()) for name in ("max", "current"))
        found.append(limit - used)
    except (OSError, ValueError):  # ValueError: the limit is "max"
        pass
    return min(found, default=None)


def platform_problem() -> str | None:
    """Why JAX cannot use the platform that JAX_PLATFORMS asks for; None if it can, or if the variable is not set.

    Initialises JAX's backend, so ask only after a failure.
    """
    import jax

    platform = os.environ.get("JAX_PLATFORMS")
    if not platform:
        return None
    try:
        jax.devices()
    except (RuntimeError, AssertionError) as error:
        detail = f" ({error})" if str(error) else ""
        return f"JAX_PLATFORMS is {platform!r}, and JAX finds no such device here{detail}; unset it, or set it to 'cpu'"
    return None


def cache_folder() -> Path | None:
    """A folder for this jaxlib on this kind of CPU, because compiled programs run on no other; it is made if missing.

    None where there is no home directory, or where nothing can be written: then nothing is cached.
    """
    cpu = hashlib.sha256(cpu_model().encode()).hexdigest()[:12]
    try:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        folder = base / "lpg" / f"jaxlib-{version('jaxlib')}-{cpu}"
        folder.mkdir(parents=True, exist_ok=True)
    except (RuntimeError, OSError):  # RuntimeError: neither HOME nor an entry in the password database
        return None
    return folder if os.access(folder, os.W_OK) else None


def cpu_model() -> str:
    """Name and features of the CPU, as far as the system gives them."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    lines = [line for line in text.splitlines() if line.startswith(("model name", "flags", "Features", "CPU part"))]
    return " ".join(dict.fromkeys(lines)) or platform.machine()
