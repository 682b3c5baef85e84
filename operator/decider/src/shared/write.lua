-- Adds shows and outcomes to the two lists of a unit, drops what is too old, and lets both expire.
--
-- KEYS  the unit's shows, the unit's outcomes
-- ARGV  1    'if' adds only to the lists as they were read; 'always' adds what is not there yet
--       2-5  as they were read: length and last element of the shows, then of the outcomes
--       6    microseconds since 1970: what is older is of no use to anybody
--       7    milliseconds for which the lists are kept from now on
--       8    most shows kept
--       9    most outcomes kept
--       10-  what to add; outcomes begin with 'O'
--
-- Gives 1, or both lists where they are not as they were read. Every element is unlike any other, so that the same last
-- element and length mean the same list.
local function is_same(key, length, last)
  return redis.call('LLEN', key) == tonumber(length)
    and (length == '0' or redis.call('LINDEX', key, -1) == last)
end

local function micros(element)
  local sum = 0
  for place = 2, 9 do
    sum = sum * 256 + (string.byte(element, place) or 0)
  end
  return sum
end

local function tidy(key, since, most, keep)
  local first = redis.call('LINDEX', key, 0)
  while first and micros(first) < since do
    redis.call('LPOP', key)
    first = redis.call('LINDEX', key, 0)
  end
  redis.call('LTRIM', key, -most, -1)
  -- Another decider may know of a longer window.
  if redis.call('PTTL', key) < keep then
    redis.call('PEXPIRE', key, keep)
  end
end

local shows, outcomes = KEYS[1], KEYS[2]
local checked = ARGV[1] == 'if'
if checked and not (is_same(shows, ARGV[2], ARGV[3]) and is_same(outcomes, ARGV[4], ARGV[5])) then
  return {redis.call('LRANGE', shows, 0, -1), redis.call('LRANGE', outcomes, 0, -1)}
end
for place = 10, #ARGV do
  local element = ARGV[place]
  local key = string.sub(element, 1, 1) == 'O' and outcomes or shows
  if checked or not redis.call('LPOS', key, element) then
    redis.call('RPUSH', key, element)
  end
end
local since, keep = tonumber(ARGV[6]), tonumber(ARGV[7])
tidy(shows, since, tonumber(ARGV[8]), keep)
tidy(outcomes, since, tonumber(ARGV[9]), keep)
return 1
