"""Images, recordings and files in the messages of OpenAI's two dialects → parts of the Completion proto."""

import base64
import binascii

from penstock.llm.v1 import llm_pb2 as pb

from gateway.model_call.fields import Fields, reject_field


def check_url(url: str, path: str, *, note: str = "") -> str:
    """Return `url`; raise InvalidArgument, with `note` at its end, unless it is one that a provider can read."""
    if not url.startswith(("https://", "http://", "data:")):
        reject_field(path, f"must be an https URL or a data URL{note}")
    return url


def audio_from_json(fields: Fields) -> pb.FilePart:
    """Return a recording: base64 and its format."""
    try:
        content = base64.b64decode(fields.required("data").rpartition(",")[2], validate=True)
    except binascii.Error:
        reject_field(fields.at("data"), "must be base64")
    return pb.FilePart(data=content, media_type=f"audio/{fields.text('format', 'wav')}")


def file_from_json(fields: Fields) -> pb.FilePart:
    """Return a file that is sent as a data URL."""
    data = fields.text("file_data")
    if not data:
        reject_field(fields.at("file_data"), "is required: send the file as a data URL, files are not stored here")
    head, _, encoded = data.rpartition(",")
    media_type = head.removeprefix("data:").partition(";")[0]
    try:
        content = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        reject_field(fields.at("file_data"), "must be base64 or a data URL")
    return pb.FilePart(filename=fields.text("filename"), data=content, media_type=media_type or "application/pdf")
