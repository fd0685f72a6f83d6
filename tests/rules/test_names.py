"""What an audience is called at the channel."""

from hypothesis import given
from hypothesis import strategies as st

from segsync.rules.names import audience_name, fallback_name, flagged_in

SYNC = "SY-0A1B-2C3D"


def test_the_segments_name_is_the_audiences():
    """In the channel's own pages one finds the audience under the segment's name (B17)."""
    assert audience_name("Enterprise prospects", 200) == "Enterprise prospects"


def test_a_taken_name_gets_the_sync_id():
    """Where the name belongs to something that is not ours, the sync ID is added (B17)."""
    assert fallback_name("Enterprise prospects", SYNC, 200) == "Enterprise prospects · SY-0A1B-2C3D"


@given(st.text(min_size=1, max_size=400))
def test_a_long_name_is_cut_and_never_the_sync_id(name):
    """However long the segment's name is, the channel takes it, and the sync ID stays whole (B17)."""
    assert len(audience_name(name, 100)) <= 100
    assert len(fallback_name(name, SYNC, 100)) <= 100
    assert fallback_name(name, SYNC, 100).endswith(SYNC)


def test_words_that_a_channel_flags_are_named():
    """A name with a word that the channel tends to flag is warned about, and one that only contains it inside is not (B17)."""
    words = ("debt", "pregnan", "income")
    assert flagged_in("Pregnancy week 12, in DEBT", words) == ["debt", "pregnan"]
    assert flagged_in("Indebted outcomes", words) == []
