"""The page docs/troubleshooting.md, written from the alert catalogue: `python -m segsync.troubleshooting > docs/troubleshooting.md`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from typing import Final

from segsync.rules import catalogue
from segsync.rules.catalogue_entry import Entry

INTRODUCTION: Final = """\
<!-- Written by `python -m segsync.troubleshooting > docs/troubleshooting.md` from the alert catalogue. Change it there. -->

# What can go wrong

Every cause that segsync knows: what it means, who acts, what happens meanwhile, and the steps. The page *Alerts* shows the
same for what is wrong now, with the names filled in. One cause is one alert, however many syncs it stops; it closes by itself.

An alert links to its entry on the page *Everything that can go wrong*, which has the same codes as this one, and ends with the
channel's own code and its reference of the call. Give that reference to the channel's support.

Whoever runs the installation starts with `segsync check`: it looks at every part and says what to do. What to do when a part
stops is in [operating.md](operating.md#when-something-stops); how the applications at the channels are set up is in
[channels.md](channels.md).
"""


def page() -> str:
    """The whole page, as it stands in docs/."""
    sections = _sections()
    contents = [f"- [{heading}](#{_anchor(heading)}), {_counted(entries)}" for heading, entries in sections.items()]
    parts = [INTRODUCTION, "\n".join(contents) + "\n"]
    for heading, entries in sections.items():
        parts += [f"## {heading}\n", *map(_entry, entries)]
    return "\n".join(parts)


def _sections() -> dict[str, list[Entry]]:
    """The entries under their headings, in the catalogue's own order of both."""
    sections: dict[str, list[Entry]] = {heading: [] for heading in catalogue.GROUPS.values()}
    for code, entry in catalogue.CATALOGUE.items():
        sections[catalogue.heading(code)].append(entry)
    return sections


def _entry(entry: Entry) -> str:
    return "\n".join(_lines(entry)) + "\n"


def _lines(entry: Entry) -> Iterator[str]:
    code = str(entry.code)
    yield f'### <a id="{code}"></a>{entry.title}'
    yield ""
    yield catalogue.sentence(code)
    yield ""
    yield f"- Who acts: {catalogue.ACTS[entry.acts]}."
    yield f"- Meanwhile: {catalogue.RETRIES[entry.retry]}."
    yield f"- Code: `{code}`"
    yield ""
    for number, step in enumerate(catalogue.steps(code), 1):
        yield f"{number}. {step}"


def _anchor(heading: str) -> str:
    """As pages of Markdown name their headings."""
    return re.sub(r"[^\w-]", "", heading.lower().replace(" ", "-"))


def _counted(entries: Sequence[Entry]) -> str:
    return "1 entry" if len(entries) == 1 else f"{len(entries)} entries"


if __name__ == "__main__":
    sys.stdout.write(page())
