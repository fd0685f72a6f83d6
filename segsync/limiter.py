"""The limiter that all workers share: token buckets in Redis, by Redis's clock, and scopes that a channel closed for a time.

Redis may be emptied at any time: what was counted is forgotten then, so a bucket that nobody knows begins half full. Without
Redis nothing can be counted, and every call waits a little. Nothing here waits itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import redis
import structlog

from connectors.limits import Call, Limit, Usage
from connectors.problems import Code, TryLater
from segsync.rules import pace
from segsync.rules.causes import Own
from segsync.rules.pace import Caller, Urgency

log = structlog.get_logger(__name__)

REDIS_AWAY: Final = timedelta(seconds=5)
"""How long to wait when the buckets cannot be asked."""
LEAST_WAIT: Final = timedelta(seconds=1)
"""A run that gives its worker back for less comes back too often."""
LONG: Final = timedelta(hours=1)
"""A limit counted over longer than this is called the limit of the day."""
IN_A_ROW: Final = 900
"""Seconds after a pause in which a refusal still belongs to the one before, where nobody called meanwhile."""
ANSWERED: Final = 10
"""A call that passed so many seconds ago was answered: it got through, where no refusal came."""
PREFIX: Final = "segsync:rate:"

_NOW: Final = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local function keep(key, milliseconds)
  if redis.call('PTTL', key) < milliseconds then redis.call('PEXPIRE', key, math.ceil(milliseconds)) end
end
"""

TAKE: Final = f"""{_NOW}
-- KEYS: since when this Redis counts, then the scopes. ARGV: cost, rate, burst, reserved for each scope.
redis.call('SET', KEYS[1], string.format('%.6f', now), 'NX')
local since = tonumber(redis.call('GET', KEYS[1]))
local longest, which, shut, left, opened = 0, 0, 0, {{}}, {{}}
for i = 2, #KEYS do
  local a = (i - 2) * 4
  local cost, rate, burst, reserved = tonumber(ARGV[a+1]), tonumber(ARGV[a+2]), tonumber(ARGV[a+3]), tonumber(ARGV[a+4])
  local kept = redis.call('HMGET', KEYS[i], 'tokens', 'at', 'closed', 'through')
  local wait, by = math.max(0, (tonumber(kept[3]) or 0) - now), 1
  if rate > 0 then
    local need = math.min(burst, cost + reserved)
    local tokens, at = tonumber(kept[1]), tonumber(kept[2])
    if not tokens then tokens, at = math.max(burst / 2, need), since end
    tokens = math.min(burst, tokens + math.max(0, now - at) * rate)
    if tokens < need and (need - tokens) / rate > wait then wait, by = (need - tokens) / rate, 0 end
    left[i] = {{tokens - cost, (burst - tokens + cost) / rate}}
  end
  if kept[3] and not kept[4] then opened[#opened+1] = KEYS[i] end
  if wait > longest then longest, which, shut = wait, i - 1, by end
end
if longest > 0 then return {{math.ceil(longest * 1000), which, shut}} end
for i, after in pairs(left) do
  redis.call('HSET', KEYS[i], 'tokens', tostring(after[1]), 'at', string.format('%.6f', now))
  keep(KEYS[i], after[2] * 1000 + 1000)
end
for _, key in ipairs(opened) do redis.call('HSET', key, 'through', string.format('%.6f', now)) end
return {{0, 0, 0}}
"""

LOWER: Final = f"""{_NOW}
-- KEYS: a scope, since when this Redis counts. ARGV: rate, burst, what else was used, the share that the channel says is used.
redis.call('SET', KEYS[2], string.format('%.6f', now), 'NX')
local rate, burst, more, used = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens, at = tonumber(kept[1]), tonumber(kept[2])
if not tokens then tokens, at = burst / 2, tonumber(redis.call('GET', KEYS[2])) end
tokens = math.min(burst, tokens + math.max(0, now - at) * rate)
tokens = math.min(tokens - more, (1 - used) * burst)
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', string.format('%.6f', now))
keep(KEYS[1], (burst - tokens) / rate * 1000 + 1000)
"""

CLOSE: Final = f"""{_NOW}
-- KEYS: a scope. ARGV: how long the channel said (-1: it did not), the wait after the last pause (0: that pause), the pauses.
local told, last = tonumber(ARGV[1]), tonumber(ARGV[2])
local kept = redis.call('HMGET', KEYS[1], 'closed', 'pause', 'refused', 'through')
local closed, pause, refused = tonumber(kept[1]) or 0, tonumber(kept[2]) or 0, tonumber(kept[3]) or 0
if told >= 0 then
  pause = told
elseif closed > now then
  return math.ceil((closed - now) * 1000)
else
  local through = now - (tonumber(kept[4]) or now) > {ANSWERED}
  if through or now - closed > math.min(math.max(pause, 60), {IN_A_ROW}) then refused = 0 end
  refused = refused + 1
  pause = tonumber(ARGV[2 + refused]) or (last > 0 and last or tonumber(ARGV[#ARGV]))
end
closed = math.max(closed, now + pause)
redis.call('HSET', KEYS[1], 'closed', string.format('%.6f', closed), 'pause', pause, 'refused', refused)
redis.call('HDEL', KEYS[1], 'through')
keep(KEYS[1], (closed - now + math.max(pause, 60)) * 1000 + 1000)
return math.ceil((closed - now) * 1000)
"""


class ScopeClosed(TryLater):
    """A limit lets nothing through for a time. `by_channel` where the channel just said so, `shut` where it said so to anybody.

    Else our own count makes whoever calls wait, and others perhaps less: removals come before additions.
    """

    def __init__(self, scope: Scope, wait: timedelta, *, refusal: TryLater | None = None, shut: bool = False) -> None:
        """`refusal` is what the channel answered, where it was asked."""
        told = refusal or TryLater(Code.DAILY_LIMIT if scope.limit.period > LONG else Code.RATE_LIMIT)
        super().__init__(told.code, retry_after=wait, raw=told.raw, reference=told.reference, **told.facts)
        self.scope = scope
        self.by_channel = refusal is not None
        self.shut = shut or self.by_channel

    def __reduce__(self) -> tuple[object, ...]:
        """Pickles with its scope, as other problems do with their facts."""
        told = TryLater(self.code, raw=self.raw, reference=self.reference)
        told.facts = self.facts
        return _closed, (self.scope, self.retry_after, told, self.by_channel, self.shut)


def _closed(scope: Scope, wait: timedelta, told: TryLater, by_channel: bool, shut: bool) -> ScopeClosed:
    closed = ScopeClosed(scope, wait, refusal=told)
    closed.by_channel, closed.shut = by_channel, shut
    return closed


class NotCounted(TryLater):
    """Redis is away: how much of the limits is left is not known, and so the channel is not asked. No limit is used up."""

    def __init__(self) -> None:
        """Tried again in a few seconds."""
        super().__init__(Own.REDIS_ABSENT, retry_after=REDIS_AWAY)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickles as what it is."""
        return NotCounted, ()


@dataclass(frozen=True)
class Scope:
    """What a limit counts together."""

    name: str
    channel: str
    limit: Limit


@dataclass(frozen=True)
class Request:
    """A call that is about to be made: what it is, by whom, how urgent, and how many such calls at once."""

    call: Call
    caller: Caller
    urgency: Urgency
    times: int = 1


class Limiter:
    """Asks the buckets. Safe in every process; makes its connection at the first call."""

    def __init__(self, client: redis.Redis) -> None:
        self._take = client.register_script(TAKE)
        self._lower = client.register_script(LOWER)
        self._close = client.register_script(CLOSE)

    def take(self, limits: Sequence[Limit], request: Request) -> None:
        """Counts a call in all its limits, or in none of them. Raises ScopeClosed with how long to wait, NotCounted without Redis."""
        scopes = _scopes(limits, request)
        if not scopes:
            return
        arguments: list[float] = []
        for scope in scopes:
            made = pace.pace(scope.limit)
            cost = scope.limit.costs[request.call] * request.times
            arguments += [cost, made.rate, made.burst, made.burst * request.urgency.value]
        try:
            milliseconds, which, shut = self._take([f"{PREFIX}since", *(_key(scope) for scope in scopes)], arguments)
        except redis.RedisError as problem:
            log.warning("rate not known", scope=scopes[0].name, problem=type(problem).__name__)
            raise NotCounted from None
        if milliseconds:
            wait = max(timedelta(milliseconds=int(milliseconds)), LEAST_WAIT)
            raise ScopeClosed(scopes[int(which) - 1], wait, shut=bool(shut))

    def used(self, limits: Sequence[Limit], request: Request, told: Sequence[Usage], *, more: int = 0) -> None:
        """Writes down what an answer says of the limits, and `more` calls that it took than were counted."""
        by_name = {usage.limit: usage for usage in told}
        for scope in _scopes(limits, request):
            usage = by_name.get(scope.limit.name, Usage(scope.limit.name))
            made = pace.pace(scope.limit)
            try:
                if made.rate and (more or usage.used):
                    beyond = scope.limit.costs[request.call] * more
                    self._lower([_key(scope), f"{PREFIX}since"], [made.rate, made.burst, beyond, min(usage.used, 1.0)])
                if usage.closed_for:
                    self._shut(scope, usage.closed_for)
            except redis.RedisError as problem:
                log.warning("use of a limit not written", scope=scope.name, problem=type(problem).__name__)

    def refused(self, limits: Sequence[Limit], request: Request, refusal: TryLater) -> ScopeClosed | None:
        """Closes the scope that a channel's refusal is about, for all workers. None where no limit is declared for the call."""
        limit = pace.refused_by(pace.counting(limits, request.call), refusal.limit)
        if limit is None:
            return None
        scope = _scope(limit, request.caller)
        try:
            wait = self._shut(scope, refusal.retry_after)
        except redis.RedisError as problem:
            log.warning("scope not closed", scope=scope.name, problem=type(problem).__name__)
            wait = refusal.retry_after or limit.pauses[0]
        return ScopeClosed(scope, wait, refusal=refusal)

    def _shut(self, scope: Scope, told: timedelta | None) -> timedelta:
        limit = scope.limit
        last = pace.until_day_end(datetime.now(UTC)).total_seconds() if limit.until_day_end else 0.0
        seconds = -1.0 if told is None else told.total_seconds()
        pauses = [pause.total_seconds() for pause in limit.pauses]
        return timedelta(milliseconds=int(self._close([_key(scope)], [seconds, last, *pauses])))


def _scopes(limits: Sequence[Limit], request: Request) -> list[Scope]:
    return [_scope(limit, request.caller) for limit in pace.counting(limits, request.call)]


def _scope(limit: Limit, caller: Caller) -> Scope:
    return Scope(pace.scope(limit, caller), caller.channel, limit)


def _key(scope: Scope) -> str:
    return PREFIX + scope.name
