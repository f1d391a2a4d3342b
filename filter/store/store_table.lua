-- SPDX-License-Identifier: BSD-2-Clause
-- A small table of store.h inside Redis.
--
-- KEYS     a hash: name of a row = <its end, ms of the clock> <value>
-- ARGV     set, name, value, end, rows at most, bytes at most; delete, name; or read
-- Returns  set: 0, or 1 when the table is full; delete: rows deleted; read: for each row its end,
--          name and value, a line each
local HOSTILE = 4096 -- rows that only somebody else can have written
local key, operation, name = KEYS[1], ARGV[1], ARGV[2]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

if redis.call('HLEN', key) > HOSTILE then
	return redis.error_reply('ERR too many rows in a table')
end
if operation == 'delete' then
	return redis.call('HDEL', key, name)
end

local lines, bytes, latest = {}, 0, 0
local stored = redis.call('HGETALL', key)
for i = 1, #stored, 2 do
	local ends, value = string.match(stored[i + 1], '^(%d+) (.*)$')
	ends = tonumber(ends)
	if not ends or ends <= now then
		if operation == 'set' then
			redis.call('HDEL', key, stored[i])
		end
	elseif operation == 'read' or stored[i] ~= name then
		local line = string.format('%.0f\n%s\n%s\n', ends, stored[i], value)
		bytes = bytes + #line
		latest = math.max(latest, ends)
		lines[#lines + 1] = line
	end
end
if operation == 'read' then
	return bytes < 60000 and table.concat(lines) or redis.error_reply('ERR a table is too large')
end

local value, ends = ARGV[3], tonumber(ARGV[4])
if #lines >= tonumber(ARGV[5]) or bytes + #name + #value + #ARGV[4] + 3 >= tonumber(ARGV[6]) then
	return 1
end
redis.call('HSET', key, name, ARGV[4] .. ' ' .. value)
redis.call('PEXPIRE', key, string.format('%.0f', math.max(latest, ends) - now + 1))
return 0
