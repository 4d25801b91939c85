"""Pictures of questions over HTTP and WebSockets: sent as base64, described in lists, read one by one."""

import asyncio
import base64
import json

import pytest
from penstock.chat.v1 import chat_pb2 as pb
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from penstock_testkit.pictures import gif, png
from penstock_testkit.waiting import HANG_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="session")


def attached(*files):
    return [{"data": base64.b64encode(file).decode()} for file in files]


async def new_conversation(gateway):
    return (await gateway.client.post("/api/v1/conversations", headers=gateway.auth(), json={})).json()["id"]


async def ask(gateway, conversation, route="stream", **body):
    return await gateway.client.post(f"/api/v1/conversations/{conversation}/{route}", headers=gateway.auth(), json=body)


@pytest.mark.parametrize("route", ["stream", "stream-debug"])
async def test_pictures_reach_the_service_as_bytes_with_or_without_words(gateway, route):
    conversation = await new_conversation(gateway)
    for words in ("What is it?", ""):
        answer = await ask(gateway, conversation, route, content=words, pictures=attached(png(), gif()))
        assert answer.status_code == 200
        asked = gateway.fakes.chat.asked[-1]
        assert (asked.content, [each.data for each in asked.pictures]) == (words, [png(), gif()])
    await ask(gateway, conversation, route, pictures=attached(png()))
    assert gateway.fakes.chat.asked[-1].content == ""


@pytest.mark.parametrize(
    ("pictures", "field", "expected"),
    [
        ([{"data": "not base64!"}], "pictures[0].data", "is not base64"),
        ([{"data": "iVBORw0KGgo"}], "pictures[0].data", "is not base64"),
        ([{"data": "data:image/png;base64,iVBORw0KGgo="}], "pictures[0].data", "send what stands behind its comma"),
        ([{"data": 7}], "pictures[0].data", "send the picture's bytes as base64"),
        ([{"data": "A" * (4 * 2**20 + 4)}], "pictures[0].data", "more than 3 MiB"),
        ([{"url": "http://127.0.0.1/x.png"}], "pictures[0].data", "Field required"),
        (attached(*[png()] * 5), "pictures", "at most 4"),
        ("iVBORw0KGgo=", "pictures", "valid list"),
    ],
)
@pytest.mark.parametrize("route", ["stream", "stream-debug"])
async def test_what_is_wrong_with_a_picture_is_told_with_its_place(gateway, route, pictures, field, expected):
    conversation = await new_conversation(gateway)
    answer = await ask(gateway, conversation, route, content="What is it?", pictures=pictures)
    assert answer.status_code == 422
    (problem,) = answer.json()["errors"]
    assert problem["field"] == field
    assert expected in problem["description"]
    assert len(answer.content) < 2000, "the picture is not sent back"


async def test_a_question_without_words_and_pictures_says_what_it_needs(gateway):
    conversation = await new_conversation(gateway)
    for body in ({}, {"content": ""}, {"pictures": []}):
        answer = await ask(gateway, conversation, **body)
        assert answer.status_code == 422
        (problem,) = answer.json()["errors"]
        assert problem["field"] == "content"
        assert "attach pictures" in problem["description"]


async def test_messages_say_where_their_pictures_are_and_those_are_read_as_pictures_and_nothing_else(gateway):
    conversation = await new_conversation(gateway)
    script = b"GIF89a/*<script>alert(1)</script>*/"
    gateway.fakes.chat.pictures = [
        pb.Picture(id="pic_1", media_type="image/png", data=png()),
        pb.Picture(id="pic_2", media_type="image/gif", data=script),
    ]
    listed = await gateway.client.get(f"/api/v1/conversations/{conversation}/messages", headers=gateway.auth())
    whole = await gateway.client.get(f"/api/v1/conversations/{conversation}", headers=gateway.auth())
    pictures = listed.json()["messages"][0]["pictures"]
    assert pictures == whole.json()["messages"][0]["pictures"]
    url = f"/api/v1/conversations/{conversation}/pictures/pic_1"
    assert pictures[0] == {"id": "pic_1", "media_type": "image/png", "size_bytes": len(png()), "url": url}
    for picture, data in zip(pictures, (png(), script), strict=True):
        answer = await gateway.client.get(picture["url"], headers=gateway.auth())
        assert (answer.status_code, answer.content) == (200, data)
        assert answer.headers["content-type"] == picture["media_type"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
        assert answer.headers["cache-control"] == "private, max-age=3600"
        assert (await gateway.client.get(picture["url"])).status_code == 401
    gone = await gateway.client.get(url.replace("pic_1", "pic_none"), headers=gateway.auth())
    assert (gone.status_code, gone.json()["reason"]) == (404, "PICTURE_NOT_FOUND")


async def test_pictures_are_asked_about_over_a_socket_too_up_to_the_length_of_its_messages(gateway):
    conversation = await new_conversation(gateway)
    address = f"{gateway.url.replace('http', 'ws')}/api/v1/ws/conversations/{conversation}"
    async with connect(address, additional_headers=gateway.auth()) as websocket:
        await websocket.send(json.dumps({"type": "ask", "pictures": attached(png(size=500_000))}))
        await asyncio.wait_for(websocket.recv(), HANG_SECONDS)
        assert [each.data for each in gateway.fakes.chat.asked[-1].pictures] == [png(size=500_000)]
        await websocket.send(json.dumps({"type": "ask", "pictures": attached(png(size=2**20))}))
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                await asyncio.wait_for(websocket.recv(), HANG_SECONDS)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1009, "frame exceeds limit of 1048576 bytes")
