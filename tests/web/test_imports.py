"""Imports in the browser."""

from __future__ import annotations

import errno
import io

import pytest
from sqlalchemy import select

from segsync.actions import imports
from segsync.models import Contact, ImportJob
from tests.builders import make_segment

PEOPLE = "E-Mail,Vorname,Telefon\n ADA@Example.com,Ada,030 123456\nnobody,Bob,?\n"


@pytest.fixture
def place(workspace):
    return f"/w/{workspace.id}/imports"


@pytest.fixture
def upload(sign_in, ada, place):
    """Uploads text or bytes as Ada; the answer."""

    def upload(content, subject="contact", name="people.csv"):
        raw = content if isinstance(content, bytes) else content.encode()
        data = {"subject": subject, "file": (io.BytesIO(raw), name)}
        return sign_in(ada).post(f"{place}/new", data=data)

    return upload


@pytest.fixture
def job(upload, session):
    assert upload(PEOPLE).status_code == 302
    return session.scalars(select(ImportJob)).one()


CHOSEN = {"column_0": "email", "column_1": "first_name", "column_2": "phone"}


def test_a_file_is_uploaded_mapped_started_and_done(client, runtime, session, place, job):
    """Drop a file, see the mapping and the first rows, start, watch, download what was rejected."""
    page = client.get(f"{place}/{job.id}/mapping").text
    assert "ada@example.com" in page
    assert '<option selected value="email">' in page
    started = client.post(f"{place}/{job.id}/mapping", data=CHOSEN)
    assert started.location == f"{place}/{job.id}"
    waiting = client.get(f"{place}/{job.id}/live")
    assert (waiting.headers["X-Live"], "Queued" in waiting.text) == ("busy", True)
    while imports.work(runtime, job.id):
        pass
    done = client.get(f"{place}/{job.id}/live")
    assert (done.headers["X-Live"], "Done" in done.text) == ("idle", True)
    assert "1 rejected row" in done.text
    rejected = client.get(f"{place}/{job.id}/rejected.csv")
    assert rejected.headers["Content-Disposition"] == "attachment; filename=people-rejected.csv"
    assert b"nobody,Bob,?" in rejected.data
    assert session.scalars(select(Contact.email)).all() == ["ada@example.com"]
    assert "people.csv" in client.get(place).text


def test_the_preview_follows_the_mapping(client, place, job):
    """While one chooses, the rows show what would be stored."""
    shown = client.post(f"{place}/{job.id}/preview", data=CHOSEN).text
    assert "+491" not in shown
    assert "left out: not a phone number" in shown
    without = client.post(f"{place}/{job.id}/preview", data={"column_0": "email"}).text
    assert "not a phone number" not in without


def test_a_wrong_mapping_is_told_beside_the_column_and_keeps_everything(client, session, place, job):
    """Nothing of what was typed is lost."""
    wrong = client.post(f"{place}/{job.id}/mapping", data={**CHOSEN, "column_1": "email", "tags": "spring"})
    assert wrong.status_code == 422
    assert "taken from column 1 already" in wrong.text
    assert 'value="spring"' in wrong.text
    nobody = client.post(f"{place}/{job.id}/mapping", data={**CHOSEN, "column_0": "", "column_2": ""})
    assert (nobody.status_code, "Choose at least one column" in nobody.text) == (422, True)
    session.refresh(job)
    assert job.state == "uploaded"


def test_a_file_in_other_letters_asks_which(upload, client, session, place):
    """The person looks at examples and chooses."""
    upload("email,name\nm@example.com,Müller\n".encode("cp1252"))
    job = session.scalars(select(ImportJob)).one()
    assert "This file is not UTF-8" in client.get(f"{place}/{job.id}/mapping").text
    refused = client.post(f"{place}/{job.id}/mapping", data={"column_0": "email"})
    assert (refused.status_code, "which letters" in refused.text) == (422, True)
    reading = {"encoding": "cp1252", "delimiter": ",", "header": "y"}
    assert client.post(f"{place}/{job.id}/reading", data=reading).status_code == 302
    assert (
        client.post(f"{place}/{job.id}/mapping", data={"column_0": "email", "column_1": "last_name"}).status_code == 302
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [("", "empty"), (b"PK\x03\x04", "Excel workbook"), ('"a,b\n' + "x,y\n" * 400, "quotation mark")],
    ids=["empty", "excel", "quote"],
)
def test_a_file_that_cannot_be_read_is_explained_beside_the_field(upload, content, sentence):
    """Each with what to do about it."""
    answer = upload(content)
    assert (answer.status_code, sentence in answer.text) == (422, True)


def test_no_file_is_a_sentence_too(sign_in, ada, place):
    """The cursor goes to the field."""
    answer = sign_in(ada).post(f"{place}/new", data={"subject": "contact"})
    assert (answer.status_code, "Choose a file" in answer.text) == (422, True)


def test_two_columns_of_one_name_are_pointed_out(upload, client, session, place):
    """Double headers are said before anybody chooses."""
    upload("email,email\na@example.com,b@example.com\n")
    job = session.scalars(select(ImportJob)).one()
    assert "Columns 1 and 2 are both called" in client.get(f"{place}/{job.id}/mapping").text


def test_a_file_above_the_limit_is_refused_before_it_is_read(app, upload):
    """The limit of this installation holds at the door."""
    app.config["LARGE_BODY"] = 1000
    answer = upload("email\n" + "a@example.com\n" * 200)
    assert answer.status_code == 413
    assert "Files may have up to" in answer.text
    assert "SEGSYNC_IMPORT_MAX_MB" in answer.text


def test_a_full_disk_is_said_on_a_page(app, sign_in, ada, place):
    """Whoever runs the installation can help."""

    @app.before_request
    def full():
        raise OSError(errno.ENOSPC, "No space left on device")

    answer = sign_in(ada).get(place)
    assert (answer.status_code, "disk is full" in answer.text) == (507, True)


def test_an_import_under_way_can_be_stopped(client, session, place, job):
    """A button on its page, with what becomes of the rows."""
    client.post(f"{place}/{job.id}/mapping", data=CHOSEN)
    assert "Stop the import" in client.get(f"{place}/{job.id}").text
    assert client.post(f"{place}/{job.id}/stop").status_code == 302
    page = client.get(f"{place}/{job.id}").text
    assert ("Stopped" in page, "What is in stays" in page) == (True, True)
    client.post(f"{place}/{job.id}/stop")
    assert "has ended already" in client.get(f"{place}/{job.id}").text


def test_a_file_may_be_thrown_away_before_it_starts(client, session, place, job):
    """Nothing of it is imported."""
    assert client.post(f"{place}/{job.id}/discard").status_code == 302
    session.expire_all()
    assert session.scalars(select(ImportJob)).all() == []


@pytest.mark.parametrize(("members", "subject"), [("people", "contact"), ("companies", "company")])
def test_a_file_for_a_list_has_that_list_chosen(sign_in, ada, session, workspace, place, members, subject):
    """A file imported from the page of a list is asked neither what the rows are nor which list, and says where they go."""
    made = make_segment(session, workspace, "Fair guests", ada, kind="list", members=members)
    session.commit()
    client = sign_in(ada)
    address = f"{place}/new?list={made.id}"
    assert address.replace("&", "&amp;") in client.get(f"/w/{workspace.id}/segments/{made.id}").text
    page = client.get(address).text
    assert ("Fair guests" in page, "What are the rows?" in page) == (True, False)
    client.post(address, data={"file": (io.BytesIO(b"email,domain\na@x.example,x.example\n"), "a.csv")})
    job = session.scalars(select(ImportJob)).one()
    assert (job.segment_id, job.subject) == (made.id, subject)
    assert f'<option selected value="{made.id}">Fair guests' in client.get(f"{place}/{job.id}/mapping").text


def test_a_list_that_is_none_or_not_from_here_is_not_chosen(sign_in, ada, session, workspace, place):
    """An old or wrong address imports as if no list had been asked for, and says nothing of what it names."""
    other = make_segment(session, workspace, "By rules", ada, kind="rule", rules={})
    session.commit()
    for asked in (other.id, 10**20, "x"):
        page = sign_in(ada).get(f"{place}/new?list={asked}").text
        assert ("What are the rows?" in page, "By rules" in page) == (True, False)


def test_a_list_and_tags_come_with_every_row(client, runtime, session, workspace, place, job):
    """An import may fill a segment."""
    segment = make_segment(session, workspace, "Fair guests")
    session.commit()
    assert "Fair guests" in client.get(f"{place}/{job.id}/mapping").text
    client.post(f"{place}/{job.id}/mapping", data={**CHOSEN, "segment": str(segment.id), "tags": "fair"})
    imports.work(runtime, job.id)
    assert "Open the list Fair guests" in client.get(f"{place}/{job.id}").text
    assert session.scalars(select(Contact.tags)).all() == [["fair"]]
