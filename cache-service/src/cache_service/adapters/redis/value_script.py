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
# Members of an index that ended and are cleared away with a write.
CLEARED: Final = 32

_NEXT: Final = """
local full = false
local function note(...)
  local answer = redis.pcall(...)
  if type(answer) == 'table' and answer.err then full = true end
end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local function text(number) return string.format('%.0f', number) end
-- The generation of a value: none without one, and none of what is damaged or of another format.
local function generation_of(head)
  return string.sub(head, 1, 2) == 'P1' and tonumber(string.sub(head, 3, 18)) or nil
end
local function next_generation(key)
  local generation = math.max(tonumber(redis.call('GET', key) or '0') + 1, now)
  note('SET', key, text(generation))
  return generation
end
"""

# KEYS value segment segments deleted prefixes generation beginning staged, then for each tag its index and invalidation
# ARGV since (empty: unguarded) only_if_absent full_key segment life_ms entry (empty: it is in `staged`, after 18 bytes)
# → 1 when it was written
SET: Final = Script(
    _NEXT
    + """
local since, beginning = tonumber(ARGV[1]), tonumber(redis.call('GET', KEYS[7]))
local staged = ARGV[6] == ''
local function refused()
  if staged then redis.call('UNLINK', KEYS[8]) end
  return 0
end
local function after(generation) return generation and (tonumber(generation) or 0) > since end
local held = generation_of(redis.call('GETRANGE', KEYS[1], 0, 17))
if since then
  if beginning and since < beginning then return refused() end
  if not beginning and since ~= 0 then return refused() end
  if since ~= 0 and now - since > """
    + f"{KEEP_MS}"
    + """ * 1000 then return refused() end
  if after(redis.call('GET', KEYS[4])) then return refused() end
  for index = 10, #KEYS, 2 do
    if after(redis.call('GET', KEYS[index])) then return refused() end
  end
  for _, prefix in ipairs(redis.call('ZRANGEBYSCORE', KEYS[5], '(' .. text(since), '+inf')) do
    if string.sub(ARGV[3], 1, #prefix) == prefix or prefix == '' then return refused() end
  end
  if after(held) then return refused() end
end
if ARGV[2] == '1' and held and held >= (beginning or 0) then return refused() end
local generation = next_generation(KEYS[6])
if full or (staged and redis.call('EXISTS', KEYS[8]) == 0) then
  refused()
  return redis.error_reply('OOM no room for a value')
end
if not beginning then redis.call('SET', KEYS[7], text(generation)) end
local life = tonumber(ARGV[5])
if staged then
  redis.call('SETRANGE', KEYS[8], 0, 'P1' .. text(generation))
  redis.call('UNLINK', KEYS[1])
  redis.call('RENAME', KEYS[8], KEYS[1])
  redis.call('PEXPIRE', KEYS[1], ARGV[5])
else
  redis.call('SET', KEYS[1], 'P1' .. text(generation) .. ARGV[6], 'PX', ARGV[5])
end
local now_ms = math.floor(now / 1000)
-- What ended is cleared away a little with every write: all of it at once would hold others up.
local function index(key, member)
  local ended = redis.call('ZRANGEBYSCORE', key, '-inf', text(now_ms), 'LIMIT', 0, """
    + f"{CLEARED}"
    + """)
  if #ended > 0 then redis.call('ZREMRANGEBYRANK', key, 0, #ended - 1) end
  redis.call('ZADD', key, 'GT', text(now_ms + life), member)
  if redis.call('PTTL', key) < life then redis.call('PEXPIRE', key, ARGV[5]) end
end
index(KEYS[2], ARGV[3])
index(KEYS[3], ARGV[4])
for position = 9, #KEYS, 2 do index(KEYS[position], ARGV[3]) end
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
  local held = generation_of(redis.call('GETRANGE', KEYS[position], 0, 17))
  redis.call('UNLINK', KEYS[position])
  note('SET', KEYS[position + 1], generation, 'PX', """
    + f"{KEEP_MS}"
    + """)
  live[#live + 1] = (held and held >= beginning) and 1 or 0
end
if full then redis.call('DEL', KEYS[2]) end
return live
"""
)

# KEYS generation beginning prefixes  ARGV prefix
# Notes that a prefix is invalidated. → its generation
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
return text(generation)
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

# KEYS index beginning  ARGV generation cursor count value_prefix key_prefix tag
# Drops, of a slice of an index, what begins with a prefix or has a tag and is not newer than the invalidation. A cursor
# meets everything that is there from the first slice to the last, whatever comes and goes; ranks would not.
# → where the next slice begins (0: it was the last), then the keys that were live
DROP: Final = Script(
    _NEXT
    + """
local slice = redis.call('ZSCAN', KEYS[1], ARGV[2], 'COUNT', ARGV[3])
local beginning = tonumber(redis.call('GET', KEYS[2]) or '0')
local limit, answer = tonumber(ARGV[1]), {slice[1]}
local tag = ARGV[6] ~= '' and string.format('%04d', #ARGV[6]) .. ARGV[6]
for position = 1, #slice[2], 2 do
  local member = slice[2][position]
  local key = ARGV[4] .. member
  local head = redis.call('GETRANGE', key, 0, 40)
  local generation, size = generation_of(head), tonumber(string.sub(head, 37, 41))
  if head == '' then
    redis.call('UNLINK', key)
    redis.call('ZREM', KEYS[1], member)
  elseif string.sub(member, 1, #ARGV[5]) == ARGV[5] then
    local tags = tag and size and redis.call('GETRANGE', key, 41, 40 + size)
    if generation and tags and not string.find(tags, tag, 1, true) then
      redis.call('ZREM', KEYS[1], member)
    elseif not generation or generation <= limit then
      redis.call('UNLINK', key)
      redis.call('ZREM', KEYS[1], member)
      if generation and generation >= beginning then answer[#answer + 1] = member end
    end
  end
end
return answer
"""
)

# KEYS generation beginning  → the generation from which on values count
RESET: Final = Script(
    _NEXT
    + """
local generation = text(next_generation(KEYS[1]))
redis.call('SET', KEYS[2], generation)
return generation
"""
)

# KEYS generation beginning run  ARGV run_id
# Drops everything when the server was started since this was called last: what it read from its disk, or what a
# replica had when it took over, may be older than what was acknowledged. → 1 when everything was dropped, 2 when the
# server was not known before
ADOPT: Final = Script(
    _NEXT
    + """
local known = redis.call('GET', KEYS[3])
if known == ARGV[1] then return 0 end
redis.call('SET', KEYS[2], text(next_generation(KEYS[1])))
redis.call('SET', KEYS[3], ARGV[1])
return known and 1 or 2
"""
)
