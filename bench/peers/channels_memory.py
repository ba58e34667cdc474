"""Django Channels on uvicorn: a consumer in a group for each channel, in the in-memory layer.

The layer drops a message for a consumer whose queue is full (100 by default) and forgets messages,
and the subscription with them, after a minute; both limits are raised so that nothing is lost.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import django
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import get_channel_layer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

if TYPE_CHECKING:
    from bench.peers.serving import serve
else:
    from serving import serve

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1", "localhost"],
    CHANNEL_LAYERS={
        "default": {
            "BACKEND": "channels.layers.InMemoryChannelLayer",
            "CONFIG": {"capacity": 1_000_000, "expiry": 86_400},
        }
    },
    ROOT_URLCONF=__name__,
    SECRET_KEY=secrets.token_hex(),
    USE_TZ=True,
)
django.setup()


class Subscriber(AsyncWebsocketConsumer):  # type: ignore[misc]  # untyped
    """A WebSocket in the groups that its path names."""

    async def connect(self) -> None:
        """Join the groups, then let the client in."""
        self.names = self.scope["url_route"]["kwargs"]["channels"].split(",")
        for name in self.names:
            await self.channel_layer.group_add(name, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        """Leave the groups."""
        for name in self.names:
            await self.channel_layer.group_discard(name, self.channel_name)

    async def message(self, event: dict[str, Any]) -> None:
        """Send what was published to the group."""
        await self.send(text_data=event["text"])


async def ready(request: HttpRequest) -> HttpResponse:
    """Answer once the server listens."""
    return HttpResponse("ready")


async def publish(request: HttpRequest, channel: str) -> HttpResponse:
    """Send the body to the channel's group."""
    await get_channel_layer().group_send(
        channel, {"type": "message", "text": request.body.decode()}
    )
    return HttpResponse(status=204)


urlpatterns = [path("ready", ready), path("publish/<str:channel>", publish)]
application = ProtocolTypeRouter(
    {
        "http": get_asgi_application(),
        "websocket": URLRouter([path("ws/<str:channels>", Subscriber.as_asgi())]),
    }
)

if __name__ == "__main__":
    serve(application)
