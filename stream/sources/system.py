"""This machine: CPU, memory, disks and network, as real data that needs no network."""

from __future__ import annotations

import asyncio
import time

import psutil

from stream.model import Item
from stream.sources.base import Poll, PollState

_SKIPPED_FILESYSTEMS = frozenset({"squashfs", "overlay", "tmpfs", "devtmpfs", "iso9660"})


class SystemSource:
    """The figures of the machine we run on, one item per part."""

    def __init__(self) -> None:
        self._network: tuple[float, int, int] | None = None
        psutil.cpu_percent(percpu=True)

    async def poll(self, state: PollState) -> Poll:
        """Read the figures; a disk that hangs must not hold the loop."""
        return Poll.of(await asyncio.to_thread(self._items), key="id")

    def _items(self) -> list[Item]:
        per_core = psutil.cpu_percent(percpu=True)
        cpu: Item = {"id": "cpu", "name": "CPU", "unit": "%", "cores": len(per_core)}
        cpu["used_pct"] = round(sum(per_core) / max(1, len(per_core)), 1)
        cores: list[Item] = [
            {"id": f"cpu{n}", "name": f"CPU core {n}", "unit": "%", "used_pct": round(used, 1)}
            for n, used in enumerate(per_core)
        ]
        return [cpu, *cores, self._load(), *self._memory(), *self._disks(), self._traffic()]

    def _load(self) -> Item:
        one, five, fifteen = psutil.getloadavg()
        load: Item = {"id": "load", "name": "Load average", "unit": "processes"}
        load |= {"one": round(one, 2), "five": round(five, 2), "fifteen": round(fifteen, 2)}
        return load

    def _memory(self) -> list[Item]:
        memory, swap = psutil.virtual_memory(), psutil.swap_memory()
        rows: list[Item] = [_space("memory", "Memory", memory.total, memory.available)]
        if swap.total:
            rows.append(_space("swap", "Swap", swap.total, swap.free))
        return rows

    def _disks(self) -> list[Item]:
        mounts = {p.mountpoint for p in psutil.disk_partitions() if _is_disk(p.fstype)} | {"/"}
        rows = []
        for mount in sorted(mounts):
            try:
                usage = psutil.disk_usage(mount)
            except OSError:
                continue
            rows.append(_space(f"disk:{mount}", f"Disk {mount}", usage.total, usage.free))
        return rows

    def _traffic(self) -> Item:
        counters = psutil.net_io_counters()
        sent = counters.bytes_sent if counters else 0
        received = counters.bytes_recv if counters else 0
        now = time.monotonic()
        row: Item = {"id": "network", "name": "Network", "unit": "bytes/s"}
        row |= {"sent_bytes": sent, "received_bytes": received}
        if self._network is not None:
            then, sent_then, received_then = self._network
            span_s = max(now - then, 1e-3)
            row["send_rate"] = max(0, round((sent - sent_then) / span_s))
            row["receive_rate"] = max(0, round((received - received_then) / span_s))
        else:
            row |= {"send_rate": 0, "receive_rate": 0}
        self._network = (now, sent, received)
        return row


def _is_disk(fstype: str) -> bool:
    return bool(fstype) and fstype not in _SKIPPED_FILESYSTEMS


def _space(key: str, name: str, total: int, free: int) -> Item:
    used_pct = round(100 * (total - free) / total, 1) if total else 0.0
    row: Item = {"id": key, "name": name, "unit": "bytes", "used_pct": used_pct}
    return row | {"total": total, "free": free}
