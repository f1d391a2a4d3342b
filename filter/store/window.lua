-- SPDX-License-Identifier: BSD-2-Clause
-- The window of window.h inside Redis: all keys of a call, all or nothing, in one round trip.
--
-- KEYS     one hash a window:
--            <slot number> = units
--            t             = time of the last change, ms
--            l, m          = readable key, in two parts (short fields keep the hash compact)
--            n             = the limit's name
--            c             = <current slot>,<sum of the slots before it>, for who needs no more of them
--            r<id>         = <last sequence>,<its slot>;<first>,<count>,<slot>,<units>;...
--            u<member>     = <slot of the newest committed use>, or that (it may be empty) and
--                            ;<id><slot>;<id><slot>;... of the reservations that hold the member.
--                            Each counts as one unit in the slot of its newest use.
--          Other fields are left alone.
-- ARGV     operation, now (empty but in tests), id, sequence,
--          then for each key: window in ms, limit, units, label, name, members (12 bytes each)
-- Returns  reserve, look: {0 or 1 (over), index from 0, used, retry after ms, fields not ours}
--          part:          reserve of some windows of a step: that, and which of them were charged now,
--                         as a sum of 1, 2, 4, 8 ... in their order
--          peek:          {used ...}; give_back, commit (of members), forget: {}
--          undo:          {}; as give_back, and as if the reserve call had never been made
--
-- A unit count that is not ours counts as full until its slot leaves the window. A key of another
-- type is an error of the server (WRONGTYPE) before anything is written.
local SLOTS, RUNS_MAX, UNITS_MAX, COMPACT_MAX = 60, 256, 4503599627370496, 128
local MEMBER_SIZE, HOLDS_MAX = 12, 256
local operation, id, sequence = ARGV[1], ARGV[3], tonumber(ARGV[4])

local insert, format, floor = table.insert, string.format, math.floor
local real = tonumber(ARGV[2])
if not real then
	local time = redis.call('TIME')
	real = time[1] * 1000 + floor(time[2] / 1000)
end

-- Exact up to UNITS_MAX, and twice as fast where a long has 64 bits.
local NUMBER = format('%d', UNITS_MAX) == '4503599627370496' and '%d' or '%.0f'
local RUN = NUMBER == '%d' and '%d,%d,%d,%d;' or '%.0f,%.0f,%.0f,%.0f;'

local function text(number)
	return format(NUMBER, number)
end

local function whole(digits)
	if not digits or #digits > 16 or not string.find(digits, '^%d+$') then
		return nil
	end
	local number = tonumber(digits)
	if number > UNITS_MAX then
		return nil
	end
	return number
end

local function parse_reservation(value)
	if not value then
		return nil
	end
	local last, at, rest = string.match(value, '^(%d+),(%d+);(.*)$')
	if not whole(last) or not whole(at) then
		return nil
	end
	local held = {last = tonumber(last), at = tonumber(at), runs = {}}
	for first, count, slot, units in string.gmatch(rest, '(%d+),(%d+),(%d+),(%d+);') do
		if whole(first) and whole(count) and whole(slot) and whole(units) then
			insert(held.runs, {tonumber(first), tonumber(count), tonumber(slot),
				tonumber(units)})
		end
	end
	return held
end

local function show_reservation(held)
	while #held.runs > RUNS_MAX do
		table.remove(held.runs, 1)
	end
	local parts = {text(held.last) .. ',' .. text(held.at) .. ';'}
	for i, run in ipairs(held.runs) do
		parts[i + 1] = format(RUN, run[1], run[2], run[3], run[4])
	end
	return table.concat(parts)
end

local function charge_of(i)
	local at = 6 * i - 2
	return tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
end

-- The label and the name of a charge's limit, and its members.
local function label_of(i)
	return ARGV[6 * i + 2], ARGV[6 * i + 3]
end

local function members_of(i)
	return ARGV[6 * i + 4]
end

-- Members. Slots older than OLDEST are dropped, those ahead of CURRENT count as of then.
local function parse_member(value, oldest, current)
	local member = {holds = {}}
	local kept, from = string.match(value or '', '^(%d*);?()')
	kept = whole(kept)
	if kept and kept >= oldest then
		member.kept = math.min(kept, current)
	end
	while value and from <= #value do
		local slot, behind = string.match(value, '^(%d+);()', from + 16)
		slot = whole(slot)
		if not slot then
			break
		end
		if slot >= oldest then
			insert(member.holds, {string.sub(value, from, from + 15), math.min(slot, current)})
		end
		from = behind
	end
	return member
end

local function show_member(member)
	local kept = member.kept and text(member.kept) or ''
	if #member.holds == 0 then
		return kept
	end
	local parts = {kept, ';'}
	for _, hold in ipairs(member.holds) do
		insert(parts, hold[1] .. text(hold[2]) .. ';')
	end
	return table.concat(parts)
end

-- The slot in which it counts; nil: in none.
local function newest_use(member)
	local slot = member.kept
	for _, hold in ipairs(member.holds) do
		if not slot or hold[2] > slot then
			slot = hold[2]
		end
	end
	return slot
end

local function held_by_us(member)
	for i, hold in ipairs(member.holds) do
		if hold[1] == id then
			return i
		end
	end
	return nil
end

local function keep(member, slot)
	member.kept = math.max(member.kept or slot, slot)
end

-- Now, or the last time of a change when that is ahead by no more than a clock may be.
local function effective(last, step)
	local ahead = (last or 0) - real
	if ahead > 0 and ahead <= 2 * SLOTS * step then
		return last
	end
	return real
end

-- Field, value, field, value ... of a window. One with many live reservations or
-- members is read whole only when something is taken in a new slot, which is when they are looked
-- through: refusing costs the same whatever it holds. Second value: it was not read whole.
local function fields_of(key, step, members)
	local count = redis.pcall('HLEN', key)
	if type(count) == 'table' then
		return count
	end
	local last = count > COMPACT_MAX and whole(redis.call('HGET', key, 't'))
	local current = last and floor(effective(last, step) / step)
	if not last or floor(last / step) > current then
		return redis.call('HGETALL', key)
	end
	local names, stored = {'t', 'l', members ~= '' and 'u' .. members or 'r' .. id}, {}
	for slot = current - SLOTS, current do
		insert(names, text(slot))
	end
	for i, value in ipairs(redis.call('HMGET', key, unpack(names))) do
		if value then
			insert(stored, names[i])
			insert(stored, value)
		end
	end
	return stored, floor(last / step) < current
end

-- Within a slot, where one change has come before: the older slots are not read. Nil: not so.
local function load_some(key, step)
	local current, mine = floor(real / step), 'r' .. id
	local field = text(current)
	local stored = redis.pcall('HMGET', key, 't', 'c', field, mine)
	if stored.err then
		return stored
	end
	local last, units = whole(stored[1]), whole(stored[3] or '0')
	local slot, older = string.match(stored[2] or '', '^(%d+),(%d+)$')
	older = whole(older)
	if not last or not units or not older or tonumber(slot) ~= current or last > real or
		floor(last / step) ~= current then
		return nil
	end
	return {key = key, step = step, slots = {[current] = units}, held = {[mine] = stored[4] or nil},
		used = older + units, foreign = 0, last = last, now = real, current = current,
		field = field, labelled = true, some = true}
end

local function fill(w, stored)
	w.slots, w.held, w.members, w.foreign = {}, {}, {}, 0
	for i = 1, #stored, 2 do
		local field, value = stored[i], stored[i + 1]
		local kind = string.byte(field)
		if field == 't' then
			w.last = whole(value)
		elseif field == 'l' then
			w.labelled = true
		elseif kind == 114 and #field == 17 then
			w.held[field] = value
		elseif kind == 117 and #field == 1 + MEMBER_SIZE then
			w.members[field] = value
		elseif kind and kind >= 48 and kind <= 57 and whole(field) then
			local units = whole(value)
			if not units then
				w.foreign = w.foreign + 1
				units = UNITS_MAX
			end
			w.slots[tonumber(field)] = units
		end
	end
end

local function load(key, members, length)
	local step = math.max(1, math.ceil(length / SLOTS))
	local stored, old = fields_of(key, step, members)
	if stored.err then
		return stored
	end
	local w = {key = key, step = step, used = 0, old = old}
	fill(w, stored)
	w.now = effective(w.last, step)
	w.current = floor(w.now / w.step)
	w.field = text(w.current)
	for slot, units in pairs(w.slots) do
		if slot >= w.current - SLOTS then
			w.used = w.used + units
		end
	end
	return w
end

local function wait_ms(w, needed)
	local numbers = {}
	for slot in pairs(w.slots) do
		if slot >= w.current - SLOTS then
			insert(numbers, slot)
		end
	end
	table.sort(numbers)
	local freed = 0
	for _, slot in ipairs(numbers) do
		freed = freed + w.slots[slot]
		if freed >= needed then
			return (math.min(slot, w.current) + SLOTS + 1) * w.step - real
		end
	end
	return SLOTS * w.step
end

local function runs_move_on(held, current)
	local changed = held.at > current
	held.at = math.min(held.at, current)
	for i = #held.runs, 1, -1 do
		local run = held.runs[i]
		if run[3] < current - SLOTS then
			table.remove(held.runs, i)
			changed = true
		elseif run[3] > current then
			run[3] = current
		end
	end
	return changed
end

-- Fields to set and to delete because of the time that went by.
local function move_on(w, set, delete)
	if w.last and floor(w.last / w.step) == w.current then
		return
	end
	local ahead = 0
	for slot, units in pairs(w.slots) do
		if slot < w.current - SLOTS or slot > w.current then
			insert(delete, text(slot))
			w.slots[slot] = nil
			if slot > w.current then
				ahead = ahead + units
			end
		end
	end
	if ahead > 0 then
		w.slots[w.current] = (w.slots[w.current] or 0) + ahead
	end
	for field, value in pairs(w.held) do
		local held = parse_reservation(value)
		if not held or held.at < w.current - SLOTS then
			insert(delete, field)
			w.held[field] = nil
		elseif runs_move_on(held, w.current) then
			w.held[field] = show_reservation(held)
			insert(set, field)
			insert(set, w.held[field])
		end
	end
	for field, value in pairs(w.members) do
		local member = parse_member(value, w.current - SLOTS, w.current)
		local left = newest_use(member) and show_member(member) or nil
		w.members[field] = left
		if not left then
			insert(delete, field)
		elseif left ~= value then
			insert(set, field)
			insert(set, left)
		end
	end
end

-- Lua unpacks only so many arguments at once.
local function in_parts(command, key, arguments)
	for i = 1, #arguments, 200 do
		redis.call(command, key, unpack(arguments, i, math.min(i + 199, #arguments)))
	end
end

local function sum_up(w, set)
	local older = 0
	for slot, units in pairs(w.slots) do
		if slot >= w.current - SLOTS and slot < w.current then
			older = older + units
		end
	end
	insert(set, 'c')
	insert(set, text(w.current) .. ',' .. text(older))
end

-- A use of a member in the current slot.
local function use_member(w, members, set, delete)
	local field = 'u' .. members
	local member = parse_member(w.members[field], w.current - SLOTS, w.current)
	local before = newest_use(member)
	if #member.holds == HOLDS_MAX then
		keep(member, table.remove(member.holds, 1)[2])
	end
	insert(member.holds, {id, w.current})
	insert(set, field)
	insert(set, show_member(member))
	if before ~= w.current then
		w.slots[w.current] = (w.slots[w.current] or 0) + 1
	end
	insert(set, text(w.current))
	insert(set, text(w.slots[w.current] or 1))
	if not before or before == w.current then
		return
	end
	local left = (w.slots[before] or 0) - 1
	insert(left > 0 and set or delete, text(before))
	if left > 0 then
		insert(set, text(left))
	end
end

local function use_units(w, units, set)
	local mine, n = 'r' .. id, #set
	local held = parse_reservation(w.held[mine])
	set[n + 1] = mine
	if held then
		local run = held.runs[#held.runs]
		held.last, held.at = sequence, w.current
		if run and run[1] + run[2] == sequence and run[3] == w.current and run[4] == units then
			run[2] = run[2] + 1
		else
			insert(held.runs, {sequence, 1, w.current, units})
		end
		set[n + 2] = show_reservation(held)
	else
		-- The same, of the only one.
		local first = text(sequence)
		set[n + 2] = first .. ',' .. w.field .. ';' .. first .. ',1,' .. w.field .. ',' ..
			text(units) .. ';'
	end
	set[n + 3], set[n + 4] = w.field, text((w.slots[w.current] or 0) + units)
end

local function take(w, i, units)
	local set, delete = {}, {}
	if w.old then
		fill(w, redis.call('HGETALL', w.key))
	end
	move_on(w, set, delete)
	if members_of(i) ~= '' then
		use_member(w, members_of(i), set, delete)
		insert(delete, 'c')
	else
		use_units(w, units, set)
		if not w.some and w.foreign == 0 then
			sum_up(w, set)
		end
	end
	insert(set, 't')
	insert(set, text(w.now))
	if not w.labelled then
		local label, name = label_of(i)
		insert(set, 'n')
		insert(set, name)
		insert(set, 'l')
		insert(set, string.sub(label, 1, 64))
		if #label > 64 then
			insert(set, 'm')
			insert(set, string.sub(label, 65))
		end
	end
	in_parts('HDEL', w.key, delete)
	in_parts('HSET', w.key, set)
	-- Within a slot the end stays the same.
	if not w.last or floor(w.last / w.step) ~= w.current then
		redis.call('PEXPIRE', w.key, text((w.current + SLOTS + 1) * w.step - real))
	end
end

local function reserve()
	local windows, answer, foreign = {}, nil, 0
	local over, largest = nil, -1
	for i, key in ipairs(KEYS) do
		local length, limit, units = charge_of(i)
		local members = members_of(i)
		local step = math.max(1, math.ceil(length / SLOTS))
		local w = members == '' and load_some(key, step) or load(key, members, length)
		if w.err then
			return w
		end
		local known = false
		if members ~= '' then
			local member = parse_member(w.members['u' .. members], w.current - SLOTS,
				w.current)
			units, known = 1, newest_use(member) ~= nil
			w.counted = held_by_us(member) ~= nil
		else
			local held = parse_reservation(w.held['r' .. id])
			w.counted = units > 0 and held ~= nil and sequence <= held.last
		end
		known = known or w.counted
		foreign = foreign + w.foreign
		windows[i] = w
		local after = w.used + (known and 0 or units)
		if not w.counted and (limit == 0 or (after > limit and not known)) then
			local wait = SLOTS * w.step
			if w.some then
				w = load(key, members, length)
			end
			if limit > 0 and units <= limit then
				wait = wait_ms(w, after - limit)
			end
			if not over or wait > over[4] then
				over = {1, i - 1, w.used, wait}
			end
		end
		local share = limit > 0 and after / limit or 1e300
		if share > largest then
			largest = share
			answer = {0, i - 1, after, 0}
		end
	end
	answer = over or answer
	answer[5] = foreign
	if over or operation == 'look' then
		return answer
	end
	local charged = 0
	for i, w in ipairs(windows) do
		local _, _, units = charge_of(i)
		if (units > 0 or members_of(i) ~= '') and not w.counted then
			take(w, i, units)
			charged = charged + 2 ^ (i - 1)
		end
	end
	if operation == 'part' then
		answer[6] = charged
	end
	return answer
end

-- What follows is not even defined for these: a function costs time when it is.
if operation == 'reserve' or operation == 'part' or operation == 'look' then
	return reserve()
end

local function peek()
	local used = {}
	for i, key in ipairs(KEYS) do
		local w = load(key, '', charge_of(i))
		if w.err then
			return w
		end
		used[i] = w.used
	end
	return used
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

local function end_members(key, i)
	local length = charge_of(i)
	local step = math.max(1, math.ceil(length / SLOTS))
	local last = redis.pcall('HGET', key, 't')
	if type(last) == 'table' then
		return last
	end
	local oldest = floor((whole(last) or 0) / step) - SLOTS
	local members = members_of(i)
	for from = 1, #members, MEMBER_SIZE do
		end_member(key, 'u' .. string.sub(members, from, from + MEMBER_SIZE - 1), oldest)
	end
	return nil
end

if operation == 'peek' then
	return peek()
end
if operation == 'forget' then
	for _, key in ipairs(KEYS) do
		local fields = redis.pcall('HKEYS', key)
		if fields.err then
			return fields
		end
		in_parts('HDEL', key, fields)
	end
	return {}
end
local answer = {} -- of give_back: the last error, for it goes on
for i, key in ipairs(KEYS) do
	local _, _, units = charge_of(i)
	local failed
	if members_of(i) ~= '' then
		failed = end_members(key, i)
	else
		failed = give_back(key, units)
	end
	if type(failed) == 'table' and failed.err then
		answer = failed
	end
end
return answer
