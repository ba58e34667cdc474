"""One channel: its state, its status, its shared views, and the frames they have in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from stream import encode
from stream.encode import Format, Head, Marks, Message
from stream.model import ADDED_KEY, Change, Cursor, SourceState, Status
from stream.state import State
from stream.view import Spec, View, forms

if TYPE_CHECKING:
    from stream.subscriber import Subscriber

FRAMES = 64
"""Ready-made messages kept per channel between two changes, for readers that ask the same."""


class SharedView:
    """A view and the subscribers who look through it."""

    __slots__ = ("subscribers", "view")

    def __init__(self, view: View) -> None:
        self.view = view
        self.subscribers: set[Subscriber] = set()


class Channel:
    """A named, keyed collection that changes.

    Args:
        name: its name.
        epoch: the engine's epoch, for the cursors it writes.
        seq: the hub's seq at its birth.
        sort: how clients should order the items.
        kind: the kinds of source that feed it, for people.
        deletions: how many deletions are remembered.
    """

    def __init__(
        self, name: str, *, epoch: str, seq: int, sort: str | None, kind: str, deletions: int
    ) -> None:
        self.name = name
        self.epoch = epoch
        self.sort = sort
        self.kind = kind
        self.key = ADDED_KEY
        self.state = State(deletions=deletions, seq=seq)
        self.status = Status()
        self.status_version = 0
        self.views: dict[Spec, SharedView] = {}
        self._frames: dict[object, list[Message]] = {}
        self._bodies: dict[object, bytes] = {}

    @property
    def cursor(self) -> str:
        """The place of the channel's last change."""
        return str(Cursor(self.epoch, self.state.seq))

    def apply(self, change: Change, seq: int, key: str) -> list[Subscriber]:
        """Take a numbered change; the key field may be another than before.

        Returns:
            The subscribers whose view has changed.
        """
        self.state.apply(change, seq)
        self._frames.clear()
        self._bodies.clear()
        if key != self.key:
            self.key = key
            self.state.reset(seq)
            for shared in self.views.values():
                shared.view.restart(key)
            return list(self.subscribers())
        woken: list[Subscriber] = []
        for shared in self.views.values():
            if shared.view.observe(change, seq):
                woken += shared.subscribers
        return woken

    def set_status(self, status: Status) -> list[Subscriber]:
        """Take a status; returns the subscribers to be told, none where it reads as before."""
        before = self.status
        self.status = status
        if (before.state, before.error) == (status.state, status.error):
            return []
        self.status_version += 1
        return list(self.subscribers())

    def subscribers(self) -> Iterable[Subscriber]:
        """Everybody who watches, through whichever view."""
        for shared in self.views.values():
            yield from shared.subscribers

    def watch(self, spec: Spec, subscriber: Subscriber) -> View:
        """Let a subscriber look through the view of this spec, made where it is the first."""
        shared = self.views.get(spec)
        if shared is None:
            shared = self.views[spec] = SharedView(View(self.state, self.key, spec))
        shared.subscribers.add(subscriber)
        return shared.view

    def unwatch(self, spec: Spec, subscriber: Subscriber) -> None:
        """The reverse of ``watch``; a view nobody looks through is let go."""
        shared = self.views.get(spec)
        if shared is not None:
            shared.subscribers.discard(subscriber)
            if not shared.subscribers:
                del self.views[spec]

    def view(self, spec: Spec) -> View:
        """The view of this spec, for one look; not kept where nobody watches it."""
        shared = self.views.get(spec)
        return shared.view if shared is not None else View(self.state, self.key, spec)

    def watched_keys(self) -> set[str]:
        """The keys that subscribers have asked for by name."""
        return {key for spec in self.views if spec.keys is not None for key in spec.keys}

    def key_of(self, text: str) -> str | int | None:
        """The key of a present item, as written in a URL."""
        return next((key for key in forms(text) if key in self.state.entries), None)

    def head(self, view: View) -> Head:
        """What stands at the head of this view's messages."""
        return Head(self.name, self.key, self.sort, self.status.as_of, len(view))

    def snapshot(
        self, view: View, form: Format, cursor: str, marks: Marks = encode.NO_MARKS
    ) -> Message:
        """The view's items now."""
        body = b""
        if form is not Format.TEXT:
            place = (view.spec, form is Format.MERGE_PATCH, form is Format.JSON)
            if place not in self._bodies:
                self._bodies[place] = encode.snapshot_body(view, form)
            body = self._bodies[place]
        return encode.snapshot(self.head(view), view, form, cursor, body, marks)

    def diff(
        self, view: View, form: Format, seen: int, cursor: str, marks: Marks = encode.NO_MARKS
    ) -> list[Message] | None:
        """What changed in the view after seen; empty where nothing did, None for a snapshot.

        Frames without a mark for one reader alone are made once for all who stand at one place.
        """
        since, count = view.position(seen)
        if marks.resumed or marks.reply_to is not None:
            return self._diff(view, form, seen, cursor, marks)
        place = (view.spec, form, since, cursor)
        if place not in self._frames:
            marks = Marks(conflated=count if count > 1 else 0)
            messages = self._diff(view, form, since, cursor, marks)
            if messages is None or len(self._frames) >= FRAMES:
                return messages
            self._frames[place] = messages
        return self._frames[place]

    def _diff(
        self, view: View, form: Format, seen: int, cursor: str, marks: Marks
    ) -> list[Message] | None:
        window = view.since(seen)
        if window is None:
            return None
        if not window.change and not marks.resumed:
            return []
        # Other channels of the connection may be owed more than this one: what holds back the
        # cursor holds back the one before it too.
        before = str(min(Cursor(self.epoch, seen), Cursor.parse(cursor)))
        head = self.head(view)
        return encode.diff(
            head, self.state, window, form, before=before, cursor=cursor, marks=marks
        )

    def status_message(self, form: Format) -> Message:
        """The status as a message."""
        return encode.status(self.name, self.status, form)

    @property
    def is_ok(self) -> bool:
        """Whether there is nothing to tell about the status."""
        return self.status.state is SourceState.OK
