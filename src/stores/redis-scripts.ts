/**
 * The Lua half of the Redis store: what must happen together or not at all.
 *
 * All keys share the hash tag `{<prefix>}`, so one Redis primary (with replicas) owns them; that is also why a script
 * may reach keys it learns from a reservation. Numbers stay below 2^53, where Lua's doubles are exact, and are
 * written with %.0f because Lua's own conversion keeps only 14 digits. Needs Redis 7 (`XADD <ms>-*`).
 *
 * Keys: `bucket:<counter>` hash level, at · `tally:<counter>` hash spent, held · `reservation:<id>` JSON ·
 * `expiry` sorted set of reservations by deadline · `settled:<id>` marker · `ledger` stream, field `entry` JSON ·
 * `keys`, `key-hashes`, `orgs` hashes · `turn:<hash>` JSON ·
 * `response:<owner>:<id>` JSON, `responses:<owner>` sorted set, `response-bytes:<owner>` hash.
 */
const shared = `
-- ARGV[1] prefix of every key, with its hash tag and colon
-- ARGV[2] milliseconds added to the server's clock; 0 outside tests
local prefix = ARGV[1]
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) + tonumber(ARGV[2])
local window = 60000

local function integer (value) return string.format('%.0f', value) end

local function bucket_level (counter, capacity)
  local bucket = redis.call('HMGET', prefix .. 'bucket:' .. counter, 'level', 'at')
  local full = capacity * window
  if not bucket[1] then return full end
  return math.min(full, tonumber(bucket[1]) + math.max(0, now - tonumber(bucket[2])) * capacity)
end

local function move_bucket (counter, capacity, units)
  local key = prefix .. 'bucket:' .. counter
  local level = math.min(capacity * window, bucket_level(counter, capacity) + units * window)
  redis.call('HSET', key, 'level', integer(level), 'at', integer(now))
  -- A bucket that would be full again may be forgotten: a missing one counts as full.
  redis.call('PEXPIRE', key, integer(math.ceil((capacity * window - level) / capacity) + 1000))
end

local function move_tally (counter, spent, held, expires_at)
  local key = prefix .. 'tally:' .. counter
  if spent ~= 0 then redis.call('HINCRBY', key, 'spent', integer(spent)) end
  if held ~= 0 then redis.call('HINCRBY', key, 'held', integer(held)) end
  if expires_at > 0 then redis.call('PEXPIRE', key, integer(math.max(1, expires_at - now)), 'NX') end
end

-- Ends a reservation and credits all it holds, by its own record. False: there is none.
local function give_back (id)
  local record = redis.call('GET', prefix .. 'reservation:' .. id)
  if not record then return false end
  for _, take in ipairs(cjson.decode(record).takes) do
    if take.kind == 'bucket' then move_bucket(take.counter, take.limit, take.hold)
    else move_tally(take.counter, 0, -take.hold, 0) end
  end
  redis.call('DEL', prefix .. 'reservation:' .. id)
  redis.call('ZREM', prefix .. 'expiry', id)
  return true
end

local function append (entry)
  -- Never before the last entry, so that a clock set back cannot stop the ledger.
  local last = redis.call('XREVRANGE', prefix .. 'ledger', '+', '-', 'COUNT', 1)[1]
  local at = last and math.max(now, tonumber(string.match(last[1], '^%d+'))) or now
  redis.call('XADD', prefix .. 'ledger', integer(at) .. '-*', 'entry', entry)
end

local function abandon_expired (most)
  local ids = redis.call('ZRANGEBYSCORE', prefix .. 'expiry', '-inf', integer(now), 'LIMIT', 0, most)
  for _, id in ipairs(ids) do
    local record = redis.call('GET', prefix .. 'reservation:' .. id)
    if record then
      local reservation = cjson.decode(record)
      for _, take in ipairs(reservation.takes) do
        if take.kind == 'tally' then move_tally(take.counter, 0, -take.hold, 0) end
      end
      append(reservation.abandonedEntry)
      redis.call('DEL', prefix .. 'reservation:' .. id)
    end
    redis.call('ZREM', prefix .. 'expiry', id)
  end
  return #ids
end
`

const reserve = `${shared}
-- ARGV[3] id of the reservation
-- ARGV[4] its lifetime in ms without a renewal
-- ARGV[5] JSON {takes: [{kind, counter, limit (-1 = none), need, hold, expiresAtMs (0 = never)}], abandonedEntry: JSON text}
-- Returns {reserved 1|0, now, then for each take: fits 1|0, remaining, waitMs, resetMs; -1 where there is none}
local id = ARGV[3]
local takes = cjson.decode(ARGV[5]).takes

local function look (take)
  if take.kind == 'tally' then
    if take.limit < 0 then return 1, -1, -1, -1 end
    local tally = redis.call('HMGET', prefix .. 'tally:' .. take.counter, 'spent', 'held')
    local left = take.limit - tonumber(tally[1] or 0) - tonumber(tally[2] or 0)
    return take.need <= left and 1 or 0, math.max(0, left), -1, -1
  end
  local level = bucket_level(take.counter, take.limit)
  local lacking = take.need * window - level
  return lacking <= 0 and 1 or 0, math.max(0, math.floor(level / window)),
    math.max(0, math.ceil(lacking / take.limit)), math.ceil((take.limit * window - level) / take.limit)
end

abandon_expired(50)
local known = redis.call('EXISTS', prefix .. 'reservation:' .. id) == 1
local reserved = true
local before = {}
for index, take in ipairs(takes) do
  local state = { look(take) }
  before[index] = state
  if state[1] == 0 then reserved = false end
end

if reserved and not known then
  redis.call('SET', prefix .. 'reservation:' .. id, ARGV[5])
  redis.call('ZADD', prefix .. 'expiry', integer(now + tonumber(ARGV[4])), id)
  for _, take in ipairs(takes) do
    if take.kind == 'bucket' then move_bucket(take.counter, take.limit, -take.hold)
    else move_tally(take.counter, 0, take.hold, take.expiresAtMs) end
  end
end

local reply = { (reserved or known) and 1 or 0, now }
for index, take in ipairs(takes) do
  local state = before[index]
  if reserved and not known then
    -- Seen again after the taking, so that the headers a client gets fall with every request.
    local _, remaining, _, reset = look(take)
    state = { 1, remaining, state[3], reset }
  end
  for _, figure in ipairs(state) do reply[#reply + 1] = figure end
end
return reply
`

const settle = `${shared}
-- ARGV[3] id of the reservation
-- ARGV[4] how long in ms a second settlement of it is recognised
-- ARGV[5] JSON [{kind, counter, limit (-1 = none), hold, real, expiresAtMs (0 = never)}]
-- ARGV[6...] ledger entries, JSON text each
-- Returns {1 done | 0 was done before, now}
local id = ARGV[3]
if not redis.call('SET', prefix .. 'settled:' .. id, 1, 'NX', 'PX', ARGV[4]) then return { 0, now } end
local open = give_back(id)
for _, charge in ipairs(cjson.decode(ARGV[5])) do
  if charge.kind == 'bucket' then move_bucket(charge.counter, charge.limit, (open and 0 or charge.hold) - charge.real)
  else move_tally(charge.counter, charge.real, 0, charge.expiresAtMs) end
end
for index = 6, #ARGV do append(ARGV[index]) end
return { 1, now }
`

const release = `${shared}
-- ARGV[3] id of the reservation
return give_back(ARGV[3]) and 1 or 0
`

const renew = `${shared}
-- ARGV[3] new lifetime in ms from now
-- ARGV[4...] ids of reservations; those that ended stay ended
for index = 4, #ARGV do
  redis.call('ZADD', prefix .. 'expiry', 'XX', integer(now + tonumber(ARGV[3])), ARGV[index])
end
return 1
`

const abandonExpired = `${shared}
-- ARGV[3] most reservations to end in one call
return abandon_expired(tonumber(ARGV[3]))
`

const saveKey = `
-- ARGV[1] prefix · ARGV[2] key id · ARGV[3] its JSON · ARGV[4] its version · ARGV[5...] hashes of its secrets
-- Returns 1, or 0 when the stored version is not the one before
local prefix, id = ARGV[1], ARGV[2]
local stored = redis.call('HGET', prefix .. 'keys', id)
local record = stored and cjson.decode(stored)
if (record and record.version or 0) ~= tonumber(ARGV[4]) - 1 then return 0 end
for _, secret in ipairs(record and record.secrets or {}) do redis.call('HDEL', prefix .. 'key-hashes', secret.hash) end
redis.call('HSET', prefix .. 'keys', id, ARGV[3])
for index = 5, #ARGV do redis.call('HSET', prefix .. 'key-hashes', ARGV[index], id) end
return 1
`

const saveOrg = `
-- ARGV[1] prefix · ARGV[2] organisation id · ARGV[3] its JSON · ARGV[4] its version
-- Returns 1, or 0 when the stored version is not the one before
local stored = redis.call('HGET', ARGV[1] .. 'orgs', ARGV[2])
if (stored and cjson.decode(stored).version or 0) ~= tonumber(ARGV[4]) - 1 then return 0 end
redis.call('HSET', ARGV[1] .. 'orgs', ARGV[2], ARGV[3])
return 1
`

const findKeyByHash = `
-- ARGV[1] prefix · ARGV[2] SHA-256 of a key's text
-- Returns {key JSON, organisation JSON or false}, or nil
local id = redis.call('HGET', ARGV[1] .. 'key-hashes', ARGV[2])
if not id then return false end
local key = redis.call('HGET', ARGV[1] .. 'keys', id)
if not key then return false end
return { key, redis.call('HGET', ARGV[1] .. 'orgs', cjson.decode(key).orgId) }
`

const replaceSpent = `${shared}
-- ARGV[3] id of the ledger's last entry as the caller knows it, 0-0 for none
-- ARGV[4...] threes: counter, spent, when the tally may be forgotten (0 = never)
-- Returns 1, or 0 when the ledger has grown since
local last = redis.call('XREVRANGE', prefix .. 'ledger', '+', '-', 'COUNT', 1)[1]
if (last and last[1] or '0-0') ~= ARGV[3] then return 0 end
local held = {}
for _, id in ipairs(redis.call('ZRANGE', prefix .. 'expiry', 0, -1)) do
  local record = redis.call('GET', prefix .. 'reservation:' .. id)
  for _, take in ipairs(record and cjson.decode(record).takes or {}) do
    if take.kind == 'tally' then held[take.counter] = (held[take.counter] or 0) + take.hold end
  end
end
for index = 4, #ARGV, 3 do
  local key = prefix .. 'tally:' .. ARGV[index]
  redis.call('HSET', key, 'spent', ARGV[index + 1], 'held', integer(held[ARGV[index]] or 0))
  local expires_at = tonumber(ARGV[index + 2])
  if expires_at > 0 then redis.call('PEXPIRE', key, integer(math.max(1, expires_at - now)), 'NX') end
end
return 1
`

/** Of one owner: `responses:<owner>` sorted set of ids by deadline, `response-bytes:<owner>` hash of their sizes and of their sum. */
const responses = `${shared}
-- ARGV[3] id of the response · ARGV[4] its owner
local id, owner = ARGV[3], ARGV[4]
local order, sizes = prefix .. 'responses:' .. owner, prefix .. 'response-bytes:' .. owner
local function body_key (name) return prefix .. 'response:' .. owner .. ':' .. name end

local function forget (name)
  local bytes = redis.call('HGET', sizes, name)
  if not bytes then return 0 end
  redis.call('DEL', body_key(name))
  redis.call('ZREM', order, name)
  redis.call('HDEL', sizes, name)
  redis.call('HINCRBY', sizes, '', -tonumber(bytes))
  return 1
end

for _, name in ipairs(redis.call('ZRANGEBYSCORE', order, '-inf', integer(now))) do forget(name) end
-- The two expire by themselves, and never at quite the same time.
if redis.call('EXISTS', order) == 0 then redis.call('DEL', sizes) end
`

const keepResponse = `${responses}
-- ARGV[5] its body · ARGV[6] milliseconds to keep it · ARGV[7], ARGV[8] most responses and bytes of an owner
-- Returns 1, or 0 when it is too large
local body, ttl, most, most_bytes = ARGV[5], ARGV[6], tonumber(ARGV[7]), tonumber(ARGV[8])
if #body > most_bytes then return 0 end
forget(id)
redis.call('SET', body_key(id), body, 'PX', ttl)
redis.call('ZADD', order, integer(now + tonumber(ttl)), id)
redis.call('HSET', sizes, id, #body)
local total = redis.call('HINCRBY', sizes, '', #body)
local count = redis.call('ZCARD', order)
while count > most or total > most_bytes do
  local oldest = redis.call('ZRANGE', order, 0, 0)[1]
  total = total - tonumber(redis.call('HGET', sizes, oldest))
  count = count - 1
  forget(oldest)
end
redis.call('PEXPIRE', order, ttl)
redis.call('PEXPIRE', sizes, ttl)
return 1
`

const findResponse = `${responses}
return redis.call('GET', body_key(id))
`

const forgetResponse = `${responses}
return forget(id)
`

export const redisScripts = { reserve, settle, release, renew, abandonExpired, saveKey, saveOrg, findKeyByHash, replaceSpent, keepResponse, findResponse, forgetResponse }
export type RedisScriptName = keyof typeof redisScripts
