/* SPDX-License-Identifier: BSD-2-Clause */
#include "tree.h"

#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "mem.h"
#include "text.h"

enum { DEPTH_MAX = 8, WIDTH_MIN = 30, STEP = 3 };

struct tree_node {
	unsigned depth;
	enum tree_colour colour;
	char *head, *text;
};

/* Neither yellow nor blue nor faint: each is unreadable on one of the grounds. */
static const char *const colours[] = {
	[TREE_PLAIN] = "",
	[TREE_STRONG] = "\033[1m",
	[TREE_GOOD] = "\033[32m",
	[TREE_BAD] = "\033[1;31m",
	[TREE_WAIT] = "\033[35m",
};

static unsigned columns_of(FILE *out)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	unsigned long width;

	if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		width = size.ws_col;
	else
		width = columns == NULL ? 80 : strtoul(columns, NULL, 10);
	return width < WIDTH_MIN ? WIDTH_MIN : width > 10000 ? 10000 : (unsigned)width;
}

struct tree_look tree_look_of(FILE *out)
{
	struct tree_look look = {.width = 0};
	const char *no_colour = getenv("NO_COLOR"), *terminal = getenv("TERM");

	if (isatty(fileno(out)) == 0)
		return look;
	look.width = columns_of(out);
	look.colour = (no_colour == NULL || *no_colour == '\0') && terminal != NULL &&
		      strcmp(terminal, "dumb") != 0;
	setlocale(LC_CTYPE, "");
	look.branches = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	return look;
}

/* What a terminal would obey does not reach it, wherever a text may have come from. */
static void make_printable(char *text)
{
	for (; *text != '\0'; text++)
		if (*text < 0x20 || *text > 0x7e)
			*text = '?';
}

void tree_add(struct tree *tree, unsigned depth, enum tree_colour colour, const char *head,
	const char *format, ...)
{
	struct tree_node *node;
	char *text = NULL;
	va_list args;
	int length;

	va_start(args, format);
	length = vasprintf(&text, format, args);
	va_end(args);
	if (length < 0)
		abort();
	make_printable(text);
	tree->nodes = mem_resize(tree->nodes, tree->count + 1, sizeof(*tree->nodes));
	node = &tree->nodes[tree->count++];
	*node = (struct tree_node){
		.depth = depth < DEPTH_MAX ? depth : DEPTH_MAX - 1,
		.colour = colour,
		.head = mem_text(head),
		.text = mem_text(text),
	};
	make_printable(node->head);
	free(text);
}

/* A node of DEPTH comes after AT before one that is higher up. */
static bool goes_on(const struct tree *tree, size_t at, unsigned depth)
{
	for (size_t i = at + 1; i < tree->count && tree->nodes[i].depth >= depth; i++)
		if (tree->nodes[i].depth == depth)
			return true;
	return false;
}

/* FIRST: the line that the node begins with. */
static void write_branches(
	const struct tree *tree, size_t at, bool first, const struct tree_look *look, FILE *out)
{
	unsigned depth = tree->nodes[at].depth;

	for (unsigned d = 1; d <= depth; d++) {
		bool more = goes_on(tree, at, d);

		if (!look->branches)
			fputs("   ", out);
		else if (d == depth && first)
			fputs(more ? "├─ " : "└─ ", out);
		else
			fputs(more ? "│  " : "   ", out);
	}
	if (first)
		return;
	if (look->branches && goes_on(tree, at, depth + 1) && at + 1 < tree->count &&
		tree->nodes[at + 1].depth == depth + 1)
		fputs("│  ", out);
	else
		fputs("   ", out);
}

/* As much of TEXT as fits ROOM columns, up to a blank if there is one. */
static size_t piece(const char *text, size_t room)
{
	size_t length = strlen(text), cut = room;

	if (length <= room)
		return length;
	while (cut > 0 && text[cut] != ' ')
		cut--;
	return cut > 0 ? cut : room;
}

static void write_node(const struct tree *tree, size_t at, const struct tree_look *look, FILE *out)
{
	const struct tree_node *node = &tree->nodes[at];
	size_t head = strlen(node->head);
	char *whole = mem_format(
		"%s%s%s", node->head, head > 0 && node->text[0] != '\0' ? " " : "", node->text);
	const char *rest = whole;
	size_t coloured = look->colour && node->colour != TREE_PLAIN ? head : 0;

	for (bool first = true; first || *rest != '\0'; first = false) {
		size_t used = (size_t)STEP * (node->depth + !first);
		size_t room = look->width == 0		? strlen(rest)
			      : look->width > used + 10 ? look->width - used
							: 10;
		size_t length = piece(rest, room);
		size_t painted = coloured < length ? coloured : length;

		write_branches(tree, at, first, look, out);
		if (painted > 0)
			fprintf(out, "%s%.*s\033[0m", colours[node->colour], (int)painted, rest);
		fprintf(out, "%.*s\n", (int)(length - painted), rest + painted);
		rest += length;
		coloured -= painted;
		while (*rest == ' ') {
			rest++;
			coloured -= coloured > 0;
		}
	}
	mem_free(whole);
}

void tree_write(struct tree *tree, const struct tree_look *look, FILE *out)
{
	for (size_t i = 0; i < tree->count; i++)
		write_node(tree, i, look, out);
	for (size_t i = 0; i < tree->count; i++) {
		mem_free(tree->nodes[i].head);
		mem_free(tree->nodes[i].text);
	}
	mem_free(tree->nodes);
	*tree = (struct tree){.nodes = NULL};
}
