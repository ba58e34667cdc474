"""One channel: its state, its status, its shared views, and the messages they have in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

from stream import encode
from stream.audience import Audience, Notice
from stream.encode import Format, Head, Marks, Message
from stream.model import ADDED_KEY, Change, Cursor, Item, Key, SourceState, Status
from stream.splice import Splice, Telling
from stream.state import State
from stream.trail import Trail
from stream.view import Spec, View, forms

if TYPE_CHECKING:
    from stream.subscriber import Subscriber

MASS = 256
"""A change of at least so many keys is told as a snapshot where more changed than is left."""
FRAMES = 64
"""Ready-made messages kept per channel between two changes, for readers that ask the same."""
MOST_LOOKS: Final = 64
"""Answers to ``last`` kept per channel between two changes: each may cost a look at every item."""


class Woken(NamedTuple):
    """Who has to be told.

    Attributes:
        subscribers: laggards, who compose what they are owed.
        audiences: live connections, for whom it has been collected.
    """

    subscribers: list[Subscriber]
    audiences: list[Audience]


class SharedView:
    """A view and all who look through it.

    Attributes:
        subscribers: everybody.
        lagging: those of them to be woken at a change.
        audiences: those who are live, by format.
    """

    __slots__ = ("audiences", "lagging", "subscribers", "view")

    def __init__(self, view: View) -> None:
        self.view = view
        self.subscribers: set[Subscriber] = set()
        self.lagging: set[Subscriber] = set()
        self.audiences: dict[Format, dict[Audience, None]] = {}


class Channel:
    """A named, keyed collection that changes.

    Attributes:
        changes: how many items were put, patched or deleted in its life.

    Args:
        name: its name.
        epoch: the engine's epoch, for the cursors it writes.
        seq: the hub's seq at its birth.
        sort: how clients should order the items.
        kind: the kinds of source that feed it, for people.
        deletions: how many deletions are remembered.
        trail: what keeps recent values, where the channel has it.
    """

    def __init__(
        self,
        name: str,
        *,
        epoch: str,
        seq: int,
        sort: str | None,
        kind: str,
        deletions: int,
        trail: Trail | None = None,
    ) -> None:
        self.name = name
        self.epoch = epoch
        self.sort = sort
        self.kind = kind
        self.trail = trail
        self.key = ADDED_KEY
        self.state = State(deletions=deletions, seq=seq)
        self.status = Status()
        self.status_version = 0
        self.changes = 0
        self.views: dict[Spec, SharedView] = {}
        # A change looks for the views that show its keys; those that name none show them all.
        self._of_all: dict[SharedView, None] = {}
        self._by_key: dict[str, dict[SharedView, None]] = {}
        self._frames: dict[object, list[Message]] = {}
        self._bodies: dict[tuple[Spec, Format], bytes] = {}
        self._newest: dict[tuple[Spec, int], tuple[int, list[tuple[Key, Item]]]] = {}
        self._trailed: dict[tuple[Spec, Format], bytes] = {}

    @property
    def cursor(self) -> str:
        """The place of the channel's last change."""
        return str(Cursor(self.epoch, self.state.seq))

    def apply(self, change: Change, seq: int, key: str, *, at: float | None = None) -> Woken:
        """Take a numbered change; the key field may be another than before.

        Args:
            at: when it was read, Unix seconds, for the trail.

        Returns:
            Whose view has changed.
        """
        entries = self.state.entries
        patch = {name: fields for name, fields in change.patch.items() if fields}
        gone = tuple(name for name in change.delete if name in entries)
        new = frozenset(change.put.keys() - entries.keys())
        change = Change(change.put, patch, gone)
        self.state.apply(change, seq)
        self.changes += len(change)
        self._frames.clear()
        self._bodies.clear()
        self._newest.clear()
        if self.trail is not None:
            self._record(self.trail, change, at, is_anew=key != self.key)
        if key != self.key:
            return self._begin_anew(seq, key)
        woken = Woken([], [])
        splice: Splice | None = None
        for shared, keys in self._showing(change):
            view = shared.view
            if not view.observe(change, seq, keys):
                continue
            woken.subscribers.extend(shared.lagging)
            if not shared.audiences:
                continue
            if _is_mass(len(change) if keys is None else len(keys), view):
                woken.audiences.extend(_overrun(shared))
                continue
            if splice is None:
                cursor = Cursor(self.epoch, seq)
                splice = Splice(self.head(view), self.state, cursor, change, new)
            window = None if view.spec.where is None else view.window(change, seq, keys)
            for form, audiences in shared.audiences.items():
                telling = Telling(splice, view, form, keys, window)
                for audience in audiences:
                    audience.add(telling)
                woken.audiences.extend(audiences)
        return woken

    def _record(self, trail: Trail, change: Change, at: float | None, *, is_anew: bool) -> None:
        self._trailed.clear()
        if is_anew:
            trail.clear()
        if at is not None:
            trail.record(change, at)

    def _begin_anew(self, seq: int, key: str) -> Woken:
        self.key = key
        self.state.reset(seq)
        woken = Woken(list(self.subscribers()), [])
        for shared in self.views.values():
            shared.view.restart(key)
            woken.audiences.extend(_overrun(shared))
        return woken

    def _showing(self, change: Change) -> Iterable[tuple[SharedView, list[Key] | None]]:
        """The views that may show a change, with its keys for those that name keys."""
        for shared in self._of_all:
            yield shared, None
        if not self._by_key:
            return
        found: dict[SharedView, list[Key]] = {}
        for group in (change.put, change.patch, change.delete):
            for key in group:
                for shared in self._by_key.get(str(key), ()):
                    found.setdefault(shared, []).append(key)
        yield from found.items()

    def set_status(self, status: Status) -> Woken:
        """Take a status; returns who is to be told, nobody where it reads as before."""
        before = self.status
        self.status = status
        if before.as_of != status.as_of:  # which stands in every line of a text
            self._bodies = {p: b for p, b in self._bodies.items() if not p[1].is_text}
            self._trailed.clear()  # a trail's lines end there
        woken = Woken([], [])
        if (before.state, before.error) == (status.state, status.error):
            return woken
        self.status_version += 1
        for shared in self.views.values():
            woken.subscribers.extend(shared.lagging)
            for form, audiences in shared.audiences.items():
                notice = Notice(self.status_message(form))
                for audience in audiences:
                    audience.add_status(self, notice)
                woken.audiences.extend(audiences)
        return woken

    def subscribers(self) -> Iterable[Subscriber]:
        """Everybody who watches, through whichever view."""
        for shared in self.views.values():
            yield from shared.subscribers

    def watch(self, spec: Spec, subscriber: Subscriber) -> View:
        """Let a subscriber look through the view of this spec, made where it is the first."""
        shared = self.views.get(spec)
        if shared is None:
            shared = self.views[spec] = SharedView(View(self.state, self.key, spec))
            self._index(shared)
        shared.subscribers.add(subscriber)
        shared.lagging.add(subscriber)
        return shared.view

    def unwatch(self, spec: Spec, subscriber: Subscriber) -> None:
        """The reverse of ``watch``; a view nobody looks through is let go."""
        shared = self.views.get(spec)
        if shared is not None:
            shared.subscribers.discard(subscriber)
            shared.lagging.discard(subscriber)
            if not shared.subscribers:
                del self.views[spec]
                self._unindex(shared)

    def _index(self, shared: SharedView) -> None:
        keys = shared.view.spec.keys
        if keys is None:
            self._of_all[shared] = None
            return
        for key in keys:
            self._by_key.setdefault(key, {})[shared] = None

    def _unindex(self, shared: SharedView) -> None:
        keys = shared.view.spec.keys
        if keys is None:
            del self._of_all[shared]
            return
        for key in keys:
            views = self._by_key[key]
            del views[shared]
            if not views:
                del self._by_key[key]

    def view(self, spec: Spec) -> View:
        """The view of this spec, for one look; not kept where nobody watches it."""
        shared = self.views.get(spec)
        return shared.view if shared is not None else View(self.state, self.key, spec)

    def watched_keys(self) -> set[str]:
        """The keys that subscribers have asked for by name."""
        return set(self._by_key)

    def key_of(self, text: str) -> str | int | None:
        """The key of a present item, as written in a URL."""
        return next((key for key in forms(text) if key in self.state.entries), None)

    def head(self, view: View) -> Head:
        """What stands at the head of this view's messages."""
        return Head(self.name, self.key, self.sort, self.status.as_of, len(view))

    def snapshot(
        self,
        view: View,
        form: Format,
        cursor: str,
        marks: Marks = encode.NO_MARKS,
        *,
        trail: bool = False,
    ) -> Message:
        """The view's items now; with their trail, where that is asked for and there is one."""
        head = self.head(view)
        body = self._body(head, view, form)
        if trail and self.trail is not None and not form.is_text:
            body = self._with_trail(self.trail, body, view, form)
        return encode.snapshot(head, form, cursor, body, marks)

    def newest(
        self, spec: Spec, form: Format, most: int, marks: Marks = encode.NO_MARKS
    ) -> Message:
        """The newest items of a view, and how the channel is doing where it is not well."""
        place = (spec, most)
        if place not in self._newest:
            view = self.view(spec)
            if len(self._newest) >= MOST_LOOKS:
                self._newest.clear()
            self._newest[place] = (len(view), view.newest(most, self.sort))
        count, rows = self._newest[place]
        head = Head(self.name, self.key, self.sort, self.status.as_of, count)
        state = None if self.is_ok else str(self.status.state)
        return encode.newest(head, rows, state, form, marks)

    def _body(self, head: Head, view: View, form: Format) -> bytes:
        place = (view.spec, form)
        if place not in self._bodies:
            self._bodies[place] = encode.snapshot_body(head, view, form)
        return self._bodies[place]

    def _with_trail(self, trail: Trail, body: bytes, view: View, form: Format) -> bytes:
        place = (view.spec, form)
        if place not in self._trailed:
            text = trail.text(view.keys(), view.names, self.status.as_of)
            self._trailed[place] = encode.with_trail(body, text)
        return self._trailed[place]

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
        if window is None or _is_mass(len(window.change), view):
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


def _is_mass(keys: int, view: View) -> bool:
    """Whether so many keys have changed that all that is left takes no more to tell."""
    return keys >= MASS and keys > len(view)


def _overrun(shared: SharedView) -> list[Audience]:
    """Let everybody who is live look at what it came to."""
    found = [audience for audiences in shared.audiences.values() for audience in audiences]
    for audience in found:
        audience.overrun()
    return found
