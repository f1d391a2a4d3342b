-- SPDX-License-Identifier: BSD-2-Clause
-- The second part of window.lua's script: reserve, part and look where the short way is not enough.
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
