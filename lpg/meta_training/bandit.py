"""The choice of agent hyper-parameters at the start of each lifetime: equation 6 of the paper, on the host."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, kw_only=True)
class BanditConfig:
    """Constants of the bandit."""

    num_arms: tuple[int, ...]
    """Of each environment."""
    temperature: float
    """τ."""
    exploration: float
    """ρ."""
    history: int
    """Lifetimes that R(α, E) is averaged over."""
    normalise: bool
    """Scale returns to zero mean and unit spread within each environment first."""
    share: bool
    """One table for all environments; needs `normalise`."""

    def __post_init__(self) -> None:
        if self.share and not self.normalise:
            raise ValueError("share_bandit needs normalise_bandit, because raw returns of environments do not compare")
        if self.share and len(set(self.num_arms)) > 1:
            raise ValueError(
                "share_bandit needs equal arms everywhere, but agents of several kinds learn in these environments"
            )


@dataclasses.dataclass
class Bandit:
    """All ended lifetimes: environment, arm and final return of each, oldest first."""

    settings: BanditConfig
    environment: list[int] = dataclasses.field(default_factory=list)
    arm: list[int] = dataclasses.field(default_factory=list)
    final_return: list[float] = dataclasses.field(default_factory=list)

    def record(self, environment: int, arm: int, final_return: float) -> None:
        """Notes a lifetime's end. A return that is not finite (no episode ended) says nothing and is left out."""
        if np.isfinite(final_return):
            self.environment.append(environment)
            self.arm.append(arm)
            self.final_return.append(float(final_return))

    def record_failure(self, environment: int, arm: int) -> None:
        """Notes a lifetime that diverged: as bad as the worst so far, or an arm that always diverges stays untried."""
        seen = [r for e, r in zip(self.environment, self.final_return, strict=True) if e == environment]
        if seen:
            self.record(environment, arm, min(seen))

    def probabilities(self, environment: int) -> np.ndarray:
        """p(α | E) ∝ exp((R(α, E) + ρ/√N(α, E)) / τ); as long as there are untried arms, uniform over these.

        R is the mean final return of the last `history` lifetimes with that arm, N the number of them all.

        Differs from the paper: it does not say how untried arms begin.

        Returns:
            Probabilities of the environment's arms.
        """
        settings = self.settings
        num_arms = settings.num_arms[environment]
        environments, arms = np.array(self.environment, int), np.array(self.arm, int)
        score = self._scores(environments)
        counted = np.ones(len(arms), bool) if settings.share else environments == environment
        number = np.bincount(arms[counted], minlength=num_arms)
        if (number == 0).any():
            return (number == 0) / (number == 0).sum()
        mean = np.array([score[counted & (arms == a)][-settings.history :].mean() for a in range(num_arms)])
        preference = (mean + settings.exploration / np.sqrt(number)) / settings.temperature
        weight = np.exp(preference - preference.max())
        return weight / weight.sum()

    def choose(self, environment: int, generator: np.random.Generator) -> int:
        """Draws an arm for a new lifetime."""
        return int(generator.choice(self.settings.num_arms[environment], p=self.probabilities(environment)))

    def _scores(self, environments: np.ndarray) -> np.ndarray:
        """Returns as they enter R: raw, or standardised within each environment."""
        score = np.array(self.final_return, float)
        if self.settings.normalise:
            for one in np.unique(environments):
                own = environments == one
                spread = score[own].std()
                score[own] = (score[own] - score[own].mean()) / (spread if spread > 0 else 1.0)
        return score
