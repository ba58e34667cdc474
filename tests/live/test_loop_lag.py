"""The loop's lag as an operator sees it."""

from __future__ import annotations

import time

from prometheus_client.parser import text_string_to_metric_families

from tests.live.serving import Running, serving
from tests.waiting import until


async def _figures(running: Running) -> dict[str, float]:
    async with running.http() as client:
        text = (await client.get("/metrics")).text
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.labels
    }


async def test_a_loop_that_was_blocked_for_100_ms_shows_in_the_metrics() -> None:
    async with serving('[sources.desk]\nkind = "push"\n') as running:
        lag = running.service.lag
        await until(lambda: sum(lag.counts) >= 2, what="the first samples")
        time.sleep(0.1)  # noqa: ASYNC251  (this is what blocks it)
        await until(lambda: lag.quantiles(1.0)[0] > 0.04, what="the stall")
        figures = await _figures(running)
        assert figures["stream_loop_lag_max_seconds"] > 0.04
        assert figures["stream_loop_lag_p99_seconds"] > 0.04
        assert figures["stream_loop_lag_seconds_count"] >= 3
        assert figures["stream_loop_lag_seconds_sum"] > 0.04
