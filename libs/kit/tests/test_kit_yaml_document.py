"""Configuration files are read whole or not at all."""

import re
from pathlib import Path

import pytest

from penstock_kit.errors import FailedPrecondition
from penstock_kit.yaml_document import Position, YamlDocument, parse_yaml_document, read_yaml_document


def parsed(text: str | bytes, path: str = "a.yaml") -> YamlDocument:
    content = text.encode() if isinstance(text, str) else text
    return parse_yaml_document(content, path=path, setting="A_FILE")


def refusal(text: str | bytes, path: str = "a.yaml") -> str:
    with pytest.raises(FailedPrecondition) as caught:
        parsed(text, path)
    assert caught.value.reason == "CONFIGURATION_INVALID"
    assert caught.value.message.startswith(f"A_FILE {path} can't be used: ")
    return caught.value.message.partition("used: ")[2]


def test_every_value_has_its_line_and_column() -> None:
    document = parsed("a:\n  - {b: 1}\n  - c\n")
    assert document.value == {"a": [{"b": 1}, "c"]}
    assert document.positions["a", 0, "b"] == Position(line=2, column=6)
    assert document.positions["a", 1] == Position(line=3, column=5)


def test_a_problem_is_told_at_the_nearest_place_that_is_there() -> None:
    error = parsed("a:\n  - {b: 1}\n").error([(("a", 0, "url"), "is missing")])
    assert error.message == "A_FILE a.yaml can't be used: line 2, column 5, a[0].url: is missing"
    assert error.violations[0].field == "line 2, column 5, a[0].url"


@pytest.mark.parametrize("text", ["", "  \n\n", "# nothing but a comment\n", "\ufeff"])
def test_an_empty_file_is_refused(text: str) -> None:
    assert refusal(text).startswith("line 1, column 1: it ")


def test_a_key_given_twice_is_refused_with_both_places() -> None:
    assert refusal("a: 1\nb: 2\na: 3\n") == "line 3, column 1, a: is given a second time; the first is in line 1"
    nested = refusal("x:\n  - {a: 1, b: {c: 1, c: 2}}\n")
    assert nested == "line 2, column 22, x[0].b.c: is given a second time; the first is in line 2"


def test_a_key_given_twice_in_json_is_refused_with_its_place() -> None:
    told = refusal('{\n\t"a": 1,\n\t"a": 2\n}', "a.json")
    assert told == "line 3, column 2, a: is given a second time; the first is in line 2"


def test_all_doubled_keys_are_told_at_once() -> None:
    assert refusal("a: 1\na: 2\nb: 1\nb: 2\n").count("a second time") == 2


def test_a_merge_may_be_overridden_which_is_no_doubled_key() -> None:
    document = parsed("base: &base {a: 1, b: 2}\nx:\n  <<: *base\n  a: 3\n")
    assert document.value["x"] == {"a": 3, "b": 2}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_another_encoding_is_named(encoding: str) -> None:
    assert "it is UTF-16 or UTF-32; save it as UTF-8" in refusal("a: 1\n".encode(encoding))


def test_a_wrong_byte_is_named_with_its_place() -> None:
    assert refusal(b"a: 1\nb: x\xe9y\n").startswith("line 2, column 5: the byte 0xe9 is no UTF-8")


def test_a_byte_order_mark_of_utf_8_is_taken() -> None:
    assert parsed("\ufeffa: 1").value == {"a": 1}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [1, 2\nb: 3", "it is not YAML: .* in line 2, column 2"),
        ("a:\n\t- b", "it is not YAML: .* in line 2, column 1"),
        ("a: *nowhere", "it is not YAML: .* in line 1, column 4"),
        ("a: 1\n---\nb: 2", "it is not YAML: .* in line 2, column 1"),
        ("a: &a [*a]", r"line 1, column 4, a\[0\]: is an alias of what contains it"),
        ("a: !!python/object/apply:os.system ['true']", "line 1, column 1, a: has the tag 'python/object"),
        ("a: !!binary aGk=", "line 1, column 1, a: has the tag 'binary'"),
        ("true: 1", "has the key true .line 1, column 1., which is no text; put it in quotes"),
        ("8080: 1", "has the key 8080 .line 1, column 1., which is no text"),
        ("? [a]\n: 1", "has the key a sequence"),
    ],
)
def test_what_is_no_plain_document_is_told_with_its_place(text: str, told: str) -> None:
    assert re.search(told, refusal(text)), refusal(text)


def test_wrong_json_is_told_with_its_place() -> None:
    assert refusal('{"a": 1,\n "b": }', "a.json").endswith("in line 2, column 7")
    assert "NaN is no number" in refusal('{"a": NaN}', "a.json")


def test_aliases_that_multiply_are_bounded() -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert "more than 100,000 parts" in refusal("\n".join(rows))


def test_a_document_nested_without_end_is_refused() -> None:
    refusal("[" * 5000 + "]" * 5000)
    refusal("[" * 5000 + "]" * 5000, "a.json")


def test_a_file_of_megabytes_is_refused() -> None:
    assert "at most 1,048,576 are read" in refusal(b"a: " + b"x" * 1_100_000)


def test_scalars_are_read_by_the_core_schema() -> None:
    text = "[yes, on, 12:30, 2024-01-01, 0777, 1e3, 1.5, -2, 0x1f, true, ~, .nan, '7', 1_000]"
    value = parsed(text).value
    assert value == ["yes", "on", "12:30", "2024-01-01", "0777", 1000.0, 1.5, -2, 31, True, None, ".nan", "7", "1_000"]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.yaml"):
        with pytest.raises(FailedPrecondition, match=r"can't be used: (Is a|No such)"):
            read_yaml_document(str(path), setting="A_FILE")
