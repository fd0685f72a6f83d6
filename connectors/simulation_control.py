"""The control of all simulators: a JSON API under /control, and a page at / that shows the same. Described in docs/simulators.md."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import flask

from connectors.simulation import Document, World

Attach = Callable[[Document, str, str], Document]
SORTS = frozenset({"accounts", "campaigns", "signins", "settings", "applications"})
WHERE = ("operation", "account", "person")

PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Channel simulators</title>
<style>
body{font-family:system-ui,sans-serif;margin:0;color:#1c1c1c;background:#f3f3f0}
header{background:#7a2e00;color:#fff;padding:.6rem 1rem;font-weight:600}
main{max-width:70rem;margin:0 auto;padding:0 1rem 2rem}
section{background:#fff;border:1px solid #ccc;margin:1rem 0;padding:.5rem 1rem;overflow-x:auto}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #ddd}
td.n,th.n{text-align:right}caption{text-align:left;font-weight:600;padding:.75rem 0 .25rem}
label{display:inline-block;margin:.25rem 1rem .25rem 0}input{width:9rem}input,select,button{font:inherit}
</style></head><body>
<header role="banner">Simulators: these are not Google, LinkedIn and Meta. Nothing leaves this machine.</header>
<main><h1>Channel simulators</h1>
<section><h2>Clock</h2><p>It is <time>{{ now.strftime("%d %b %Y, %H:%M:%S") }} UTC</time> here.</p>
<form method="post" action="/clock"><label>Forward by <input name="hours" type="number" min="1" value="24" required> hours</label>
<button>Move</button></form></section>
{% for c in channels %}<section><h2>{{ c.label }}</h2>
<table><caption>Audiences</caption><thead><tr><th scope="col">Id<th scope="col">Name<th scope="col">Account
<th scope="col" class="n">Keys<th scope="col" class="n">Persons<th scope="col" class="n">Known</thead><tbody>
{% for a in c.audiences %}<tr><td><a href="/pages/{{ c.name }}/audiences/{{ a.key }}">{{ a.key }}</a><td>{{ a.name }}
<td>{{ a.account }}<td class="n">{{ a.keys }}<td class="n">{{ a.persons }}<td class="n">{{ a.matched }}</tr>
{% else %}<tr><td colspan="6">None yet.</tr>{% endfor %}</tbody></table>
<table><caption>Faults</caption><thead><tr><th scope="col">Kind<th scope="col">Where<th scope="col">Times<th scope="col"></thead>
<tbody>{% for f in c.faults %}<tr><td>{{ f.kind }}<td>{{ [f.operation, f.account, f.person]|select|join(", ") or "everywhere" }}
<td>{{ f.times or "until ended" }}<td><form method="post" action="/faults/{{ c.name }}/{{ f.key }}/end"><button>End</button></form></tr>
{% else %}<tr><td colspan="4">All is well.</tr>{% endfor %}</tbody></table>
<form method="post" action="/faults/{{ c.name }}"><p><label>Kind <input name="kind" required></label>
<label>Operation <input name="operation"></label><label>Account <input name="account"></label>
<label>Person <input name="person"></label><label>Times <input name="times" type="number" min="0" value="1"></label>
<button>Order this fault</button></p></form>
<form method="post" action="/campaigns/{{ c.name }}"><p><label>New campaign <input name="name" required></label>
<label>Account <select name="account">{% for a in c.accounts %}<option value="{{ a.key }}">{{ a.name }}</option>{% endfor %}</select></label>
<label>uses audience <input name="audience" required></label><label>by <select name="use"><option>include</option>
<option>exclude</option></select></label><button>Add this campaign</button></p></form></section>{% endfor %}
</main></body></html>"""


class Control:
    """What a person or test can see and change in the simulated channels."""

    def __init__(
        self, world: World, labels: Mapping[str, str], attach: Mapping[str, Attach], process: Callable[[], None]
    ) -> None:
        """`attach` puts an audience into a campaign's document in each channel's own form."""
        self._world = world
        self._labels = labels
        self._attach = attach
        self._process = process

    def mount(self, app: flask.Flask) -> None:
        """Adds all addresses."""
        rules: list[tuple[str, str, Callable[..., Any]]] = [
            ("GET", "/", self.page),
            ("POST", "/clock", self.clock_form),
            ("POST", "/faults/<channel>", self.fault_form),
            ("POST", "/faults/<channel>/<fault>/end", self.end_form),
            ("POST", "/campaigns/<channel>", self.campaign_form),
            ("POST", "/control/clock", self.clock),
            ("GET", "/control/clock", self.time),
            ("POST", "/control/people", self.people),
            ("GET", "/control/<channel>/audiences", self.audiences),
            ("POST", "/control/<channel>/audiences/<key>", self.change_audience),
            ("GET", "/control/<channel>/audiences/<key>/members", self.members),
            ("GET", "/control/<channel>/faults", self.faults),
            ("POST", "/control/<channel>/faults", self.order),
            ("DELETE", "/control/<channel>/faults", self.end_faults),
            ("DELETE", "/control/<channel>/faults/<fault>", self.end_faults),
            ("POST", "/control/<channel>/campaigns/<key>/audiences", self.use),
            ("GET", "/control/<channel>/<sort>", self.documents),
            ("POST", "/control/<channel>/<sort>", self.put_document),
            ("DELETE", "/control/<channel>/<sort>/<key>", self.drop_document),
        ]
        for method, path, view in rules:
            app.add_url_rule(path, f"{method} {path}", self._guarded(view), methods=[method])

    def _guarded(self, view: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(**parts: str) -> Any:
            if parts.get("channel", "meta") not in self._labels:
                return {"error": f"no channel {parts['channel']}"}, 404
            self._process()
            return view(**parts)

        return guarded

    # -- looking ---------------------------------------------------------------------------------------------------

    def page(self) -> str:
        """The control page."""
        channels = [
            {
                "name": name,
                "label": label,
                "audiences": self.audiences(name)["audiences"],
                "faults": self._world.faults(name),
                "accounts": self._world.all(name, "accounts"),
            }
            for name, label in self._labels.items()
        ]
        return flask.render_template_string(PAGE, channels=channels, now=self._world.now())

    def audiences(self, channel: str) -> Document:
        """All audiences with their sizes."""
        return {"audiences": [row | self._sizes(channel, row["key"]) for row in self._world.all(channel, "audiences")]}

    def _sizes(self, channel: str, key: str) -> Document:
        counts = self._world.count(channel, key)
        return {"keys": counts.keys, "persons": counts.persons, "matched": counts.matched}

    def members(self, channel: str, key: str) -> Any:
        """Everybody in an audience, as keys and as persons."""
        if self._world.get(channel, "audiences", key) is None:
            return {"error": f"no audience {key}"}, 404
        return self._world.members(channel, key)

    def documents(self, channel: str, sort: str) -> Any:
        """Accounts, campaigns, sign-ins, settings."""
        return {sort: self._world.all(channel, sort)} if sort in SORTS else ({"error": f"no {sort}"}, 404)

    def time(self) -> Document:
        """The simulated time."""
        return {"now": self._world.now().isoformat()}

    # -- changing --------------------------------------------------------------------------------------------------

    def put_document(self, channel: str, sort: str) -> Any:
        """Makes a document, or changes the fields given of one that is there. `key` names it."""
        given = _body()
        if sort not in SORTS or not isinstance(given, dict):
            return {"error": f"one object of {', '.join(sorted(SORTS))} is wanted"}, 400
        key = str(given.get("key") or ("main" if sort == "settings" else uuid.uuid4().int % 10**12))
        with self._world.lock:
            self._world.put(channel, sort, key, {**(self._world.get(channel, sort, key) or {}), **given})
        return self._world.get(channel, sort, key) or {}, 201

    def change_audience(self, channel: str, key: str) -> Any:
        """Changes the fields given of an audience: what a person would do in the channel's own pages."""
        with self._world.lock:
            known = self._world.get(channel, "audiences", key)
            if known is None:
                return {"error": f"no audience {key}"}, 404
            self._world.put(channel, "audiences", key, known | dict(_body()))
        return self._world.get(channel, "audiences", key) or {}

    def drop_document(self, channel: str, sort: str, key: str) -> Any:
        """Deletes a document, or an audience with its members: as if somebody did so at the channel."""
        if sort not in SORTS | {"audiences"}:
            return {"error": f"no {sort}"}, 404
        if sort == "audiences":
            self._world.empty(channel, key)
        self._world.drop(channel, sort, key)
        return "", 204

    def use(self, channel: str, key: str) -> Any:
        """Lets a campaign include or exclude an audience, named by id or by marker."""
        given = _body()
        how = given.get("use", "include")
        with self._world.lock:
            campaign = self._world.get(channel, "campaigns", key)
            if campaign is None or how not in {"include", "exclude"} or not given.get("audience"):
                return {"error": "a known campaign, an audience, and include or exclude are wanted"}, 400
            self._world.put(channel, "campaigns", key, self._attach[channel](campaign, str(given["audience"]), how))
        return self._world.get(channel, "campaigns", key) or {}

    def people(self) -> Any:
        """Adds people that the channels know, by the standard contact fields."""
        given = _body()
        if not isinstance(given, list) or not all(isinstance(person, dict) for person in given):
            return {"error": "a list of people is wanted"}, 400
        clean = [{str(name): str(value) for name, value in person.items() if value} for person in given]
        return {"added": self._world.add_people(clean)}

    def clock(self) -> Document:
        """Moves the clock by days, hours, minutes and seconds."""
        given = _body()
        names = ("days", "hours", "minutes", "seconds")
        self._world.advance(timedelta(**{name: float(given[name]) for name in names if name in given}))
        self._process()
        return self.time()

    # -- faults ----------------------------------------------------------------------------------------------------

    def faults(self, channel: str) -> Document:
        """Faults that are ordered."""
        return {"faults": self._world.faults(channel)}

    def order(self, channel: str) -> Any:
        """Orders a fault."""
        given = _body()
        if not isinstance(given, dict) or not given.get("kind"):
            return {"error": "a kind is wanted"}, 400
        return {"id": self._ordered(channel, given)}, 201

    def _ordered(self, channel: str, given: Mapping[str, Any]) -> str:
        operation, account, person = (str(given.get(name) or "").strip() for name in WHERE)
        return self._world.add_fault(
            channel,
            str(given["kind"]).strip(),
            operation=operation,
            account=account,
            person=person,
            times=int(given.get("times") or 0),
            facts=given.get("facts") or {},
        )

    def end_faults(self, channel: str, fault: str = "") -> Any:
        """Ends one fault, or all of the channel."""
        self._world.clear_faults(channel, fault)
        return "", 204

    # -- the page's forms ------------------------------------------------------------------------------------------

    def clock_form(self) -> Any:
        """Moves the clock from the page."""
        self._world.advance(timedelta(hours=float(flask.request.form["hours"])))
        return flask.redirect("/", 303)

    def fault_form(self, channel: str) -> Any:
        """Orders a fault from the page."""
        self._ordered(channel, flask.request.form)
        return flask.redirect("/", 303)

    def end_form(self, channel: str, fault: str) -> Any:
        """Ends a fault from the page."""
        self._world.clear_faults(channel, fault)
        return flask.redirect("/", 303)

    def campaign_form(self, channel: str) -> Any:
        """Adds a campaign that uses an audience, in the state of the channel's other campaigns."""
        form = flask.request.form
        known = self._world.all(channel, "campaigns")
        campaign: Document = {"name": form["name"], "account": form["account"]}
        campaign |= {"status": known[0]["status"]} if known else {}
        key = str(self._world.next_number(channel, "campaign", 8_000_000_001))
        campaign = self._attach[channel](campaign | {"key": key}, form["audience"].strip(), form["use"])
        self._world.put(channel, "campaigns", key, campaign)
        return flask.redirect("/", 303)


def _body() -> Any:
    return flask.request.get_json(silent=True) or {}
