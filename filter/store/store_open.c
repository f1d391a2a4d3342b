/* SPDX-License-Identifier: BSD-2-Clause */
/* What may stand in the options of a store, and which half it opens. */
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "mem.h"
#include "redis_tls.h"
#include "store.h"
#include "store_backend.h"

static bool blame(const char **setting_r, const char *setting, char *why, size_t why_size,
	const char *sentence)
{
	*setting_r = setting;
	snprintf(why, why_size, "%s", sentence);
	return false;
}

static bool verify_numbers(
	const struct store_options *options, const char **setting_r, char *why, size_t why_size)
{
	if (options->timeout_ms < 1 || options->timeout_ms > 60000)
		return blame(setting_r, "timeout", why, why_size,
			"timeout must be between 1 ms and 60 s");
	if (options->connect_timeout_ms < 1 || options->connect_timeout_ms > 60000)
		return blame(setting_r, "connect_timeout", why, why_size,
			"connect_timeout must be between 1 ms and 60 s");
	if (options->connections < 1 || options->connections > 1024)
		return blame(setting_r, "connections", why, why_size,
			"connections must be between 1 and 1024");
	if (options->memory_bytes < 65536)
		return blame(setting_r, "memory", why, why_size, "memory must be at least 64 kB");
	if (options->prefix == NULL)
		return blame(setting_r, "prefix", why, why_size,
			"prefix is empty, so nothing would tell our keys from those of others; it "
			"must have 1 to 64 characters, like \"mailreeve:\"");
	if (strlen(options->prefix) > 64 || strchr(options->prefix, ' ') != NULL)
		return blame(setting_r, "prefix", why, why_size,
			"prefix is too long, or has a blank in it; it must have 1 to 64 "
			"characters, like \"mailreeve:\"");
	if (options->wait_replicas < 0 || options->wait_replicas > 16)
		return blame(setting_r, "wait_replicas", why, why_size,
			"wait_replicas must be between 0 and 16");
	if (options->wait_replicas > 0 &&
		(options->wait_timeout_ms < 1 || options->wait_timeout_ms >= options->timeout_ms))
		return blame(setting_r, "wait_timeout", why, why_size,
			"wait_timeout is not below timeout, so the store would be down before the "
			"replicas could answer; make it shorter");
	return true;
}

/* The secret is not kept. */
static bool verify_password_file(
	const char *file, const char *setting, const char **setting_r, char *why, size_t why_size)
{
	FILE *stream = file == NULL ? NULL : fopen(file, "re");
	bool empty = false;
	int first;

	/* What cannot be read is told of where the setting is read. */
	if (stream == NULL)
		return true;
	setvbuf(stream, NULL, _IONBF, 0);
	first = fgetc(stream);
	empty = first == EOF || first == '\n' || first == '\r';
	fclose(stream);
	if (!empty)
		return true;
	*setting_r = setting;
	snprintf(why, why_size, "%s: the first line of %.200s is empty; it should be the password",
		setting, file);
	return false;
}

static bool verify_passwords(const struct store_options *options, const struct store_url *url,
	const char **setting_r, char *why, size_t why_size)
{
	if (options->password_file != NULL && url->kind == STORE_URL_MEMORY)
		return blame(setting_r, "password_file", why, why_size,
			"password_file is set, but url names no Redis; it should be "
			"redis://host:6379, or remove this line");
	if (url->password[0] != '\0' && options->password_file != NULL)
		return blame(setting_r, "password_file", why, why_size,
			"password_file is set, and url holds a password too; remove the one in "
			"url");
	if (options->sentinel_password_file != NULL && url->kind != STORE_URL_SENTINEL)
		return blame(setting_r, "sentinel_password_file", why, why_size,
			"sentinel_password_file is set, but url names no sentinels; it should be "
			"sentinel://host:26379,host:26379/mymaster, or remove this line");
	if (options->sentinel_user != NULL && url->kind != STORE_URL_SENTINEL)
		return blame(setting_r, "sentinel_user", why, why_size,
			"sentinel_user is set, but url names no sentinels; it should be "
			"sentinel://host:26379,host:26379/mymaster, or remove this line");
	return verify_password_file(
		       options->password_file, "password_file", setting_r, why, why_size) &&
	       verify_password_file(options->sentinel_password_file, "sentinel_password_file",
		       setting_r, why, why_size);
}

static bool is_folder(const char *path)
{
	struct stat status;

	return path[0] != '\0' && stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static bool verify_tls(const struct store_options *options, const struct store_url *url,
	const char **setting_r, char *why, size_t why_size)
{
	const struct redis_tls_files files = {options->tls_ca_file, options->tls_certificate_file,
		options->tls_key_file, options->tls_server_name};
	const struct {
		const char *value, *setting;
	} given[] = {
		{options->tls_ca_file, "tls_ca_file"},
		{options->tls_certificate_file, "tls_certificate_file"},
		{options->tls_key_file, "tls_key_file"},
		{options->tls_server_name, "tls_server_name"},
	};
	struct redis_tls *tls;

	for (size_t i = 0; i < ARRAY_COUNT(given) && !url->tls; i++) {
		if (given[i].value == NULL)
			continue;
		*setting_r = given[i].setting;
		snprintf(why, why_size,
			"%s is set, but url does not ask for TLS; it should begin with rediss://, "
			"sentinels:// or clusters://, or remove this line",
			given[i].setting);
		return false;
	}
	if (!url->tls)
		return true;
	if ((options->tls_certificate_file == NULL) != (options->tls_key_file == NULL))
		return blame(setting_r,
			options->tls_key_file == NULL ? "tls_certificate_file" : "tls_key_file",
			why, why_size,
			"tls_certificate_file and tls_key_file belong together; set both or "
			"neither");
	tls = redis_tls_create(&files, setting_r, why, why_size);
	if (tls == NULL)
		return false;
	redis_tls_free(&tls);
	return true;
}

static bool verify(const struct store_options *options, struct store_url *url,
	const char **setting_r, char *why, size_t why_size)
{
	char sentence[256];

	if (!store_url_parse(options->url, url, sentence, sizeof(sentence))) {
		*setting_r = "url";
		snprintf(why, why_size, "url: %s", sentence);
		return false;
	}
	if (is_folder(url->path)) {
		*setting_r = "url";
		snprintf(why, why_size,
			"url: %s is a folder; it should be the path of a socket in it", url->path);
		return false;
	}
	if (url->kind == STORE_URL_MEMORY && options->wait_replicas > 0)
		return blame(setting_r, "wait_replicas", why, why_size,
			"wait_replicas is set, but url names no Redis; it should be "
			"redis://host:6379, or remove this line");
	return verify_numbers(options, setting_r, why, why_size) &&
	       verify_passwords(options, url, setting_r, why, why_size) &&
	       verify_tls(options, url, setting_r, why, why_size);
}

bool store_options_verify(
	const struct store_options *options, const char **setting_r, char *why, size_t why_size)
{
	struct store_url url;
	bool good = verify(options, &url, setting_r, why, why_size);

	OPENSSL_cleanse(&url, sizeof(url));
	return good;
}

struct store *store_open(const struct store_options *options, char *why, size_t why_size)
{
	struct store_url url;
	const char *setting;
	struct store *store = NULL;

	if (verify(options, &url, &setting, why, why_size)) {
		store = mem_alloc(sizeof(*store));
		store->backend = url.kind == STORE_URL_MEMORY ? &store_memory : &store_redis;
		store->half = store->backend->open(store, options, &url, why, why_size);
	}
	OPENSSL_cleanse(&url, sizeof(url));
	if (store != NULL && store->half == NULL) {
		mem_free(store);
		store = NULL;
	}
	return store;
}

struct store *store_open_local(const struct store_options *options)
{
	struct store *store = mem_alloc(sizeof(*store));
	struct store_url none = {.kind = STORE_URL_MEMORY};

	store->backend = &store_memory;
	store->half = store->backend->open(store, options, &none, NULL, 0);
	return store;
}

void store_close(struct store **store)
{
	if (*store == NULL)
		return;
	(*store)->backend->close((*store)->half);
	mem_free(*store);
	*store = NULL;
}
