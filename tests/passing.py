"""How time passes for Redis in a test: what it keeps is made older, because its clock cannot be moved."""

from __future__ import annotations

import redis

MOMENTS = ("closed", "through")


def pass_time(client: redis.Redis, seconds: float) -> None:
    """Everything that was used and every closed limit becomes older by so much."""
    for key in client.scan_iter("segsync:rate:*"):
        if client.type(key) == b"string":
            client.set(key, float(client.get(key)) - seconds)
            continue
        for field in MOMENTS:
            if client.hexists(key, field):
                client.hincrbyfloat(key, field, -seconds)
        if used := client.hget(key, "used"):
            words = [float(word) for word in used.split()]
            older = [word if place % 3 == 2 else word - seconds for place, word in enumerate(words)]
            client.hset(key, "used", " ".join(f"{word:.6f}" for word in older))


def use_up(client: redis.Redis, scope: str, number: float) -> None:
    """So much of a limit was used a moment ago, and nothing else."""
    seconds, micro = client.time()
    now = seconds + micro / 1e6
    client.hset(f"segsync:rate:{scope}", "used", f"{now:.6f} {now:.6f} {number}")
