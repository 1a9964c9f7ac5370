"""What all groups of methods begin with."""

from collections.abc import Iterator, Mapping
from typing import Any

from maye.client.connection import Connection


class Connected:
    """Methods that ask one platform."""

    connection: Connection

    def _pages(self, path: str, name: str, query: Mapping[str, Any]) -> Iterator[Any]:
        cursor = None
        while True:
            page = self.connection.get(path, {**query, "cursor": cursor})
            yield from page[name]
            cursor = page["next_cursor"]
            if cursor is None:
                return
