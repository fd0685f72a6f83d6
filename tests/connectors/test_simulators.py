"""The simulators run together on one address and can be looked at and told what to do (B8)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import requests

import connectors
from connectors.registry import CHANNELS
from connectors.simulators import Simulators
from tests.contract.harness_meta import MetaHarness

CONNECTORS = Path(connectors.__file__).parent


def ask(simulators, method, path, **more):
    return requests.request(method, f"{simulators.url}/control/{path}", timeout=10, **more)


@pytest.fixture
def audience(simulators):
    """An audience at Meta with two people in it."""
    meta = MetaHarness(simulators)
    token = meta.token()
    made = meta.connector.create_audience(token, meta.account, meta.spec())
    people = meta.people(2)
    meta.push(token, made, meta.batch(people))
    return meta, made, people


def test_the_page_shows_all_channels_and_says_what_it_is(simulators):
    """Nobody mistakes the simulators for the real channels (B8)."""
    page = requests.get(simulators.url, timeout=10).text
    assert "these are not Google, LinkedIn and Meta" in page
    assert all(channel.capabilities.label in page for channel in CHANNELS.values())


def test_every_channel_of_the_product_has_a_simulator(simulators):
    """No channel can be added without one (B8)."""
    assert set(simulators.urls) == set(CHANNELS)


def test_audiences_and_members_can_be_listed(simulators, audience):
    """A person or test sees exactly who is in an audience (B8)."""
    _, made, people = audience
    listed = ask(simulators, "GET", "meta/audiences").json()["audiences"]
    mine = next(row for row in listed if row["key"] == made.remote_id)
    members = ask(simulators, "GET", f"meta/audiences/{made.remote_id}/members").json()
    assert (mine["keys"], mine["persons"], mine["matched"]) == (4, 2, 2)
    assert members["persons"] == sorted(person["person_id"] for person in people)


def test_every_audience_has_a_page_of_its_own(simulators, audience):
    """What a product links to as the channel's page shows the audience, and says that it is simulated (B8, B21)."""
    _, made, _ = audience
    pages = simulators.urls["meta"]["pages"]
    shown = requests.get(f"{pages}/audiences/{made.remote_id}", timeout=10)
    assert made.name in shown.text
    assert "Simulator: this is not Meta." in shown.text
    assert "<dt>People they stand for</dt><dd>2</dd>" in shown.text
    assert requests.get(f"{pages}/audiences/999", timeout=10).status_code == 404


def test_unknown_things_are_said_to_be_unknown(simulators):
    """A typing error in the control API is told, not swallowed (B8)."""
    for path in ("myspace/audiences", "meta/audiences/1/members", "meta/secrets"):
        assert ask(simulators, "GET", path).status_code == 404
    assert ask(simulators, "POST", "meta/faults", json={}).status_code == 400
    assert ask(simulators, "POST", "people", json={"email": "x"}).status_code == 400


def test_faults_are_ordered_shown_and_ended(simulators):
    """What goes wrong can be ordered over the control API (B8)."""
    made = ask(simulators, "POST", "google/faults", json={"kind": "slow", "operation": "nowhere"}).json()["id"]
    assert [fault["key"] for fault in ask(simulators, "GET", "google/faults").json()["faults"]] == [made]
    assert ask(simulators, "DELETE", f"google/faults/{made}").status_code == 204
    assert ask(simulators, "GET", "google/faults").json() == {"faults": []}


def test_faults_can_be_ordered_on_the_page(simulators):
    """The same without a command line (B8)."""
    form = {"kind": "slow", "operation": "nowhere", "account": "", "person": "", "times": "2"}
    page = requests.post(f"{simulators.url}/faults/linkedin", data=form, timeout=10).text
    (fault,) = simulators.world.faults("linkedin")
    assert "slow" in page
    requests.post(f"{simulators.url}/faults/linkedin/{fault['key']}/end", timeout=10)
    assert simulators.world.faults("linkedin") == []


@pytest.mark.parametrize("use", ["include", "exclude"])
def test_a_campaign_can_be_added_on_the_page(simulators, audience, use):
    """A person lets a new campaign use an audience, and the product sees it (B8, S10)."""
    meta, made, _ = audience
    form = {"name": "Spring", "account": meta.account.remote_id, "audience": made.remote_id, "use": use}
    requests.post(f"{simulators.url}/campaigns/meta", data=form, timeout=10).raise_for_status()
    found = meta.connector.campaigns_using(meta.token(), meta.account, made)
    assert [(campaign.name, campaign.use) for campaign in found] == [("Spring", use)]


def test_the_clock_can_be_moved(simulators):
    """Sixty days pass in a second (B8)."""
    before = ask(simulators, "GET", "clock").json()["now"]
    after = ask(simulators, "POST", "clock", json={"hours": 1, "seconds": 30}).json()["now"]
    assert after > before


def test_accounts_can_be_added(simulators):
    """Somebody can be given another ad account (B8)."""
    meta = MetaHarness(simulators)
    doc = {
        "key": "5519999",
        "name": "Pop-up",
        "status": 1,
        "tos": True,
        "user_tos": [],
        "roles": {meta.ada: ["ADVERTISE"]},
    }
    assert ask(simulators, "POST", "meta/accounts", json=doc).status_code == 201
    seen = {account.remote_id: account for account in meta.connector.ad_accounts(meta.token())}
    assert [str(reason.code) for reason in seen["5519999"].blocked] == ["terms.not_accepted"]
    ask(simulators, "DELETE", "meta/accounts/5519999")


def test_a_taken_port_is_said(simulators):
    """Starting the simulators twice on one port is an error that can be told, not a dead process (B8)."""
    port = int(simulators.url.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        Simulators(port=port)


def modules_used(path):
    tree = ast.parse(path.read_text())
    named = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    plain = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    from_packages = [
        f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    return {name for name in (*named, *plain, *from_packages) if name and name.startswith("connectors.")}


@pytest.mark.parametrize("channel", sorted(CHANNELS))
def test_simulator_and_connector_share_nothing(channel):
    """A mistake in a connector cannot hide in its simulator: neither uses a line of the other (B8)."""
    folder = CONNECTORS / channel
    for path in folder.glob("*.py"):
        used = modules_used(path)
        if path.name.startswith("simulator"):
            allowed = ("connectors.simulation", f"connectors.{channel}.simulator", f"connectors.{channel}")
            own = {name for name in used if not name.startswith(allowed[:2]) and name != allowed[2]}
            assert own == set(), path.name
        else:
            assert not [name for name in used if ".simulat" in name], path.name


def test_the_world_survives_a_restart(tmp_path):
    """Stopping the demo loses no audience and no sign-in (B8)."""
    with Simulators(tmp_path / "world.db") as first:
        meta = MetaHarness(first)
        token = meta.token()
        made = meta.connector.create_audience(token, meta.account, meta.spec())
        people = meta.people(3)
        meta.push(token, made, meta.batch(people))
    with Simulators(tmp_path / "world.db") as second:
        again = MetaHarness(second)
        assert again.persons(made) == {person["person_id"] for person in people}
        assert again.connector.check_account(token, again.account).name == "Northwind EU"
