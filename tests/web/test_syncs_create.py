"""Create sync, as people see it: three choices, what will happen, and what stands in the way."""

import pytest
from sqlalchemy import select

from connectors.contract import AdAccount
from connectors.problems import Code, TryLater
from connectors.registry import CHANNELS
from segsync.actions import asks
from segsync.actions.syncs import statement_key
from segsync.models import AdAccount as Kept
from segsync.models import Ask, SegmentMember, Sync
from segsync.rules.terms import AskState
from tests.actions.fake_channel import with_fakes
from tests.builders import NOW, make_contact, make_integration, make_segment, make_sync

META = CHANNELS["meta"].capabilities
TICKED = [statement_key(one) for one in META.statements]


@pytest.fixture
def fake(runtime):
    """The channel that workers ask."""
    made = with_fakes(runtime)
    made.fakes.connector.accounts = [AdAccount("act-77", "Northwind EU", role="admin")]
    made.fakes.connector.checked = AdAccount("act-77", "Northwind EU", role="admin")
    return made


@pytest.fixture
def hers(session, ada, fake):
    made = make_integration(session, ada, "meta", name="ada@meta.example", access_sealed=fake.vault.seal("token"))
    session.commit()
    return made


@pytest.fixture
def segment(session, workspace, ada):
    """Ten people: two without anything to match by, one who said no, seven who can be sent."""
    made = make_segment(session, workspace, "Enterprise prospects", ada, size=10, refreshed_at=NOW)
    rows = [{"email": None}] * 2 + [{"subscription": "no"}] + [{}] * 7
    for values in rows:
        contact = make_contact(session, workspace, **values)
        session.add(SegmentMember(segment_id=made.id, member_id=contact.id))
    session.commit()
    return made


def text(response, status=200):
    assert response.status_code == status, response.text
    return " ".join(response.text.split())


def answer(fake, session):
    """The worker answers everything that was asked."""
    for number in session.scalars(select(Ask.id).where(Ask.state == AskState.QUEUED.value)):
        asks.answer(fake, number)
    session.expire_all()


def address(segment, **more):
    parts = {"segment": segment.id, **more}
    return "/syncs/new?" + "&".join(f"{name}={value}" for name, value in parts.items())


def checked(client, fake, session, segment):
    """Everything is chosen, and the channel has answered."""
    client.get(address(segment, channel="meta"))
    answer(fake, session)
    client.get(address(segment, channel="meta", account="act-77"))
    answer(fake, session)
    return client.get(address(segment, channel="meta", account="act-77"))


def start(client, segment, **more):
    form = {"segment": segment.id, "channel": "meta", "account": "act-77", "statements": TICKED, **more}
    return client.post("/syncs/new", data=form)


def test_choices_open_one_after_the_other(sign_in, ada, hers, segment):
    """First the segment, then the channel, then the ad account: nothing is asked before it can be answered. (S8)."""
    client = sign_in(ada)
    page = text(client.get("/syncs/new"))
    assert "Opens when a segment is chosen." in page
    assert "Opens when a channel is chosen." in page
    page = text(client.get(address(segment)))
    assert "Opens when a segment is chosen." not in page
    assert "Connect LinkedIn" in page


def test_what_cannot_work_stays_visible_with_its_reason(sign_in, ada, hers, segment, session, fake):
    """An ad account that one can only view is shown, with why and where to change it. (S8)."""
    fake.fakes.connector.accounts = [AdAccount("act-99", "Northwind US")]
    session.add(Kept(integration_id=hers.id, remote_id="act-99", name="Northwind US", seen_at=NOW,
                     blocked=[{"code": "account.view_only", "facts": {}}]))  # fmt: skip
    hers.accounts_at = NOW
    session.commit()
    page = text(sign_in(ada).get(address(segment, channel="meta")))
    assert "You can only view it. Ask its admin for a role that manages audiences." in page
    assert META.links["permissions"] in page


def test_ad_accounts_are_read_and_appear_by_themselves(sign_in, ada, hers, segment, session, fake):
    """The list is asked for when it is missing, and the part of the page updates itself. (S8)."""
    client = sign_in(ada)
    assert "Meta is being asked for your ad accounts" in text(client.get(address(segment, channel="meta")))
    live = f"/syncs/new/accounts?segment={segment.id}&channel=meta"
    assert client.get(live).headers["X-Live"] == "busy"
    answer(fake, session)
    after = client.get(live)
    assert after.headers["X-Live"] == "idle"
    assert "Northwind EU" in text(after)


def test_what_will_happen_is_said_before_the_last_click(sign_in, ada, hers, segment, session, fake):
    """Members, how many can be sent, who is left out and why, the statements, and the limit after it. (S8, B36)."""
    page = text(checked(sign_in(ada), fake, session, segment))
    for said in (
        '<strong class="figure">10</strong> people now',
        '<strong class="figure">7</strong> can be sent',
        "(70 %)",
        '<strong class="figure">2</strong> have nothing that Meta can match by',
        '<strong class="figure">1</strong> are not subscribed',
        "People whose subscription is not known are sent.",
        "1 of 40 contracted syncs after this.",
        "Meta says that you can use Northwind EU as admin",
        META.statements[0].text.replace("'", "&#39;"),
        "Runs on your own sign-in at Meta: ada@meta.example",
    ):
        assert said in page


def test_a_name_that_the_channel_flags_is_warned_about(sign_in, ada, hers, workspace, session, fake):
    """Words that Meta flags are named before the audience exists. (B17)."""
    risky = make_segment(session, workspace, "People in debt", ada)
    session.commit()
    page = text(sign_in(ada).get(address(risky, channel="meta")))
    assert "tends to flag audiences with “debt” in their name" in page


def test_starting_creates_the_sync_and_shows_it(sign_in, ada, hers, segment, session, fake):
    """One press, and the sync runs; its page opens. (S8)."""
    client = sign_in(ada)
    checked(client, fake, session, segment)
    response = start(client, segment)
    sync = session.scalars(select(Sync)).one()
    assert response.headers["Location"] == f"/syncs/{sync.public_id}"
    assert f"The sync has started. Its ID is {sync.public_id}." in text(client.get(response.headers["Location"]))


def test_a_missing_statement_keeps_every_choice(sign_in, ada, hers, segment, session, fake):
    """What is wrong stands beside its field; choices and ticks stay; nothing was created. (B36)."""
    client = sign_in(ada)
    checked(client, fake, session, segment)
    page = text(start(client, segment, statements=TICKED[:1]), 422)
    assert "Meta asks for these statements. Tick each one that is true." in page
    assert f'value="{TICKED[0]}" checked' in page
    assert f'id="segment-{segment.id}" value="{segment.id}" checked' in page
    assert session.scalars(select(Sync)).all() == []


def test_the_same_again_links_the_first(sign_in, ada, hers, segment, session, fake):
    """A second sync of the same three is refused, and the first is linked. (S6)."""
    client = sign_in(ada)
    checked(client, fake, session, segment)
    first = make_sync(session, segment, hers, account_id="act-77", account_name="Northwind EU")
    session.commit()
    page = text(start(client, segment), 422)
    assert f'<a href="/syncs/{first.public_id}">' in page
    assert "is synced to “Northwind EU” already" in page


def test_at_the_limit_the_page_opens_and_says_why_nothing_can_start(
    sign_in, ada, hers, segment, session, fake, organization
):
    """At the limit the page opens all the same, says why at the top, and what would free a place. (S9)."""
    organization.contracted_limit = 0
    session.commit()
    page = text(checked(sign_in(ada), fake, session, segment))
    assert "no contracted syncs yet" in page
    assert "All contracted syncs are in use." in page
    assert 'id="start"' not in page


def test_a_channel_that_cannot_be_asked_is_said(sign_in, ada, hers, segment, session, fake):
    """When the channel does not answer, one reads that, and the choices stay. (S8)."""
    fake.fakes.connector.problems = [TryLater(Code.OUTAGE)]
    client = sign_in(ada)
    client.get(address(segment, channel="meta"))
    answer(fake, session)
    page = text(client.get(address(segment, channel="meta")))
    assert "Your ad accounts could not be read: channel not available." in page


@pytest.mark.parametrize(
    "query", ["segment=x", "segment=99999999999999999999", "segment=1&channel=tiktok", "account=%00"]
)
def test_no_address_breaks_it(sign_in, ada, hers, segment, query):
    """Whatever stands in the address, one can choose. (S8)."""
    assert "Create sync" in text(sign_in(ada).get(f"/syncs/new?{query}"))


def test_view_only_people_read_who_can(sign_in, vera):
    """Vera who types the address reads who can create syncs. (S17)."""
    assert "Ask a Marketing User or an administrator" in text(sign_in(vera).get("/syncs/new"), 403)


@pytest.mark.parametrize(
    "forged",
    [{"segment": "9" * 18}, {"segment": "9" * 5000}, {"segment": "²"}, {"account": "act\0"}, {"channel": "nowhere"}],
    ids=["large", "endless", "no digit", "no character", "no channel"],
)
def test_a_forged_form_is_refused_like_a_wrong_one(sign_in, ada, hers, segment, fake, session, forged):
    """What no page would send is refused with a sentence, and nothing is created. (S8)."""
    client = sign_in(ada)
    checked(client, fake, session, segment)
    form = {"segment": segment.id, "channel": "meta", "account": "act-77", "statements": TICKED}
    assert "Choose a" in text(client.post("/syncs/new", data=form | forged), 422)
    assert session.scalars(select(Sync)).all() == []


def test_when_it_runs_is_chosen_with_the_rest(sign_in, ada, hers, segment, session, fake):
    """The installation's interval stands ready, and another schedule is taken over with the sync. (B23)."""
    client = sign_in(ada)
    assert '<option selected value="6">Every 6 hours</option>' in text(checked(client, fake, session, segment))
    start(client, segment, how="week", days=["4"], at="18:00", zone="Europe/Paris")
    sync = session.scalars(select(Sync)).one()
    assert (sync.run_days, f"{sync.run_at:%H:%M}", sync.run_zone) == ([4], "18:00", "Europe/Paris")
    assert (sync.next_run_at.weekday(), sync.every_seconds) == (4, 7 * 86_400)


def test_a_schedule_that_is_not_whole_creates_nothing(sign_in, ada, hers, segment, session, fake):
    """What is missing is said beside it, and everything chosen stays. (B23, S8)."""
    client = sign_in(ada)
    checked(client, fake, session, segment)
    page = text(start(client, segment, how="week", at="18:00", zone="Europe/Paris"), 422)
    assert "Choose at least one day." in page
    assert '<option selected value="Europe/Paris">' in page
    assert session.scalars(select(Sync)).all() == []
