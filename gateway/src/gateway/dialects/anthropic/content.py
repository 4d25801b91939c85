"""Content blocks of Anthropic messages → parts of the Completion proto."""

import base64
import binascii
from typing import Any, Final, NoReturn, cast

from penstock.llm.v1 import llm_pb2 as pb

from gateway.model_call.fields import Fields, reject_field

# Blocks of tools that a vendor runs, and of its unfinished features: nothing here makes them, so none is known.
_FOREIGN: Final = frozenset(
    {"server_tool_use", "mcp_tool_use", "tool_reference", "container_upload", "compaction", "fallback"}
)
_NOTES: Final = frozenset({"type", "cache_control"})
_TTL: Final = "5m"
_TTLS: Final = ("5m", "1h")


def parts_to_proto(content: Any, path: str, dropped: list[str]) -> list[pb.Part]:
    """Return a string or an array of blocks as parts; what has no place in them is named in `dropped`."""
    parts: list[pb.Part] = []
    for block in blocks_of(content, path):
        kind = block.text("type")
        if is_foreign(kind):
            dropped.append(f"messages.{kind}")
        else:
            parts.append(part_to_proto(block, kind, dropped))
    return parts


def is_foreign(kind: str) -> bool:
    """Whether blocks of this kind belong to what a vendor runs."""
    return kind in _FOREIGN or (kind.endswith("_tool_result") and kind != "tool_result")


def blocks_of(content: Any, path: str) -> list[Fields]:
    """Return the blocks of a message's content; a string is one text block."""
    if isinstance(content, str):
        return [Fields({"type": "text", "text": content}, path)]
    if not isinstance(content, list):
        reject_field(path, "must be a string or an array of content blocks")
    blocks = cast("list[Any]", content)
    return [Fields(block, f"{path}[{index}]") for index, block in enumerate(blocks)]


def part_to_proto(fields: Fields, kind: str, dropped: list[str]) -> pb.Part:
    """Return a block of `kind` that is no tool call and no result."""
    match kind:
        case "text":
            part = pb.Part(text=fields.required("text"))
        case "image":
            part = _image(fields.inner("source"))
        case "document":
            part = _document(fields, dropped)
        case "search_result":
            part = _search_result(fields, dropped)
        case "thinking":
            thinking = pb.ThinkingPart(text=fields.text("thinking"), signature=fields.text("signature"))
            part = pb.Part(thinking=thinking)
        case "redacted_thinking":
            part = pb.Part(thinking=pb.ThinkingPart(redacted=fields.required("data")))
        case _:
            _unknown(fields, kind)
    part.cache_ttl = cache_ttl(fields)
    dropped += [f"messages.{name}" for name in fields.rest() if name not in _NOTES]
    return part


def cache_ttl(fields: Fields) -> str:
    """Take ``cache_control``; return how long the prefix up to here should be cached, empty for not."""
    mark = fields.inner("cache_control")
    if mark.text("type") != "ephemeral":
        return ""
    return mark.choice("ttl", _TTLS, _TTL)


def _image(source: Fields) -> pb.Part:
    kind = source.text("type")
    if kind == "base64":
        data = _decoded(source)
        return pb.Part(image=pb.ImagePart(data=data, media_type=source.required("media_type")))
    if kind == "url":
        return pb.Part(image=pb.ImagePart(url=_url(source)))
    return reject_field(source.at("type"), f"must be base64 or url, not {kind!r}; files are not stored here")


def _document(fields: Fields, dropped: list[str]) -> pb.Part:
    title = fields.text("title")
    source = fields.inner("source")
    kind = source.text("type")
    if kind == "base64":
        media_type = source.text("media_type", "application/pdf")
        return pb.Part(file=pb.FilePart(filename=title, data=_decoded(source), media_type=media_type))
    if kind == "text":
        return pb.Part(text=_titled(title, source.required("data")))
    if kind == "content":
        return pb.Part(text=_titled(title, _joined(source, dropped)))
    if kind == "url":
        return pb.Part(file=pb.FilePart(filename=title, url=_url(source), media_type="application/pdf"))
    return reject_field(
        source.at("type"), f"must be base64, text, content or url, not {kind!r}; send the document itself"
    )


def _search_result(fields: Fields, dropped: list[str]) -> pb.Part:
    heading = " ".join(filter(None, (fields.text("title"), fields.text("source"))))
    return pb.Part(text=_titled(heading, _joined(fields, dropped)))


def _joined(fields: Fields, dropped: list[str]) -> str:
    path = fields.at("content")
    parts = parts_to_proto(fields.take("content"), path, dropped)
    if any(part.WhichOneof("part") != "text" for part in parts):
        reject_field(path, "must be text blocks")
    return "\n".join(part.text for part in parts)


def _titled(title: str, text: str) -> str:
    return f"{title}\n{text}" if title else text


def _decoded(source: Fields) -> bytes:
    try:
        return base64.b64decode(source.required("data"), validate=True)
    except (binascii.Error, ValueError):
        reject_field(source.at("data"), "must be base64")


def _url(source: Fields) -> str:
    url = source.required("url")
    if not url.startswith(("https://", "http://")):
        reject_field(source.at("url"), "must be an https URL")
    return url


def _unknown(fields: Fields, kind: str) -> NoReturn:
    known = "text, image, document, search_result, thinking, redacted_thinking, tool_use or tool_result"
    reject_field(fields.at("type"), f"must be {known}, not {kind!r}")
