-- SPDX-License-Identifier: BSD-2-Clause
-- The window of window.h inside Redis: all keys of a call, all or nothing, in one round trip.
--
-- KEYS     one hash a window:
--            <slot number> = units
--            t             = a time in the slot of the last change, ms
--            l, m          = readable key, in two parts (short fields keep the hash compact)
--            n             = the limit's name
--            c             = <slot of the last change>,<sum of the slots before it>, where that is known
--            r<id>         = <last sequence>,<its slot>;<first>,<count>,<slot>,<units>;...
--            u<member>     = <slot of the newest committed use>, or that (it may be empty) and
--                            ;<id><slot>;<id><slot>;... of the reservations that hold the member.
--                            Each counts as one unit in the slot of its newest use.
--          Other fields are left alone.
-- ARGV     operation, id, sequence, a letter for each key: u (units) or m (members), or, of a charge
--          that never refuses, U or M; empty: all u;
--          then for each key: slot in ms, limit, units or members (12 bytes each), the limit's name and
--          the readable key with a tab between them;
--          then, in tests only, now
-- Returns  reserve, look: numbers and words with blanks between them: 0 or 1 (over), index from 0, used,
--                         retry after ms, fields not ours; then for each charge that never refuses and
--                         did not fit: "w", index, used, retry after ms
--          part:          reserve of some windows of a step: that, and for each that was charged now:
--                         "c", index
--          peek:          what is used of each, with blanks between; give_back, commit (of members),
--                         forget: "0"
--          undo:          "0"; as give_back, and as if the reserve call had never been made
--
-- A unit count that is not ours counts as full until its slot leaves the window. A key of another
-- type is an error of the server (WRONGTYPE) before anything is written.
--
-- This file has the call and the short way that nearly all go. window_reserve.lua, which has the others
-- that ask, and window_end.lua, for what was asked before, are parts of the same script behind it.
local SLOTS, RUNS_MAX, UNITS_MAX, COMPACT_MAX = 60, 32, 4503599627370496, 128
local MEMBER_SIZE, HOLDS_MAX = 12, 256
local SWEPT_EVERY = 16 -- slots: then all fields of a window are looked through
local KEYS, ARGV, redis = KEYS, ARGV, redis -- found faster
local operation, id, sequence, kinds = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]

local insert, format, match, floor = table.insert, string.format, string.match, math.floor
local real = tonumber(ARGV[5 + 4 * #KEYS])
if not real then
	local time = redis.call('TIME')
	real = time[1] * 1000 + floor(time[2] / 1000)
end

-- Exact up to UNITS_MAX, and twice as fast where a long has 64 bits.
local NUMBER = format('%d', 2 ^ 32) == '4294967296' and '%d' or '%.0f'

-- A reservation whose calls were all alike and in this slot, with one call more. Nil for any other.
local function one_more(held, slot, units)
	local last, first, count, in_slot, each = match(held, '^(%d+),%d+;(%d+),(%d+),(%d+),(%d+);$')
	if in_slot == slot and each == units and last + 1 == sequence and first + count == sequence then
		return ARGV[3] .. ',' .. slot .. ';' .. first .. ',' .. format(NUMBER, count + 1) .. ',' ..
			slot .. ',' .. units .. ';'
	end
end

local function add_names(names, set)
	local name, label = match(names, '^([^\t]*)\t(.*)$')
	insert(set, 'n')
	insert(set, name)
	insert(set, 'l')
	insert(set, string.sub(label, 1, 64))
	if #label > 64 then
		insert(set, 'm')
		insert(set, string.sub(label, 65))
	end
end

-- The first units of a window, or of a slot, not long after those of the slot CHANGED, before which OLDER
-- units were: what the slots before this one hold now, and a function that writes it. Nil where it is not
-- so simple.
local function begin_slot(i, slot, changed, older)
	local key, step, last = KEYS[i], ARGV[4 * i + 1], tonumber(changed)
	local current, leaving = floor(real / step), {}
	local set = {'t', format(NUMBER, real), 'c'}
	if not last then
		if redis.pcall('HLEN', key) ~= 0 then
			return nil
		end
		older, set[4] = 0, slot .. ',0'
		add_names(ARGV[4 * i + 4], set)
	elseif last >= current or floor(last / SWEPT_EVERY) ~= floor(current / SWEPT_EVERY) then
		return nil
	else
		local slots = {changed}
		for before = last - SLOTS, current - SLOTS - 1 do
			insert(slots, format(NUMBER, before))
		end
		for n, units in ipairs(redis.call('HMGET', key, unpack(slots))) do
			if units and not match(units, '^%d+$') then
				return nil
			elseif n == 1 then
				older = older + (units or 0)
			elseif units then
				older = older - units
				insert(leaving, slots[n])
			end
		end
		set[4] = slot .. ',' .. format(NUMBER, older)
	end
	return older, function(count, reservation)
		if leaving[1] then
			redis.call('HDEL', key, unpack(leaving))
		end
		redis.call('HSET', key, slot, count, 'r' .. id, reservation, unpack(set))
		redis.call('PEXPIRE', key, format(NUMBER, (current + SLOTS + 1) * step - real))
	end
end

-- Until enough of the oldest slots have left, where a few of them are enough; nil where not.
local function wait_quickly(key, step, needed)
	local first, freed, slots = floor(real / step) - SLOTS, 0, {}
	for slot = first, first + 5 do
		insert(slots, format(NUMBER, slot))
	end
	for i, units in ipairs(redis.call('HMGET', key, unpack(slots))) do
		freed = freed + (units and (tonumber(units) or UNITS_MAX) or 0)
		if freed >= needed then
			return (first + i + SLOTS) * step - real
		end
	end
end

-- Nearly every call: units, in windows in which something was counted in this slot before, or not long
-- ago. It costs half of what the rest would and less, so it comes before that is so much as defined, and
-- is written plainly: one command to read a window and one to write it, few functions, few tables. Nil
-- where it is not so simple; then nothing was written.
local function reserve_quickly()
	local mine, slots, counts, reservations, begun = 'r' .. id, {}, {}, {}, nil
	local fullest, share, used, over, longest, details = 0, -1, 0, false, 0, ''
	local slot, slot_length
	for i = 1, #KEYS do
		local step, limit, units = ARGV[4 * i + 1], tonumber(ARGV[4 * i + 2]), ARGV[4 * i + 3]
		if step ~= slot_length then
			slot, slot_length = format(NUMBER, floor(real / step)), step
		end
		-- Of a key of another type it is an error, which has no fields.
		local stored = redis.pcall('HMGET', KEYS[i], 'c', slot, mine)
		local changed, older, count = match((stored[1] or '') .. ' ' .. (stored[2] or '0'),
			'^(%d+),(%d+) (%d+)$')
		if changed ~= slot then
			local write
			older, write = begin_slot(i, slot, changed, older)
			if not write or stored[2] then
				return nil
			end
			begun, count = begun or {}, 0
			begun[i] = write
		end
		local reservation = stored[3] and one_more(stored[3], slot, units) or not stored[3] and
			ARGV[3] .. ',' .. slot .. ';' .. ARGV[3] .. ',1,' .. slot .. ',' .. units .. ';'
		if not reservation or units == '0' then
			return nil
		end
		local after = older + count + units
		if after > limit then
			local wait = tonumber(units) > limit and SLOTS * step or
				wait_quickly(KEYS[i], step, after - limit)
			if not wait then
				return nil
			elseif string.sub(kinds, i, i) == 'U' then
				details = details .. format(' w %d ' .. NUMBER .. ' ' .. NUMBER, i - 1,
					after - units, wait)
			elseif not over or wait > longest then
				over, fullest, used, longest = true, i - 1, after - units, wait
			end
		elseif not over then
			slots[i], counts[i], reservations[i] = slot, format(NUMBER, count + units),
				reservation
			if after / limit > share then
				fullest, share, used = i - 1, after / limit, after
			end
		end
	end
	if over then
		return format('1 %d ' .. NUMBER .. ' ' .. NUMBER .. ' 0', fullest, used, longest) .. details
	end
	for i = 1, operation == 'look' and 0 or #KEYS do
		if slots[i] and begun and begun[i] then
			begun[i](counts[i], reservations[i])
		elseif slots[i] then
			redis.call('HSET', KEYS[i], slots[i], counts[i], mine, reservations[i])
		end
		if operation == 'part' and slots[i] then
			details = details .. format(' c %d', i - 1)
		end
	end
	return format(NUMBER == '%d' and '0 %d %d 0 0' or '0 %.0f %.0f 0 0', fullest, used) .. details
end

local decides = operation == 'reserve' or operation == 'part' or operation == 'look'
if decides and (kinds == '' or not string.find(kinds, '[mM]')) then
	local answer = reserve_quickly()
	if answer then
		return answer
	end
end
