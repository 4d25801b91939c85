"""Routes: model names, aliases and the order in which providers are tried."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from penstock_kit.errors import InvalidArgument, NotFound

POLICIES: Final = ("order", "weight", "cost", "latency", "hedge")
AUTO: Final = "auto"
FALLBACK: Final = "fallback"
MAX_MODEL_LENGTH: Final = 200
_EMBEDDERS: Final = ("embed", "hashing")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderEntry:
    """A configured provider with its listed models; the first is its default."""

    provider: str
    models: tuple[str, ...]
    weight: float = 1.0


def is_embedding_model(model: str) -> bool:
    """Whether `model` has the name of an embedding model."""
    return any(sign in model for sign in _EMBEDDERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A provider and model that a request could be sent to, and why it has its rank.

    `score` is what the policy compared; `eligible` whether it could be asked now.
    """

    provider: str
    model: str
    why: str
    score: float = 0.0
    eligible: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Candidates in the order they are tried; `alias` is the one that was followed, or empty."""

    policy: str
    candidates: tuple[Candidate, ...]
    alias: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingTable:
    """The providers in the operator's order, and the models of aliases ("fast" -> "openai/gpt-5-mini", …)."""

    entries: tuple[ProviderEntry, ...]
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    policy: str = "order"

    def entry(self, provider: str) -> ProviderEntry | None:
        """Return the entry of `provider`, None when it is not configured."""
        return next((entry for entry in self.entries if entry.provider == provider), None)


def plan_route(
    table: RoutingTable, model: str, *, policy: str = "", exclude: Sequence[str] = (), offline_fallback: bool = True
) -> Route:
    """Return the candidates for `model` in the operator's order, before a policy orders them.

    - empty or "auto": every provider in order, each with its default model;
    - "provider/model": that provider and no other, listed or not; its failure is the answer;
    - "provider": its default model;
    - an alias: what it stands for, then the offline provider;
    - a bare model: the providers that list it in order, then the offline provider.

    With `offline_fallback` false the offline provider answers only when it is named or no other is configured.

    Raises NotFound (MODEL_NOT_FOUND) naming what there is, InvalidArgument for a policy that is not known or for what
    can be no model's name (MODEL_INVALID).
    """
    chosen = policy or table.policy
    if chosen not in POLICIES:
        raise InvalidArgument(f"unknown policy {chosen!r}; there are: {', '.join(POLICIES)}", reason="POLICY_INVALID")
    check_model_name(model)
    entries = [entry for entry in table.entries if entry.provider not in exclude]
    alias = model if model in table.aliases else ""
    targets = table.aliases[alias] if alias else (model,)
    found = [candidate for target in targets for candidate in _candidates(entries, target)]
    if not found:
        raise _not_found(table, model)
    explicit = not alias and _split(table.entries, model) is not None
    if not explicit and all(candidate.provider != FALLBACK for candidate in found):
        found += _candidates(entries, FALLBACK)
    if not offline_fallback and model != FALLBACK:
        found = [candidate for candidate in found if candidate.provider != FALLBACK] or found
    unique = {(candidate.provider, candidate.model): candidate for candidate in reversed(found)}
    return Route(policy=chosen, candidates=tuple(reversed(unique.values())), alias=alias)


def check_model_name(model: str) -> None:
    """Raise InvalidArgument (MODEL_INVALID) for what can be no model's name: it goes to vendors, ledger and metrics."""
    if len(model) > MAX_MODEL_LENGTH:
        message = f"the model's name has {len(model)} characters; {MAX_MODEL_LENGTH} are allowed"
        raise InvalidArgument(message, reason="MODEL_INVALID")
    wrong = next((each for each in model if not each.isprintable()), "")
    if wrong:
        message = f"the model's name holds the character U+{ord(wrong):04X}, which can't be printed; leave it out"
        raise InvalidArgument(message, reason="MODEL_INVALID")


def _candidates(entries: Sequence[ProviderEntry], target: str) -> list[Candidate]:
    if target in {"", AUTO}:
        return [
            Candidate(
                provider=entry.provider, model=entry.models[0], why=f"number {at} in the order, its default model"
            )
            for at, entry in enumerate(entries, 1)
            if entry.models
        ]
    if named := _split(entries, target):
        return [Candidate(provider=named[0], model=named[1], why="named as provider/model")]
    if only := next((entry for entry in entries if entry.provider == target and entry.models), None):
        why = "offline, last in the order" if target == FALLBACK else "named, its default model"
        return [Candidate(provider=target, model=only.models[0], why=why)]
    return [
        Candidate(provider=entry.provider, model=target, why="lists the model")
        for entry in entries
        if target in entry.models
    ]


def _split(entries: Sequence[ProviderEntry], target: str) -> tuple[str, str] | None:
    provider, slash, model = target.partition("/")
    known = any(entry.provider == provider for entry in entries)
    return (provider, model) if slash and model and known else None


def _not_found(table: RoutingTable, model: str) -> NotFound:
    listed = [f"{entry.provider}/{name}" for entry in table.entries for name in entry.models]
    provider = model.partition("/")[0] if "/" in model else ""
    if provider and table.entry(provider) is None:
        configured = ", ".join(entry.provider for entry in table.entries)
        message = f"model {model!r} was not found: no provider {provider!r} is configured; there are: {configured}"
    else:
        message = f"model {model!r} was not found; there are: {', '.join([*table.aliases, *listed])}"
    return NotFound(message, reason="MODEL_NOT_FOUND", metadata={"model": model})
