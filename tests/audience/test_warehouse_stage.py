"""Members of a warehouse laid down for a run: cells held to their declared form, consent, keys, and a number that stands for a row."""

from __future__ import annotations

import hashlib
from datetime import date

import pyarrow as pa
import pytest

from segsync.audience.warehouse_members import Making, Wanted
from segsync.audience.warehouse_readers import WarehouseProblem
from segsync.audience.warehouse_stage import stage
from segsync.rules.cleaning import CONTACT, Door, clean
from segsync.rules.cleaning_email import mailbox
from segsync.rules.warehouse_forms import SHAPES, Columns, Meaning

ANYBODY = Meaning(unknown_subscription_counts=True, unknown_consent_counts=True)
COLUMNS = Columns(("id",), {"email": "mail", "phone": "tel"}, {"subscription": "opted_in"})
TODAY = date(2026, 11, 26)
NOBODY = pa.table({"digest": pa.array([], pa.string()), "why": pa.array([], pa.int32())})


def rows(*people, columns=COLUMNS):
    """Rows as a warehouse streams them: every cell as text."""
    width = len(columns.keys) + len(columns.fields) + len(columns.consents)
    cells = list(zip(*people, strict=True)) if people else [[]] * width
    return pa.table({f"c{n}": pa.array(column, pa.string()) for n, column in enumerate(cells)})


@pytest.fixture
def laid(tmp_path):
    """What is laid down of these people."""
    opened = []

    def lay(*people, meaning=ANYBODY, kept_out=NOBODY, columns=COLUMNS, digits=15):
        context = stage(tmp_path / "spill")
        opened.append(context)
        made = context.__enter__()
        making = Making(Wanted(columns, ("email", "phone", "city")), meaning, "secret", TODAY, digits=digits)
        made.lay([rows(columns=columns).slice(0, 0), rows(*people, columns=columns)], making, kept_out)
        return made

    yield lay
    for context in opened:
        context.__exit__(None, None, None)


def test_cells_that_are_not_as_declared_are_left_out_and_counted(laid):
    """A cell that is not clean is left out, not the person, and the run says how many (B6, B15)."""
    made = laid(
        ("1", "Ada@Example.com", "+4915112345678", None),
        ("2", "max@example.com", "0151 2345", "yes"),
        ("3", "", None, None),
    )
    found = made.values(-1, 2**62, None).to_pylist()
    assert {(row["email"], row["phone"]) for row in found} == {
        (None, "+4915112345678"),
        ("max@example.com", None),
        (None, None),
    }
    assert made.unclean == {"email": 1, "phone": 1}


def test_a_member_is_the_same_however_the_rows_come(laid):
    """The key alone says who somebody is; what changes in a row changes its number and nothing else (B6)."""
    first = laid(("1", "ada@example.com", None, "yes"), ("2", "max@example.com", None, "yes")).window(-1, 9).to_pylist()
    again = laid(("2", "max@example.com", None, "yes"), ("1", "ada@example.org", None, "yes")).window(-1, 9).to_pylist()
    assert [row["id"] for row in first] == [row["id"] for row in again]
    assert sum(a["change_no"] != b["change_no"] for a, b in zip(first, again, strict=True)) == 1


def test_windows_go_through_everybody_once(laid):
    """However small the windows, everybody is in one of them (B6)."""
    made = laid(*[(str(n), f"p{n}@example.com", None, None) for n in range(25)])
    low, seen = -1, []
    while (window := made.window(low, 4)).num_rows:
        seen += window.column("id").to_pylist()
        low = seen[-1]
    assert seen == sorted(set(seen))
    assert len(seen) == 25


@pytest.mark.parametrize(
    ("said", "counts", "barred"),
    [("yes", False, 0), ("FALSE", True, 1), (None, False, 1), (None, True, 0), ("maybe", False, 1)],
)
def test_consent_of_the_warehouse_is_obeyed(laid, said, counts, barred):
    """Who said no is not sent, and who said nothing as the organization decided (B6, B30)."""
    meaning = Meaning(unknown_subscription_counts=counts, unknown_consent_counts=True)
    made = laid(("1", "ada@example.com", None, said), meaning=meaning)
    assert made.window(-1, 9).column("barred").to_pylist() == [barred]


def test_a_consent_that_the_channel_asks_for_has_to_be_there(laid):
    """Where the channel needs a consent that no column tells, unknown is unknown (B6)."""
    meaning = Meaning(unknown_subscription_counts=True, unknown_consent_counts=False, needed=("ad_user_data",))
    assert laid(("1", "ada@example.com", None, None), meaning=meaning).window(-1, 9).column("barred").to_pylist() == [2]


def test_who_opted_out_here_is_not_sent_whatever_the_warehouse_says(laid):
    """An opt-out recorded here holds for warehouse members too, by the hash of e-mail or phone (B5, B14)."""
    digests = [hashlib.sha256(text.encode()).hexdigest() for text in ("ada@example.com", "+4915112345678")]
    kept_out = pa.table({"digest": digests, "why": pa.array([1, 2], pa.int32())})
    people = [
        ("1", " ADA@example.com", None, "yes"),
        ("2", None, "+4915112345678", "yes"),
        ("3", "max@example.com", None, "yes"),
    ]
    assert sorted(laid(*people, kept_out=kept_out).window(-1, 9).column("barred").to_pylist()) == [0, 1, 2]


@pytest.mark.parametrize(
    ("cell", "is_out"), [("J.Doe+shop@gmail.com", True), ("jd.oe@googlemail.com", False), ("+x@gmail.com", False)]
)
def test_a_gmail_address_is_held_out_by_its_mailbox(laid, cell, is_out):
    """A warehouse's Gmail address is known again however it is written there, in the same form as here (B14)."""
    digest = hashlib.sha256(mailbox("j.d.oe@gmail.com").encode()).hexdigest()
    kept_out = pa.table({"digest": [digest], "why": pa.array([3], pa.int32())})
    why = laid(("1", cell, None, "yes"), kept_out=kept_out).window(-1, 9).column("barred").to_pylist()
    assert why == [3 if is_out else 0]


@pytest.mark.parametrize(
    ("people", "code"),
    [
        ([("1", "a@example.com", None, None), (None, "b@example.com", None, None)], "warehouse.no_key"),
        ([("1", "a@example.com", None, None), ("", "b@example.com", None, None)], "warehouse.no_key"),
        ([("1", "a@example.com", None, None), ("1", "b@example.com", None, None)], "warehouse.key_twice"),
    ],
)
def test_a_key_that_does_not_tell_members_apart_stops_the_run(laid, people, code):
    """Rows without a key, or two with one, are never guessed at (B6)."""
    with pytest.raises(WarehouseProblem) as found:
        laid(*people)
    assert (found.value.code, found.value.facts["count"]) == (code, "1")


def test_two_keys_that_look_the_same_to_us_stop_the_run(laid):
    """Two members are never taken for one, not even by a coincidence: warehouse.keys_collide (B6)."""
    with pytest.raises(WarehouseProblem) as found:
        laid(*[(str(n), f"p{n}@example.com", None, None) for n in range(17)], digits=1)
    assert found.value.code == "warehouse.keys_collide"


def test_nothing_of_it_stays_on_the_disk(tmp_path):
    """People's values lie there only while the run reads them (B6)."""
    with stage(tmp_path / "spill") as made:
        making = Making(Wanted(COLUMNS, ("email",)), ANYBODY, "secret", TODAY)
        made.lay([rows(("1", "ada@example.com", None, None))], making, NOBODY)
        assert list((tmp_path / "spill").glob("*/*"))
    assert list((tmp_path / "spill").iterdir()) == []


TYPED = {
    "email": ["Ada <ADA@Example.com>", "josé@müller.de", "o'neil+x@mail.example.co.uk"],
    "phone": ["+49 151 12345678", "0044 20 7183 8750"],
    "first_name": [" José ", "Mary Ann", "山田"],
    "gender": ["Frau", "m"],
    "birth_date": ["31.12.1980", "1980-12-31"],
    "postal_code": ["10115", "N1 9GU"],
    "country": ["Germany", "us"],
    "mobile_ad_id": ["AEBE52E7-03EE-455A-B3C4-E57283966239"],
    "external_id": ["Kd-0042 X"],
    "company_domain": ["https://www.Example.com/about"],
}


@pytest.mark.parametrize("field", TYPED)
def test_what_our_door_makes_is_clean(tmp_path, field):
    """A column that is as our own door would make it is never left out (B6)."""
    cells = [str(clean(CONTACT[field], text, Door("DE")).value) for text in TYPED[field]]
    columns = Columns(("id",), {field: "cell"})
    making = Making(Wanted(columns, (field,)), ANYBODY, "secret", TODAY)
    with stage(tmp_path) as made:
        made.lay([pa.table({"k": [str(n) for n in range(len(cells))], "c": cells})], making, NOBODY)
        assert made.unclean == {}
        assert sorted(made.values(-1, 2**62, None).column(field).to_pylist()) == sorted(cells)
    assert field in SHAPES
