"""The training sets of figure 9, at equal budgets.

Reference: Oh et al. (2020), section 4.6 and figure 9.
"""

from lpg.analysis.meta_runs import Variant
from lpg.environments.registry import suite
from lpg.meta_training.config import MetaConfig

SETS = {
    "tabular": ("five tabular grids", "tabular"),
    "tabular-random": ("and random grids", "tabular,random"),
    "tabular-random-chain": ("and five chains", "tabular,random,chain"),
}


def variants(config: MetaConfig, random_grids: str = "random") -> list[Variant]:
    """One per training set; a budget is lifetimes × meta-updates, the lifetimes dealt out over the environments.

    Args:
        config: its lifetimes are those of the smallest set; every set has at least one lifetime per environment.
        random_grids: which of the five stand for them. Three have agents with convolutions, which cost a hundred times
            what tables cost.

    Raises:
        ValueError: there are fewer lifetimes than environments, or what stands for random grids is something else.
    """
    others = [name for name in suite(random_grids) if name not in suite("random")]
    if others:
        raise ValueError(f"{others[0]} given among the random grids; some of {', '.join(suite('random'))} are needed")
    sets = {name: (about, names.replace("random", random_grids)) for name, (about, names) in SETS.items()}
    smallest = min(len(suite(names)) for _, names in sets.values())
    lifetimes = config.num_lifetimes or config.lifetimes_per_environment * smallest
    largest = max(len(suite(names)) for _, names in sets.values())
    if lifetimes < largest:
        raise ValueError(
            f"{lifetimes} lifetimes given; at least {largest} are needed, one for each environment of the largest set"
        )
    return [Variant(name, about, {"suite": names, "num_lifetimes": lifetimes}) for name, (about, names) in sets.items()]


def check_unseen(test_suite: str) -> tuple[str, ...]:
    """The environments of a test suite, none of which is in any training set.

    Raises:
        ValueError: one is.
    """
    names = suite(test_suite)
    trained = {name for _, names in SETS.values() for name in suite(names)}
    seen = [name for name in names if name in trained]
    if seen:
        raise ValueError(f"{seen[0]} is trained on; --suite needs environments that none of the rules has seen")
    return names
