"""Checks of the way to vendors: the proxies and the certificates that the environment names."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from penstock_cli.doctor.finding import Finding, Need
from penstock_cli.settings import CliSettings
from penstock_kit.plain_file import read_plain_file
from penstock_kit.redaction import mask_urls

_REMEDY: Final = "correct it, or unset it"
_LARGEST: Final = 16 * 1024 * 1024
"""Bytes of a file of certificates; the system's own has a quarter of a million."""


def check_outbound(settings: CliSettings) -> Iterator[Finding]:
    """Yield what calls to vendors go through."""
    yield from _proxies(settings)
    yield from _certificates(settings)


def _proxies(settings: CliSettings) -> Iterator[Finding]:
    from llm_service.configuration.configuration import load_configuration
    from llm_service.configuration.proxy_rules import ProxyUrlError, check_proxy_url
    from llm_service.settings import LlmSettings
    from penstock_kit.errors import PenstockError

    found = {name: settings.text(name) or settings.text(name.lower()) for name in ("HTTPS_PROXY", "HTTP_PROXY")}
    if not any(found.values()):
        yield Finding(need=Need.OPTIONAL, name="proxy", ok=True, detail="none: vendors are called directly")
    for name, proxy in found.items():
        if not proxy:
            continue
        shown = mask_urls(proxy)
        try:
            check_proxy_url(proxy)
        except ProxyUrlError as error:
            yield Finding(need=Need.REQUIRED, name=name, ok=False, detail=f"{shown}: {error}", remedy=_REMEDY)
            continue
        try:
            profiles = load_configuration(LlmSettings(), settings.text).profiles
        except (PenstockError, ValidationError):
            profiles = ()  # told with the files and the settings
        through = [profile.name for profile in profiles if profile.proxy and mask_urls(profile.proxy).endswith(shown)]
        takes = f"taken by {', '.join(through)}" if through else "no provider takes it"
        direct = settings.text("NO_PROXY") or settings.text("no_proxy")
        detail = f"{shown}, {takes}" + (f"; NO_PROXY {direct}" if direct else "")
        yield Finding(need=Need.OPTIONAL, name=name, ok=True, detail=detail)


def _certificates(settings: CliSettings) -> Iterator[Finding]:
    path = settings.text("SSL_CERT_FILE")
    if not path:
        return
    try:
        read_plain_file(Path(path), most=_LARGEST)  # OpenSSL would wait for a pipe
        count = len(ssl.create_default_context(cafile=path).get_ca_certs())
    except OSError as error:  # a file that is no PEM is an SSLError, which is one
        detail = f"{path}: {error.strerror or error}"
        remedy = "name a PEM file of certificates"
        yield Finding(need=Need.REQUIRED, name="SSL_CERT_FILE", ok=False, detail=detail, remedy=remedy)
        return
    detail = f"{path}: {count} certificates, trusted instead of the system's"
    yield Finding(need=Need.OPTIONAL, name="SSL_CERT_FILE", ok=True, detail=detail)
