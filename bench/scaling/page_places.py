"""The places of a Markdown page that tables are written into."""

import re
from collections.abc import Mapping

from ..errors import UserError

_PLACE = re.compile(r"<!-- table: ([\w-]+) -->\n.*?<!-- end of table -->", re.DOTALL)


def fill(page: str, tables: Mapping[str, str]) -> str:
    """Return a page with each table in its place.

    A place is everything from a line `<!-- table: NAME -->` to a line `<!-- end of table -->`.

    Raises:
        UserError: if a table has no place, or a place no table.
    """
    places = _PLACE.findall(page)
    if sorted(places) != sorted(tables):
        raise UserError(
            f"the page has places for {', '.join(sorted(places)) or 'no table'}; "
            f"there are tables for {', '.join(sorted(tables))}"
        )
    return _PLACE.sub(
        lambda place: f"<!-- table: {place[1]} -->\n\n{tables[place[1]]}\n\n<!-- end of table -->", page
    )
