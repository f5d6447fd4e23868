-- Writes the keys that redis-benchmark's -r picks from, each with a value of the size under test, so that every GET finds
-- one. It runs inside the server: exact, and done in a blink. Answers with the number of keys that are then there.
local value = string.rep("x", tonumber(ARGV[2]))
for i = 0, tonumber(ARGV[1]) - 1 do
  redis.call("SET", string.format("key:%012d", i), value)
end
return redis.call("DBSIZE")
