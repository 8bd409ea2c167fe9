"""The API as a program uses it: real server, real sockets, and others who are there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import h11
import trio

from protocol.events import Conversation, Message, StatusReport
from protocol.requests import Status
from protocol.vocabulary.identity import Register, Registered
from protocol.vocabulary.reading import Marked
from tests.harness import PATIENT, RunningServer, native, running_server
from tests.http_client import API, HttpClient, http

SERVER_FLAGS = PATIENT


@asynccontextmanager
async def _account(server: RunningServer, name: str) -> AsyncIterator[HttpClient]:
    async with http(server, name) as client:
        answer = await client.api("POST", "/me/account", {"password": "a good one"}, status=201)
        client.token = answer["token"]
        yield client


async def test_a_message_from_a_script_to_a_person_and_back(server: RunningServer) -> None:
    """S004-30, on both databases: log in, write, read pages, edit, delete."""
    async with native(server, "Bob") as bob, http(server, "Ann") as ann:
        sent = await ann.say("hello from HTTP")
        assert (sent["type"], sent["seq"]) == ("sent", 1)
        [heard] = await bob.messages(1)
        assert (heard.sender, heard.text, heard.id) == ("Ann", "hello from HTTP", sent["id"])
        for number in range(2, 8):
            await bob.say(f"{number}")
        page = await ann.ask("GET", f"{API}/conversations/1/messages?limit=3")
        assert [one["text"] for one in page.json["messages"]] == ["5", "6", "7"]
        link = page.headers["link"]
        assert link.endswith('>; rel="next"')
        earlier = (await ann.ask("GET", link[1 : link.index(">")])).json
        assert [one["text"] for one in earlier["messages"]] == ["2", "3", "4"]
        path = f"/messages/{sent['id']}"
        assert (await ann.api("PATCH", path, {"text": "edited"}))["kind"] == "edit"
        edit = await bob.expect(Message)
        assert (edit.kind, edit.text, edit.target) == ("edit", "edited", sent["id"])
        answer = await ann.api(
            "POST", "/conversations/1/messages", {"text": "more", "reply_to": sent["id"]},
            status=201,
        )  # fmt: skip
        assert answer["quote"] == {"id": sent["id"], "sender": "Ann", "text": "edited"}
        thread = await ann.api("GET", f"{path}/comments")
        assert [one["text"] for one in thread["comments"]] == ["more"]
        assert (await ann.api("DELETE", path))["kind"] == "delete"
        assert (await ann.api("DELETE", path))["type"] == "notice"
        problem = await ann.api("DELETE", "/messages/99999", status=404)
        assert problem["code"] == "unknown_message"


async def test_a_request_that_is_repeated_is_done_once(server: RunningServer) -> None:
    """Idempotency-Key: the same id, and no second message; by all that take one."""
    async with http(server, "Ann") as ann:
        key = str(uuid4())
        body = {"text": "once"}
        place = "/conversations/1/messages"
        first = await ann.api("POST", place, body, status=201, Idempotency_Key=key)
        again = await ann.api("POST", place, body, status=200, Idempotency_Key=key)
        assert (again["id"], again["duplicate"]) == (first["id"], True)
        key, plan = str(uuid4()), {"when": "+1h", "text": "later"}
        kept = await ann.api("POST", "/scheduled", plan, status=201, Idempotency_Key=key)
        again = await ann.api("POST", "/scheduled", plan, status=201, Idempotency_Key=key)
        assert again["item"]["id"] == kept["item"]["id"]
        assert len((await ann.api("GET", "/scheduled"))["items"]) == 1
        await ann.api("DELETE", f"/scheduled/{kept['item']['id']}")
        assert (await ann.api("GET", "/scheduled"))["items"] == []
        problem = await ann.api("POST", place, body, status=422, Idempotency_Key="one")
        assert problem["code"] == "bad_arguments"
        page = await ann.api("GET", place)
        assert [one["text"] for one in page["messages"]] == ["once"]


async def test_a_text_of_any_length_both_ways(sqlite_server: RunningServer) -> None:
    """As text/plain, in chunks, and back, in ranges; a broken one is no message."""
    text = ("я 🦜 " * 200_000).encode()
    async with http(sqlite_server, "Ann") as ann:
        place = f"{API}/conversations/1/messages"
        plain = {"Content-Type": "text/plain", "Transfer-Encoding": "chunked"}
        sent = await ann.ask("POST", place, plain, text)
        assert sent.status == 201, sent.body
        path = f"{API}/messages/{sent.json['id']}/text"
        whole = await ann.ask("GET", path)
        assert whole.body == text
        assert whole.headers["content-length"] == str(len(text))
        part = await ann.ask("GET", path, {"Range": "bytes=1000000-1000099"})
        assert (part.status, part.body) == (206, text[1_000_000:1_000_100])
        assert (await ann.ask("GET", path, {"Range": f"bytes={len(text)}-"})).status == 416
        for wrong in (b"", b"\xff\xff", b" \n "):
            reply = await ann.ask("POST", place, {"Content-Type": "text/plain"}, wrong)
            assert reply.status == 422, reply.body
    async with http(sqlite_server) as broken:
        broken.token = ann.token
        request = f"POST {place} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {ann.token}\r\n"
        request += "Content-Type: text/plain\r\nContent-Length: 1000000\r\n\r\n"
        await broken.stream.send_all(request.encode() + text[:500_000])
    async with http(sqlite_server) as ann_again:
        ann_again.token = ann.token
        page = await ann_again.api("GET", "/conversations/1/messages")
        assert [one["size"] for one in page["messages"]] == [len(text)]
        sent = await ann_again.ask("POST", place, plain, b"short")
        assert sent.json["seq"] == 2


async def test_two_people_write_to_each_other(sqlite_server: RunningServer) -> None:
    """Direct conversations by name; contacts; what is unread, and that it is read."""
    async with _account(sqlite_server, "Ann") as ann, http(sqlite_server, "Bob") as bob:
        sent = await bob.api("POST", "/users/Ann/messages", {"text": "psst"}, status=201)
        place = f"/conversations/{sent['conversation']}"
        seen = await ann.api("GET", place)
        assert (seen["kind"], seen["name"], seen["unread"]) == ("direct", "Bob", 1)
        await ann.api("PUT", f"{place}/read", {"seq": 10**9}, status=204)
        assert (await ann.api("GET", place))["unread"] == 0
        await bob.api("POST", "/users/ann/messages", {"text": "again"}, status=201)
        opened = await ann.api("POST", "/conversations", {"to": "Bob"})
        assert [one["text"] for one in opened["messages"]] == ["psst", "again"]
        assert (await ann.api("GET", place))["unread"] == 0
        assert (await ann.api("PUT", "/contacts/Bob"))["name"] == "Bob"
        [contact] = (await ann.api("GET", "/contacts"))["contacts"]
        assert (contact["name"], contact["conversation"]) == ("Bob", sent["conversation"])
        await ann.api("DELETE", "/contacts/Bob")
        await bob.api("PUT", f"{place}/delivered", {"seq": 1}, status=204)
        await bob.api("PUT", "/conversations/12345/read", {"seq": 1}, status=404)
        async with http(sqlite_server, "Eve") as eve:
            for method, path in (("GET", f"{place}/messages"), ("GET", place)):
                assert (await eve.api(method, path, status=404))["code"] == "unknown_conversation"
            await eve.api("GET", f"/messages/{sent['id']}/text", status=404)
            await eve.api("POST", f"{place}/messages", {"text": "x"}, status=404)


async def test_more_unread_than_one_answer_takes_stays_unread(
    sqlite_server: RunningServer,
) -> None:
    """What was neither in the answer nor asked for in pages has not been seen by anybody."""
    async with http(sqlite_server, "Ann") as ann, native(sqlite_server, "Bob") as bob:
        await ann.api("POST", "/conversations/1/read")
        for number in range(230):
            await bob.say(f"{number}")
        opened = await ann.api("POST", "/conversations/1/open")
        assert opened["more"]
        assert (await ann.api("GET", "/conversations/1"))["unread"] == 230
        await ann.api("PUT", "/conversations/1/read", {"seq": 230}, status=204)
        assert (await ann.api("GET", "/conversations/1"))["unread"] == 0


async def test_rooms_from_their_beginning_to_their_end(sqlite_server: RunningServer) -> None:
    """Made, described, left; who is in them; invitations, links and the owner's word."""
    async with (
        _account(sqlite_server, "Ann") as ann,
        _account(sqlite_server, "Bob") as bob,
        native(sqlite_server, "Cid") as cid,
    ):
        made = await ann.api("POST", "/rooms", {"name": "den", "private": True}, status=201)
        den = f"/conversations/{made['conversation']['id']}"
        assert (await ann.api("PUT", f"{den}/topic", {"topic": "foxes"}))["topic"] == "foxes"
        assert (await ann.api("GET", f"{den}/topic"))["topic"] == "foxes"
        await bob.api("GET", f"{den}/members", status=404)
        await ann.api("POST", f"{den}/invitations", {"user": "Bob"})
        [invitation] = (await bob.api("GET", "/invitations"))["invitations"]
        assert invitation["room"] == "den"
        assert (await bob.api("POST", f"/invitations/{quote('#' + den[15:])}/accept"))[
            "type"
        ] == "opened"
        members = (await ann.api("GET", f"{den}/members"))["members"]
        assert {one["name"]: one["role"] for one in members} == {"Ann": "owner", "Bob": "member"}
        assert not any(one["here"] for one in members)
        await ann.api("PUT", f"{den}/members/Bob", {"role": "moderator"})
        link = await bob.api("POST", f"{den}/links", {"hours": 2}, status=201)
        assert len((await ann.api("GET", f"{den}/links"))["links"]) == 1
        await cid.ask(Register(password="a good one"), Registered)
        async with http(sqlite_server) as cid_too:
            await cid_too.log_in("Cid", "a good one")
            await cid_too.api("POST", "/admissions", {"code": link["code"]})
            asking = (await ann.api("GET", f"{den}/admissions"))["requests"]
            assert [one["user"] for one in asking] == ["Cid"]
            await ann.api("PUT", f"{den}/admissions/Cid")
            told = await cid.expect(Conversation)
            assert told.conversation.name == "den"
            await cid_too.api("GET", f"{den}/messages")
            await bob.api("DELETE", f"{den}/members/Cid")
            await cid_too.api("GET", f"{den}/messages", status=404)
        await bob.api("DELETE", f"{den}/members/Ann", status=403)
        assert (await bob.api("DELETE", f"{den}/membership"))["type"] == "conversation_left"
        await bob.api("GET", f"{den}/messages", status=404)
        assert (await ann.api("POST", "/rooms", {"name": "den"}))["type"] == "opened"
        rooms = (await ann.api("GET", "/rooms"))["rooms"]
        assert [(one["name"], one["private"], one["mine"]) for one in rooms] == [
            ("den", True, True)
        ]


async def test_what_needs_more_than_one_is(tmp_path: Path) -> None:
    """401, 403 and 429, with the protocol's codes; administrators may."""
    with running_server(tmp_path, *PATIENT, "--admin", "Root", "--limit-messages", "1") as server:
        async with _account(server, "Root") as root, http(server, "Gus") as gus:
            assert (await gus.api("GET", "/complaints", status=403))["code"] == "not_allowed"
            refused = await gus.api("POST", "/admissions", {"code": "x"}, status=403)
            assert refused["code"] == "needs_account"
            async with _account(server, "Ann") as ann:
                assert (await ann.api("GET", "/complaints", status=403))["code"] == "not_allowed"
                await ann.api("POST", "/complaints", {"name": "Gus", "reason": "noise"})
            found = await root.api("GET", "/complaints")
            assert [one["name"] for one in found["complaints"]] == ["Gus"]
            await root.api("PUT", "/blocks/Gus", {"hours": 1})
            refused = await gus.api("POST", "/conversations/1/messages", {"text": "x"}, status=403)
            assert refused["code"] == "blocked"
            await root.api("DELETE", "/blocks/Gus")
            await gus.say("now")
            refused = await gus.api("POST", "/conversations/1/messages", {"text": "x"}, status=429)
            assert refused["code"] == "limit_reached"
        async with http(server) as nobody:
            for token in (None, "x", "R3Vz.x", "%%%.x", "." * 1000):
                nobody.token = token
                reply = await nobody.ask("GET", f"{API}/status")
                assert (reply.status, reply.json["status"]) == (401, 401)
                assert reply.headers["www-authenticate"].startswith("Bearer")


async def test_who_asks_now_and_then_is_not_here(sqlite_server: RunningServer) -> None:
    """Presence: a script makes nobody one who is here, and its devices agree all the same."""
    async with native(sqlite_server, "Bob") as bob, http(sqlite_server, "Bob") as script:
        async with http(sqlite_server, "Ann") as ann:
            await ann.say("one")
            status = await ann.api("GET", "/status")
            assert (status["users"], status["connections"]) == (["Bob"], 1)
        await script.api("POST", "/conversations/1/read")
        assert (await bob.expect(Marked)).read == 1
        assert (await bob.ask(Status(), StatusReport)).users == ["Bob"]


async def test_tokens_and_how_they_end(tmp_path: Path) -> None:
    """An account's outlives the server and is ended like any device; a guest's does neither."""
    with running_server(tmp_path, *PATIENT) as server:
        async with _account(server, "Ann") as ann, http(server, "Gus") as gus:
            async with http(server) as other:
                await other.api(
                    "POST", "/sessions", {"name": "Ann", "password": "wrong"}, status=401
                )
                await other.api("POST", "/sessions", {"name": "Ann"}, status=401)
                await other.log_in("Ann", "a good one")
                sessions = (await ann.api("GET", "/sessions"))["sessions"]
                assert len(sessions) == 2
                [own] = [one["id"] for one in sessions if one.get("own")]
                [theirs] = [one["id"] for one in sessions if not one.get("own")]
                await ann.api("DELETE", f"/sessions/{theirs}")
                ended = await other.api("GET", "/status", status=401)
                assert ended["code"] == "session_ended"
                await other.api("GET", "/status", status=401)
                await other.log_in("Ann", "a good one")
                await ann.api(
                    "PUT", "/me/password", {"old": "a good one", "new": "a better one"}
                )  # fmt: skip
                await other.api("GET", "/status", status=401)
            assert (await ann.api("GET", "/status"))["name"] == "Ann"
            assert own in {one["id"] for one in (await ann.api("GET", "/sessions"))["sessions"]}
            kept, guest = ann.token, gus.token
        assert await trio.to_thread.run_sync(server.stop) == 0
        server.start()
        async with http(server) as back:
            back.token = kept
            assert (await back.api("GET", "/status"))["name"] == "Ann"
            await back.api("DELETE", "/sessions/current", status=204)
            await back.api("GET", "/status", status=401)
            back.token = guest
            await back.api("GET", "/status", status=401)
        async with http(server, "Gus") as gus:
            await gus.api("DELETE", "/sessions/current", status=204)
            await gus.api("GET", "/status", status=401)


async def test_a_name_that_becomes_an_account_ends_its_guests(
    sqlite_server: RunningServer,
) -> None:
    """Whoever used it without a password has to give it now."""
    async with http(sqlite_server, "Ann") as stranger, http(sqlite_server, "Ann") as ann:
        answer = await ann.api("POST", "/me/account", {"password": "a good one"}, status=201)
        await ann.api("GET", "/status", status=401)  # the guest's token
        ann.token = answer["token"]
        assert (await ann.api("GET", "/status"))["name"] == "Ann"
        assert (await stranger.api("GET", "/status", status=401))["code"] == "session_ended"


async def test_the_language_of_sentences(sqlite_server: RunningServer) -> None:
    """Accept-Language when one comes, or what is set."""
    async with http(sqlite_server) as ann:
        answer = await ann.ask(
            "POST", f"{API}/sessions",
            {"Accept-Language": "ru-RU,ru;q=0.9", "Content-Type": "application/json"},
            b'{"name":"Ann"}',
        )  # fmt: skip
        ann.token = answer.json["token"]
        problem = await ann.api("GET", "/messages/77/comments", status=404)
        assert "77" in problem["detail"]
        assert "Сообщени" in problem["detail"]
        assert "English" in (await ann.api("PUT", "/me/language", {"language": "en"}))["message"]
        zone = await ann.api("PUT", "/me/zone", {"name": "Europe/Moscow"})
        assert (await ann.api("GET", "/me/zone"))["name"] == zone["name"] == "Europe/Moscow"


async def test_a_server_that_stops_answers_what_it_has_begun(tmp_path: Path) -> None:
    """Nothing is acknowledged that is not stored, and what is stored is acknowledged."""
    acknowledged: list[int] = []
    enough = trio.Event()

    async def write(server: RunningServer, number: int) -> None:
        async with http(server, f"Writer{number}") as client:
            with suppress(AssertionError, OSError, trio.BrokenResourceError, h11.ProtocolError):
                while True:
                    acknowledged.append((await client.say("x"))["id"])
                    if len(acknowledged) >= 20:
                        enough.set()

    with running_server(tmp_path, *PATIENT) as server:
        async with trio.open_nursery() as nursery:
            for number in range(4):
                nursery.start_soon(write, server, number)
            await enough.wait()
            assert await trio.to_thread.run_sync(server.stop) == 0
        server.start()
        async with http(server, "Reader") as reader:
            stored: list[int] = []
            after = 0
            while True:
                path = f"/conversations/1/messages?after={after}&limit=200"
                page = await reader.api("GET", path)
                stored += [one["id"] for one in page["messages"]]
                if not page["more"]:
                    break
                after = page["messages"][-1]["seq"]
        assert stored == sorted(acknowledged)
