"""The operator's tools file: what it may say, and how its mistakes are told."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from chat_stream_service.adapters.operator_tools.configuration import read_tools
from penstock_kit.errors import FailedPrecondition

GOOD = """\
allowed_hosts: [api.example.com]
http:
  - name: weather
    description: The weather of a city.
    url: https://api.example.com/v1/{city}?units={units}
    headers:
      Authorization: Bearer ${WEATHER_KEY}
    parameters:
      type: object
      properties: {city: {type: string}, units: {type: string}}
      required: [city, units]
mcp:
  - name: docs
    url: https://api.example.com/mcp
    tools: [search]
  - name: files
    command: [mcp-files, --root, /srv]
    environment: {TOKEN: "${FILES_TOKEN}"}
"""
ENVIRONMENT = {"WEATHER_KEY": "wk-123456", "FILES_TOKEN": "ft-123456"}


def written(tmp_path: Path, text: str, name: str = "tools.yaml") -> str:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    return str(path)


def test_a_file_is_read_with_secrets_from_the_environment(tmp_path: Path) -> None:
    found = read_tools(written(tmp_path, GOOD), ENVIRONMENT)
    assert [entry.name for entry in found.http] == ["weather"]
    assert found.http[0].headers == {"Authorization": "Bearer wk-123456"}
    assert found.mcp[1].environment == {"TOKEN": "ft-123456"}
    assert found.secrets == {"wk-123456", "ft-123456"}


def test_the_same_file_may_be_json(tmp_path: Path) -> None:
    value = {"allowed_hosts": ["a.example"], "mcp": [{"name": "a", "url": "https://a.example/mcp"}]}
    assert read_tools(written(tmp_path, json.dumps(value), "tools.json"), {}).mcp[0].name == "a"


def test_without_a_file_there_are_no_tools() -> None:
    found = read_tools("", {})
    assert (found.http, found.mcp) == ((), ())


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "https://api.example.com/v1",
            "https://other.org/v1",
            r"line 5, column 5, http\[0\]\.url: the host 'other.org' is not",
        ),
        (
            "https://api.example.com/mcp",
            "http://{host}/mcp",
            r"line 14, column 5, mcp\[0\]\.url: the host of .* must be fixed",
        ),
        (
            "https://api.example.com/mcp",
            "ftp://api.example.com/",
            r"line 14, column 5, mcp\[0\]\.url: .* is no URL such as",
        ),
        ("https://api.example.com/mcp", "https://a:b@api.example.com/", r"mcp\[0\]\.url: .* must hold no credentials"),
        (
            "WEATHER_KEY",
            "NOT_SET",
            r"line 7, column 7, http\[0\]\.headers\.Authorization: needs the environment variable NOT_S",
        ),
        (
            "type: object",
            "type: string",
            r"line 8, column 5, http\[0\]\.parameters: must be a JSON Schema with type: object",
        ),
        (
            "{type: string}, units",
            "{type: 5}, units",
            r"line 8, column 5, http\[0\]\.parameters: is no JSON Schema: \$\.proper",
        ),
        ("required: [city, units]", "required: [city]", r"line 3, column 5, http\[0\]: url has the places units"),
        ("tools: [search]", "tool: [search]", r"line 15, column 5, mcp\[0\]\.tool: Extra inputs are not permitted"),
        ("name: files", "name: docs", r"line 16, column 5, mcp\[1\]\.name: is 'docs', which an entry before it has"),
        ("name: weather", "name: weather now", r"line 3, column 5, http\[0\]\.name: String should match pattern"),
        ("  - name: weather", "   name: weather", r"it is not YAML: .* line \d+"),
        (
            "command: [mcp-files, --root, /srv]",
            "command: []",
            r"line 16, column 5, mcp\[1\]: give either url or command",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert old in GOOD
    path = written(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(FailedPrecondition) as caught:
        read_tools(path, ENVIRONMENT)
    assert caught.value.reason == "CONFIGURATION_INVALID"
    assert path in caught.value.message
    assert re.search(told, caught.value.message), caught.value.message


def test_a_secret_is_not_told_with_a_mistake(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD.replace("Bearer ${WEATHER_KEY}", "[Bearer, '${WEATHER_KEY}']"))
    with pytest.raises(FailedPrecondition) as caught:
        read_tools(path, ENVIRONMENT)
    assert "wk-123456" not in caught.value.message


def test_an_address_in_a_url_must_be_allowed_too(tmp_path: Path) -> None:
    text = "allowed_hosts: [169.254.169.254]\nmcp: [{name: a, url: 'http://169.254.169.254/mcp'}]"
    with pytest.raises(FailedPrecondition, match="not on the public internet"):
        read_tools(written(tmp_path, text), {})


@pytest.mark.parametrize("odd", ["127.1", "0177.0.0.1", "0x7f000001", "2130706433", "127.0.0.1.", "[::1%25lo]"])
def test_an_address_in_an_odd_form_is_told_with_its_place(tmp_path: Path, odd: str) -> None:
    text = f"allowed_hosts: ['{odd}']\nallowed_networks: [127.0.0.0/8]\nmcp:\n  - {{name: a, url: 'http://{odd}/mcp'}}"
    with pytest.raises(FailedPrecondition, match=r"line 4, column 15, mcp\[0\]\.url: the (host|address) ") as caught:
        read_tools(written(tmp_path, text), {})
    assert caught.value.reason == "CONFIGURATION_INVALID"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "line 1, column 1: it is empty"),
        ("http: []\nhttp: []\n", "line 2, column 1, http: is given a second time"),
        ("- a\n- b\n", "line 1, column 1, the file: Input should be"),
        ("hello", "line 1, column 1, the file: Input should be"),
    ],
)
def test_a_file_is_never_half_believed(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(FailedPrecondition) as caught:
        read_tools(written(tmp_path, text), {})
    assert told in caught.value.message


@pytest.mark.parametrize("path", ["/nowhere/tools.yaml", ""])
def test_a_file_that_is_not_there_is_told(tmp_path: Path, path: Any) -> None:
    with pytest.raises(FailedPrecondition, match="can't be used"):
        read_tools(path or str(tmp_path), {})
