"""The file of published weights, `disco_103.npz`: 42 arrays by the names that its authors' library gave them.

The file is the user's own copy; lpg ships no weights.
"""

import hashlib
import zipfile
from pathlib import Path

import numpy as np

PREDICTION_SIZE, HIDDEN, LIFETIME = 600, 256, 128
"""Size of y and z; units of the LSTM over a trajectory, and of the one over a lifetime."""
EMBEDDING, POLICY_EMBEDDING = 16, 2
"""Units of hidden layers of embeddings; numbers that describe an action."""
NUM_FEATURES, NUM_ACTION_FEATURES = 27, 9
"""Of a step; of an action in a step. The order is that of `lpg.update_rules.disco.network`."""
META = "lstm/~/meta_lstm/~unroll"
"""Prefix of what belongs to the LSTM over a lifetime."""


def _layer(name: str, *shape: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}/w": shape, f"{name}/b": shape[-1:]}


def _embeddings(prefix: str) -> dict[str, tuple[int, ...]]:
    """Of y, of z, and of actions: each action's numbers stand beside their mean over all actions."""
    found = {}
    for name in ("mlp", "mlp_1"):
        found |= _layer(f"{prefix}/{name}/~/linear_0", PREDICTION_SIZE, EMBEDDING)
        found |= _layer(f"{prefix}/{name}/~/linear_1", EMBEDDING, 1)
    found |= _layer(f"{prefix}/sequential/conv1_d", 1, 2 * NUM_ACTION_FEATURES, EMBEDDING)
    return found | _layer(f"{prefix}/sequential/conv1_d_1", 1, 2 * EMBEDDING, POLICY_EMBEDDING)


SHAPES: dict[str, tuple[int, ...]] = {
    **_embeddings("lstm"),
    **_layer("lstm/lstm/linear", NUM_FEATURES + HIDDEN, 4 * HIDDEN),
    **_layer("lstm/linear", LIFETIME, HIDDEN),
    **_layer("lstm/linear_1", HIDDEN, 1),
    **_layer("lstm/linear_2", HIDDEN, PREDICTION_SIZE),
    **_layer("lstm/linear_3", HIDDEN, PREDICTION_SIZE),
    **_layer("lstm/sequential_1/conv1_d", 1, 2 * (HIDDEN + POLICY_EMBEDDING), EMBEDDING),
    **_layer("lstm/linear_4", EMBEDDING, 1),
    **_embeddings(META),
    **_layer(f"{META}/mlp_2/~/linear_0", NUM_FEATURES + 2, EMBEDDING),
    **_layer(f"{META}/lstm/linear", EMBEDDING + LIFETIME, 4 * LIFETIME),
}
"""Name → shape of every array."""


def read_weights(path: str | Path) -> tuple[dict[str, np.ndarray], str]:
    """Reads a file of weights; nothing in it is executed.

    Returns:
        Arrays by name as float32, and the SHA-256 of the file.

    Raises:
        ValueError: there is no such file, it is damaged, or its arrays are not those of the published rule. One line.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(
            f"{path}: no such file; disco: needs the path of your copy of the published weights, disco_103.npz"
        )
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, AttributeError, TypeError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: not a readable .npz file of arrays ({type(error).__name__}: {error})") from error
    _check(path, arrays)
    sha = hashlib.sha256(path.read_bytes()).hexdigest()
    return {name: np.asarray(array, np.float32) for name, array in arrays.items()}, sha


def _check(path: Path, arrays: dict[str, np.ndarray]) -> None:
    for what, names in (("lacks", SHAPES.keys() - arrays.keys()), ("has too much:", arrays.keys() - SHAPES.keys())):
        if names:
            first = ", ".join(sorted(names)[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
            raise ValueError(
                f"{path}: holds {len(arrays)} arrays and {what} {first}; the {len(SHAPES)} of DiscoRL's published "
                "rule (disco_103.npz) are needed"
            )
    for name, shape in SHAPES.items():
        array = arrays[name]
        if array.shape != shape or not np.issubdtype(array.dtype, np.floating):
            raise ValueError(
                f"{path}: array {name} is {array.dtype}{list(array.shape)}; floating-point numbers {list(shape)} are "
                "needed"
            )
        if not np.all(np.isfinite(array)):
            raise ValueError(f"{path}: array {name} has numbers that are not finite; the rule needs finite ones")
