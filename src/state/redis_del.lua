-- Deletes values, and claims if this process holds them; answers how many there were.
--   ARGV[1]  what every claim begins with;  ARGV[2]  this process's claims
local n = 0
for _, key in ipairs(KEYS) do
    local value = redis.call('GETRANGE', key, 0, #ARGV[2] - 1)
    if value == ARGV[2] or string.sub(value, 1, #ARGV[1]) ~= ARGV[1] then
        n = n + redis.call('UNLINK', key)
    end
end
return n
