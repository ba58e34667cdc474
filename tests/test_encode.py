"""Tests of encode: the bytes of protocol.md §3 to §5."""

from __future__ import annotations

import json

import pytest

from stream.encode import (
    Format,
    Head,
    Marks,
    Message,
    control,
    diff,
    dumps,
    item_bytes,
    json_patch,
    merge_patch,
    newest,
    pointer,
    snapshot,
    snapshot_body,
    status,
    timestamp,
)
from stream.framing import event as sse
from stream.model import Change, Fault, Item, Json, Key, SourceState, Status
from stream.state import State
from stream.view import Spec, View, Window
from tests.apply import merged, patched, pruned

AT = 1763777469.12
HEAD = Head("quotes", "code", "-p", AT, 2)


def state_of(*items: Item) -> State:
    state = State()
    state.apply(Change({str(item["code"]): item for item in items}), 1)
    return state


def snapshot_of(state: State, form: Format) -> Message:
    view = View(state, "code", Spec())
    return snapshot(HEAD, form, "e1-1", snapshot_body(HEAD, view, form), Marks(reply_to=7))


def test_a_snapshot_has_its_members_in_the_order_of_the_protocol() -> None:
    data = snapshot_of(state_of({"code": "A", "p": 1.5}), Format.JSON).data
    assert data == (
        b'{"type":"snapshot","channel":"quotes","cursor":"e1-1","key":"code","sort":"-p",'
        b'"as_of":"2025-11-22T02:11:09.120Z","count":2,"id":7,"items":[{"code":"A","p":1.5}]}'
    )


def test_a_diff_has_its_members_in_the_order_of_the_protocol() -> None:
    state = state_of({"code": "A", "p": 1}, {"code": "B", "p": 2})
    change = Change({"B": state.entries["B"].item}, {"A": {"p": 1}}, ("C",))
    marks = Marks(resumed=True, conflated=3)
    (message,) = diff(
        HEAD, state, Window(change, False), Format.JSON, before="e1-0", cursor="e1-1", marks=marks
    )
    assert message.data == (
        b'{"type":"diff","channel":"quotes","cursor":"e1-1","as_of":"2025-11-22T02:11:09.120Z",'
        b'"count":2,"resumed":true,"conflated":3,"put":[{"code":"B","p":2}],'
        b'"patch":[{"code":"A","p":1}],"del":["C"]}'
    )


def test_a_status_has_its_members_in_the_order_of_the_protocol() -> None:
    fault = Fault("http_503", "503 Service Unavailable")
    message = status("q", Status(SourceState.STALE, AT, AT, AT, fault), Format.JSON)
    assert list(json.loads(message.data)) == [
        "type",
        "channel",
        "state",
        "as_of",
        "since",
        "next_poll",
        "error",
    ]


def test_a_document_snapshot_carries_doc() -> None:
    state = state_of({"code": "A", "p": None, "q": {"r": None}})
    merge = json.loads(snapshot_of(state, Format.MERGE_PATCH).data)
    patch = json.loads(snapshot_of(state, Format.JSON_PATCH).data)
    assert merge["doc"] == {"A": {"code": "A", "q": {}}}
    assert patch["doc"] == {"A": {"code": "A", "p": None, "q": {"r": None}}}


def test_an_item_is_turned_into_json_once_until_it_changes() -> None:
    state = state_of({"code": "A", "p": 1})
    first = item_bytes(state, "A", state.entries["A"].item)
    assert item_bytes(state, "A", state.entries["A"].item) is first
    state.apply(Change(patch={"A": {"p": 2}}), 2)
    assert item_bytes(state, "A", state.entries["A"].item) == b'{"code":"A","p":2}'


@pytest.mark.parametrize("text", ["\u2028", "\u2029", "\x85", "a\nb\r\nc\0", "data: x\n\nid: y"])
def test_no_text_of_an_item_splits_an_event(text: str) -> None:
    message = snapshot_of(state_of({"code": "A", "p": text, text: 1}), Format.JSON)
    event = sse(message).decode()
    *lines, data, empty, end = event.split("\n")
    assert lines == ["event: snapshot", "id: e1-1"]
    assert (empty, end) == ("", "")
    assert event.splitlines() == event.split("\n")[:-1]
    assert "\0" not in event
    item = json.loads(data.removeprefix("data: "))["items"][0]
    assert (item["p"], item[text]) == (text, 1)


def test_every_line_of_a_text_message_is_a_data_line() -> None:
    assert sse(Message("diff", None, b"a\nb"), retry_ms=5) == (
        b"event: diff\nretry: 5\ndata: a\ndata: b\n\n"
    )


def test_text_is_one_line_per_item_with_a_mark() -> None:
    state = state_of({"code": "A", "p": "a b", "q": "x"})
    assert snapshot_of(state, Format.TEXT).data == b'02:11:09 quotes A p="a b" q=x'
    change = Change({"A": state.entries["A"].item}, {"B": {"p": "\u2028"}}, ("C",))
    (message,) = diff(HEAD, state, Window(change, True), Format.TEXT, before="e1-0", cursor="e1-1")
    assert message.data.split(b"\n") == [
        b'+ 02:11:09 quotes A p="a b" q=x',
        b'~ 02:11:09 quotes B p="\\u2028"',
        b"- 02:11:09 quotes C",
    ]


@pytest.mark.parametrize("odd", ["\x1b[2J", "a\nb", "\x9b2J x", "\u202e", "\x7f"])
def test_text_cannot_steer_the_terminal_that_it_is_read_on(odd: str) -> None:
    state = state_of({"code": odd, odd: odd, "list": [odd]})
    failing = Status(SourceState.FAILING, error=Fault("http_500", odd))
    told = [
        snapshot_of(state, Format.TEXT),
        status("quotes", failing, Format.TEXT),
        control("error", Format.TEXT, message=odd, id={odd: odd}),
    ]
    for message in told:
        assert message.data.decode().isprintable()


def test_a_merge_patch_replaces_what_it_can_only_merge_in_two_steps() -> None:
    document: Json = {"A": {"old": 1}, "B": {"o": {"m": 1}, "p": 1}, "C": {}}
    item: Item = {"code": "A", "q": None, "o": {"n": None}}
    window = Window(Change({"A": item}, {"B": {"o": {"n": 2}, "p": None}}, ("C",)), exact=False)
    clear, merge = merge_patch(window)
    assert clear == {"A": None, "B": {"o": None}}
    assert merged(merged(document, clear), merge) == {"A": pruned(item), "B": {"o": {"n": 2}}}


def test_only_the_last_of_two_merge_patches_carries_the_new_cursor() -> None:
    window = Window(Change({"A": {"code": "A"}}), exact=False)
    first, last = diff(HEAD, State(), window, Format.MERGE_PATCH, before="e1-3", cursor="e1-9")
    assert (first.cursor, last.cursor) == ("e1-3", "e1-9")
    assert "count" not in json.loads(first.data)


@pytest.mark.parametrize("document", [{"b": {"p": 1}}, {"b": {"p": 1}, "c/~": 1}])
def test_a_json_patch_holds_whether_or_not_the_reader_has_what_goes(document: Json) -> None:
    window = Window(Change({"a": {"q": None}}, {"b": {"p/": None}}, ("c/~",)), exact=False)
    result = patched(document, json_patch(window))
    assert result == {"a": {"q": None}, "b": {"p": 1, "p/": None}}


def test_a_pointer_escapes_tilde_and_slash() -> None:
    assert pointer("a/b", "~1", 7) == "/a~1b/~01/7"


def test_integer_keys_are_texts_in_a_document() -> None:
    state = State()
    state.apply(Change({7: {"code": 7}}), 1)
    assert json.loads(snapshot_of(state, Format.JSON_PATCH).data)["doc"] == {"7": {"code": 7}}


def test_a_control_message_leaves_out_what_is_none() -> None:
    assert control("bye", reason="restart", retry_ms=None).data == (
        b'{"type":"bye","reason":"restart"}'
    )


def test_the_newest_items_carry_no_cursor_and_say_how_the_channel_is_where_it_is_not_well() -> None:
    rows: list[tuple[Key, Item]] = [("B", {"code": "B", "p": 2}), ("A", {"code": "A", "p": 1})]
    message = newest(HEAD, rows, None, Format.JSON_PATCH, Marks(reply_to=7))
    assert (message.event, message.cursor) == ("last", None)
    assert message.data == (
        b'{"type":"last","channel":"quotes","key":"code","sort":"-p",'
        b'"as_of":"2025-11-22T02:11:09.120Z","count":2,"id":7,'
        b'"items":[{"code":"B","p":2},{"code":"A","p":1}]}'
    )
    failing = newest(HEAD, rows, "failing", Format.JSON)
    assert json.loads(failing.data)["state"] == "failing"
    assert newest(HEAD, rows[:1], "failing", Format.TEXT).data.split(b"\n") == [
        b"02:11:09 quotes B p=2",
        b"! 02:11:09 quotes is failing",
    ]


@pytest.mark.parametrize("form", [Format.TEXT, Format.COLORED])
def test_text_says_so_where_there_is_nothing_to_show(form: Format) -> None:
    (resumed,) = diff(HEAD, State(), Window(Change(), True), form, before="e1-0", cursor="e1-1")
    assert resumed.data.endswith(b" 02:11:09 quotes has nothing new")
    for message in (snapshot(HEAD, form, "e1-1", b""), newest(HEAD, [], None, form)):
        assert message.data.endswith(b" 02:11:09 quotes has no items")


def test_a_time_is_rfc_3339_with_milliseconds() -> None:
    assert timestamp(0.0) == "1970-01-01T00:00:00.000Z"
    assert dumps({"a": [1, None]}) == b'{"a":[1,null]}'
