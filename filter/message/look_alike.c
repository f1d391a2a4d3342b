/* SPDX-License-Identifier: BSD-2-Clause */
#include "look_alike.h"

#include <string.h>

#include "confusable.h"
#include "mem.h"
#include "text.h"

enum { LABEL_MIN = 4, SKELETON_SIZE = 4 * DOMAIN_SIZE };

/* A domain as it is written, and as it looks. */
struct name {
	char *domain, *skeleton; /* owned in a set */
	const char *organization; /* in domain */
	const char *plain; /* the skeleton of the organizational domain, in skeleton */
	size_t organization_length, plain_length, skeleton_length;
};

struct look_alikes {
	struct name *names;
	size_t count;
};

struct look_alikes *look_alikes_create(void)
{
	return mem_alloc(sizeof(struct look_alikes));
}

void look_alikes_free(struct look_alikes **set)
{
	struct look_alikes *old = *set;

	*set = NULL;
	if (old == NULL)
		return;
	for (size_t i = 0; i < old->count; i++) {
		mem_free(old->names[i].domain);
		mem_free(old->names[i].skeleton);
	}
	mem_free(old->names);
	mem_free(old);
}

/* Behind as many dots of TEXT as FRONT has octets that are dots. */
static char *skip_labels(char *text, const char *front, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		char *dot = front[i] == '.' ? strchr(text, '.') : NULL;

		if (dot != NULL)
			text = dot + 1;
	}
	return text;
}

/* No skeleton reaches over a dot, nor makes one: labels can be counted in it. */
static void make_name(struct name *name, const char *domain, char domain_buffer[DOMAIN_SIZE],
	char skeleton_buffer[SKELETON_SIZE])
{
	char unicode[SKELETON_SIZE];

	if (!text_copy(domain_buffer, DOMAIN_SIZE, domain))
		domain_buffer[0] = '\0';
	name->domain = domain_buffer;
	name->organization = domain_organizational(domain_buffer);
	domain_unicode(domain_buffer, unicode, sizeof(unicode));
	name->skeleton = skeleton_buffer;
	confusable_skeleton(unicode, skeleton_buffer, SKELETON_SIZE);
	name->plain = skip_labels(
		skeleton_buffer, domain_buffer, (size_t)(name->organization - name->domain));
	name->organization_length = strlen(name->organization);
	name->skeleton_length = strlen(name->skeleton);
	name->plain_length = strlen(name->plain);
}

bool look_alikes_add(struct look_alikes *set, const char *domain)
{
	char domain_buffer[DOMAIN_SIZE], skeleton_buffer[SKELETON_SIZE];
	struct name made, *name;

	if (set->count == LOOK_ALIKES_MAX)
		return false;
	make_name(&made, domain, domain_buffer, skeleton_buffer);
	set->names = mem_resize(set->names, set->count + 1, sizeof(set->names[0]));
	name = &set->names[set->count++];
	*name = made;
	name->domain = mem_text(made.domain);
	name->skeleton = mem_text(made.skeleton);
	name->organization = name->domain + (made.organization - made.domain);
	name->plain = name->skeleton + (made.plain - made.skeleton);
	return true;
}

/* One octet more, less, other, or two neighbours exchanged. */
static bool is_one_edit(const char *a, size_t length_a, const char *b, size_t length_b)
{
	size_t same = 0;

	if (length_a > length_b + 1 || length_b > length_a + 1)
		return false;
	while (a[same] != '\0' && a[same] == b[same])
		same++;
	a += same;
	b += same;
	length_a -= same;
	length_b -= same;
	if (length_a == length_b) {
		if (length_a == 0)
			return false;
		if (strcmp(a + 1, b + 1) == 0)
			return true;
		return length_a > 1 && a[0] == b[1] && a[1] == b[0] && strcmp(a + 2, b + 2) == 0;
	}
	return length_a == length_b + 1 ? strcmp(a + 1, b) == 0
					: length_b == length_a + 1 && strcmp(a, b + 1) == 0;
}

static size_t label_length(const char *domain)
{
	return strcspn(domain, ".");
}

static bool is_long_enough(const struct name *name)
{
	return label_length(name->organization) >= LABEL_MIN;
}

static bool begins_with(const struct name *name, const struct name *whole)
{
	size_t length = whole->plain_length;

	return name->skeleton_length > length && name->skeleton[length] == '.' &&
	       memcmp(name->skeleton, whole->plain, length) == 0 &&
	       strchr(whole->plain, '.') != NULL;
}

static bool is_one_edit_away(const struct name *name, const struct name *whole)
{
	return is_one_edit(name->organization, name->organization_length, whole->organization,
		       whole->organization_length) ||
	       is_one_edit(name->plain, name->plain_length, whole->plain, whole->plain_length);
}

static bool same_organization(const struct name *a, const struct name *b)
{
	return a->organization_length == b->organization_length &&
	       memcmp(a->organization, b->organization, a->organization_length) == 0;
}

static enum look_alike compare(const struct name *name, const struct name *whole)
{
	if (same_organization(name, whole))
		return LOOK_ALIKE_NONE;
	if (name->plain_length == whole->plain_length &&
		memcmp(name->plain, whole->plain, name->plain_length) == 0)
		return LOOK_ALIKE_CONFUSABLE;
	if (begins_with(name, whole))
		return LOOK_ALIKE_PREFIX;
	if (is_one_edit_away(name, whole) && is_long_enough(name) && is_long_enough(whole))
		return LOOK_ALIKE_ONE_EDIT;
	return LOOK_ALIKE_NONE;
}

enum look_alike look_alikes_find(
	const struct look_alikes *set, const char *domain, const char **protected_r)
{
	char domain_buffer[DOMAIN_SIZE], skeleton_buffer[SKELETON_SIZE];
	enum look_alike best = LOOK_ALIKE_NONE;
	struct name name;

	*protected_r = "";
	if (set == NULL || set->count == 0)
		return LOOK_ALIKE_NONE;
	make_name(&name, domain, domain_buffer, skeleton_buffer);
	for (size_t i = 0; i < set->count; i++) {
		enum look_alike kind = compare(&name, &set->names[i]);

		if (same_organization(&name, &set->names[i]))
			return LOOK_ALIKE_NONE;
		if (kind == LOOK_ALIKE_NONE || (best != LOOK_ALIKE_NONE && kind >= best))
			continue;
		best = kind;
		*protected_r = set->names[i].domain;
	}
	return best;
}

bool look_alikes_know(const struct look_alikes *set, const char *domain)
{
	const char *organization = domain_organizational(domain);

	for (size_t i = 0; set != NULL && i < set->count; i++)
		if (strcmp(set->names[i].organization, organization) == 0)
			return true;
	return false;
}

enum look_alike look_alike_of(const char *domain, const char *protected_domain)
{
	char domains[2][DOMAIN_SIZE], skeletons[2][SKELETON_SIZE];
	struct name name, whole;

	make_name(&name, domain, domains[0], skeletons[0]);
	make_name(&whole, protected_domain, domains[1], skeletons[1]);
	return compare(&name, &whole);
}

const char *look_alike_text(enum look_alike kind)
{
	static const char *const texts[] = {
		[LOOK_ALIKE_NONE] = "is unlike",
		[LOOK_ALIKE_CONFUSABLE] = "reads like",
		[LOOK_ALIKE_ONE_EDIT] = "is one letter away from",
		[LOOK_ALIKE_PREFIX] = "begins with",
	};

	return texts[kind];
}
