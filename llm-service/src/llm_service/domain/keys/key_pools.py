"""The key rings of all providers; those of unchanged providers outlive a change of configuration."""

from collections.abc import Callable, Sequence

from llm_service.domain.keys.breaker import BreakerRule
from llm_service.domain.keys.key_pool import KeyRing
from llm_service.domain.model.profile import ProviderProfile
from penstock_kit.clock import Clock


class KeyRings:
    """One ring for each configured provider. `mask` makes of a key what may be shown of it."""

    def __init__(
        self,
        *,
        rule: BreakerRule,
        clock: Clock,
        mask: Callable[[str], str],
        on_dead: Callable[[str, str], None],
    ) -> None:
        self._rule = rule
        self._clock = clock
        self._mask = mask
        self._on_dead = on_dead
        self._known: dict[str, tuple[ProviderProfile, KeyRing]] = {}

    def configure(self, profiles: Sequence[ProviderProfile]) -> None:
        """Have a ring for each of `profiles`. A provider that changed, or has a refused key, begins anew."""
        self._known = {profile.name: (profile, self._kept(profile) or self._made(profile)) for profile in profiles}

    def of(self, provider: str) -> KeyRing | None:
        """Return the provider's ring, None when it is not configured."""
        known = self._known.get(provider)
        return known[1] if known else None

    def _kept(self, profile: ProviderProfile) -> KeyRing | None:
        before = self._known.get(profile.name)
        return before[1] if before and before[0] == profile and not before[1].any_dead else None

    def _made(self, profile: ProviderProfile) -> KeyRing:
        masked = [self._mask(key) for key in profile.keys]
        return KeyRing(profile.name, masked, rule=self._rule, clock=self._clock, on_dead=self._on_dead)
