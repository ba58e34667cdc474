"""What a table of the configuration asks of its upstream: requests, ready to be fetched.

It sends nothing. Secrets travel apart from everything that is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, TypeAlias
from urllib.parse import quote, urlsplit

from stream.exchange import Request, Validators
from stream.fetched_settings import ITEM_KEY, FetchedSettings, HttpSettings
from stream.model import ADDED_KEY, Key
from stream.redact import redacted
from stream.template import KeysTemplate, Template

_HOLE: Final = f"{{{ITEM_KEY}}}"
Batch: TypeAlias = tuple[str, ...]
"""The watched keys that one request asks for; none for a source that does not ask by keys."""


class Asking:
    """The requests of one source, or of one instance of a parametrised one.

    Args:
        values: what the placeholders stand for.
    """

    def __init__(self, settings: FetchedSettings, values: Mapping[str, str]) -> None:
        self._settings = settings
        self._url = Template(settings.url).fill(values)
        self._params = {k: Template(v).fill_text(values) for k, v in settings.params.items()}
        self._add: dict[str, str] = {}
        self._detail = ""
        if isinstance(settings, HttpSettings):
            # What items are called stays open until they are read.
            own = {**values, ADDED_KEY: f"{{{ADDED_KEY}}}"}
            self._add = {k: Template(v).fill_text(own) for k, v in settings.add.items()}
            if settings.detail is not None:
                parts = settings.detail.url.split(_HOLE)
                self._detail = _HOLE.join(Template(part).fill(values) for part in parts)

    def request(self, batch: Batch = (), validators: Validators | None = None) -> Request:
        """The request for everything, or for these keys."""
        url, params = self._url, self._params
        if batch:
            url = KeysTemplate(url).fill(batch)
            params = {k: KeysTemplate(v).fill_text(batch) for k, v in params.items()}
        return self._asked(url, params, validators)

    def request_item(self, key: Key) -> Request:
        """The second request, for one item of a list."""
        name = quote(str(key), safe="")
        name = name.replace(".", "%2E") if name in (".", "..") else name
        request = self._asked(self._detail.replace(_HOLE, name), {}, None)
        if _origin(request.url) == _origin(self._url):
            return request
        return replace(request, secret_headers={}, secret_params={})

    def add(self, batch: Batch = ()) -> dict[str, str]:
        """The fields to add to items that lack them."""
        if not batch:
            return self._add
        return {k: KeysTemplate(v).fill_text(batch) for k, v in self._add.items()}

    def redacted(self, message: str) -> str:
        """The message without the secrets: some upstreams repeat the key that they were given."""
        auth = self._settings.auth
        secrets = [] if auth is None else [*auth.params().values(), *auth.headers().values()]
        return redacted(message, secrets)

    def _asked(self, url: str, params: Mapping[str, str], validators: Validators | None) -> Request:
        settings, auth = self._settings, self._settings.auth
        return Request(
            url=url,
            params=params,
            headers=settings.headers,
            secret_headers=auth.headers() if auth is not None else {},
            secret_params=auth.params() if auth is not None else {},
            timeout_s=settings.timeout,
            max_bytes=settings.max_bytes,
            validators=validators,
        )


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc
