"""Paging parameters as every list takes them."""

from typing import Annotated

from fastapi import Query

PageSize = Annotated[int, Query(ge=0, le=1000, description="Entries per page; 0 for the default.")]
PageToken = Annotated[str, Query(max_length=1024, description="`next_page_token` of the page before.")]
