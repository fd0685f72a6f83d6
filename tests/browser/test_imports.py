"""A Marketing User imports a file: drops it, sees the mapping and the first rows, starts, watches, takes what was rejected."""

from __future__ import annotations

import csv
import threading
from itertools import product

import pytest
from playwright.sync_api import expect

from segsync.actions import imports
from tests.builders import make_company, make_contact

pytestmark = pytest.mark.browser

HEADER = "E-Mail;Vorname;Nachname;Telefon;Land;Notiz\n"
ROWS = [f"P{n}@Example.com;José;Müller{n};0151 {2000000 + n};Deutschland;x" for n in range(40)]
ROWS += ["niemand;Bo;B;?;;x", "p1@example.com;José;M;;", '"offen;Bo;B;;;']


@pytest.fixture
def file(tmp_path):
    """Forty people, and three rows that cannot be used."""
    made = tmp_path / "messe.csv"
    made.write_text(HEADER + "\n".join(ROWS) + "\n", encoding="utf-8")
    return made


@pytest.fixture
def work(runtime):
    """Works an import off in a thread of its own, as a worker does."""
    threads = []

    def begin(number):
        threads.append(threading.Thread(target=imports.work, args=(runtime, number)))
        threads[-1].start()

    yield begin
    for thread in threads:
        thread.join()


def test_a_file_is_imported_watched_and_its_rejected_rows_downloaded(
    sign_in, ada, workspace, file, work, no_barriers, fits, screenshot
):
    """From the file to the contacts without a reload, and the rows that could not be used come back with their reasons."""
    place = f"/w/{workspace.id}"
    page = sign_in(ada, f"{place}/imports")
    page.get_by_role("main").get_by_role("link", name="Import a file").first.click()
    page.get_by_label("CSV file").set_input_files(file)
    no_barriers()
    screenshot("import-new")
    page.get_by_role("button", name="Upload and look at it").click()
    expect(page.get_by_label("Field for “Vorname”")).to_have_value("first_name")
    expect(page.locator("#preview")).to_contain_text("p0@example.com")
    page.get_by_label("Field for “Nachname”").select_option("")
    expect(page.locator("#preview")).not_to_contain_text("Müller0")
    page.get_by_label("Field for “Nachname”").select_option("last_name")
    expect(page.locator("#preview")).to_contain_text("Müller0")
    no_barriers()
    fits()
    screenshot("import-mapping")
    page.get_by_role("button", name="Start the import").click()
    expect(page.locator("#progress")).to_contain_text("Queued")
    number = int(page.url.rsplit("/", 1)[1])
    work(number)
    expect(page.locator("#progress")).to_contain_text("Done")
    no_barriers()
    screenshot("import-done")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the 3 rejected rows").click()
    rows = list(csv.reader(download.value.path().read_text("utf-8-sig").splitlines()))
    assert [row[0] for row in rows] == ["line", "42", "43", "44"]
    page.get_by_role("link", name="Look at contacts").click()
    expect(page.get_by_role("main")).to_contain_text("of 40 contacts")


def test_pages_of_contacts_fit_every_window_and_have_no_barriers(
    page, sign_in, ada, session, workspace, no_barriers, fits, screenshot
):
    """On a desk and on a phone, light and dark, with a name of 80 letters without a space."""
    company = make_company(session, workspace, name="A" * 80, company_domain="acme.example", employees=1200)
    contact = make_contact(session, workspace, email=f"{'a' * 60}@acme.example", last_name="N" * 80, tags=["vip"])
    contact.company_id = company.id
    make_contact(session, workspace, phone="+4930123456", country="DE")
    session.commit()
    place = f"/w/{workspace.id}"
    sign_in(ada, f"{place}/contacts")
    for name, address in {
        "contacts": "contacts",
        "contact": f"contacts/{contact.id}",
        "contact-edit": f"contacts/{contact.id}/edit",
        "companies": "companies",
        "company": f"companies/{company.id}",
        "fields": "fields",
        "imports": "imports",
    }.items():
        page.goto(f"{place}/{address}")
        for width, scheme in product((1280, 390), ("light", "dark")):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            fits()
            no_barriers(*([] if scheme == "light" else ["color-contrast"]))
            screenshot(f"{name}-{width}-{scheme}")
