"""Calls to channels end in time, are repeated only where that is safe, and leave no secret in the log."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from connectors.http import Client
from connectors.problems import Code, TryLater


@contextmanager
def answering(answer: Callable[[socket.socket], None]) -> Iterator[tuple[str, list[bytes]]]:
    """A server that does to each connection what it is told, and notes what was asked."""
    asked: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                asked.append(connection.recv(65536))
                try:
                    answer(connection)
                except OSError:
                    continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", asked
    finally:
        # close() alone leaves the accept of the other thread waiting.
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def drip(connection: socket.socket, head: bytes) -> None:
    connection.sendall(head)
    for _ in range(100):
        time.sleep(0.05)
        connection.sendall(b"x")


def reply(status: str, body: bytes = b"ok", *headers: bytes) -> Callable[[socket.socket], None]:
    lines = [f"HTTP/1.1 {status}".encode(), f"Content-Length: {len(body)}".encode(), b"Connection: close", *headers]
    return lambda connection: connection.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + body)


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\n\r\n", b""])
def test_an_answer_that_drips_is_ended(head):
    """A channel that answers a byte at a time cannot hold a worker (S13)."""
    with answering(lambda connection: drip(connection, head)) as (base, _), pytest.raises(TryLater) as caught:
        Client(base, total=0.4).call("POST", "/members")
    assert caught.value.code is Code.TIMEOUT


@pytest.mark.parametrize(("method", "times"), [("GET", 3), ("POST", 1), ("DELETE", 1)])
def test_only_what_is_safe_is_repeated(method, times):
    """A broken connection never sends a batch twice behind the run's back (S13)."""
    with answering(lambda connection: None) as (base, asked), pytest.raises(TryLater) as caught:
        Client(base).call(method, "/x")
    assert len(asked) == times
    assert caught.value.code is Code.OUTAGE


def test_a_reader_outlasts_a_short_outage():
    """Reading goes on after a hiccup of the channel (S13)."""
    turns = [reply("200 OK", b"fine"), reply("503 Busy")]

    def in_turn(connection: socket.socket) -> None:
        turns.pop()(connection)

    with answering(in_turn) as (base, _):
        assert Client(base).call("GET", "/x").text == "fine"


def test_every_answer_is_handed_back():
    """What a status means is for the channel's own table (S13)."""
    with answering(reply("503 Busy", b"no")) as (base, asked):
        assert Client(base).call("POST", "/x").status_code == 503
    assert len(asked) == 1


def test_redirects_are_not_followed():
    """A token is never carried to another address (S2)."""
    with answering(reply("302 Found", b"", b"Location: http://127.0.0.1:9/elsewhere")) as (base, asked):
        assert Client(base).call("GET", "/x", headers={"Authorization": "Bearer t"}).status_code == 302
    assert len(asked) == 1


def test_a_query_is_sent_as_it_was_written():
    """Some channels tell apart a parenthesis and its escape (S8)."""
    with answering(reply("200 OK")) as (base, asked):
        Client(base).call("GET", "/x", raw_query="q=search&search=(status:List(A,B))&urn=urn%3Ali%3A1")
    assert asked[0].startswith(b"GET /x?q=search&search=(status:List(A,B))&urn=urn%3Ali%3A1 HTTP/1.1")


def test_passwords_of_the_machine_stay_there(tmp_path, monkeypatch):
    """A .netrc on the operator's machine does not take the place of the person's token (S2)."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login operator password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with answering(reply("200 OK")) as (base, asked):
        Client(base).call("GET", "/x", headers={"Authorization": "Bearer of-the-person"})
    assert b"Bearer of-the-person" in asked[0]


def test_the_log_holds_no_secret(caplog):
    """Tokens travel in queries, people in bodies: neither is in any log, whatever its level (S13)."""
    with caplog.at_level(logging.DEBUG), answering(reply("200 OK")) as (base, _):
        Client(base).call("POST", "/members", params={"access_token": "the-token"}, json={"email": "the-hash"})
    assert "/members" in caplog.text
    assert "the-token" not in caplog.text
    assert "the-hash" not in caplog.text


def test_what_a_channel_wants_remembered_is_forgotten():
    """A cookie that one sign-in was given does not travel with the next one's token (S13)."""
    with answering(reply("200 OK", b"ok", b"Set-Cookie: sid=of-ada; Path=/")) as (base, asked):
        client = Client(base, total=10)
        for _ in range(2):
            client.call("GET", "/accounts")
    assert [b"sid=of-ada" in head for head in asked] == [False, False]
