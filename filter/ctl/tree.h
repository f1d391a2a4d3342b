/* SPDX-License-Identifier: BSD-2-Clause */
/* A tree of texts for a person: lines of its branches and colours on a terminal, wrapped to its width;
 * plain and unwrapped elsewhere. What is not printable ASCII becomes "?". */
#ifndef MAILREEVE_TREE_H
#define MAILREEVE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "compiler.h"

/* By what they say. All can be read on a dark ground and on a light one. */
enum tree_colour { TREE_PLAIN, TREE_STRONG, TREE_GOOD, TREE_BAD, TREE_WAIT };

struct tree_look {
	unsigned width; /* columns; 0: lines are not wrapped */
	bool colour, branches; /* branches in UTF-8 */
};

struct tree_node;
struct tree {
	struct tree_node *nodes; /* owned */
	size_t count;
};

/* How OUT is written to: asks whether it is a terminal, NO_COLOR, TERM, COLUMNS and the locale. */
struct tree_look tree_look_of(FILE *out);

/* Adds a node below the last one of DEPTH - 1; a HEAD in COLOUR, then text. */
void tree_add(struct tree *tree, unsigned depth, enum tree_colour colour, const char *head,
	const char *format, ...) ATTR_PRINTF(5, 6);

/* Writes it, and frees what it holds. */
void tree_write(struct tree *tree, const struct tree_look *look, FILE *out);

#endif
