"""Secrets that settings name: by environment variable or by file, never by value.

It reads neither itself: whoever validates gives a function for it. A secret never stands in a
repr, an error or a schema.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, PrivateAttr, SecretStr, ValidationInfo, model_validator

from stream.fields import FieldName, Mistake, Table, header_name

Holder: TypeAlias = Literal["env", "file"]
Reveal: TypeAlias = Callable[[Holder, str], SecretStr]
"""Reads the secret from the environment variable or file of that name.

Raises ValueError, whose message says why it cannot. Given as ``context={"secret": …}``.
"""

_KEYS: Final = ("env", "file", "bearer_env", "bearer_file", "basic_env", "basic_file")


def reveal(info: ValidationInfo, key: str, name: str | Path) -> SecretStr:
    """Read the secret that this key, which ends in ``env`` or ``file``, names.

    Raises:
        Mistake: it cannot be read, or nobody gave the means to read secrets.
    """
    read: Reveal | None = (info.context or {}).get("secret")
    if read is None:
        raise Mistake(key, "secrets can be read only while a configuration is loaded")
    try:
        return read("env" if key.endswith("env") else "file", str(name))
    except ValueError as error:
        raise Mistake(key, str(error)) from None


class SourceAuth(Table):
    """How a request carries its secret. The secret itself is named, never written."""

    query: FieldName | None = Field(
        default=None, description="Send the secret as this query parameter; needs `env` or `file`."
    )
    header: Annotated[str, AfterValidator(header_name)] | None = Field(
        default=None, description="Send the secret as this header; needs `env` or `file`."
    )
    env: str | None = Field(
        default=None, description="The environment variable that holds the secret."
    )
    file: Path | None = Field(default=None, description="The file that holds the secret.")
    bearer_env: str | None = Field(
        default=None,
        description="Send `Authorization: Bearer …` with the secret in this environment variable.",
    )
    bearer_file: Path | None = Field(
        default=None, description="Send `Authorization: Bearer …` with the secret in this file."
    )
    basic_env: str | None = Field(
        default=None,
        description="Send `Authorization: Basic …`; this environment variable holds "
        "`user:password`.",
    )
    basic_file: Path | None = Field(
        default=None, description="Send `Authorization: Basic …`; this file holds `user:password`."
    )
    _secret: SecretStr = PrivateAttr()

    @model_validator(mode="after")
    def _resolve(self, info: ValidationInfo) -> Self:
        key = self._named()
        self._secret = reveal(info, key, getattr(self, key))
        text = self._secret.get_secret_value()
        if not (text.isascii() and text.isprintable()):
            raise Mistake(key, "the secret must be one line of printable ASCII text")
        if key.startswith("basic") and ":" not in text:
            raise Mistake(key, "the secret must have the form user:password")
        return self

    def _named(self) -> str:
        """The key that names the secret, after checking that there is exactly one way."""
        named = [key for key in _KEYS if getattr(self, key) is not None]
        carriers = [key for key in ("query", "header") if getattr(self, key) is not None]
        if len(named) != 1 or len(carriers) != (named[0] in ("env", "file")):
            raise ValueError(
                "expected exactly one of: query with env or file, header with env or file, "
                "bearer_env, bearer_file, basic_env, basic_file"
            )
        return named[0]

    def params(self) -> dict[str, str]:
        """The query parameters that carry the secret. Never log them."""
        return {self.query: self._secret.get_secret_value()} if self.query else {}

    def headers(self) -> dict[str, str]:
        """The headers that carry the secret. Never log them."""
        secret = self._secret.get_secret_value()
        if self.header:
            return {self.header: secret}
        if self.bearer_env or self.bearer_file:
            return {"Authorization": f"Bearer {secret}"}
        if self.basic_env or self.basic_file:
            return {"Authorization": f"Basic {base64.b64encode(secret.encode()).decode()}"}
        return {}
