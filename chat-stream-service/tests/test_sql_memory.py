"""What the own engine remembers, on both databases."""

from datetime import UTC, datetime
from typing import Any

import pytest

from chat_stream_service.adapters.sql_conversation_store import SqlConversationStore
from chat_stream_service.adapters.sql_memory import SqlMemory
from chat_stream_service.domain.model.conversation import Conversation, Owner
from chat_stream_service.domain.model.memory import RememberedTurn
from chat_stream_service.domain.model.search_term import closeness, combinations_that_fit, search_terms
from penstock_kit.database import Database

ANN = Owner(tenant_id="acme", user_id="ann")
BOB = Owner(tenant_id="acme", user_id="bob")
EVE = Owner(tenant_id="other", user_id="ann")
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
async def memory(database: Database) -> SqlMemory:
    store = SqlConversationStore(database)
    for owner in (ANN, BOB, EVE):
        for number in (1, 2):
            identity = f"conv_{owner.tenant_id}_{owner.user_id}_{number}"
            await store.create(Conversation(id=identity, owner=owner, title="", create_time=NOW, update_time=NOW))
    return SqlMemory(database)


count = iter(range(1_000_000))


def turn(owner: Owner, question: str, answer: str = "It was fine.", conversation: int = 1) -> RememberedTurn:
    return RememberedTurn(
        owner=owner,
        conversation_id=f"conv_{owner.tenant_id}_{owner.user_id}_{conversation}",
        stream_id=f"strm_{next(count)}",
        question=question,
        answer=answer,
        create_time=NOW,
    )


async def recalled(memory: SqlMemory, question: str, owner: Owner = ANN) -> list[str]:
    return [note.question for note in await memory.recall(owner, question)]


async def test_an_exchange_is_recalled_by_what_it_was_about(memory: SqlMemory) -> None:
    await memory.keep(turn(ANN, "My favourite welding robot is in hall seven", "Noted."))
    await memory.keep(turn(ANN, "What is the weather?"))
    notes = await memory.recall(ANN, "In which hall are welding robots?")
    assert [note.question for note in notes] == ["My favourite welding robot is in hall seven"]
    assert notes[0].text == "asked: My favourite welding robot is in hall seven — answered: Noted."
    assert notes[0].time == "2026-03-01"


async def test_a_devices_code_alone_is_enough_and_one_common_word_is_not(memory: SqlMemory) -> None:
    await memory.keep(turn(ANN, "Is WLD001 due for service in spring?"))
    await memory.keep(turn(ANN, "The service desk is closed on Sundays"))
    assert await recalled(memory, "Anything new about WLD001 and the pressure valve?") == [
        "Is WLD001 due for service in spring?"
    ]
    assert await recalled(memory, "Which service costs less money?") == []


async def test_chinese_is_found_without_blanks(memory: SqlMemory) -> None:
    await memory.keep(turn(ANN, "焊接机器人的平均电流是多少？", "平均电流是120安。"))
    await memory.keep(turn(ANN, "今天天气好吗？"))
    assert await recalled(memory, "上次的平均电流") == ["焊接机器人的平均电流是多少？"]


async def test_nobody_recalls_what_was_said_to_another(memory: SqlMemory) -> None:
    for owner in (ANN, BOB, EVE):
        await memory.keep(turn(owner, f"The secret code of {owner.tenant_id} {owner.user_id} is X42"))
    assert await recalled(memory, "secret code X42", BOB) == ["The secret code of acme bob is X42"]
    assert await recalled(memory, "secret code X42", EVE) == ["The secret code of other ann is X42"]


async def test_the_token_of_another_owner_in_a_text_opens_nothing(memory: SqlMemory, database: Database) -> None:
    from chat_stream_service.domain.model.search_term import owner_term

    for other in (BOB, EVE):
        await memory.keep(turn(other, f"planted words {owner_term(ANN)} spring"))
    assert await recalled(memory, "planted words spring", ANN) == []


async def test_a_deleted_conversation_is_forgotten_and_stays_so(memory: SqlMemory, database: Database) -> None:
    late = turn(ANN, "Where is pump P100 standing now?")
    await memory.keep(turn(ANN, "Pump P100 stands in the cellar"))
    await memory.keep(turn(ANN, "Pump P100 was painted blue", conversation=2))
    await SqlConversationStore(database).delete(ANN, late.conversation_id)
    await memory.keep(late)
    assert await recalled(memory, "pump P100") == ["Pump P100 was painted blue"]
    await memory.forget(ANN, "conv_acme_ann_2")
    assert await recalled(memory, "pump P100") == []


async def test_the_same_exchange_is_kept_once(memory: SqlMemory) -> None:
    same = turn(ANN, "Pump P100 stands in the cellar")
    await memory.keep(same)
    await memory.keep(same)
    assert len(await recalled(memory, "pump P100")) == 1


@pytest.mark.parametrize("question", ["", "hello, how are you?", "???", "ok", "' OR 1=1 --", '"NEAR(', "a* AND b"])
async def test_a_question_without_terms_or_with_odd_ones_breaks_nothing(memory: SqlMemory, question: str) -> None:
    await memory.keep(turn(ANN, "Pump P100 stands in the cellar"))
    assert await recalled(memory, question) == []


async def test_the_best_fitting_come_first_and_not_too_many(memory: SqlMemory) -> None:
    for number in range(8):
        await memory.keep(turn(ANN, f"Note {number}: pump P100"))
    await memory.keep(turn(ANN, "Pump P100 bearing temperature limit", "80 degrees"))
    found = await recalled(memory, "What is the bearing temperature limit of pump P100?")
    assert found[0] == "Pump P100 bearing temperature limit"
    assert len(found) == 5


async def test_vectors_are_read_back_by_model_newest_first(memory: SqlMemory) -> None:
    first, second, other = (turn(ANN, text) for text in ("one", "two", "three"))
    for each, model in ((first, "m"), (second, "m"), (other, "n")):
        await memory.keep(each)
        await memory.set_vector(each.stream_id, each.question.encode(), model=model)
    found = await memory.vectors(ANN, model="m", most=10)
    assert [vector for _, vector in found] == [b"two", b"one"]
    assert [note.question for note in await memory.notes(ANN, [found[1][0], found[0][0], 999])] == ["one", "two"]
    assert list(await memory.notes(BOB, [found[0][0]])) == []


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("What are the temperatures of WLD-001?", ("temperature", "wld", "001")),
        ("Status of the gas bus", ("status", "gas", "bus")),
        ("3.5 bar_max", ("3", "5", "bar", "max")),
        ("", ()),
    ],
)
def test_terms_are_plain_words(text: str, terms: tuple[Any, ...]) -> None:
    assert search_terms(text, most=10) == terms


def test_terms_are_bounded_and_distinct() -> None:
    assert search_terms("x1 x2 x1 x3 x4", most=3) == ("x1", "x2", "x3")


def test_a_code_fits_alone_and_words_fit_in_pairs() -> None:
    assert combinations_that_fit(("wld001", "mean", "current")) == [("wld001",), ("mean", "current")]
    assert combinations_that_fit(("mean", "current", "range")) == [
        ("mean", "current"),
        ("mean", "range"),
        ("current", "range"),
    ]
    assert combinations_that_fit(("mean",)) == [("mean",)]
    chinese = search_terms("平均电流", most=9)
    assert len(combinations_that_fit(chinese)) == 3, "a term is no code for being written in hexadecimal digits"
    assert closeness(("wld001", "mean"))("mean wld001 else") == 3
