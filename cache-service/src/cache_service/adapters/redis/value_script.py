"""The Lua scripts of cached values: each is one atomic step.

A generation is a whole number of microseconds that only grows, never below the server's clock: it is unique over
flushes and restarts. `beginning` is the generation of the first write; what was written before it counts as gone, so
moving it on drops everything at once. Keys that a script makes from members of an index share the hash tag of the
declared ones.

An invalidation that a full server has no room to note takes `beginning` away instead: every fill under way is then
refused, and the next write begins anew.
"""

from typing import Final

from penstock_kit.redis.script import Script

# Milliseconds for which an invalidation is remembered: a fill that began earlier is refused without looking.
KEEP_MS: Final = 300_000
# Invalidated prefixes remembered for each tenant.
KEEP_PREFIXES: Final = 1024

_NEXT: Final = """
local full = false
local function note(...)
  local answer = redis.pcall(...)
  if type(answer) == 'table' and answer.err then full = true end
end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local function text(number) return string.format('%.0f', number) end
local function next_generation(key)
  local generation = math.max(tonumber(redis.call('GET', key) or '0') + 1, now)
  note('SET', key, text(generation))
  return generation
end
"""

# KEYS value segment segments deleted prefixes generation beginning, then for each tag its index and its invalidation
# ARGV since (empty: unguarded) only_if_absent full_key segment life_ms entry
# → 1 when it was written
SET: Final = Script(
    _NEXT
    + """
local since, beginning = tonumber(ARGV[1]), redis.call('GET', KEYS[7])
local function after(generation) return generation and tonumber(generation) > since end
if since then
  if beginning and since < tonumber(beginning) then return 0 end
  if not beginning and since ~= 0 then return 0 end
  if since ~= 0 and now - since > """
    + f"{KEEP_MS}"
    + """ * 1000 then return 0 end
  if after(redis.call('GET', KEYS[4])) then return 0 end
  for index = 9, #KEYS, 2 do
    if after(redis.call('GET', KEYS[index])) then return 0 end
  end
  for _, prefix in ipairs(redis.call('ZRANGEBYSCORE', KEYS[5], '(' .. text(since), '+inf')) do
    if string.sub(ARGV[3], 1, #prefix) == prefix or prefix == '' then return 0 end
  end
  local held = redis.call('GETRANGE', KEYS[1], 2, 17)
  if held ~= '' and after(held) then return 0 end
end
if ARGV[2] == '1' and redis.call('EXISTS', KEYS[1]) == 1 then
  if not beginning or tonumber(redis.call('GETRANGE', KEYS[1], 2, 17)) >= tonumber(beginning) then return 0 end
end
local generation = next_generation(KEYS[6])
if full then return redis.error_reply('OOM no room for a value') end
if not beginning then redis.call('SET', KEYS[7], text(generation)) end
local life = tonumber(ARGV[5])
redis.call('SET', KEYS[1], 'P1' .. text(generation) .. ARGV[6], 'PX', ARGV[5])
local now_ms = math.floor(now / 1000)
local function index(key, member)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', text(now_ms))
  redis.call('ZADD', key, 'GT', text(now_ms + life), member)
  if redis.call('PTTL', key) < life then redis.call('PEXPIRE', key, ARGV[5]) end
end
index(KEYS[2], ARGV[3])
index(KEYS[3], ARGV[4])
for position = 8, #KEYS, 2 do index(KEYS[position], ARGV[3]) end
return 1
"""
)

# KEYS generation beginning, then for each key its value and its invalidation
# → for each key 1 when it was live
DELETE: Final = Script(
    _NEXT
    + """
local generation, live = text(next_generation(KEYS[1])), {}
local beginning = tonumber(redis.call('GET', KEYS[2]) or '0')
for position = 3, #KEYS, 2 do
  local held = redis.call('GETRANGE', KEYS[position], 2, 17)
  redis.call('UNLINK', KEYS[position])
  note('SET', KEYS[position + 1], generation, 'PX', """
    + f"{KEEP_MS}"
    + """)
  live[#live + 1] = (held ~= '' and tonumber(held) >= beginning) and 1 or 0
end
if full then redis.call('DEL', KEYS[2]) end
return live
"""
)

# KEYS generation beginning prefixes segments  ARGV prefix
# Notes that a prefix is invalidated. → its generation, then the tenant's segments
NOTE_PREFIX: Final = Script(
    _NEXT
    + """
local generation = next_generation(KEYS[1])
note('ZADD', KEYS[3], text(generation), ARGV[1])
if full then redis.call('DEL', KEYS[2]) end
redis.call('PEXPIRE', KEYS[3], """
    + f"{KEEP_MS}"
    + """)
if redis.call('ZCARD', KEYS[3]) > """
    + f"{KEEP_PREFIXES}"
    + """ then
  -- More than can be remembered: from here on every fill that began before is refused.
  redis.call('DEL', KEYS[3])
  note('ZADD', KEYS[3], text(generation), '')
  redis.call('PEXPIRE', KEYS[3], """
    + f"{KEEP_MS}"
    + """)
end
local found = redis.call('ZRANGE', KEYS[4], 0, -1)
table.insert(found, 1, text(generation))
return found
"""
)

# KEYS generation beginning tag_invalidation  → the generation at which the tag is invalidated
NOTE_TAG: Final = Script(
    _NEXT
    + """
local generation = text(next_generation(KEYS[1]))
note('SET', KEYS[3], generation, 'PX', """
    + f"{KEEP_MS}"
    + """)
if full then redis.call('DEL', KEYS[2]) end
return generation
"""
)

# KEYS index beginning  ARGV generation offset count value_prefix key_prefix tag
# Drops, of a slice of an index, what begins with a prefix or has a tag and is not newer than the invalidation.
# → where the next slice begins (-1: nowhere), then the keys that were live
DROP: Final = Script("""
local members = redis.call('ZRANGE', KEYS[1], ARGV[2], ARGV[2] + ARGV[3] - 1)
local beginning = tonumber(redis.call('GET', KEYS[2]) or '0')
local limit, kept, answer = tonumber(ARGV[1]), 0, {0}
local tag = ARGV[6] ~= '' and string.format('%04d', #ARGV[6]) .. ARGV[6]
for _, member in ipairs(members) do
  local key = ARGV[4] .. member
  local head = redis.call('GETRANGE', key, 0, 40)
  local mine = string.sub(member, 1, #ARGV[5]) == ARGV[5]
  if head == '' then
    redis.call('ZREM', KEYS[1], member)
  elseif not mine then
    kept = kept + 1
  else
    local generation = tonumber(string.sub(head, 3, 18))
    local tags = tag and redis.call('GETRANGE', key, 41, 40 + tonumber(string.sub(head, 37, 41)))
    if tag and not string.find(tags, tag, 1, true) then
      redis.call('ZREM', KEYS[1], member)
    elseif generation > limit then
      kept = kept + 1
    else
      redis.call('UNLINK', key)
      redis.call('ZREM', KEYS[1], member)
      if generation >= beginning then answer[#answer + 1] = member end
    end
  end
end
answer[1] = #members < tonumber(ARGV[3]) and -1 or ARGV[2] + kept
return answer
""")

# KEYS generation beginning  → the generation from which on values count
RESET: Final = Script(
    _NEXT
    + """
local generation = text(next_generation(KEYS[1]))
redis.call('SET', KEYS[2], generation)
return generation
"""
)
