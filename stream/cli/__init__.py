"""The commands: ``stream serve``, ``stream demo``, ``stream check``."""

from __future__ import annotations

from stream.cli.main import main

__all__ = ["main"]
