"""How time passes for Redis in a test: what it keeps is made older, because its clock cannot be moved."""

from __future__ import annotations

import redis

MOMENTS = ("at", "closed", "through")


def pass_time(client: redis.Redis, seconds: float) -> None:
    """Every bucket and every closed limit becomes older by so much."""
    for key in client.scan_iter("segsync:rate:*"):
        if client.type(key) == b"string":
            client.set(key, float(client.get(key)) - seconds)
            continue
        for field in MOMENTS:
            if client.hexists(key, field):
                client.hincrbyfloat(key, field, -seconds)
