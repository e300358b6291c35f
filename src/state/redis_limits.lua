-- Limits that several gateways count together; run by shared_redis.c, all keys in one slot.
--
--   KEYS[i]            the counter of ask i
--   ARGV[1..3]         'reserve', 'settle' or 'renew'; the id of the grant; when it was granted
--   ARGV[4i..4i+3]     of ask i: 'w' (window) or 'l' (lease), limit, window in ms, units
--
-- reserve answers {refused, now, used, reset_ms, wait_ms, used, reset_ms, wait_ms, ...} with the
-- number of the ask that was refused first, from 0; -1: all were granted.
--
-- A window is a hash: units by part (window.h has the same rule), 'used' their sum, 'first' and
-- 'last' the parts between which there is something. Parts that are over leave as time goes by, so
-- that an ask costs the same however long the window is. A lease is a member of a sorted set, with
-- the time of its end. Every key expires by itself. Time is the server's.
--
-- Whoever is refused writes nothing. The first write of a grant is one that a server without memory
-- denies, so that a grant is never cut in half: later ones are not denied any more.

local PARTS = 64
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local function over_at(w, number)
    return (number + 1) * w.part - 1 + w.length
end

local function units_of(w, first, last)
    local names = {}
    for number = first, last do
        names[#names + 1] = number
    end
    return redis.call('HMGET', w.key, unpack(names)), names
end

-- Leaves out what is over; `over` is to be taken out.
local function slide(w)
    local number = math.max(w.first, math.floor((now + 1 - w.length) / w.part))
    local units, names = units_of(w, w.first, number - 1)
    for i = 1, #names do
        w.used = w.used - (tonumber(units[i]) or 0)
    end
    w.first, w.over = number, names
end

-- A clock that was set back stands still; by more than a whole window, what was counted before says
-- nothing any more.
local function open_window(key, length)
    local w = {key = key, length = length, part = math.ceil(length / PARTS), used = 0}
    local here = math.floor(now / w.part)
    local h = redis.call('HMGET', key, 'used', 'first', 'last')
    local last = tonumber(h[3])
    w.first, w.last = here, here
    if not last then
        return w
    end
    if over_at(w, last) <= now or last > here + PARTS + 1 then
        w.stale = true
        return w
    end
    w.used, w.first, w.last = tonumber(h[1]), tonumber(h[2]), last
    if over_at(w, w.first) <= now then
        slide(w)
    end
    return w
end

local function take(w, units)
    local number = math.max(w.last, math.floor(now / w.part))
    if units == 0 then
        return
    end
    if w.stale then
        redis.call('DEL', w.key)
    end
    w.used, w.last = w.used + units, number
    redis.call('HINCRBY', w.key, number, units)
    redis.call('HSET', w.key, 'used', w.used, 'first', w.first, 'last', number)
    redis.call('PEXPIRE', w.key, w.length + 2 * w.part)
    if w.over then
        redis.call('HDEL', w.key, unpack(w.over))
    end
end

-- Never more than is there: the server may have been emptied meanwhile.
local function give(w, units, at)
    local number = math.floor(at / w.part)
    local there = number >= w.first and number <= w.last and redis.call('HGET', w.key, number)
    units = math.min(units, tonumber(there or 0))
    if units > 0 then
        redis.call('HINCRBY', w.key, number, -units)
        redis.call('HINCRBY', w.key, 'used', -units)
    end
end

-- ms until no more than `units` count.
local function wait_for(w, units)
    if w.used <= units then
        return 0
    end
    local left, parts, names = w.used, units_of(w, w.first, w.last)
    for i = 1, #names do
        left = left - (tonumber(parts[i]) or 0)
        if left <= units then
            return over_at(w, names[i]) - now
        end
    end
    return over_at(w, w.last) - now
end

-- Ends last as long as the window, so the key lives as long as the one that began last.
local function hold(ask, id)
    redis.call('ZADD', ask.key, now + ask.length, id)
    redis.call('ZREMRANGEBYSCORE', ask.key, '-inf', now)
    redis.call('PEXPIRE', ask.key, ask.length)
end

local asks = {}
for i = 1, #KEYS do
    local at = 4 * i
    asks[i] = {
        key = KEYS[i],
        lease = ARGV[at] == 'l',
        limit = tonumber(ARGV[at + 1]),
        length = tonumber(ARGV[at + 2]),
        units = tonumber(ARGV[at + 3]),
    }
end

local function look(ask)
    if ask.lease then
        ask.used = redis.call('ZCOUNT', ask.key, '(' .. string.format('%d', now), '+inf')
    else
        ask.window = open_window(ask.key, ask.length)
        ask.used = ask.window.used
    end
end

local function add_state(answer, ask, refused)
    local w, reset, wait = ask.window, 0, 0
    if w and w.used > 0 then
        reset = over_at(w, w.last) - now
    end
    if w and refused and ask.limit >= ask.needed then
        wait = wait_for(w, ask.limit - ask.needed)
    end
    answer[#answer + 1] = w and w.used or ask.used
    answer[#answer + 1] = reset
    answer[#answer + 1] = wait
end

local function reserve(id)
    local refused = -1
    for i, ask in ipairs(asks) do
        look(ask)
        ask.needed = math.max(ask.units, 1)
        if refused < 0 and ask.limit >= 0 and ask.used + ask.needed > ask.limit then
            refused = i - 1
        end
    end
    for i = 1, refused < 0 and #asks or 0 do
        local ask = asks[i]
        if not ask.lease then
            take(ask.window, ask.units)
        elseif ask.units > 0 then
            hold(ask, id)
            ask.used = ask.used + 1
        end
    end
    local answer = {refused, now}
    for _, ask in ipairs(asks) do
        add_state(answer, ask, refused >= 0)
    end
    return answer
end

local function settle(id, at)
    for _, ask in ipairs(asks) do
        if ask.lease then
            redis.call('ZREM', ask.key, id)
        elseif ask.units > 0 then
            take(open_window(ask.key, ask.length), ask.units)
        elseif ask.units < 0 then
            give(open_window(ask.key, ask.length), -ask.units, at)
        end
    end
end

-- Also what an emptied server has forgotten: whoever renews does hold it.
local function renew(id)
    for _, ask in ipairs(asks) do
        if ask.lease then
            hold(ask, id)
        end
    end
end

if ARGV[1] == 'reserve' then
    return reserve(ARGV[2])
elseif ARGV[1] == 'settle' then
    settle(ARGV[2], tonumber(ARGV[3]))
else
    renew(ARGV[2])
end
return 1
