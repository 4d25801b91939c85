"""A piece of an answer is rendered from prepared bytes to the very frame that any event is."""

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st
from penstock.chat.v1 import chat_pb2 as pb

from gateway.chat.frame import FrameRenderer, frame_from_event

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def piece(text: str, sequence: int = 1, *, stream_id: str = "str_1", conversation_id: str = "conv_1") -> pb.ChatEvent:
    return pb.ChatEvent(
        stream_id=stream_id,
        sequence=sequence,
        create_time=Timestamp(seconds=1_790_000_000 + sequence // 20, nanos=sequence % 1000 * 1_000_000),
        conversation_id=conversation_id,
        message_chunk=pb.MessageChunk(content=text),
    )


@given(st.lists(TEXT, min_size=1, max_size=5), TEXT, st.sampled_from(["", "conv_1", 'a"b']))
def test_the_frames_of_pieces_are_those_of_any_event(texts: list[str], stream_id: str, conversation_id: str) -> None:
    renderer = FrameRenderer()
    for first in range(1, 200, 57):
        events = [
            piece(text, sequence, stream_id=stream_id, conversation_id=conversation_id)
            for sequence, text in enumerate(texts, first)
        ]
        assert renderer.render(events) == b"".join(map(frame_from_event, events))


def test_pieces_of_another_stream_and_another_second_are_told_apart() -> None:
    renderer = FrameRenderer()
    others = [piece(name, stream_id=f"str_{name}") for name in "fed"]  # of one conversation, one after the other
    for event in (piece("a"), piece("b", 99), piece("c", conversation_id="conv_2"), *others):
        assert renderer.render([event]) == frame_from_event(event)


@pytest.mark.parametrize(
    "event",
    [
        pb.ChatEvent(stream_id="str_1", sequence=1, thinking=pb.Thinking(content="hm")),
        pb.ChatEvent(stream_id="str_1", sequence=2, complete_state=pb.CompleteState(content="done")),
        pb.ChatEvent(
            stream_id="str_1",
            sequence=3,
            message_chunk=pb.MessageChunk(content="a"),
            debug=pb.DebugInfo(elapsed=Duration(seconds=1)),
        ),
    ],
)
def test_every_other_event_is_rendered_whole(event: pb.ChatEvent) -> None:
    assert FrameRenderer().render([piece("a"), event]) == frame_from_event(piece("a")) + frame_from_event(event)


def test_the_first_frame_says_when_to_come_again() -> None:
    first, second = piece("a"), piece("b", 2)
    expected = frame_from_event(first, retry=3000) + frame_from_event(second)
    assert FrameRenderer().render([first, second], retry=3000) == expected
