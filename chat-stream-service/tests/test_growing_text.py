"""A text that grows by pieces is what its pieces are, whenever it is read."""

from hypothesis import given
from hypothesis import strategies as st

from chat_stream_service.domain.model.growing_text import GrowingText


@given(
    begin=st.text(max_size=2), pieces=st.lists(st.text(max_size=2), max_size=200), read_at=st.sets(st.integers(0, 200))
)
def test_a_growing_text_is_all_of_its_pieces_in_order_however_often_it_is_read(
    begin: str, pieces: list[str], read_at: set[int]
) -> None:
    text = GrowingText(begin)
    for number, piece in enumerate(pieces):
        text.append(piece)
        if number in read_at:
            assert text.read() == begin + "".join(pieces[: number + 1])
    assert text.read() == begin + "".join(pieces)


def test_a_text_without_pieces_is_false_and_one_with_pieces_true() -> None:
    text = GrowingText()
    assert not text
    assert text.read() == ""
    text.append("a")
    assert text
