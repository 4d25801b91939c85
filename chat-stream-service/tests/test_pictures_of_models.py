"""A picture that a model makes in a conversation, whose answers are text."""

from penstock.llm.v1 import llm_pb2

from chat_stream_service.adapters.llm_service import event_from_proto
from chat_stream_service.domain.model.language_model import TextDelta


def said(picture: llm_pb2.Picture) -> str:
    event = event_from_proto(llm_pb2.CompletionEvent(picture=picture))
    assert isinstance(event, TextDelta)
    return event.text.strip()


def test_it_is_said_that_there_was_one() -> None:
    made = llm_pb2.Picture(data=bytes(1234), media_type="image/png")
    assert said(made) == "[image/png of 1,234 bytes left out: answers in conversations are text]"


def test_one_that_lies_elsewhere_is_a_link() -> None:
    url = "https://pictures.example/1.png"
    assert said(llm_pb2.Picture(url=url)) == f"![picture]({url})"
