"""The models that a caller may ask for, by id and by alias."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from llm_service.domain.model.profile import ProviderProfile
from llm_service.domain.model.route import FALLBACK, Candidate, RoutingTable, is_embedding_model, plan_route
from penstock_kit.errors import NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedModel:
    """A name that a request may carry: "provider/model" with its `aliases`, or an alias with its `targets`."""

    id: str
    provider: str
    aliases: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    is_embedding: bool = False


def list_models(
    profiles: Sequence[ProviderProfile],
    routing: RoutingTable,
    embedding_routing: RoutingTable,
    allows: Callable[[Candidate], bool],
) -> Sequence[ListedModel]:
    """Return the listed models of every provider in order that `allows`, then the aliases that lead to one."""
    reached = {alias: _reached(alias, routing, embedding_routing, allows) for alias in routing.aliases}
    aliases = _by_model(reached)
    models = [
        ListedModel(
            id=f"{profile.name}/{name}",
            provider=profile.name,
            aliases=tuple(aliases.get((profile.name, name), ())),
            is_embedding=is_embedding_model(name),
        )
        for profile in profiles
        for name in profile.models
        if allows(Candidate(provider=profile.name, model=name, why=""))
    ]
    return [*models, *(_alias(name, found) for name, found in reached.items() if found)]


def _reached(
    alias: str, routing: RoutingTable, embedding_routing: RoutingTable, allows: Callable[[Candidate], bool]
) -> list[Candidate]:
    """Return where `alias` leads the caller; the offline provider counts only when nobody else is meant."""
    for table in (routing, embedding_routing):
        try:
            candidates = plan_route(table, alias).candidates
        except NotFound:
            continue
        meant = [each for each in candidates if each.provider != FALLBACK] or list(candidates)
        return [each for each in meant if allows(each)]
    return []


def _by_model(reached: Mapping[str, Sequence[Candidate]]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for alias, candidates in reached.items():
        for candidate in candidates:
            found.setdefault((candidate.provider, candidate.model), []).append(alias)
    return found


def _alias(name: str, reached: Sequence[Candidate]) -> ListedModel:
    return ListedModel(
        id=name,
        provider=reached[0].provider,
        targets=tuple(f"{each.provider}/{each.model}" for each in reached),
        is_embedding=all(is_embedding_model(each.model) for each in reached),
    )
