"""The filters of the list, as they stand in an address."""

from hypothesis import given
from hypothesis import strategies as st

from segsync.rules.sync_filter import SyncFilter, read


def test_an_address_holds_every_filter():
    """What was chosen can be sent to a colleague as a link. (S5)."""
    query = {
        "status": "failed",
        "channel": "meta",
        "account": "act-77",
        "segment": "4",
        "creator": "me",
        "workspace": "2",
        "alert": "yes",
        "overdue": "yes",
        "text": "fintech",
        "sort": "-members",
    }
    assert read(query).query() == query


def test_what_means_nothing_is_left_out():
    """An old or mistyped link shows more, and never an error. (S5)."""
    odd = {"status": "broken", "segment": "x", "creator": "0", "sort": "price", "alert": "maybe", "workspace": "9" * 40}
    assert read(odd) == SyncFilter()


@given(
    st.dictionaries(st.sampled_from(["status", "channel", "account", "segment", "creator", "text", "sort"]), st.text())
)
def test_any_address_can_be_read_and_written_back(query):
    """Whatever stands in an address is read to filters that write themselves back the same. (S5)."""
    wanted = read(query)
    assert read(wanted.query()) == wanted


def test_the_same_order_again_turns_it_around():
    """Pressing a column's head twice turns the order around. (S5)."""
    once = SyncFilter().sorted_by("members")
    assert (once.sort, once.backwards) == ("members", False)
    assert once.sorted_by("members").backwards
    assert not once.sorted_by("members").sorted_by("segment").backwards


def test_the_arrow_says_which_way_values_go():
    """Members begin with the largest, names with A; turned around, the arrow turns too. (S5)."""
    assert SyncFilter(sort="members").descending
    assert not SyncFilter(sort="members", backwards=True).descending
    assert not SyncFilter(sort="segment").descending


def test_a_status_alone_does_not_narrow():
    """The tabs count for the same filters, whatever the status. (S4)."""
    assert not SyncFilter(status="failed", sort="next").narrows
    assert SyncFilter(status="failed", channel="meta").narrows
