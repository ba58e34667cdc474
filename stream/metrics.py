"""What Prometheus is told. Figures are read when asked for; nothing is counted twice."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from stream.loop_lag import BUCKETS_S, LoopLag
from stream.model import SourceState
from stream.service import Service


class ServiceCollector(Collector):
    """Reads the service's own figures at each scrape."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterable[Metric]:
        """The metrics, as of now."""
        service = self._service
        yield GaugeMetricFamily(
            "stream_connections", "Streams that are open.", len(service.connected)
        )
        yield GaugeMetricFamily(
            "stream_live_connections",
            "Of the streams, those that are written to at once; the others lag.",
            service.hub.delivery.live,
        )
        yield CounterMetricFamily(
            "stream_refused_connections", "Streams refused by a limit.", service.refused
        )
        yield CounterMetricFamily(
            "stream_changes", "Changes published in all channels.", service.hub.published
        )
        yield from loop_lag(service.lag)
        yield from self._channels()
        yield from self._sources()

    def _channels(self) -> Iterable[Metric]:
        items = GaugeMetricFamily("stream_channel_items", "Items held.", labels=["channel"])
        readers = GaugeMetricFamily(
            "stream_channel_subscribers", "Streams subscribed.", labels=["channel"]
        )
        trails = GaugeMetricFamily(
            "stream_channel_trail_bytes", "Recent values held as text.", labels=["channel"]
        )
        # A parametrised channel counts under its pattern's shape, or names would grow for ever.
        for name, line in self._service.catalog.lines.items():
            if not line.ephemeral:
                items.add_metric([name], len(line.channel.state))
                readers.add_metric([name], sum(1 for _ in line.channel.subscribers()))
                if line.channel.trail is not None:
                    trails.add_metric([name], line.channel.trail.kept_bytes)
        yield from (items, readers, trails)

    def _sources(self) -> Iterable[Metric]:
        polls = CounterMetricFamily("stream_source_polls", "Reads.", labels=["source"])
        failures = CounterMetricFamily("stream_source_failures", "Failed.", labels=["source"])
        received = CounterMetricFamily(
            "stream_source_received_bytes", "Bytes of answers.", labels=["source"]
        )
        healthy = GaugeMetricFamily("stream_source_ok", "1 while ok.", labels=["source"])
        for line in self._service.catalog.lines.values():
            for poller in () if line.ephemeral else line.pollers:
                label = [poller.name]
                polls.add_metric(label, poller.tally.polls)
                failures.add_metric(label, poller.tally.failures)
                received.add_metric(label, poller.tally.received_bytes)
                healthy.add_metric(label, float(poller.status.state is SourceState.OK))
        yield from (polls, failures, received, healthy)


def loop_lag(lag: LoopLag) -> Iterable[Metric]:
    """The lag since the start, to be added up over nodes, and what most alerts are made of."""
    bounds = [*(f"{bound:g}" for bound in BUCKETS_S), "+Inf"]
    yield HistogramMetricFamily(
        "stream_loop_lag_seconds",
        "How late the event loop ran its timers.",
        buckets=list(zip(bounds, accumulate(lag.counts), strict=True)),
        sum_value=lag.total_s,
    )
    p99, most = lag.quantiles(0.99, 1.0)
    yield GaugeMetricFamily(
        "stream_loop_lag_p99_seconds", "99th percentile of the lag of the last minute.", p99
    )
    yield GaugeMetricFamily("stream_loop_lag_max_seconds", "Highest lag of the last minute.", most)


def exposition(service: Service) -> bytes:
    """The Prometheus text."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(ServiceCollector(service))
    return generate_latest(registry)
