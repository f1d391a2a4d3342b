/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "mem.h"
#include "window_private.h"

/* Where a member is, or where it would be put in. */
static size_t place_of(const struct window *window, const unsigned char *hash, bool *found_r)
{
	size_t low = 0, high = window->member_count;

	*found_r = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = memcmp(window->members[middle].hash, hash, WINDOW_MEMBER_SIZE);

		if (order == 0) {
			*found_r = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct window_member *find(const struct window *window, const unsigned char *hash)
{
	bool found;
	size_t place = place_of(window, hash, &found);

	return found ? &window->members[place] : NULL;
}

static struct window_member *find_or_add(struct window *window, const unsigned char *hash)
{
	bool found;
	size_t place = place_of(window, hash, &found);
	struct window_member *member;

	if (found)
		return &window->members[place];
	window->members =
		mem_resize(window->members, window->member_count + 1, sizeof(*window->members));
	member = &window->members[place];
	memmove(member + 1, member, (window->member_count - place) * sizeof(*member));
	window->member_count++;
	*member = (struct window_member){.kept = -1};
	memcpy(member->hash, hash, WINDOW_MEMBER_SIZE);
	return member;
}

static void remove_member(struct window *window, struct window_member *member)
{
	size_t behind = window->member_count - (size_t)(member - window->members) - 1;

	mem_free(member->holds);
	memmove(member, member + 1, behind * sizeof(*member));
	window->member_count--;
}

static int64_t newest(const struct window_member *member, int64_t oldest)
{
	int64_t slot = member->kept;

	for (size_t i = 0; i < member->hold_count; i++)
		if (member->holds[i].slot > slot)
			slot = member->holds[i].slot;
	return slot >= oldest ? slot : -1;
}

int64_t window_member_newest(const struct window *window, const unsigned char *hash, int64_t oldest)
{
	const struct window_member *member = find(window, hash);

	return member == NULL ? -1 : newest(member, oldest);
}

static struct window_hold *hold_of(struct window_member *member, const unsigned char *id)
{
	for (size_t i = 0; i < member->hold_count; i++)
		if (memcmp(member->holds[i].id, id, WINDOW_ID_SIZE) == 0)
			return &member->holds[i];
	return NULL;
}

bool window_member_is_held(const struct window *window, const unsigned char *id,
	const unsigned char *hash, int64_t oldest)
{
	struct window_member *member = find(window, hash);
	const struct window_hold *hold = member == NULL ? NULL : hold_of(member, id);

	return hold != NULL && hold->slot >= oldest;
}

static void remove_hold(struct window_member *member, size_t at)
{
	member->hold_count--;
	memmove(member->holds + at, member->holds + at + 1,
		(member->hold_count - at) * sizeof(*member->holds));
}

static void keep(struct window_member *member, int64_t slot)
{
	if (slot > member->kept)
		member->kept = slot;
}

static void drop_old(struct window_member *member, int64_t oldest)
{
	if (member->kept < oldest)
		member->kept = -1;
	for (size_t i = member->hold_count; i-- > 0;)
		if (member->holds[i].slot < oldest)
			remove_hold(member, i);
}

void window_member_take(
	struct window *window, const struct window_ask *ask, int64_t current, int64_t oldest)
{
	struct window_member *member = find_or_add(window, ask->member);
	int64_t before = newest(member, oldest);
	struct window_hold *hold;

	drop_old(member, oldest);
	if (member->hold_count == WINDOW_HOLDS_MAX) {
		keep(member, member->holds[0].slot);
		remove_hold(member, 0);
	}
	member->holds = mem_resize(member->holds, member->hold_count + 1, sizeof(*member->holds));
	hold = &member->holds[member->hold_count++];
	memcpy(hold->id, ask->id, WINDOW_ID_SIZE);
	hold->slot = current;
	if (before == current)
		return;
	if (before >= 0)
		window_slot_subtract(window, before, 1);
	window_slot_add(window, current, 1);
}

void window_commit_member(struct window *window, const unsigned char *id, const unsigned char *hash)
{
	struct window_member *member = find(window, hash);
	struct window_hold *hold = member == NULL ? NULL : hold_of(member, id);

	if (hold == NULL)
		return;
	keep(member, hold->slot);
	remove_hold(member, (size_t)(hold - member->holds));
}

void window_give_back_member(
	struct window *window, const unsigned char *id, const unsigned char *hash)
{
	int64_t oldest = window->last - WINDOW_SLOTS;
	struct window_member *member = find(window, hash);
	struct window_hold *hold = member == NULL ? NULL : hold_of(member, id);
	int64_t before, after;

	if (hold == NULL)
		return;
	before = newest(member, oldest);
	remove_hold(member, (size_t)(hold - member->holds));
	after = newest(member, oldest);
	if (before != after && before >= 0)
		window_slot_subtract(window, before, 1);
	if (before != after && after >= 0)
		window_slot_add(window, after, 1);
	if (after < 0)
		remove_member(window, member);
}

void window_members_move_on(struct window *window, int64_t oldest, int64_t current)
{
	size_t left = 0;

	for (size_t i = 0; i < window->member_count; i++) {
		struct window_member *member = &window->members[i];

		drop_old(member, oldest);
		if (member->kept > current)
			member->kept = current;
		for (size_t j = 0; j < member->hold_count; j++)
			if (member->holds[j].slot > current)
				member->holds[j].slot = current;
		if (newest(member, oldest) >= 0)
			window->members[left++] = *member;
		else
			mem_free(member->holds);
	}
	window->member_count = left;
}

void window_members_clear(struct window *window)
{
	for (size_t i = 0; i < window->member_count; i++)
		mem_free(window->members[i].holds);
	mem_free(window->members);
	window->members = NULL;
	window->member_count = 0;
}

size_t window_members_bytes(const struct window *window)
{
	size_t bytes = window->member_count * sizeof(*window->members);

	for (size_t i = 0; i < window->member_count; i++)
		bytes += window->members[i].hold_count * sizeof(struct window_hold);
	return bytes;
}
