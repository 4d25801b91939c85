"""The Lua scripts of the event log: each is one atomic step, fenced by the owner of the stream.

A stream is a hash (header, owner, last, status, base, snapshot) and a Redis Stream whose entries hold several events
each; an entry's id is the sequence of its last event. `base` is the sequence up to which events were trimmed into
`snapshot`. Keys that a script makes from a stream's id are not declared, so a cluster is not supported.
"""

from typing import Final

from penstock_kit.redis.script import Script

# KEYS hash events conversation request owned
# ARGV id header replica ttl_ms is_new base snapshot status prefix has_request
# Begins a stream, or finds the one of the same request or one that runs in the conversation, or takes up the replica's
# own one again.
# → {'opened', base} | {'known', header} | {'busy', id} | {'mine', last} | {'fenced', last}
OPEN: Final = Script("""
local owner = redis.call('HGET', KEYS[1], 'owner')
local base = tonumber(ARGV[6])
if owner then
  local last = tonumber(redis.call('HGET', KEYS[1], 'last'))
  if owner ~= ARGV[3] then return {'fenced', last} end
  if last >= base then return {'mine', last} end
elseif ARGV[5] == '1' then
  if ARGV[10] == '1' then
    local known = redis.call('GET', KEYS[4])
    if known and known ~= ARGV[1] then
      local header = redis.call('HGET', ARGV[9] .. known, 'header')
      if header then return {'known', header} end
    end
  end
  local streams = redis.call('HGETALL', KEYS[3])
  for i = 1, #streams, 2 do
    if streams[i + 1] == 'running' and streams[i] ~= ARGV[1]
      and redis.call('HGET', ARGV[9] .. streams[i], 'status') == 'running' then return {'busy', streams[i]} end
  end
  if ARGV[10] == '1' then redis.call('SET', KEYS[4], ARGV[1], 'PX', ARGV[4]) end
end
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[1], 'header', ARGV[2], 'owner', ARGV[3], 'last', base, 'status', ARGV[8],
  'base', base, 'snapshot', ARGV[7])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('HSET', KEYS[3], ARGV[1], ARGV[8])
redis.call('PEXPIRE', KEYS[3], ARGV[4])
redis.call('SADD', KEYS[5], ARGV[1])
return {'opened', base}
""")

# KEYS hash events conversation owned
# ARGV id replica first last status ttl_ms payload channel
# Appends one entry and tells those who listen.
# → {'ok' | 'unknown' | 'fenced' | 'gap', last}
APPEND: Final = Script("""
local known = redis.call('HMGET', KEYS[1], 'owner', 'last', 'status')
if not known[1] then return {'unknown', 0} end
local last = tonumber(known[2])
if known[1] ~= ARGV[2] then return {'fenced', last} end
if last + 1 ~= tonumber(ARGV[3]) or known[3] ~= 'running' then return {'gap', last} end
redis.call('XADD', KEYS[2], ARGV[4] .. '-0', 'e', ARGV[7])
redis.call('HSET', KEYS[1], 'last', ARGV[4], 'status', ARGV[5])
redis.call('PEXPIRE', KEYS[1], ARGV[6])
redis.call('PEXPIRE', KEYS[2], ARGV[6])
if ARGV[5] ~= 'running' then
  redis.call('HSET', KEYS[3], ARGV[1], ARGV[5])
  redis.call('SREM', KEYS[4], ARGV[1])
end
redis.call('PUBLISH', ARGV[8], ARGV[7])
return {'ok', tonumber(ARGV[4])}
""")

# KEYS hash events
# ARGV replica base snapshot
# Drops the events up to `base`, which are folded in `snapshot`. An entry that reaches beyond it stays whole.
# → {'ok' | 'unknown' | 'fenced', last}
TRIM: Final = Script("""
local known = redis.call('HMGET', KEYS[1], 'owner', 'last')
if not known[1] then return {'unknown', 0} end
local last = tonumber(known[2])
if known[1] ~= ARGV[1] then return {'fenced', last} end
redis.call('HSET', KEYS[1], 'base', ARGV[2], 'snapshot', ARGV[3])
redis.call('XTRIM', KEYS[2], 'MINID', (tonumber(ARGV[2]) + 1) .. '-0')
return {'ok', last}
""")

# KEYS hash owned_by_the_dead owned
# ARGV id dead replica
# Takes a running stream over from a replica that died. → 1 when it is ours now
CLAIM: Final = Script("""
redis.call('SREM', KEYS[2], ARGV[1])
local known = redis.call('HMGET', KEYS[1], 'owner', 'status')
if known[1] ~= ARGV[2] or known[2] ~= 'running' then return 0 end
redis.call('HSET', KEYS[1], 'owner', ARGV[3])
redis.call('SADD', KEYS[3], ARGV[1])
return 1
""")

# KEYS head entries
# ARGV epoch payload keep ttl_ms channel
# Adds to a user's feed, whose entries are numbered, and tells those who listen. → the number
ANNOUNCE: Final = Script("""
redis.call('HSETNX', KEYS[1], 'epoch', ARGV[1])
local number = redis.call('HINCRBY', KEYS[1], 'last', 1)
redis.call('XADD', KEYS[2], 'MAXLEN', ARGV[3], number .. '-0', 'a', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
redis.call('PUBLISH', ARGV[5], number)
return number
""")
