"""Every list is answered in one form."""

import re
from pathlib import Path

import gateway.routes
from gateway.routes.listing import listing

ROUTES = Path(gateway.routes.__file__).parent


def test_a_page_has_its_entries_and_the_token_of_the_next():
    assert listing("devices", [{"code": "A"}], "t2") == {"devices": [{"code": "A"}], "next_page_token": "t2"}


def test_the_last_page_has_no_token():
    assert listing("devices", [], "") == {"devices": [], "next_page_token": None}


def test_no_route_makes_a_page_in_another_way():
    made = re.compile(r'"next_page_token":')
    assert [path.name for path in ROUTES.glob("*.py") if made.search(path.read_text())] == ["listing.py"]
