"""The last net under personal data: what looks like it does not reach a log."""

from __future__ import annotations

import json
import logging

import pytest
import structlog
from hypothesis import example, given
from hypothesis import strategies as st

from segsync import logs

HASH = "a" * 64
TOKEN = "EAABwzLixnjYBO1ZCxQZDZD0aB9ZAcd12345678"


@pytest.fixture
def written(capsys):
    """Runs something in a process that logs in JSON, and gives the lines."""

    def run(work) -> list[dict]:
        root = logging.getLogger()
        before, level = root.handlers[:], root.level
        logs.set_up("info", "json")
        try:
            work()
        finally:
            root.handlers[:], root.level = before, level
            structlog.reset_defaults()
        return [json.loads(line) for line in capsys.readouterr().err.splitlines()]

    return run


@given(st.emails())
@example("'@a.by")
@example("=@a.by")
@example("o'neil=@a.by")
@example("o'neil@a.by")
def test_no_address_gets_through(email):
    """Whatever e-mail address somebody has, the net knows it."""
    cleaned = logs.catch_personal_data(None, "info", {"event": f"row for <{email}> refused"})
    assert email not in cleaned["event"]


@pytest.mark.parametrize(
    "secret", ["ada@northwind.example", HASH, "+4915112345678", TOKEN, "Bearer abcdefgh12", "code=4/0AY0e"]
)
def test_neither_ours_nor_a_librarys_line_holds_a_secret(written, secret):
    """In the text, in values, in lists, and in lines of libraries, secrets are replaced."""

    def work() -> None:
        structlog.get_logger("ours").info(f"sent {secret}", rows=[{"key": secret}], extra=secret)
        logging.getLogger("theirs").warning("sent %s", secret)

    lines = written(work)
    assert len(lines) == 2
    assert secret not in json.dumps(lines)


def test_a_traceback_is_cleaned_too(written):
    """An exception whose message repeats a value keeps its place and loses the value."""

    def work() -> None:
        try:
            int("ada@northwind.example")
        except ValueError:
            structlog.get_logger("ours").exception("failed")

    (line,) = written(work)
    assert "ada@" not in line["exception"]
    assert "test_logs.py" in line["exception"]


def test_ids_counts_and_times_stay(written):
    """What a log is for is left alone."""
    facts = {"run": 12, "sync": "SY-4F2K-9QXA", "rows": 50_000, "seconds": 1.25}
    (line,) = written(lambda: structlog.get_logger("ours").info("run ended", **facts))
    assert {name: line[name] for name in facts} == facts
    assert line["event"] == "run ended"
