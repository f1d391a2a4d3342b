-- SPDX-License-Identifier: BSD-2-Clause
-- The last part of window.lua's script: peek, and what ends a reservation (give_back, undo, commit, forget).
local function peek()
	local used = {}
	for i = 1, #KEYS do
		local w = load(charge_of(i))
		if w.err then
			return w
		end
		used[i] = text(w.used)
	end
	return table.concat(used, ' ')
end

-- Both make the sum of the older slots stale when SLOT is one of them.
local function add(key, slot, units)
	redis.call('HDEL', key, 'c')
	local left = whole(redis.call('HGET', key, text(slot)) or '0') or UNITS_MAX
	redis.call('HSET', key, text(slot), text(left + units))
end

local function subtract(key, slot, units, summed)
	local field = text(slot)
	if field ~= summed then
		redis.call('HDEL', key, 'c')
	end
	local left = redis.call('HGET', key, field)
	if not left then
		return
	end
	left = (whole(left) or UNITS_MAX) - units
	if left > 0 then
		redis.call('HSET', key, field, text(left))
	else
		redis.call('HDEL', key, field)
	end
end

-- What is left of a run of reserve calls without this one.
local function split(run)
	local parts = {}
	if run[1] < sequence then
		insert(parts, {run[1], sequence - run[1], run[3], run[4]})
	end
	if run[1] + run[2] - 1 > sequence then
		insert(parts, {sequence + 1, run[1] + run[2] - 1 - sequence, run[3], run[4]})
	end
	return parts
end

local function give_back(key, units)
	local mine = 'r' .. id
	local stored = redis.pcall('HMGET', key, mine, 'c')
	if stored.err then
		return stored
	end
	local summed = string.match(stored[2] or '', '^%d+')
	local held = parse_reservation(stored[1] or '')
	if not held then
		return nil
	end
	local kept = {}
	for _, run in ipairs(held.runs) do
		if sequence == 0 then
			subtract(key, run[3], run[2] * run[4], summed)
		elseif sequence >= run[1] and sequence < run[1] + run[2] then
			subtract(key, run[3], math.min(units, run[4]), summed)
			for _, part in ipairs(split(run)) do
				insert(kept, part)
			end
		else
			insert(kept, run)
		end
	end
	held.runs = kept
	if operation == 'undo' and held.last == sequence then
		held.last = sequence - 1
	end
	if sequence == 0 or held.last == 0 then
		redis.call('HDEL', key, mine)
	else
		redis.call('HSET', key, mine, show_reservation(held))
	end
	return nil
end

-- Ends what we hold of one member.
local function end_member(key, field, oldest)
	local value = redis.call('HGET', key, field)
	local member = parse_member(value or '', oldest, math.huge)
	local at = held_by_us(member)
	if not at then
		return
	end
	local before = newest_use(member)
	local hold = table.remove(member.holds, at)
	if operation == 'commit' then
		keep(member, hold[2])
	end
	local after = newest_use(member)
	if after ~= before then
		subtract(key, before, 1)
		if after then
			add(key, after, 1)
		end
	end
	if after then
		redis.call('HSET', key, field, show_member(member))
	else
		redis.call('HDEL', key, field)
	end
end

local function end_members(charge)
	local last = redis.pcall('HGET', charge.key, 't')
	if type(last) == 'table' then
		return last
	end
	local oldest = floor((whole(last) or 0) / charge.step) - SLOTS
	for from = 1, #charge.members, MEMBER_SIZE do
		end_member(charge.key, 'u' .. string.sub(charge.members, from, from + MEMBER_SIZE - 1),
			oldest)
	end
	return nil
end

local function forget()
	for _, key in ipairs(KEYS) do
		local fields = redis.pcall('HKEYS', key)
		if fields.err then
			return fields
		end
		in_parts('HDEL', key, fields)
	end
	return '0'
end

if operation == 'peek' then
	return peek()
elseif operation == 'forget' then
	return forget()
end
local answer = '0' -- or the last error, for it goes on
for i = 1, #KEYS do
	local charge = charge_of(i)
	local failed
	if charge.members then
		failed = end_members(charge)
	else
		failed = give_back(charge.key, charge.units)
	end
	if type(failed) == 'table' and failed.err then
		answer = failed
	end
end
return answer
