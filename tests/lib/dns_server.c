/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns_server.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "inquiry.h"
#include "mem.h"

enum { LIMIT_MS = 30000 };

static const char *const script = "tests/servers/dns_misbehave.py";

static void become_server(int input, int output, unsigned port, const char *always)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", port);
	dup2(input, STDIN_FILENO);
	dup2(output, STDOUT_FILENO);
	execl("/usr/bin/python3", "python3", script, "--port", text, "--always",
		always != NULL ? always : "", (char *)NULL);
	_exit(127);
}

void dns_server_start(struct dns_server *server, unsigned port, const char *always)
{
	int input[2], output[2];
	FILE *lines;

	assert_int_equal(pipe2(input, O_CLOEXEC), 0);
	assert_int_equal(pipe2(output, O_CLOEXEC), 0);
	server->pid = fork();
	assert_true(server->pid >= 0);
	if (server->pid == 0)
		become_server(input[0], output[1], port, always);
	close(input[0]);
	close(output[1]);
	server->keep_alive = input[1];
	lines = fdopen(output[0], "r");
	assert_non_null(lines);
	if (fscanf(lines, "port %u", &server->port) != 1)
		fail_msg("%s did not start (run from the top folder of the project)", script);
	fclose(lines);
	snprintf(server->address, sizeof(server->address), "127.0.0.1:%u", server->port);
}

void dns_server_stop(struct dns_server *server)
{
	close(server->keep_alive);
	waitpid(server->pid, NULL, 0);
}

struct resolver *dns_server_resolver(const char *first, const char *second, const char *third,
	const char *fourth, int timeout_ms)
{
	char copies[4][64] = {{'\0'}};
	char *names[5] = {NULL};
	const char *given[4] = {first, second, third, fourth};
	const struct resolver_options options = {.nameservers = names, .timeout_ms = timeout_ms};
	struct resolver *resolver;
	char why[200] = "";

	for (size_t i = 0; i < 4 && given[i] != NULL; i++) {
		snprintf(copies[i], sizeof(copies[i]), "%s", given[i]);
		names[i] = copies[i];
	}
	resolver = resolver_start(&options, why, sizeof(why));
	if (resolver == NULL)
		fail_msg("%s", why);
	return resolver;
}

struct single {
	char *name;
	enum dns_type type;
	const struct dns_answer *answer;
};

static bool single_step(struct inquiry *inquiry, void *state)
{
	struct single *single = state;
	const struct dns_answer *answer = inquiry_ask(inquiry, single->name, single->type);

	if (answer == NULL)
		return false;
	single->answer = dns_answer_share(answer);
	return true;
}

static void single_clear(void *state)
{
	struct single *single = state;

	dns_answer_release(&single->answer);
	mem_free(single->name);
}

static const struct inquiry_kind single_kind = {
	.name = "single",
	.state_size = sizeof(struct single),
	.step = single_step,
	.clear = single_clear,
};

const struct dns_answer *dns_server_ask(
	struct resolver *resolver, const char *name, enum dns_type type)
{
	struct inquiry *inquiry = inquiry_create(resolver, &single_kind);
	struct single *single = inquiry_state(inquiry);
	const struct single *result;
	const struct dns_answer *answer;

	single->name = mem_text(name);
	single->type = type;
	inquiry_start(inquiry, LIMIT_MS);
	result = inquiry_wait(inquiry, clock_monotonic_ms() + 2 * (uint64_t)LIMIT_MS);
	assert_non_null(result);
	answer = dns_answer_share(result->answer);
	inquiry_free(&inquiry);
	return answer;
}

const char *dns_server_look(
	struct resolver *resolver, const char *name, enum dns_type type, char *buffer, size_t size)
{
	const struct dns_answer *answer = dns_server_ask(resolver, name, type);

	dns_answer_format(answer, buffer, size);
	dns_answer_release(&answer);
	return buffer;
}

struct dns_server_count dns_server_asked(const struct dns_server *server, const char *name)
{
	struct resolver *resolver = dns_server_resolver(server->address, NULL, NULL, NULL, 5000);
	struct dns_server_count count = {.udp = 0};
	const struct dns_answer *answer;
	char question[300];

	snprintf(question, sizeof(question), "queries.%s", name);
	answer = dns_server_ask(resolver, question, DNS_TXT);
	assert_int_equal(answer->status, DNS_OK);
	assert_int_equal(sscanf(answer->records[0].text, "udp=%u tcp=%u edns=%u", &count.udp,
				 &count.tcp, &count.edns),
		3);
	dns_answer_release(&answer);
	resolver_stop(&resolver);
	return count;
}
