from penstock.llm.v1 import llm_pb2 as pb

from gateway.dialects.responses.answer import finished_response
from gateway.dialects.responses.echo import ResponseEcho
from gateway.dialects.responses.tool import ResponseTools


def test_a_response_that_is_told_again_ended_when_it_did_the_first_time() -> None:
    started, finished = pb.Started(id="a", model="m"), pb.Finished(finish_reason="stop")
    started.create_time.FromNanoseconds(1_790_000_000_900_000_000)
    finished.duration.FromNanoseconds(1_200_000_000)
    form = ResponseEcho(echo={}, tools=ResponseTools())
    assert finished_response(started, finished, [], form)["completed_at"] == 1_790_000_002
    finished.finish_reason = "length"
    assert finished_response(started, finished, [], form)["completed_at"] is None
