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

-- What is asked of the window of KEYS[i].
local function charge_of(i)
	local kind, third = string.sub(kinds, i, i), ARGV[4 * i + 3]
	local charge = {
		key = KEYS[i],
		watched = kind == 'U' or kind == 'M',
		step = tonumber(ARGV[4 * i + 1]),
		limit = tonumber(ARGV[4 * i + 2]),
		names = ARGV[4 * i + 4],
	}
	if kind ~= 'm' and kind ~= 'M' then
		charge.units = tonumber(third)
	else
		charge.units, charge.members = 1, third
	end
	return charge
end

local RUN = NUMBER == '%d' and '%d,%d,%d,%d;' or '%.0f,%.0f,%.0f,%.0f;'

local function parse_reservation(value)
	if not value then
		return nil
	end
	local last, at, rest = match(value, '^(%d+),(%d+);(.*)$')
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

-- Two of the oldest runs in one slot become one, which only leaves as a whole: a single call is given back
-- soon or not at all. False where no two are in one slot, so that there are no more than slots.
local function fold_runs(runs)
	for i = 2, #runs do
		local run, next_run = runs[i - 1], runs[i]
		if run[3] == next_run[3] then
			runs[i - 1] = {0, 1, run[3], run[2] * run[4] + next_run[2] * next_run[4]}
			table.remove(runs, i)
			return true
		end
	end
	return false
end

local function show_reservation(held)
	local many = #held.runs > RUNS_MAX
	while many and fold_runs(held.runs) do
		many = #held.runs > RUNS_MAX
	end
	local parts = {text(held.last) .. ',' .. text(held.at) .. ';'}
	for i, run in ipairs(held.runs) do
		parts[i + 1] = format(RUN, run[1], run[2], run[3], run[4])
	end
	return table.concat(parts)
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

-- The slot of now, or that of the last change when it is ahead by no more than a clock may be.
local function slot_of_now(last, step)
	local now, changed = floor(real / step), floor((last or 0) / step)
	return changed > now and changed <= now + 2 * SLOTS and changed or now
end

-- Field, value, field, value ... of a window. One with many live reservations or
-- members is read whole only when something is taken in a new slot, which is when they are looked
-- through: refusing costs the same whatever it holds. Second value: it was not read whole.
local function fields_of(key, step, members)
	local count = redis.pcall('HLEN', key)
	if type(count) == 'table' then
		return count
	elseif count == 0 then
		return {}
	end
	local last = count > COMPACT_MAX and whole(redis.call('HGET', key, 't'))
	local current = last and slot_of_now(last, step)
	if not last or floor(last / step) > current then
		return redis.call('HGETALL', key)
	end
	local names, stored = {'t', 'l', members and 'u' .. members or 'r' .. id}, {}
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

local function load(charge)
	local stored, old = fields_of(charge.key, charge.step, charge.members)
	if stored.err then
		return stored
	end
	local w = {key = charge.key, step = charge.step, used = 0, old = old}
	fill(w, stored)
	w.current = slot_of_now(w.last, w.step)
	local last = floor((w.last or 0) / w.step)
	w.moves = last ~= w.current
	-- The last change dropped what was older, or would have (moved_on leaves some for later).
	w.kept_from = last - SLOTS
	w.oldest = math.max(last, w.current) - SLOTS
	for slot, units in pairs(w.slots) do
		if slot >= w.current - SLOTS then
			w.used = w.used + units
		end
	end
	return w
end

local function our_reservation(w)
	local held = parse_reservation(w.held['r' .. id])
	return held and held.at >= w.kept_from and held or nil
end

-- Until enough of the oldest slots have left for this charge.
local function wait_ms(w, charge)
	if charge.limit == 0 or charge.units > charge.limit then
		return SLOTS * w.step
	end
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
		if freed >= w.used + charge.units - charge.limit then
			return (math.min(slot, w.current) + SLOTS + 1) * w.step - real
		end
	end
	return SLOTS * w.step
end

local function runs_move_on(held, oldest, current)
	local changed = held.at > current
	held.at = math.min(held.at, current)
	for i = #held.runs, 1, -1 do
		local run = held.runs[i]
		if run[3] < oldest then
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
	if not w.moves then
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
		if not held or held.at < w.oldest then
			insert(delete, field)
			w.held[field] = nil
		elseif runs_move_on(held, w.oldest, w.current) then
			w.held[field] = show_reservation(held)
			insert(set, field)
			insert(set, w.held[field])
		end
	end
	for field, value in pairs(w.members) do
		local member = parse_member(value, w.oldest, w.current)
		local left = newest_use(member) and show_member(member) or nil
		w.members[field] = left
		if not left then
			insert(delete, field)
		elseif left ~= value then
			insert(set, field)
			insert(set, left)
		end
	end
	w.kept_from, w.oldest = w.current - SLOTS, w.current - SLOTS
end

-- Lua unpacks only so many arguments at once.
local function in_parts(command, key, arguments)
	for i = 1, #arguments, 200 do
		redis.call(command, key, unpack(arguments, i, math.min(i + 199, #arguments)))
	end
end

-- For reserve_quickly. A sum of counts that are not ours would outlive them.
local function sum_up(w, set, delete)
	local older = 0
	for slot, units in pairs(w.slots) do
		if slot >= w.current - SLOTS and slot < w.current then
			older = older + units
		end
	end
	if w.foreign > 0 then
		insert(delete, 'c')
	else
		insert(set, 'c')
		insert(set, text(w.current) .. ',' .. text(older))
	end
end

-- A use of a member in the current slot.
local function use_member(w, members, set, delete)
	local field = 'u' .. members
	local member = parse_member(w.members[field], w.oldest, w.current)
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
	local mine, field = 'r' .. id, text(w.current)
	local held = our_reservation(w) or {runs = {}}
	local run = held.runs[#held.runs]
	held.last, held.at = sequence, w.current
	if run and run[1] + run[2] == sequence and run[3] == w.current and run[4] == units then
		run[2] = run[2] + 1
	else
		insert(held.runs, {sequence, 1, w.current, units})
	end
	insert(set, mine)
	insert(set, show_reservation(held))
	insert(set, field)
	insert(set, text((w.slots[w.current] or 0) + units))
end

local function take(w, charge)
	local set, delete = {}, {}
	if w.old then
		fill(w, redis.call('HGETALL', w.key))
	end
	move_on(w, set, delete)
	if charge.members then
		use_member(w, charge.members, set, delete)
		insert(delete, 'c')
	else
		use_units(w, charge.units, set)
		sum_up(w, set, delete)
	end
	insert(set, 't')
	insert(set, text(math.max(real, w.current * w.step)))
	if not w.labelled then
		add_names(charge.names, set)
	end
	in_parts('HDEL', w.key, delete)
	in_parts('HSET', w.key, set)
	-- Within a slot the end stays the same.
	if w.moves then
		redis.call('PEXPIRE', w.key, text((w.current + SLOTS + 1) * w.step - real))
	end
end

-- Whether it fits, what it would cost, and whether this call was counted before.
local function judge(w, charge)
	local known
	if charge.members then
		local member = parse_member(w.members['u' .. charge.members], w.oldest, w.current)
		known, w.counted = newest_use(member) ~= nil, held_by_us(member) ~= nil
	else
		local held = our_reservation(w)
		w.counted = charge.units > 0 and held ~= nil and sequence <= held.last
	end
	w.cost = (known or w.counted) and 0 or charge.units
	w.fits = w.counted or
		(charge.limit > 0 and (known or w.used + charge.units <= charge.limit))
	w.takes = w.fits and not w.counted and (charge.units > 0 or charge.members ~= nil)
end

-- "0 or 1, index, used, retry after": of those that do not fit and refuse, the one that waits longest,
-- or else of those that fit, the one whose window is the fullest; and all that do not fit and only
-- look on.
local function decide(windows, charges)
	local over, index, used, wait, largest, watched = 0, 0, 0, 0, -1, ''
	for i, w in ipairs(windows) do
		local charge, after = charges[i], w.used + w.cost
		local share = charge.limit > 0 and after / charge.limit or 1e300
		local until_fit = not w.fits and wait_ms(w, charge)
		if not w.fits and charge.watched then
			watched = watched .. format(' w %d ', i - 1) .. text(w.used) .. ' ' .. text(until_fit)
		elseif not w.fits and (over == 0 or until_fit > wait) then
			over, index, used, wait = 1, i - 1, w.used, until_fit
		elseif over == 0 and share > largest then
			largest, index, used = share, i - 1, after
		end
	end
	return over == 1, format('%d %d ', over, index) .. text(used) .. ' ' .. text(wait), watched
end

local function reserve()
	local windows, charges, foreign = {}, {}, 0
	for i = 1, #KEYS do
		local charge = charge_of(i)
		local w = load(charge)
		if w.err then
			return w
		end
		judge(w, charge)
		windows[i], charges[i], foreign = w, charge, foreign + w.foreign
	end
	local over, answer, watched = decide(windows, charges)
	answer = answer .. format(' %d', foreign) .. watched
	for i, w in ipairs(windows) do
		if w.takes and not over and operation ~= 'look' then
			take(w, charges[i])
			if operation == 'part' then
				answer = answer .. format(' c %d', i - 1)
			end
		end
	end
	return answer
end

-- What follows is not even defined for these: a function costs time when it is.
if decides then
	return reserve()
end

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
