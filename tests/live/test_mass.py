"""A change of most of a channel is told as what is left, on both roads, to live and lagging."""

from __future__ import annotations

import pytest
from websockets.asyncio.client import connect

from tests.live.serving import publish, receive, serving

pytestmark = pytest.mark.both_roads

TOML = '[sources.q]\nkind = "push"\nkey = "id"\n'


@pytest.mark.parametrize("rate", ["", "?max_rate=100"])
async def test_a_change_larger_than_what_is_left_is_a_snapshot(rate: str) -> None:
    async with serving(TOML) as running:
        await publish(running, "q", [{"id": f"d{n}", "v": n} for n in range(3000)])
        async with connect(f"{running.ws_url}/ws/q{rate}", max_size=None) as websocket:
            assert (await receive(websocket))["count"] == 3000
            cursor = await publish(running, "q", {"del": [f"d{n}" for n in range(2999)]})
            message = await receive(websocket)
            assert (message["type"], message["items"]) == ("snapshot", [{"id": "d2999", "v": 2999}])
            assert message["cursor"] == cursor
            await publish(running, "q", [{"id": "d2999", "v": 0}])
            message = await receive(websocket)
            assert (message["type"], message["patch"]) == ("diff", [{"id": "d2999", "v": 0}])


async def test_a_new_value_for_every_item_is_one_message_of_what_changed() -> None:
    async with serving(TOML) as running:
        name = "a long name that stays as it is"
        rows = [{"id": f"d{n}", "v": n, "name": name} for n in range(5000)]
        await publish(running, "q", rows)
        async with connect(f"{running.ws_url}/ws/q", max_size=None) as websocket:
            await receive(websocket)
            await publish(running, "q", [{**row, "v": -1} for row in rows])
            message = await receive(websocket)
            assert message["type"] == "diff"
            assert message["patch"] == [{"id": row["id"], "v": -1} for row in rows]
