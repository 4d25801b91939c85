"""Which addresses an issuer of identities may have."""

import pytest

from gateway.auth.oidc.url import url_problem


@pytest.mark.parametrize(
    "url",
    ["https://id.example", "https://id.example:8443/realms/a?x=1", "http://127.0.0.1:8080", "http://localhost/a"],
)
def test_tls_is_fine_and_so_is_this_machine(url: str) -> None:
    assert url_problem(url) == ""


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("https://user@id.example", "without user"),
        ("https://user:secret@id.example", "without user"),
        ("https://@id.example", "without user"),
        ("https://id.example/#part", "without user, fragment"),
        ("https://id.example/a b", "spaces"),
        ("https://id.example/a\n", "spaces"),
        ("https:///realms", "with a host"),
        ("id.example", "with a host"),
        ("", "with a host"),
        ("http://id.example", "must begin with https://"),
        ("http://127.0.0.1.id.example", "must begin with https://"),
        ("ftp://id.example", "must begin with https://"),
        ("https://id.example:port", "is no URL"),
        ("https://[id.example", "is no URL"),
    ],
)
def test_what_is_wrong_with_another_is_said(url: str, says: str) -> None:
    assert says in url_problem(url)
