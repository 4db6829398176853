"""lpg discovers reinforcement-learning algorithms: the Learned Policy Gradient of Oh et al. (2020)."""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = [
    "Collector", "Learner", "TrainConfig", "Trajectory", "__version__", "evaluate", "export_rule", "list_agents",
    "list_configs", "list_environments", "list_rules", "list_suites", "load_agent", "load_rule",
    "meta_train", "train", "tune",
]  # fmt: skip

if TYPE_CHECKING:
    from lpg.analysis.compare import evaluate
    from lpg.analysis.meta_train import meta_train
    from lpg.evaluation.lists import list_agents, list_configs, list_environments, list_rules, list_suites
    from lpg.evaluation.rule_folder import export_rule
    from lpg.evaluation.train import train
    from lpg.evaluation.train_config import TrainConfig
    from lpg.evaluation.trained_agent import load_agent
    from lpg.evaluation.tune_rule import tune
    from lpg.learner.collect import Collector
    from lpg.learner.learner import Learner
    from lpg.types import Trajectory
    from lpg.update_rules.registry import load_rule

_WHERE = {
    "Collector": "lpg.learner.collect",
    "Learner": "lpg.learner.learner",
    "TrainConfig": "lpg.evaluation.train_config",
    "Trajectory": "lpg.types",
    "evaluate": "lpg.analysis.compare",
    "export_rule": "lpg.evaluation.rule_folder",
    "list_agents": "lpg.evaluation.lists",
    "list_configs": "lpg.evaluation.lists",
    "list_environments": "lpg.evaluation.lists",
    "list_rules": "lpg.evaluation.lists",
    "list_suites": "lpg.evaluation.lists",
    "load_agent": "lpg.evaluation.trained_agent",
    "load_rule": "lpg.update_rules.registry",
    "meta_train": "lpg.analysis.meta_train",
    "train": "lpg.evaluation.train",
    "tune": "lpg.evaluation.tune_rule",
}


def __getattr__(name: str) -> Any:
    """Imports what is asked for when it is asked for, so that `import lpg` costs nothing."""
    if name not in _WHERE:
        raise AttributeError(f"module 'lpg' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    """The public names, which completion and `dir` would not find before they are imported."""
    return sorted({*globals(), *__all__})
