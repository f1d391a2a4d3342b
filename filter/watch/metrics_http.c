/* SPDX-License-Identifier: BSD-2-Clause */
#include "metrics_http.h"

#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "mem.h"
#include "text.h"

enum {
	CONNECTIONS_MAX = 16,
	CONNECTION_SECONDS = 5, /* without a byte */
	CONNECTION_BYTES = 16384, /* of a request's header section, and for the answer's */
	BACKLOG = 16
};

struct metrics_http {
	const struct metrics_page *pages;
	struct MHD_Daemon *daemon; /* NULL until it runs */
	int listener; /* the daemon's once it runs */
	unsigned port;
};

/* Answers. ------------------------------------------------------------------------------------- */

static enum MHD_Result answer_text(
	struct MHD_Connection *connection, unsigned status, const char *text)
{
	/* Only read. */
	struct MHD_Response *response = MHD_create_response_from_buffer(
		strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result done;

	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, "Allow", "GET, HEAD");
	done = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return done;
}

static enum MHD_Result answer_page(
	struct MHD_Connection *connection, const struct metrics_page *page)
{
	struct MHD_Response *response;
	enum MHD_Result done;
	char *body = NULL;
	size_t length = 0;
	unsigned status;
	FILE *out = open_memstream(&body, &length);

	if (out == NULL)
		return MHD_NO;
	status = page->write(out);
	fclose(out);
	response = MHD_create_response_from_buffer(length, body, MHD_RESPMEM_MUST_FREE);
	if (response == NULL) {
		free(body);
		return MHD_NO;
	}
	MHD_add_response_header(response, "Content-Type", page->type);
	MHD_add_response_header(response, "Cache-Control", "no-store");
	done = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return done;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *path,
	const char *method, const char *version, const char *upload, size_t *upload_size,
	void **state)
{
	const struct metrics_http *http = context;

	(void)version;
	(void)upload;
	(void)upload_size;
	(void)state;
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return answer_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
	for (const struct metrics_page *page = http->pages; page->path != NULL; page++)
		if (strcmp(page->path, path) == 0)
			return answer_page(connection, page);
	return answer_text(connection, MHD_HTTP_NOT_FOUND, "see /metrics and /healthz\n");
}

static void note(void *context, const char *format, va_list args) ATTR_PRINTF(2, 0);

/* Of the library: a peer that broke off, and the like. */
static void note(void *context, const char *format, va_list args)
{
	char raw[200], shown[400];

	(void)context;
	vsnprintf(raw, sizeof(raw), format, args);
	raw[strcspn(raw, "\n")] = '\0';
	log_debug("metrics: %s", text_escape(raw, shown, sizeof(shown)));
}

/* Life. ---------------------------------------------------------------------------------------- */

static socklen_t fill_address(
	const struct metrics_address *address, struct sockaddr_storage *socket_address)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)socket_address;
	struct sockaddr_in *v4 = (struct sockaddr_in *)socket_address;

	memset(socket_address, 0, sizeof(*socket_address));
	if (address->address.family == IP_V6) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)address->port);
		memcpy(&v6->sin6_addr, address->address.bytes, sizeof(v6->sin6_addr));
		return sizeof(*v6);
	}
	v4->sin_family = AF_INET;
	v4->sin_port = htons((uint16_t)address->port);
	memcpy(&v4->sin_addr, address->address.bytes, sizeof(v4->sin_addr));
	return sizeof(*v4);
}

static unsigned port_of(int listener)
{
	struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
	socklen_t size = sizeof(address);

	if (getsockname(listener, (struct sockaddr *)&address, &size) != 0)
		return 0;
	return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
						   : ((struct sockaddr_in *)&address)->sin_port);
}

struct metrics_http *metrics_http_open(const struct metrics_address *address,
	const struct metrics_page *pages, char *why, size_t why_size)
{
	struct sockaddr_storage socket_address;
	socklen_t size = fill_address(address, &socket_address);
	int yes = 1,
	    fd = socket(socket_address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct metrics_http *http;
	char shown[IPADDR_TEXT_SIZE];

	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (fd < 0 || bind(fd, (struct sockaddr *)&socket_address, size) != 0 ||
		listen(fd, BACKLOG) != 0) {
		snprintf(why, why_size, "metrics: cannot listen on %s port %u: %s",
			ipaddr_format(&address->address, shown), address->port, strerror(errno));
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	http = mem_alloc(sizeof(*http));
	http->pages = pages;
	http->listener = fd;
	http->port = port_of(fd);
	return http;
}

bool metrics_http_start(struct metrics_http *http, char *why, size_t why_size)
{
	http->daemon = MHD_start_daemon(
		MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_USE_ERROR_LOG, 0, NULL, NULL,
		handle, http, MHD_OPTION_EXTERNAL_LOGGER, note, NULL, MHD_OPTION_LISTEN_SOCKET,
		http->listener, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)CONNECTION_SECONDS,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES, MHD_OPTION_END);
	if (http->daemon != NULL)
		return true;
	snprintf(why, why_size, "metrics: the HTTP server does not start");
	return false;
}

unsigned metrics_http_port(const struct metrics_http *http)
{
	return http->port;
}

void metrics_http_stop(struct metrics_http **http_p)
{
	struct metrics_http *http = *http_p;

	if (http == NULL)
		return;
	*http_p = NULL;
	if (http->daemon != NULL)
		MHD_stop_daemon(http->daemon);
	else
		close(http->listener);
	mem_free(http);
}
