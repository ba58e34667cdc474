"""stream: turns anything one can poll into something one can subscribe to."""

from __future__ import annotations

__version__ = "0.1.0"
