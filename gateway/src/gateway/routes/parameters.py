"""Parameters that many routes take."""

from typing import Annotated

from fastapi import Header, Query

PageSize = Annotated[int, Query(ge=0, le=1000, description="Entries per page; 0 for the default.")]
# What chat-stream-service gives at once.
ShortPageSize = Annotated[int, Query(ge=0, le=200, description="Entries per page; 0 for the default.")]
MessagePageSize = Annotated[int, Query(ge=0, le=500, description="Messages per page; 0 for the default.")]
PageToken = Annotated[str, Query(max_length=1024, description="`next_page_token` of the page before.")]
After = Annotated[int, Query(ge=0, le=2**63 - 1, description="The last sequence you have.")]
IdempotencyKey = Annotated[str, Header(max_length=200, description="Same key: the same result, not a second one.")]
