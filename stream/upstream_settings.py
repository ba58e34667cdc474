"""The table ``[upstream]``: manners and guards that all upstreams share.

Shapes and checks only: what belongs to one source is in source_settings.py.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictInt

from stream.fields import NetworkText, Table
from stream.units import Seconds


class UpstreamSettings(Table):
    """Manners and guards towards all upstreams."""

    allow_addresses: tuple[NetworkText, ...] = Field(
        default=(),
        description="Networks that a redirect to another origin may lead to although they are not "
        "public. The addresses of `url` are never in question.",
    )
    host_concurrency: Annotated[StrictInt, Field(ge=1, le=1000)] = Field(
        default=2,
        description="Most requests at one time to one public host, whichever sources make them: "
        "as many as a polite browser of old.",
    )
    host_spacing: Annotated[Seconds, Field(le=60)] = Field(
        default=0.1,
        description="Least time between the starts of two requests to one public host: ten a "
        "second is what strict ones allow.",
    )
