"""What a client may hand back as its place in its feed."""

import base64

import pytest

from chat_stream_service.domain.clients.client_feed import Cursor, cursor_from
from penstock_kit.errors import InvalidArgument


def packed(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def test_a_cursor_comes_back_as_it_was_given() -> None:
    cursor = Cursor(position="epoch_1:42", streams={"str_1": 7})
    assert cursor_from(cursor.text()) == cursor


@pytest.mark.parametrize(
    "text",
    [
        "", "?", "\ufffd", packed("{}"), packed("[1, {}]"), packed('["e:1"]'), packed("[" * 100_000),
        packed('["e:1", {"s": 1e400}]'), packed('["e:1", {"s": NaN}]'), packed('["e:1", {"s": null}]'),
        packed('["e:1", {"s": 9223372036854775808}]'), packed('["e:99999999999999999999", {}]'),
        packed('["e:' + "9" * 5000 + '", {}]'), packed('["e:1", {"s": ' + "9" * 5000 + "}]"),
    ],
)  # fmt: skip
def test_any_other_text_is_no_cursor(text: str) -> None:
    with pytest.raises(InvalidArgument, match="is not one of ours"):
        cursor_from(text)


def test_a_cursor_holds_a_thousand_streams_and_no_more() -> None:
    streams = {f"str_{number}": number for number in range(1001)}
    with pytest.raises(InvalidArgument, match="is not one of ours"):
        cursor_from(Cursor(position="e:1", streams=streams).text())
    del streams["str_7"]
    assert cursor_from(Cursor(position="e:1", streams=streams).text()).streams == streams
