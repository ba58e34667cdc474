"""The body of an answer → keyed items, as one table of the configuration says.

Pure. It knows no request: what was asked for comes as the texts of ``add``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from stream.articles import parse_feed
from stream.extract import Container, Extracted, Rules, extract, parse_json
from stream.identity import Keyed, KeyRule, identify
from stream.model import Item, Key
from stream.query import Query
from stream.schedule import Hints
from stream.shape import As, Finish


@dataclass(frozen=True, slots=True)
class JsonReader:
    """Reads JSON.

    Attributes:
        rules: where the items are, and what is made of them.
        key: what identifies an item.
        conversions: field → what it is to become.
        single: the key of a single object that has none.
        rank: add `_rank`.
    """

    rules: Rules = field(default_factory=Rules)
    key: KeyRule = field(default_factory=KeyRule)
    conversions: Mapping[str, As] = field(default_factory=dict)
    single: str = "item"
    rank: bool = False

    def keyed(
        self, body: bytes, content_type: str, *, found: str | None, add: Mapping[str, str]
    ) -> Keyed:
        """The items of a body.

        Args:
            found: `Keyed.found` of the last body.
            add: field → text, put into items that lack the field.

        Raises:
            SourceError: those of `parse_json`, `extract` and `identify`.
        """
        extracted = extract(parse_json(body, content_type=content_type), self.rules)
        finished = Finish(add, self.conversions).of(extracted)
        return identify(finished, self.key, found=found, single=self.single, rank=self.rank)

    def names(self, body: bytes, content_type: str) -> list[Key]:
        """The names in a list whose items come by second requests.

        Raises:
            SourceError: as for `keyed`.
        """
        # What is dropped and selected of an item is said of the whole one, not of its name.
        rules = replace(self.rules, drop=None, select=None)
        extracted = extract(parse_json(body, content_type=content_type), rules)
        return extracted.names or list(identify(extracted, self.key).items)

    def detail(self, body: bytes, name: Key, add: Mapping[str, str]) -> Item | None:
        """One item; None where it is null or dropped.

        Raises:
            SourceError: as for `keyed`.
        """
        document = parse_json(body)
        if document is None:
            return None
        rules = Rules(select=self.rules.select, drop=self.rules.drop, container=Container.OBJECT)
        found = extract(document, rules)
        whole = Finish(add, self.conversions).of(replace(found, names=[name] * len(found.items)))
        return next(iter(whole.items), None)

    def joined(self, items: Mapping[Key, Item], *, left_out: int) -> Keyed:
        """Items that came one by one, by their names in the list.

        Args:
            left_out: how many could not be read.

        Raises:
            SourceError: ``wrong_shape``: no item has the configured key.
        """
        extracted = Extracted(list(items.values()), list(items), Container.MAP)
        keyed = identify(extracted, self.key, rank=self.rank)
        return replace(keyed, skipped=keyed.skipped + left_out)


@dataclass(frozen=True, slots=True)
class FeedReader:
    """Reads feeds: RSS, RDF, Atom, JSON Feed."""

    drop: Query | None = None
    select: Query | None = None
    content: bool = False

    def keyed(self, body: bytes, content_type: str) -> tuple[Keyed, Hints]:
        """The articles of a body, and what the feed says of when to read it again.

        Raises:
            SourceError: those of `parse_feed`.
        """
        feed = parse_feed(body, content_type, content=self.content)
        articles = shaped(feed.articles, self.drop, self.select)
        keyed = identify(Extracted(articles, None, Container.LIST), KeyRule(("id",)))
        return keyed, Hints()


def shaped(items: list[Item], drop: Query | None, select: Query | None) -> list[Item]:
    """The items that are not dropped, each as selected."""
    kept = [item for item in items if drop is None or not drop.test(item)]
    if select is None:
        return kept
    return [made for item in kept if isinstance(made := select.search(item), dict)]
