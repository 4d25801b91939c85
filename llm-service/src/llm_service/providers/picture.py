"""Pictures in the answers of vendors: base64 that is checked where it comes in."""

import base64
import re
from typing import Any, Final, cast

from llm_service.domain.model.event import Picture

_DATA_URL: Final = re.compile(r"data:([^;,]*);base64,")
_UNSAID: Final = "image/png"


def picture_of_base64(data: object, media_type: object, index: int) -> Picture:
    """Return the picture. Raises ValueError for what is no base64."""
    text = str(data)
    base64.b64decode(text, validate=True)
    return Picture(base64=text, media_type=str(media_type or _UNSAID), index=index)


def picture_of_url(image: Any, index: int) -> Picture | None:
    """Return the picture of OpenAI's `image_url`, a URL or an object with one; None for neither."""
    url = cast("dict[str, Any]", image).get("url") if isinstance(image, dict) else image
    if not isinstance(url, str) or not url:
        return None
    if head := _DATA_URL.match(url):
        return picture_of_base64(url[head.end() :], head[1], index)
    return Picture(url=url, index=index)
