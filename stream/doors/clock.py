"""How long a token still holds."""

from __future__ import annotations

import time


def seconds_left(expires_at: float | None, leeway_s: float) -> float:
    """Seconds until a token ends; a day where it never does."""
    return 86_400.0 if expires_at is None else expires_at + leeway_s - time.time()
