"""Which role and tenant a group of the issuer's stands for, read from a file."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from gateway.auth.scope import ADMIN_SCOPES, ALL_SCOPES, MEMBER_SCOPES
from penstock_kit.context import DEFAULT_TENANT
from penstock_kit.role import scopes_text
from penstock_kit.yaml_document import Problem, read_yaml_document, validation_problems

GROUPS_FILE: Final = "PENSTOCK_OIDC_GROUPS_FILE"
_ROLES: Final = {"member": MEMBER_SCOPES, "admin": ADMIN_SCOPES, "operator": ALL_SCOPES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What somebody is given: a tenant, and the scopes in it."""

    tenant_id: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRules:
    """Rules in their order; of those whose group somebody is in the first counts, and the others do not."""

    rules: tuple[tuple[str, Grant], ...]

    def grant(self, groups: Sequence[str]) -> Grant | None:
        """Return what a member of `groups` is given, None for a member of no group that a rule names."""
        held = frozenset(groups)
        return next((grant for group, grant in self.rules if group in held), None)


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    group: str = Field(min_length=1, max_length=512)
    role: Literal["member", "admin", "operator"] = "member"
    tenant: str = Field(default=DEFAULT_TENANT, pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    scopes: tuple[Annotated[str, Field(max_length=64)], ...] = Field(default=(), max_length=16)

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if self.scopes and self.role != "member":
            raise ValueError("scopes narrow the role member alone; leave them out, or write role: member")
        unknown = frozenset(self.scopes) - MEMBER_SCOPES
        if unknown:
            raise ValueError(f"unknown scopes {scopes_text(unknown)}; known are {scopes_text(MEMBER_SCOPES)}")
        return self

    def grant(self) -> Grant:
        scopes = frozenset(self.scopes) or _ROLES[self.role]
        return Grant(tenant_id=self.tenant, scopes=scopes)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: tuple[_Rule, ...] = Field(max_length=1000)


def read_group_rules(path: str) -> GroupRules:
    """Return the rules of the file at `path`.

    Raises FailedPrecondition (CONFIGURATION_INVALID) that names the file and, with line and column, everything wrong
    in it.
    """
    document = read_yaml_document(path, setting=GROUPS_FILE)
    try:
        file = _File.model_validate(document.value)
    except ValidationError as error:
        raise document.error(validation_problems(error)) from None
    problems = _problems(file)
    if problems:
        raise document.error(problems)
    return GroupRules(rules=tuple((rule.group, rule.grant()) for rule in file.rules))


def _problems(file: _File) -> list[Problem]:
    """Return the groups that a rule before has: the second would never count."""
    groups = [rule.group for rule in file.rules]
    if not groups:
        return [(("rules",), "must name a group; else nobody could sign in")]
    return [
        (("rules", place, "group"), f"is {group!r}, which a rule before it has; the first counts")
        for place, group in enumerate(groups)
        if group in groups[:place]
    ]
