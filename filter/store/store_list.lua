-- SPDX-License-Identifier: BSD-2-Clause
-- Some of the windows that one server holds (window.lua says what is in them).
--
-- ARGV     now (empty but in tests), cursor of SCAN, pattern, count of keys to look at
-- Returns  the next cursor, then for each window with something in it: its Redis key, units in it, the
--          limit's name, and the readable key: a line each. Or "!" and what the server said.
local SLOTS, UNITS_MAX = 60, 4503599627370496
local floor, format = math.floor, string.format
local real = tonumber(ARGV[1])
if not real then
	local time = redis.call('TIME')
	real = time[1] * 1000 + floor(time[2] / 1000)
end

local function printable(value)
	return string.gsub(value or '', '[^\32-\126]', '?')
end

-- Units in a window now, and its names; nil for what is no window of ours.
local function look(key)
	local length = tonumber(string.match(key, ':(%d+)$'))
	local head = length and redis.pcall('HMGET', key, 't', 'n', 'l', 'm')
	if not head or head.err or not head[1] then
		return nil
	end
	local step = math.max(1, math.ceil(length / SLOTS))
	local now, changed = floor(real / step), floor((tonumber(head[1]) or 0) / step)
	local current = changed > now and changed <= now + 2 * SLOTS and changed or now
	local names, used = {}, 0
	for slot = current - SLOTS, current do
		names[#names + 1] = format('%.0f', slot)
	end
	for _, units in ipairs(redis.call('HMGET', key, unpack(names))) do
		used = used + (units and math.min(tonumber(units) or UNITS_MAX, UNITS_MAX) or 0)
	end
	return used, printable(head[2]), printable((head[3] or '') .. (head[4] or ''))
end

local page = redis.pcall('SCAN', ARGV[2], 'MATCH', ARGV[3], 'COUNT', ARGV[4])
if page.err then
	return '!' .. page.err
end
local lines = {page[1]}
for _, key in ipairs(page[2]) do
	local used, name, label = look(key)
	if used and used > 0 then
		lines[#lines + 1] = key
		lines[#lines + 1] = format('%.0f', used)
		lines[#lines + 1] = string.sub(name, 1, 63)
		lines[#lines + 1] = string.sub(label, 1, 127)
	end
end
return table.concat(lines, '\n') .. '\n'
