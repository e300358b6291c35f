-- Values by key; what is found lives at least ARGV[1] ms longer from now.
local values = redis.call('MGET', unpack(KEYS))
for i, value in ipairs(values) do
    if value and redis.call('PTTL', KEYS[i]) < tonumber(ARGV[1]) then
        redis.call('PEXPIRE', KEYS[i], ARGV[1])
    end
end
return values
