"""Pictures in answers, as the dialects show them."""

import base64

from penstock.llm.v1 import llm_pb2 as pb


def url_of(picture: pb.Picture) -> str:
    """Return the URL of a picture: where it lies, or a data URL that is the picture."""
    return picture.url or f"data:{picture.media_type};base64,{base64_of(picture)}"


def base64_of(picture: pb.Picture) -> str:
    """Return the bytes of a picture as base64."""
    return base64.b64encode(picture.data).decode()


def in_words(picture: pb.Picture) -> str:
    """Return what is said in the place of a picture where an answer is text alone."""
    if picture.url:
        return f"![picture]({picture.url})"
    return f"[{picture.media_type} of {len(picture.data):,} bytes left out: answers of this API are text alone]"
