"""The API key pools of all providers; those of unchanged providers outlive a change of configuration."""

from collections.abc import Callable, Sequence

from llm_service.domain.keys.key_pool import ApiKeyPool
from llm_service.domain.model.profile import ProviderProfile
from penstock_kit.breaker import BreakerRule
from penstock_kit.clock import Clock


class ApiKeyPools:
    """One pool for each configured provider. `mask` makes of a key what may be shown of it."""

    def __init__(
        self,
        *,
        rule: BreakerRule,
        clock: Clock,
        mask: Callable[[str], str],
        on_revoked: Callable[[str, str], None],
    ) -> None:
        self._rule = rule
        self._clock = clock
        self._mask = mask
        self._on_revoked = on_revoked
        self._known: dict[str, tuple[ProviderProfile, ApiKeyPool]] = {}

    def configure(self, profiles: Sequence[ProviderProfile]) -> None:
        """Have a pool for each of `profiles`. A provider that changed, or has a refused key, begins anew."""
        self._known = {profile.name: (profile, self._reuse(profile) or self._build(profile)) for profile in profiles}

    def get(self, provider: str) -> ApiKeyPool | None:
        """Return the provider's pool, None when it is not configured."""
        known = self._known.get(provider)
        return known[1] if known else None

    def _reuse(self, profile: ProviderProfile) -> ApiKeyPool | None:
        before = self._known.get(profile.name)
        return before[1] if before and before[0] == profile and not before[1].has_revoked else None

    def _build(self, profile: ProviderProfile) -> ApiKeyPool:
        masked = [self._mask(key) for key in profile.keys]
        return ApiKeyPool(profile.name, masked, rule=self._rule, clock=self._clock, on_revoked=self._on_revoked)
