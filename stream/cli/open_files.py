"""How many files, and so sockets, the system lets this process open: as many as it may."""

from __future__ import annotations

import logging
from typing import Final

log = logging.getLogger("stream.cli")

SPARE: Final = 200
"""Files besides the connections: sources, pages, logs, and peers that are just being refused."""


def raise_limit(connections: int) -> None:
    """Raise the soft limit to the hard one; one line of warning where that is not enough.

    Args:
        connections: how many connections are to be let in.
    """
    try:
        import resource
    except ImportError:  # no such limit on Windows
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    except (ValueError, OSError):
        # macOS calls its hard limit infinite and takes no such soft one.
        pass
    needed = connections + SPARE
    if soft != resource.RLIM_INFINITY and soft < needed:
        log.warning(
            "open files are limited to %d, but %d connections need %d: raise the limit "
            "(ulimit -n, LimitNOFILE=) or lower [limits] connections",
            soft,
            connections,
            needed,
        )
