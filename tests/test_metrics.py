"""What Prometheus is told."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from stream import config
from stream.app import build
from stream.loop_lag import BUCKETS_S
from stream.metrics import exposition

TOML = """
[sources.desk]
kind = "push"
[channels.desk]
trail = { fields = ["p"] }
"""
NAMES = {
    "stream_connections",
    "stream_refused_connections",
    "stream_changes",
    "stream_loop_lag_seconds",
    "stream_loop_lag_p99_seconds",
    "stream_loop_lag_max_seconds",
    "stream_channel_items",
    "stream_channel_trail_bytes",
}


async def test_every_figure_is_there_and_the_lag_is_a_histogram_and_two_gauges() -> None:
    service, fetcher = build(config.loads(TOML, {}), None)
    for late_s in (0.0004, 0.003, 0.04):
        service.lag.record(late_s)
    reader = service.admit("192.0.2.1")
    text = exposition(service).decode()
    await fetcher.aclose()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert families.keys() >= NAMES
    samples = {
        (sample.name, sample.labels.get("le")): sample.value
        for sample in families["stream_loop_lag_seconds"].samples
    }
    assert samples["stream_loop_lag_seconds_count", None] == 3
    assert samples["stream_loop_lag_seconds_bucket", "0.001"] == 1
    assert samples["stream_loop_lag_seconds_bucket", "0.05"] == 3
    assert len(samples) == len(BUCKETS_S) + 3
    (p99,) = families["stream_loop_lag_p99_seconds"].samples
    assert p99.value == 0.04
    (connections,) = families["stream_connections"].samples
    assert connections.value == 1
    service.release(reader)
