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
--
-- A call costs what it makes: a function some 600 instructions, and as much again for each local variable
-- of the script that any function uses. So the short way is plain code, and what it seldom needs are
-- functions that use only what they are given.
local SLOTS, RUNS_MAX, UNITS_MAX, COMPACT_MAX = 60, 32, 4503599627370496, 128
local MEMBER_SIZE, HOLDS_MAX = 12, 256
local KEYS, ARGV, redis = KEYS, ARGV, redis -- found faster
local operation, id, sequence, kinds = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]

local insert, format, match, floor = table.insert, string.format, string.match, math.floor
local real = tonumber(ARGV[5 + 4 * #KEYS])
if not real then
	local time = redis.call('TIME')
	real = time[1] * 1000 + floor(time[2] / 1000)
end

-- A reservation whose calls were all alike and in this slot, with one call more. Nil for any other.
local function one_more(held, slot, units, sequence)
	local last, first, count, in_slot, each =
		string.match(held, '^(%d+),%d+;(%d+),(%d+),(%d+),(%d+);$')
	if in_slot == slot and each == units and last + 1 == sequence + 0 and first + count == sequence + 0 then
		return string.format('%s,%s;%s,%.0f,%s,%s;', sequence, slot, first, count + 1, slot, units)
	end
end

local function add_names(names, set)
	local name, label = string.match(names, '^([^\t]*)\t(.*)$')
	table.insert(set, 'n')
	table.insert(set, name)
	table.insert(set, 'l')
	table.insert(set, string.sub(label, 1, 64))
	if #label > 64 then
		table.insert(set, 'm')
		table.insert(set, string.sub(label, 65))
	end
end

-- The first units of a window, or of a slot, not long after those of the slot CHANGED, before which OLDER
-- units were: what the slots before this one hold now, and what else is to be written, with the slots that
-- leave the window. Nil where it is not so simple.
local function begin_slot(window, real, step, slot, changed, older)
	local slots, swept_every = 60, 16 -- slots: then all fields of a window are looked through
	local key, last, current = window.key, tonumber(changed), math.floor(real / step)
	local set = {'t', string.format('%.0f', real), 'c'}
	set.leaving, set.keep_ms = {}, string.format('%.0f', (current + slots + 1) * step - real)
	if not last then
		if redis.pcall('HLEN', key) ~= 0 then
			return nil
		end
		older, set[4] = 0, slot .. ',0'
		window.add_names(window.names, set)
	elseif last >= current or math.floor(last / swept_every) ~= math.floor(current / swept_every) then
		return nil
	else
		local fields = {changed}
		for before = last - slots, current - slots - 1 do
			table.insert(fields, string.format('%.0f', before))
		end
		for n, units in ipairs(redis.call('HMGET', key, unpack(fields))) do
			if units and not string.match(units, '^%d+$') then
				return nil
			elseif n == 1 then
				older = older + (units or 0)
			elseif units then
				older = older - units
				table.insert(set.leaving, fields[n])
			end
		end
		set[4] = slot .. ',' .. string.format('%.0f', older)
	end
	return older, set
end

-- Until enough of the oldest slots have left, where a few of them are enough; nil where not.
local function wait_quickly(key, real, step, needed)
	local first, freed, slots = math.floor(real / step) - 60, 0, {}
	for slot = first, first + 5 do
		table.insert(slots, string.format('%.0f', slot))
	end
	for i, units in ipairs(redis.call('HMGET', key, unpack(slots))) do
		freed = freed + (units and (tonumber(units) or 4503599627370496) or 0)
		if freed >= needed then
			return (first + i + 60) * step - real
		end
	end
end

-- Nearly every call: units, in windows in which something was counted in this slot before, or not long
-- ago. It costs half of what the rest would and less, so it comes before that is so much as defined, and
-- is written plainly: one command to read a window and one to write it, no functions, few tables. Where it
-- is not so simple nothing was written yet.
local decides = operation == 'reserve' or operation == 'part' or operation == 'look'
local short = decides and (kinds == '' or not string.find(kinds, '[mM]'))
local mine, slots, counts, reservations, begun = 'r' .. id, {}, {}, {}, nil
local fullest, share, used, over, longest, details = 0, -1, 0, false, 0, ''
local slot, slot_length
for i = 1, short and #KEYS or 0 do
	local step, limit, units = ARGV[4 * i + 1], tonumber(ARGV[4 * i + 2]), ARGV[4 * i + 3]
	if step ~= slot_length then
		slot, slot_length = floor(real / step), step
		-- Exact, and twice as fast where it is enough.
		slot = format(slot < 2147483648 and '%d' or '%.0f', slot)
	end
	-- Of a key of another type it is an error, which has no fields.
	local stored = redis.pcall('HMGET', KEYS[i], 'c', slot, mine)
	local changed, older, count = match((stored[1] or '') .. ' ' .. (stored[2] or '0'),
		'^(%d+),(%d+) (%d+)$')
	if changed ~= slot then
		local set
		older, set = begin_slot({key = KEYS[i], names = ARGV[4 * i + 4], add_names = add_names}, real,
			step, slot, changed, older)
		short = set and not stored[2]
		if not short then
			break
		end
		begun, count = begun or {}, 0
		begun[i] = set
	end
	local reservation = stored[3] and one_more(stored[3], slot, units, ARGV[3]) or not stored[3] and
		ARGV[3] .. ',' .. slot .. ';' .. ARGV[3] .. ',1,' .. slot .. ',' .. units .. ';'
	count = count + units
	local after = older + count
	short = reservation and units ~= '0' and after <= 2 * UNITS_MAX
	if not short then
		break
	elseif after > limit then
		local wait = tonumber(units) > limit and SLOTS * step or
			wait_quickly(KEYS[i], real, step, after - limit)
		short = wait
		if not short then
			break
		elseif string.sub(kinds, i, i) == 'U' then
			details = details .. format(' w %d %.0f %.0f', i - 1, after - units, wait)
		elseif not over or wait > longest then
			over, fullest, used, longest = true, i - 1, after - units, wait
		end
	elseif not over then
		slots[i], counts[i], reservations[i] = slot, format(count < 2147483648 and '%d' or '%.0f', count),
			reservation
		if after / limit > share then
			fullest, share, used = i - 1, after / limit, after
		end
	end
end
if short and over then
	return format('1 %d %.0f %.0f 0', fullest, used, longest) .. details
elseif short then
	for i = 1, operation == 'look' and 0 or #KEYS do
		if slots[i] and begun and begun[i] then
			if begun[i].leaving[1] then
				redis.call('HDEL', KEYS[i], unpack(begun[i].leaving))
			end
			redis.call('HSET', KEYS[i], slots[i], counts[i], mine, reservations[i], unpack(begun[i]))
			redis.call('PEXPIRE', KEYS[i], begun[i].keep_ms)
		elseif slots[i] then
			redis.call('HSET', KEYS[i], slots[i], counts[i], mine, reservations[i])
		end
		if operation == 'part' and slots[i] then
			details = details .. format(' c %d', i - 1)
		end
	end
	return format(used < 2147483648 and '0 %d %d 0 0' or '0 %.0f %.0f 0 0', fullest, used) .. details
end

-- Exact up to UNITS_MAX, and twice as fast where a long has 64 bits.
local NUMBER = format('%d', 2 ^ 32) == '4294967296' and '%d' or '%.0f'
local SWEPT_EVERY = 16 -- slots: then all fields of a window are looked through
