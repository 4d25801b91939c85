"""Single sign-on as the settings want it."""

import ipaddress
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from gateway.auth.authenticator import Authenticator
from gateway.auth.oidc.account_store import ExternalAccountStore
from gateway.auth.oidc.accounts import ExternalAccounts
from gateway.auth.oidc.discovery import Discovery
from gateway.auth.oidc.group_rules import read_group_rules
from gateway.auth.oidc.handover import Handover
from gateway.auth.oidc.id_token import IdTokens
from gateway.auth.oidc.issuer_http import IssuerHttp
from gateway.auth.oidc.key_set import KeySet
from gateway.auth.oidc.options import OidcOptions
from gateway.auth.oidc.sealed import SealedCookies
from gateway.auth.oidc.sign_in import SingleSignOn
from gateway.auth.sql_store import SqlIdentityStore
from gateway.auth.used_tickets import UsedTickets
from gateway.settings import GatewaySettings
from penstock_kit.clock import Clock
from penstock_kit.database import Database
from penstock_kit.outbound.destinations import Destinations
from penstock_kit.outbound.guarded_http import GuardedHttp


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalSignIns:
    """Sign-ins through the issuer, None without one, and what hands them over to pages."""

    single_sign_on: SingleSignOn | None
    handover: Handover

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Close the connections to the issuer when the block ends."""
        try:
            yield
        finally:
            if self.single_sign_on is not None:
                await self.single_sign_on.close()


def build_external_sign_ins(
    settings: GatewaySettings,
    *,
    database: Database,
    store: SqlIdentityStore,
    authenticator: Authenticator,
    used: UsedTickets,
    close: Callable[[str], str],
    open: Callable[[str], str],
    clock: Clock,
) -> ExternalSignIns:
    """Return them; `close` and `open` seal cookies.

    Raises FailedPrecondition (CONFIGURATION_INVALID) when the file of the groups can't be used.
    """
    cookies = SealedCookies(close=close, open=open, clock=clock)
    handover = Handover(cookies=cookies, used=used, store=store)
    if not settings.oidc_issuer:
        return ExternalSignIns(single_sign_on=None, handover=handover)
    options = oidc_options(settings)
    http = issuer_http(settings, seconds=settings.oidc_seconds)
    discovery = Discovery(options.issuer, http, clock)
    keys = KeySet(discovery, http, clock)
    single_sign_on = SingleSignOn(
        options=options,
        discovery=discovery,
        http=http,
        id_tokens=IdTokens(issuer=options.issuer, client_id=options.client_id, keys=keys, clock=clock),
        accounts=ExternalAccounts(
            accounts=ExternalAccountStore(database),
            store=store,
            rules=options.rules,
            authenticator=authenticator,
            clock=clock,
        ),
        cookies=cookies,
        used=used,
    )
    return ExternalSignIns(single_sign_on=single_sign_on, handover=handover)


def issuer_http(settings: GatewaySettings, **options: Any) -> IssuerHttp:
    """Return what asks the issuer: on the public internet, or in the networks that the settings name."""
    networks = tuple(ipaddress.ip_network(network) for network in settings.oidc_allowed_networks())
    return IssuerHttp(GuardedHttp(Destinations(hosts=("*",), networks=networks)), **options)


def oidc_options(settings: GatewaySettings) -> OidcOptions:
    """Return what single sign-on is set up with."""
    return OidcOptions(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret.get_secret_value(),
        scopes=" ".join(settings.oidc_scopes.split()),
        groups_claim=settings.oidc_groups_claim,
        rules=read_group_rules(settings.oidc_groups_file),
        public_url=settings.public_url.rstrip("/"),
        label=settings.oidc_label,
        session_lifetime=timedelta(seconds=min(settings.oidc_session_seconds, settings.refresh_token_seconds)),
    )
