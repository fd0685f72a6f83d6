"""The page about settings says all of them, and nothing that is not one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from segsync.config import ChannelSettings, GoogleSettings, LinkedInSettings, MetaSettings, Settings

PAGE = (Path(__file__).parent.parent.parent / "docs" / "settings.md").read_text(encoding="utf-8")
ROWS = {
    name: (default, text)
    for name, default, text in re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \|$", PAGE, re.MULTILINE)
}


def test_every_setting_is_documented_and_every_documented_setting_exists():
    """An operator finds each variable on one page."""
    general = {f"SEGSYNC_{name.upper()}" for name in Settings.model_fields}
    of_a_channel = {f"SEGSYNC_META_{name.upper()}" for name in ChannelSettings.model_fields}
    assert set(ROWS) == general | of_a_channel


@pytest.mark.parametrize("name", [n for n, f in Settings.model_fields.items() if isinstance(f.default, int | float)])
def test_the_default_on_the_page_is_the_real_one(name):
    """What the page promises is what an installation does that sets nothing."""
    assert float(ROWS[f"SEGSYNC_{name.upper()}"][0].strip("`")) == Settings.model_fields[name].default


def test_every_channel_has_the_settings_that_the_page_shows_for_one():
    """The page shows one block for all channels, which holds only while they are alike."""
    for channel in (GoogleSettings, LinkedInSettings, MetaSettings):
        assert set(channel.model_fields) == set(ChannelSettings.model_fields)
        assert str(channel.model_config["env_prefix"]).removeprefix("SEGSYNC_").strip("_") in PAGE
