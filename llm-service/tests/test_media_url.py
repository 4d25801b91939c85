"""Which URLs of pictures and files are handed on to a model's server."""

import pytest
from pydantic import ValidationError

from llm_service.domain.model.media_url import MediaUrls
from llm_service.settings import LlmSettings
from penstock_kit.errors import InvalidArgument

PUBLIC = ("*",)


def is_refused(url: str, allowed: tuple[str, ...] = PUBLIC) -> bool:
    try:
        MediaUrls(allowed).check(url)
    except InvalidArgument as error:
        assert error.reason == "MEDIA_URL_INVALID"
        assert "data URL" in error.message
        return True
    return False


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/a.png",
        "http://example.com:8080/a b.png?x=@127.0.0.1#y",
        "https://EXAMPLE.com./a.png",
        "https://example.com",
        "https://93.184.216.34/a.png",
        "https://[2606:2800:220:1:248:1893:25c8:1946]:443/a.png",
        "https://localhost.example.com/a.png",
        "https://xn--bcher-kva.example/a.png",
        "data:image/png;base64,aGk=",
    ],
)
def test_a_url_on_the_public_internet_and_a_data_url_are_handed_on(url: str) -> None:
    assert not is_refused(url)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.0.0.1:11434", "10.0.0.7", "172.16.1.1", "192.168.1.1", "169.254.169.254", "0.0.0.0"),
        *("100.64.0.1", "168.63.129.16", "224.0.0.1", "[::1]", "[::]", "[fe80::1]", "[fd00:ec2::254]"),
        *("[::ffff:127.0.0.1]", "[::ffff:a9fe:a9fe]", "[64:ff9b::a9fe:a9fe]", "[2002:7f00:1::]", "[::127.0.0.1]"),
    ],
)
def test_an_address_that_is_not_public_is_refused(host: str) -> None:
    assert is_refused(f"http://{host}/latest/meta-data")


@pytest.mark.parametrize(
    "host",
    [
        *(
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "127.1",
            "0",
            "127.0.0.1.",
            "127.0.0.1..",
            "10.1.",
            "[::1",
        ),
        *("user@127.0.0.1", "example.com@127.0.0.1", "example.com:80@127.0.0.1", "example.com\\@127.0.0.1"),
        *("127.0.0.1%2f.example.com", "%31%32%37.0.0.1", "１２７.0.0.1", "127。0。0。1", "exam\tple.com", " 127.0.0.1"),
        *("[fe80::1%25eth0]", "[127.0.0.1]", "example.com:", "example.com:port", "", "/127.0.0.1"),
    ],
)
def test_a_host_that_readers_take_for_different_things_is_refused(host: str) -> None:
    assert is_refused(f"http://{host}/x.png")


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LOCALHOST", "localhost.", "a.localhost", "vllm", "vllm.", "printer.local", "nas.lan"),
        *("metadata.google.internal", "host.docker.internal", "feature.penstock.svc", "router.home.arpa"),
        *("penstock.svc.cluster.local", "wiki.corp", "localhost.localdomain"),
    ],
)
def test_a_name_of_a_private_network_is_refused(host: str) -> None:
    assert is_refused(f"http://{host}:8000/x.png")


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://example.com/a", "gs://bucket/a", "//example.com/a", "example.com", ""]
)
def test_a_url_of_another_scheme_is_refused(url: str) -> None:
    assert is_refused(url)


def test_a_refusal_of_megabytes_is_short() -> None:
    with pytest.raises(InvalidArgument) as caught:
        MediaUrls(PUBLIC).check("https://example.com/" + "x" * 10_000_000)
    assert len(caught.value.message) < 400


@pytest.mark.parametrize(
    ("allowed", "url", "refused"),
    [
        (("*", "10.0.0.0/8"), "http://10.0.0.7/a.png", False),
        (("*", "10.0.0.0/8"), "http://[::ffff:10.0.0.7]/a.png", True),
        (("*", "10.0.0.0/8"), "http://192.168.0.7/a.png", True),
        (("*", "10.0.0.0/8"), "https://93.184.216.34/a.png", False),
        (("*", "127.0.0.1"), "http://127.0.0.1:9000/a.png", False),
        (("*", "nas.local"), "http://NAS.local/a.png", False),
        (("*", "minio"), "http://minio:9000/a.png", False),
        (("cdn.example.com",), "https://cdn.example.com/a.png", False),
        (("cdn.example.com",), "https://example.com/a.png", True),
        (("cdn.example.com",), "https://93.184.216.34/a.png", True),
        (("*.example.com",), "https://a.b.example.com/a.png", False),
        (("*.example.com",), "https://example.com.evil.test/a.png", True),
        (("10.0.0.0/8",), "https://example.com/a.png", True),
        ((), "https://example.com/a.png", True),
        ((), "data:image/png;base64,aGk=", False),
    ],
)
def test_an_operator_says_what_else_and_what_alone_is_allowed(
    allowed: tuple[str, ...], url: str, *, refused: bool
) -> None:
    assert is_refused(url, allowed) is refused


def test_a_refusal_names_the_host_and_what_to_do_and_nothing_secret_of_the_url() -> None:
    with pytest.raises(InvalidArgument) as caught:
        MediaUrls(PUBLIC).check("http://10.0.0.7/a.png?token=s3cret")
    assert "'10.0.0.7'" in caught.value.message
    assert "LLM_MEDIA_HOSTS" in caught.value.message
    assert "s3cret" not in caught.value.message


@pytest.mark.parametrize("entry", ["http://cdn.example.com", "10.0.0.0/33", "a*.example.com", "cdn.example.com:443"])
def test_a_setting_that_names_no_host_keeps_the_service_from_starting(entry: str) -> None:
    with pytest.raises(ValidationError, match="is no host"):
        LlmSettings(_env_file=None, LLM_MEDIA_HOSTS=entry)  # type: ignore[call-arg]


def test_the_setting_is_a_list() -> None:
    settings = LlmSettings(_env_file=None, LLM_MEDIA_HOSTS="*, 10.0.0.0/8")  # type: ignore[call-arg]
    assert settings.media_hosts == ("*", "10.0.0.0/8")
    assert LlmSettings(_env_file=None, LLM_MEDIA_HOSTS="none").media_hosts == ()  # type: ignore[call-arg]


@pytest.mark.parametrize(
    "host",
    [
        *("0192.168.0.1", "0169.254.169.254", "08.8.8.8", "1.2.3.08", "example.0", "example.0x7f", "example.0x", "9"),
        *("kubernetes.default", "kube-dns.kube-system", "db.consul", "gateway.docker", "1.0.0.127.in-addr.arpa"),
        *("a..example.com", "example.com..", ".example.com"),
    ],
)
def test_a_host_that_some_reader_takes_for_an_inner_one_is_refused(host: str) -> None:
    assert is_refused(f"http://{host}/a.png")
    assert is_refused(f"http://{host}./a.png")


@pytest.mark.parametrize("host", ["0x7f.example.com", "1.example.com", "a0.example1", "default.example.com"])
def test_a_number_that_does_not_end_a_host_makes_it_no_address(host: str) -> None:
    assert not is_refused(f"http://{host}/a.png")
