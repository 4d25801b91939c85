"""Who takes part, by the environment and by the configuration file."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from llm_service.configuration.configuration import Configuration, load_configuration
from llm_service.domain.model.profile import Cassette, ThinkingKnob
from llm_service.settings import LlmSettings
from penstock_kit.errors import FailedPrecondition


def configured(given: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> Configuration:
    settings = LlmSettings(_env_file=None, **given)  # type: ignore[call-arg]
    return load_configuration(settings, lambda name: (environment or {}).get(name, ""))


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for vendor in ("GEMINI", "OPENAI", "ANTHROPIC", "QWEN", "GLM", "DEEPSEEK"):
        for name in ("API_KEY", "BASE_URL", "MODELS"):
            monkeypatch.delenv(f"{vendor}_{name}", raising=False)


def names(configuration: Configuration) -> list[str]:
    return [profile.name for profile in configuration.profiles]


def test_without_a_key_only_the_offline_provider_takes_part() -> None:
    assert names(configured({})) == ["fallback"]


def test_keys_bring_vendors_in_the_default_order() -> None:
    keys = {"DEEPSEEK_API_KEY": "d", "OPENAI_API_KEY": "o", "GEMINI_API_KEY": "g", "QWEN_API_KEY": "q"}
    assert names(configured(keys)) == ["gemini", "openai", "qwen", "deepseek", "fallback"]


def test_a_base_url_of_ones_own_needs_no_key() -> None:
    configuration = configured({"OPENAI_BASE_URL": "http://127.0.0.1:8080/v1/", "OPENAI_MODELS": "qwen3, llama"})
    profile = configuration.profiles[0]
    assert (profile.name, profile.base_url, profile.models) == (
        "openai",
        "http://127.0.0.1:8080/v1",
        ("qwen3", "llama"),
    )


def test_the_order_is_a_setting_and_fallback_stays_last() -> None:
    given = {"OPENAI_API_KEY": "o", "QWEN_API_KEY": "q", "LLM_PROVIDER_ORDER": "fallback,qwen"}
    assert names(configured(given)) == ["qwen", "openai", "fallback"]


def test_several_keys_are_comma_separated() -> None:
    assert configured({"OPENAI_API_KEY": "one, two"}).profiles[0].keys == ("one", "two")


def test_keys_are_not_shown_with_the_profile() -> None:
    assert "sk-secret" not in repr(configured({"OPENAI_API_KEY": "sk-secret"}).profiles)


def test_vendors_have_their_quirks() -> None:
    keys = {"OPENAI_API_KEY": "o", "QWEN_API_KEY": "q"}
    openai, qwen, _ = configured(keys).profiles
    assert openai.quirks.max_tokens == "max_completion_tokens"
    assert qwen.quirks.thinking is ThinkingKnob.ENABLE_THINKING
    assert qwen.base_url.startswith("https://dashscope")


FILE = """
order: [local, openai]
aliases:
  fast: local/qwen3
  smart: [openai/gpt-5, local/qwen3]
providers:
  - name: local
    base_url: http://127.0.0.1:11434/v1
    api_key_env: LOCAL_KEY
    models: [qwen3, nomic-embed-text]
prices:
  - {provider: local, model: qwen3, input: "0.10", output: "0.40"}
"""


def written(tmp_path: Path, text: str) -> dict[str, str]:
    path = tmp_path / "llm.yaml"
    path.write_text(text)
    return {"LLM_CONFIG_FILE": str(path), "OPENAI_API_KEY": "o"}


def test_the_file_adds_providers_aliases_and_prices(tmp_path: Path) -> None:
    configuration = configured(written(tmp_path, FILE), {"LOCAL_KEY": "from-the-environment"})
    assert names(configuration) == ["local", "openai", "fallback"]
    assert configuration.profiles[0].keys == ("from-the-environment",)
    assert configuration.routing.aliases == {"fast": ("local/qwen3",), "smart": ("openai/gpt-5", "local/qwen3")}
    assert configuration.prices["local", "qwen3"].output == Decimal("0.40")


def test_embedding_models_have_a_table_of_their_own(tmp_path: Path) -> None:
    configuration = configured(written(tmp_path, FILE))
    chat, embedding = configuration.routing.entry("local"), configuration.embedding_routing.entry("local")
    assert chat is not None
    assert embedding is not None
    assert (chat.models, embedding.models) == (("qwen3",), ("nomic-embed-text",))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            "providers: [{name: x}]",
            r"column 13, providers\[0\].base_url: Field required; line 1, column 13, .*models: F",
        ),
        (
            "providers: [{name: X y, base_url: 'http://a', models: [m]}]",
            r"column 14, providers\[0\].name: String",
        ),
        (
            "providers: [{name: x, base_url: 'file:///etc', models: [m]}]",
            r"column 23, providers\[0\].base_url: ",
        ),
        ("colour: blue", "colour: Extra inputs are not permitted"),
        ("policy: dice", "policy: Input should be '', 'order', 'weight'"),
        ("a: [", "it is not YAML"),
    ],
)
def test_a_wrong_file_is_refused_naming_the_place(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(FailedPrecondition, match=complaint) as caught:
        configured(written(tmp_path, text))
    assert caught.value.reason == "CONFIGURATION_INVALID"


def test_a_missing_file_is_named() -> None:
    with pytest.raises(FailedPrecondition, match=r"/nowhere/llm.yaml can't be used: No such file"):
        configured({"LLM_CONFIG_FILE": "/nowhere/llm.yaml"})


def test_more_providers_may_speak_any_dialect(tmp_path: Path) -> None:
    path = tmp_path / "llm.yaml"
    path.write_text(
        "providers:\n"
        "  - {name: proxy, dialect: anthropic, base_url: 'http://127.0.0.1:9', models: [m]}\n"
        "  - {name: taped, dialect: cassette, models: [m], cassette: {file: /tmp/tape.jsonl, dialect: gemini}}\n"
    )
    proxy, taped, _ = configured({"LLM_CONFIG_FILE": str(path)}).profiles
    assert (proxy.dialect, proxy.base_url, proxy.cassette) == ("anthropic", "http://127.0.0.1:9", None)
    assert taped.cassette == Cassette(file="/tmp/tape.jsonl", dialect="gemini", record=False)


ROW = "{name: a, base_url: 'http://a', models: [m]}"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "line 1, column 1: it is empty"),
        ("# nothing\n", "it holds comments alone"),
        (f"providers: [{ROW}]\nproviders: []\n", "line 2, column 1, providers: "),
        (f"providers:\n  - {ROW}\n  - {ROW}\n", r"line 3, column 6, providers\[1\].name: the provider 'a' is there"),
        (
            "providers: [{name: a, base_url: 'http://a', models: [m, m]}]",
            r"\[1\]: the model 'm' is there already",
        ),
        ("providers: [{name: fallback, base_url: 'http://a', models: [m]}]", "is the offline provider's own name"),
        (
            "order: [openai, gamma]",
            r"line 1, column 17, order\[1\]: there is no provider 'gamma'; there are: ",
        ),
        ("order: [openai, openai]", r"order\[1\]: the name 'openai' is there already"),
        ("weights: {opneai: 2}", "weights.opneai: there is no provider 'opneai'"),
        ("aliases: {smart: nowhere/big}", "aliases.smart: 'nowhere/big' leads nowhere: there is no provider 'nowhere'"),
        ("aliases: {smart: big}", "aliases.smart: 'big' leads nowhere: no provider lists it"),
        ("aliases: {smart: smart}", "aliases.smart: it leads to itself"),
        ("aliases: {a: openai/m, b: [openai/m, a]}", r"aliases.b\[1\]: it leads to the alias 'a'"),
        ("aliases: {a: []}", "aliases.a: it stands for nothing"),
        ("prices: [{provider: opneai, model: m, input: 1}]", r"prices\[0\].provider: there is no provider 'opneai'"),
        (
            "prices: [{provider: openai, model: m, input: 1}, {provider: openai, model: m, input: 2}]",
            r"prices\[1\]: the price 'openai/m' is there already",
        ),
    ],
)
def test_what_makes_no_sense_as_a_whole_is_refused_with_line_and_column(
    tmp_path: Path, text: str, complaint: str
) -> None:
    with pytest.raises(FailedPrecondition, match=complaint) as caught:
        configured(written(tmp_path, text))
    assert caught.value.reason == "CONFIGURATION_INVALID"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_a_file_in_another_encoding_is_refused(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "llm.yaml"
    path.write_bytes(FILE.encode(encoding))
    with pytest.raises(FailedPrecondition, match="save it as UTF-8"):
        configured({"LLM_CONFIG_FILE": str(path)})


@pytest.mark.parametrize("target", ["openai", "auto", "qwen/any", "qwen-plus", "fallback/rules"])
def test_an_alias_stands_for_anything_that_a_request_may_name(tmp_path: Path, target: str) -> None:
    assert configured(written(tmp_path, f"aliases: {{a: {target}}}")).routing.aliases == {"a": (target,)}


def test_an_order_of_the_settings_that_names_nobody_is_refused() -> None:
    with pytest.raises(FailedPrecondition, match="LLM_PROVIDER_ORDER names 'gemni', which is no provider; there are: "):
        configured({"LLM_PROVIDER_ORDER": "gemni,openai"})


def test_a_price_of_a_model_that_embeds_needs_no_output(tmp_path: Path) -> None:
    text = "prices: [{provider: openai, model: text-embedding-3-small, input: '0.02'}]"
    price = configured(written(tmp_path, text)).prices["openai", "text-embedding-3-small"]
    assert (price.input, price.output) == (Decimal("0.02"), None)


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("{name: x, base_url: '', models: [m]}", "base_url is missing"),
        ("{name: x, dialect: cassette, models: [m], cassette: {file: a, record: true}}", "base_url is missing"),
        ("{name: x, dialect: cassette, models: [m]}", "go together"),
        ("{name: x, base_url: 'http://a', models: [m], cassette: {file: a}}", "go together"),
    ],
)
def test_a_provider_without_its_vendor_is_refused(tmp_path: Path, row: str, complaint: str) -> None:
    path = tmp_path / "llm.yaml"
    path.write_text(f"providers: [{row}]")
    with pytest.raises(FailedPrecondition, match=complaint):
        configured({"LLM_CONFIG_FILE": str(path)})
