"""The limiter that all workers share: what was used of each limit, in Redis, by Redis's clock, and scopes that a channel closed for a time.

No window as long as a limit's period ever sees more than its amount, and of an unused limit all may go at once. Redis may be emptied at
any time: what was counted is forgotten then, so a limit that nobody knows is taken for half used. Without Redis nothing can be counted, and every call waits a little. Nothing here waits itself.
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
"""How long to wait when nothing can be counted."""
LEAST_WAIT: Final = timedelta(seconds=1)
"""A run that gives its worker back for less comes back too often."""
LONG: Final = timedelta(hours=1)
"""A limit counted over longer than this is called the limit of the day."""
IN_A_ROW: Final = 900
"""Seconds after a pause in which a refusal still belongs to the one before, where nobody called meanwhile."""
ANSWERED: Final = 10
"""A call that passed so many seconds ago was answered: it got through, where no refusal came."""
PARTS: Final = 60
"""Uses within so small a part of the period come back together, with the last of them: that bounds what is kept of a limit."""
PREFIX: Final = "segsync:rate:"

_NOW: Final = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local function keep(key, milliseconds)
  if redis.call('PTTL', key) < milliseconds then redis.call('PEXPIRE', key, math.ceil(milliseconds)) end
end
"""

_COUNT: Final = f"""{_NOW}
-- What was used: begun, last and number, oldest first. A part counts until its last use is a whole period ago.
redis.call('SET', KEYS[1], string.format('%.6f', now), 'NX')
local since = tonumber(redis.call('GET', KEYS[1]))
local function used(kept, amount, period, cost, share)
  local parts = {{}}
  for begun, last, number in string.gmatch(kept or '', '(%S+) (%S+) (%S+)') do
    if last + period >= now then parts[#parts+1] = {{tonumber(begun), tonumber(last), tonumber(number)}} end
  end
  local half = math.min(amount / 2, (amount - cost) / (1 + share))
  if not kept and half > 0 and since + period >= now then parts[1] = {{since, since, half}} end
  return parts
end
local function total(parts)
  local sum = 0
  for _, part in ipairs(parts) do sum = sum + part[3] end
  return sum
end
local function add(key, parts, number, period)
  local newest = parts[#parts]
  if newest and now - newest[1] < period / {PARTS} then
    newest[2], newest[3] = now, newest[3] + number
  else
    parts[#parts+1] = {{now, now, number}}
  end
  local words = {{}}
  for i, part in ipairs(parts) do words[i] = string.format('%.6f %.6f %.10g', part[1], part[2], part[3]) end
  redis.call('HSET', key, 'used', table.concat(words, ' '))
  keep(key, period * 1000 + 1000)
end
"""

TAKE: Final = f"""{_COUNT}
-- KEYS: since when this Redis counts, then the scopes. ARGV: cost, amount, period, share kept back for each scope.
-- How long until a call has its place. Kept back for those before is a share of each part, less and less until the part comes back.
local function pause(parts, amount, period, cost, share)
  local left, lasting, from = total(parts), 0, 0
  for _, part in ipairs(parts) do lasting = lasting + part[3] * (part[2] + period - now) end
  for _, part in ipairs(parts) do
    local free, back = amount + 1e-9 - left - cost, part[2] + period - now
    local at = share > 0 and math.max(from, (lasting - free * period / share) / left) or from
    if free >= 0 and at <= back then return at end
    left, lasting, from = left - part[3], lasting - part[3] * back, math.max(from, back)
  end
  return from
end
local longest, which, shut, counted, opened = 0, 0, 0, {{}}, {{}}
for i = 2, #KEYS do
  local a = (i - 2) * 4
  local cost, amount, period, share = tonumber(ARGV[a+1]), tonumber(ARGV[a+2]), tonumber(ARGV[a+3]), tonumber(ARGV[a+4])
  local kept = redis.call('HMGET', KEYS[i], 'used', 'closed', 'through')
  local wait, by = math.max(0, (tonumber(kept[2]) or 0) - now), 1
  if amount > 0 then
    local parts = used(kept[1], amount, period, cost, share)
    local own = pause(parts, amount, period, cost, share)
    if own > wait then wait, by = own, 0 end
    counted[i] = {{parts, cost, period}}
  end
  if kept[2] and not kept[3] then opened[#opened+1] = KEYS[i] end
  if wait > longest then longest, which, shut = wait, i - 1, by end
end
if longest > 0 then return {{math.ceil(longest * 1000), which, shut}} end
for i, one in pairs(counted) do add(KEYS[i], one[1], one[2], one[3]) end
for _, key in ipairs(opened) do redis.call('HSET', key, 'through', string.format('%.6f', now)) end
return {{0, 0, 0}}
"""

TELL: Final = f"""{_COUNT}
-- KEYS: since when this Redis counts, a scope. ARGV: amount, period, what else was used, the share that the channel says is used.
local amount, period, more, told = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local parts = used(redis.call('HGET', KEYS[2], 'used'), amount, period, 0, 0)
local beyond = math.max(more, told * amount - total(parts))
if beyond > 0 then add(KEYS[2], parts, beyond, period) end
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
    """A call that is about to be made: what it is, by whom, and how urgent."""

    call: Call
    caller: Caller
    urgency: Urgency


class Limiter:
    """Counts calls. Safe in every process; makes its connection at the first call."""

    def __init__(self, client: redis.Redis) -> None:
        self._take = client.register_script(TAKE)
        self._tell = client.register_script(TELL)
        self._close = client.register_script(CLOSE)

    def take(self, limits: Sequence[Limit], request: Request) -> None:
        """Counts a call in all its limits, or in none of them. Raises ScopeClosed with how long to wait, NotCounted without Redis."""
        scopes = _scopes(limits, request)
        if not scopes:
            return
        arguments: list[float] = []
        for scope in scopes:
            kept = pace.kept_back(scope.limit, request.urgency)
            arguments += [scope.limit.costs[request.call], scope.limit.amount, pace.window(scope.limit), kept]
        try:
            milliseconds, which, shut = self._take([f"{PREFIX}since", *(_key(scope) for scope in scopes)], arguments)
        except redis.RedisError as problem:
            log.warning("rate not known", scope=scopes[0].name, problem=type(problem).__name__)
            raise NotCounted from None
        if milliseconds:
            wait = max(timedelta(milliseconds=int(milliseconds)), LEAST_WAIT)
            raise ScopeClosed(scopes[int(which) - 1], wait, shut=bool(shut))

    def used(self, limits: Sequence[Limit], request: Request, told: Sequence[Usage], *, more: int = 0) -> None:
        """Writes down what answers say of limits, counted for this call or not, and `more` calls that it took than were counted."""
        for limit, usage in pace.told(limits, request.call, request.caller, told):
            scope = _scope(limit, request.caller)
            try:
                if limit.amount and (more or usage.used):
                    beyond = limit.costs.get(request.call, 0) * more
                    figures = [limit.amount, pace.window(limit), beyond, min(usage.used, 1.0)]
                    self._tell([f"{PREFIX}since", _key(scope)], figures)
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
