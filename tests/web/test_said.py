"""How figures, times, pages of lists and charts are said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segsync.web import words
from segsync.web.charts import line_chart, lines_chart, round_up
from segsync.web.paging import Page, asked_page, page_address

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0"), (12480, "12,480"), (1_000_000, "1,000,000"), (2.5, "2.5"), (3.0, "3"), (None, "–")]
)
def test_figures_have_their_thousands_separated(number, said):
    """12480 reads 12,480 (S4)."""
    assert words.figure(number) == said


def test_nouns_follow_their_figure():
    """1 sync, 4 syncs, 1,200 people."""
    assert [words.counted(1, "sync"), words.counted(4, "sync"), words.counted(1200, "person", "people")] == [
        "1 sync", "4 syncs", "1,200 people",
    ]  # fmt: skip


def test_a_line_begins_with_a_capital_and_names_stay_as_they_are():
    """'people on YouTube' begins a line as 'People on YouTube'."""
    assert [words.opening(text) for text in ("people on YouTube", "")] == ["People on YouTube", ""]


def test_what_somebody_wrote_ends_its_sentence_once():
    """A reason with its own full stop gets no second one."""
    assert [words.quoted(text) for text in ("It is over.", "season is over")] == ["“It is over.”", "“season is over”."]


@pytest.mark.parametrize(
    ("ago", "said"),
    [
        (timedelta(seconds=3), "now"), (timedelta(seconds=42), "42 s ago"), (timedelta(minutes=59), "59 min ago"),
        (timedelta(hours=2), "2 h ago"), (timedelta(days=5), "5 d ago"), (-timedelta(hours=4), "in 4 h"),
        (timedelta(days=59), "2 January"), (timedelta(days=400), "26 January 2025"),
    ],
)  # fmt: skip
def test_times_are_told_as_people_tell_them(app, ago, said):
    """'2 h ago' rather than a number of seconds; the day where it is long ago."""
    with app.test_request_context():
        assert words.ago(NOW - ago) == said
        assert words.ago(None) == "never"


def test_the_exact_time_has_its_zone(app, client, sign_in, session, workspace, ada):
    """The exact time stands behind every relative one, in the workspace's zone."""
    workspace.time_zone, ada.last_signin_at = "Europe/Berlin", NOW - timedelta(hours=2)
    session.commit()
    text = sign_in(ada).get("/profile").text
    assert 'title="Monday, 2 March 2026, 08:00:00 CET">2 h ago</time>' in text


def test_a_broken_zone_does_not_break_a_page(client, sign_in, session, workspace, ada):
    """A zone that this machine does not know is told as UTC."""
    workspace.time_zone, ada.last_signin_at = "Mars/Olympus", NOW
    session.commit()
    assert "UTC" in sign_in(ada).get("/profile").text


@pytest.mark.parametrize(
    ("number", "last", "offered"),
    [(1, 1, [1]), (1, 9, [1, 2, 3, None, 9]), (5, 9, [1, None, 3, 4, 5, 6, 7, None, 9]), (9, 9, [1, None, 7, 8, 9])],
)
def test_the_ends_and_the_neighbours_are_offered(number, last, offered):
    """With 10,000 pages one still gets to the end by one click."""
    assert Page([1], number, 1, last).numbers() == offered


@given(number=st.integers(1, 300), total=st.integers(0, 10_000), size=st.integers(1, 100))
def test_every_page_can_be_reached_and_none_beyond(number, total, size):
    """The offered numbers go up, hold this page and the last one, and no page twice."""
    page = Page([], min(number, max(1, -(-total // size))), size, total)
    offered = [each for each in page.numbers() if each is not None]
    assert offered == sorted(set(offered))
    assert {1, page.number, page.last} <= set(offered)


@pytest.mark.parametrize(
    ("asked", "number"), [("3", 3), ("0", 1), ("-1", 1), ("x", 1), ("", 1), ("9" * 40, 1), ("²", 1)]
)
def test_any_page_number_in_the_address_is_a_page(app, asked, number):
    """Nobody breaks a list by its address (bad input)."""
    with app.test_request_context(f"/alerts?page={asked}"):
        assert asked_page() == number


def test_the_address_of_another_page_keeps_every_filter(app):
    """Paging loses no filter, also one that is given twice (S5)."""
    with app.test_request_context("/audit?kind=sync&q=a&q=b&page=4"):
        assert page_address(5) == "/audit?kind=sync&q=a&q=b&page=5"
        assert page_address(1) == "/audit?kind=sync&q=a&q=b"


def test_a_gap_in_time_is_a_gap_in_the_line():
    """Points further apart than the gap are not joined: nobody reads a value where none was measured (size chart)."""
    measured = [(NOW, 10), (NOW + timedelta(hours=6), 12), (NOW + timedelta(days=3), 30)]
    chart = line_chart(measured, gap=timedelta(hours=12))
    assert len(chart.series[0].lines) == 2
    assert chart.summary == "from 10 to 30 in 3 points"


def test_several_lines_share_one_scale_and_one_table():
    """Segments compared are drawn over the same time, and the table has a column for each, empty where nobody counted (B19)."""
    later = NOW + timedelta(hours=6)
    chart = lines_chart([("Berliners", [(NOW, 10)]), ("All", [(NOW, 20), (later, 40)])])
    assert chart.rows == [(later, [None, 40]), (NOW, [10, 20])]
    ten, twenty, forty = chart.series[0].points[0], *chart.series[1].points
    assert (ten.x, ten.y > twenty.y > forty.y) == (twenty.x, True)
    assert chart.summary == "Berliners from 10 to 10 in 1 points; All from 20 to 40 in 2 points"


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 50_000_000)), max_size=40))
def test_every_point_lies_inside_the_picture(measured):
    """Whatever was measured, nothing is drawn outside (size chart)."""
    chart = line_chart([(NOW + timedelta(seconds=after), value) for after, value in sorted(measured)])
    assert all(chart.left <= point.x <= chart.width and 0 <= point.y <= chart.height for point in chart.points)


@given(st.integers(0, 10**12))
def test_the_top_of_a_chart_is_above_its_highest_value(value):
    """The scale ends at a round number that leaves room."""
    assert round_up(value) >= value
