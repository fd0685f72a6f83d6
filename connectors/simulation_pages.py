"""A page for each audience of the simulated channels: what a channel's own pages would show of it, as far as a demonstration needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flask

from connectors.simulation import World

PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ audience.name }}: {{ label }}, simulated</title>
<style>
:root{color-scheme:light dark}
body{font-family:system-ui,sans-serif;margin:0}
header{background:#7a2e00;color:#fff;padding:.6rem 1rem;font-weight:600}header a{color:#fff}
main{max-width:44rem;margin:0 auto;padding:0 1rem 2rem}h1{overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:fit-content(45%) 1fr;gap:.35rem 1.25rem}dd{margin:0;overflow-wrap:anywhere}
</style></head><body>
<header role="banner">Simulator: this is not {{ label }}. Nothing leaves this machine.</header>
<main><h1>{{ audience.name }}</h1>
<dl><dt>Ad account</dt><dd>{{ account.name or audience.account }} ({{ audience.account }})</dd><dt>Id</dt><dd>{{ audience.key }}</dd>
<dt>Identifiers received</dt><dd>{{ "{:,}".format(counts.keys) }}</dd><dt>People they stand for</dt><dd>{{ "{:,}".format(counts.persons) }}</dd>
<dt>Known to {{ label }}</dt><dd>{{ "{:,}".format(counts.matched) }}</dd></dl>
<p><a href="/control/{{ channel }}/audiences/{{ audience.key }}/members">Everybody in it</a> · <a href="/">All simulated channels</a></p>
</main></body></html>"""
GONE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>No such audience</title></head><body><main>
<h1>There is no such audience</h1><p>Simulator: somebody deleted it here, or it was never made. <a href="/">All simulated channels</a></p>
</main></body></html>"""


def mount(app: flask.Flask, world: World, labels: Mapping[str, str]) -> None:
    """Adds the page of an audience, under /pages/<channel>/audiences/<id>."""

    def audience(channel: str, key: str) -> Any:
        found = world.get(channel, "audiences", key) if channel in labels else None
        if found is None:
            return GONE, 404
        return flask.render_template_string(
            PAGE,
            channel=channel,
            label=labels[channel],
            audience=found,
            account=world.get(channel, "accounts", str(found.get("account", ""))) or {},
            counts=world.count(channel, key),
        )

    app.add_url_rule("/pages/<channel>/audiences/<key>", "page of an audience", audience)
