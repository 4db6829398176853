"""Several processes of JAX as one, on one machine or many: joining them, arrays over the devices of all, agreement.

All of it works with one process, too, where it costs nothing.
"""

import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec, Sharding

SECONDS_WITHOUT_A_SIGN = 30
"""After so many a process is taken for dead, and the others end."""
LOST = (
    "another process of this run has ended or is out of reach, so this one ends, too; what the first one to end has "
    "said tells why. Started again, all go on: meta-train and train with --resume, evaluate by itself"
)
LOST_SIGNS = ("Gloo", "NCCL", "coordination service", "CoordinationService", "DEADLINE_EXCEEDED", "heartbeat")
"""Words in errors of JAX that are raised when another process has gone."""
SLURM = ("SLURM_NTASKS", "SLURM_JOB_ID", "SLURM_STEP_NODELIST", "SLURM_PROCID", "SLURM_LOCALID")
OPEN_MPI = ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "OMPI_MCA_orte_hnp_uri")
"""Variables by which JAX finds the other processes by itself; the first one is their number."""


class ProcessLostError(RuntimeError):
    """Another process has gone."""


@contextmanager
def joined(coordinator: str | None, num_processes: int | None, process_id: int | None) -> Iterator[None]:
    """Joins the processes of one program; call it before JAX's first use.

    Nothing happens without arguments, except where Slurm or Open MPI have started several processes.

    Args:
        coordinator: host:port of process 0, where it listens.
        num_processes: how many there are.
        process_id: which one this is, from 0.

    Raises:
        ValueError: only some of the three are given, or they do not fit together.
        ProcessLostError: another process has gone, or the others did not come.
    """
    if not is_one_of_several(coordinator, num_processes, process_id):
        yield
        return
    # Signals are ours: JAX would take SIGTERM for the notice of a preemption, and go on.
    jax.config.update("jax_enable_preemption_service", False)
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    try:
        jax.distributed.initialize(
            coordinator, num_processes, process_id, heartbeat_timeout_seconds=SECONDS_WITHOUT_A_SIGN
        )
        # Devices connect at the first agreement, and wait half a minute for each other; nobody compiles yet.
        largest(0)
        yield
    except (RuntimeError, ValueError) as error:
        if any(sign in str(error) for sign in LOST_SIGNS):
            raise ProcessLostError(LOST) from error
        raise
    # Waits for the others. Not after an error: they learn of it by the end of this process.
    jax.distributed.shutdown()


def is_one_of_several(coordinator: str | None, num_processes: int | None, process_id: int | None) -> bool:
    """Whether the arguments say so; or, without any, Slurm (`srun`) or Open MPI (`mpirun`), as JAX finds them.

    Raises:
        ValueError: see `joined`.
    """
    if coordinator is None and num_processes is None and process_id is None:
        return any(
            all(name in os.environ for name in (count, *others)) and int(os.environ[count]) > 1
            for count, *others in (SLURM, OPEN_MPI)
        )
    if coordinator is None or num_processes is None or process_id is None:
        raise ValueError("coordinator, num-processes and process-id belong together: give all three, or none")
    if not 0 <= process_id < num_processes:
        raise ValueError(f"process-id is {process_id}; it must lie in [0, {num_processes}), the number of processes")
    host, _, port = coordinator.rpartition(":")
    if not host or not port.isdecimal():
        raise ValueError(f"coordinator is {coordinator!r}; HOST:PORT of process 0 is needed")
    return True


def is_first() -> bool:
    """Whether this is the process that writes files and prints."""
    return jax.process_index() == 0


def device_mesh(axis: str) -> Mesh:
    """All devices of all processes along one axis."""
    return jax.make_mesh((jax.device_count(),), (axis,), axis_types=(AxisType.Auto,))


def place(tree: Any, sharding: Sharding) -> Any:
    """Arrays on the devices of a sharding, from the same values in every process."""
    return jax.device_put(tree, sharding) if sharding.is_fully_addressable else _placing(sharding)(tree)


def fetch(tree: Any) -> Any:
    """Arrays on the host, whole in every process; all processes must call it."""
    far = [x for x in jax.tree.leaves(tree) if isinstance(x, jax.Array) and not x.is_fully_addressable]
    if far:
        sharding = far[0].sharding
        assert isinstance(sharding, NamedSharding)
        tree = _placing(NamedSharding(sharding.mesh, PartitionSpec()))(tree)
    return jax.device_get(tree)


def largest(number: int) -> int:
    """Of the numbers of all processes; all must call it.

    Args:
        number: in [-2**31, 2**31).
    """
    if jax.process_count() == 1:
        return number
    mesh = device_mesh("devices")
    sharding = NamedSharding(mesh, PartitionSpec("devices"))
    own = np.full(1, number, np.int32)
    numbers = jax.make_array_from_callback((mesh.size,), sharding, lambda index: own)
    return int(np.max(fetch(numbers)))


@functools.cache
def _placing(sharding: Sharding) -> Any:
    return jax.jit(lambda tree: tree, out_shardings=sharding)
