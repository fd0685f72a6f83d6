"""Settings: what the operator gives in the environment, and the sentences about what cannot be used."""

from __future__ import annotations

import pytest

from connectors.registry import CHANNELS
from segsync.config import Settings, WrongSetting, read_settings


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    """No setting of the machine that the test runs on."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"SEGSYNC_{name.upper()}", raising=False)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("SEGSYNC_PORT", "eighty", "valid integer"),
        ("SEGSYNC_PORT", "70000", "65535"),
        ("SEGSYNC_WORKERS", "0", "greater than or equal to 1"),
        ("SEGSYNC_LOG_LEVEL", "loud", "use debug, info, warning or error"),
        ("SEGSYNC_LOG_FORMAT", "xml", "use text or json"),
        ("SEGSYNC_SECRET_KEY", "short", "use at least 32 characters"),
        ("SEGSYNC_PUBLIC_URL", "segsync.example", "start it with http"),
        ("SEGSYNC_LEASE_SECONDS", "120", "use at least 130, twice SEGSYNC_REQUEST_SECONDS"),
    ],
)
def test_a_wrong_value_stops_the_start_with_a_sentence(monkeypatch, name, value, reason):
    """The sentence names the variable and what to do, and never repeats the value."""
    monkeypatch.setenv(name, value)
    with pytest.raises(WrongSetting, match=rf"{name} cannot be used: .*{reason}") as told:
        read_settings()
    assert value not in str(told.value).replace("65535", "")


def test_a_wrong_channel_setting_stops_the_start_too(monkeypatch):
    """A misspelt list of addresses is found at the start, not at the first sync."""
    monkeypatch.setenv("SEGSYNC_META_BASES", "http://not-json")
    with pytest.raises(WrongSetting):
        read_settings()


def test_without_settings_everything_is_local(tmp_path):
    """An empty environment gives a product of its own, on this machine only."""
    settings = read_settings(data=tmp_path)
    assert settings.address == "http://127.0.0.1:8080"
    assert not settings.database_url.get_secret_value()
    assert {name: channel.client_id for name, channel in settings.channels.items()} == {
        "google": "",
        "linkedin": "",
        "meta": "",
    }


def test_secrets_do_not_show(monkeypatch):
    """Printing the settings shows no password, key or secret."""
    monkeypatch.setenv("SEGSYNC_DATABASE_URL", "postgresql://app:hunter2@db/segsync")
    monkeypatch.setenv("SEGSYNC_GOOGLE_CLIENT_SECRET", "s3cret")
    settings = read_settings()
    shown = f"{settings!r} {settings.channels!r}"
    assert "hunter2" not in shown
    assert "s3cret" not in shown


def test_the_public_address_has_no_slash_at_the_end(monkeypatch):
    """Links are put together from it."""
    monkeypatch.setenv("SEGSYNC_PUBLIC_URL", "https://segsync.example/")
    assert read_settings().address == "https://segsync.example"


@pytest.mark.parametrize(("wished", "most", "sent"), [(0, 500, 500), (200, 500, 200), (10_000, 500, 500)])
def test_no_channel_is_sent_more_rows_than_it_takes(wished, most, sent):
    """The operator may make requests smaller, and never larger than the channel's own number."""
    assert read_settings(batch_rows=wished).rows_in_a_request(most) == sent


def test_a_claim_outlives_every_batch_however_long_requests_may_take():
    """With shorter requests a shorter claim will do; with longer ones it will not (promise 4)."""
    assert read_settings(request_seconds=10, lease_seconds=30).lease_seconds == 30
    with pytest.raises(WrongSetting, match="SEGSYNC_LEASE_SECONDS cannot be used: use at least 190"):
        read_settings(request_seconds=90, lease_seconds=180)
    assert read_settings(request_seconds=90).lease_seconds == 240


def test_what_a_request_may_take_reaches_every_channel():
    """The operator's number is the one that connectors keep to, in each of their clients."""
    settings = read_settings(request_seconds=7)
    for name in CHANNELS:
        assert settings.application(name).request_seconds == 7
