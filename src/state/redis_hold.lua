-- A claim of this process lives for another while.
--   ARGV[1]  this process's claims;  ARGV[2]  ms
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return 0
end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
