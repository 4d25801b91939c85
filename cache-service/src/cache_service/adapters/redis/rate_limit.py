"""Rate limits in Redis: GCRA in whole microseconds of the server's own clock.

The state is ``<theoretical arrival time>:<time it was written>``. Microseconds of the epoch have 16 digits, within the
53 bits that Lua's numbers hold exactly; they are written by an explicit format, since Lua prints 14. A clock that was
set back is seen by the time of writing, and the arrival moves back with it.
"""

from typing import Final

from cache_service.adapters.redis.key import rate_key
from cache_service.adapters.redis.script_runner import ScriptRunner
from cache_service.domain.rate_limit import Rate, Verdict, check, verdict_of
from penstock_kit.redis.script import Script

_MICROSECONDS: Final = 1_000_000

# KEYS state  ARGV cost correction window, in microseconds
# → {allowed, arrival, wait, now} as text; `wait` is negative when there is room.
_TAKE: Final = Script("""
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local cost, correction, window = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local arrival = 0
local state = redis.call('GET', KEYS[1])
if state then
  local at, seen = string.match(state, '^(%d+):(%d+)$')
  if at then
    arrival = tonumber(at)
    if tonumber(seen) > now then arrival = arrival - (tonumber(seen) - now) end
  end
end
arrival = math.max(math.max(arrival, now) + correction, now)
local wait = arrival + cost - now - window
local allowed = wait <= 0
if allowed then arrival = arrival + cost end
if correction ~= 0 or (allowed and cost > 0) then
  if arrival > now then
    redis.call('SET', KEYS[1], string.format('%.0f:%.0f', arrival, now), 'PX', math.ceil((arrival - now) / 1000))
  else
    redis.call('DEL', KEYS[1])
  end
end
return {allowed and 1 or 0, string.format('%.0f', arrival), string.format('%.0f', wait), string.format('%.0f', now)}
""")


class RedisRateLimitStore:
    """A RateLimitStore that replicas share. A key at rest costs nothing: its state ends with the window."""

    def __init__(self, scripts: ScriptRunner) -> None:
        self._scripts = scripts

    async def take(self, key: str, cost: int, rate: Rate, *, correction: int = 0) -> Verdict:
        """Take `cost` of `rate` if it fits, and `correction` before it in any case. Raises RedisUnavailable.

        After a timeout it may have been taken: whoever asked counts it as spent.
        """
        window = round(rate.window * _MICROSECONDS)
        check(cost, rate, window, correction)
        costs = (cost * window // rate.limit, correction * window // rate.limit, window)
        allowed, arrival, wait, now = await self._scripts.run(_TAKE, [rate_key(key)], *map(str, costs))
        return verdict_of(
            allowed=bool(allowed),
            ahead=int(arrival) - int(now),
            wait=int(wait),
            window=window,
            limit=rate.limit,
            second=_MICROSECONDS,
        )
