/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf.h"

#include <sys/stat.h>

#include "../../tests/lib/conf_fixture.h"

static const struct fake_options *fake_of(const struct conf *conf)
{
	return conf->policies[0].options;
}

static void assert_said(struct fixture *fixture, const char *wanted)
{
	assert_string_equal(fixture->said, wanted);
}

static bool holds(const struct matchlist *list, const char *text)
{
	struct ipaddr address;
	struct match match;

	assert_true(ipaddr_parse(text, &address));
	return !matchlist_is_empty(list) && matchlist_match_address(list, &address, &match);
}

static void test_defaults(void **state)
{
	struct conf *conf = load(*state, NULL);

	assert_non_null(conf);
	assert_null(conf->file);
	assert_string_equal(conf->daemon.socket, "local:/run/mailreeve/mailreeve.sock");
	assert_string_equal(conf->daemon.socket_mode, "0660");
	assert_null(conf->daemon.user);
	assert_int_equal(conf->daemon.log_to, 0);
	assert_int_equal(conf->daemon.log_level, 2);
	assert_int_equal(conf->daemon.drain_ms, 20000);
	assert_int_equal(conf->site.reply_at, REPLY_AT_RCPT);
	assert_int_equal(conf->site.time_limit_ms, 8000);
	assert_int_equal(conf->site.max_waiting, 512);
	assert_non_null(conf->site.hostname);
	assert_string_equal(conf->site.authserv_id, conf->site.hostname);
	assert_true(holds(conf->site.trusted_networks, "127.1.2.3"));
	assert_true(holds(conf->site.trusted_networks, "::1"));
	assert_false(holds(conf->site.trusted_networks, "192.0.2.1"));
	assert_true(matchlist_is_empty(conf->site.allow));
	assert_null(conf->store.url);
	assert_string_equal(conf->store.prefix, "mailreeve:");
	assert_int_equal(conf->resolver.cache_bytes, 16 << 20);
	assert_int_equal(conf->policy_count, 2);
	assert_int_equal(conf->policies[0].option_count, 1);
	assert_int_equal(conf->policies[0].trial.mode, MODE_ENFORCE);
	assert_int_equal(conf->policies[0].fail[0], ACTION_SUSPECT);
	assert_int_equal(conf->policies[0].temperror[0], ACTION_MONITOR);
	assert_int_equal(conf->policies[0].fail[1], ACTION_REJECT);
	assert_string_equal(fake_of(conf)->words[1], "two");
	assert_int_equal(fake_of(conf)->rate.count, 200);
	assert_int_equal(conf->policies[1].option_count, 0);
	conf_release(&conf);
	assert_null(conf);
}

static void test_values(void **state)
{
	static const char good[] =
		"hostname = mx.example.org // another\n"
		"/* and\n one more = 1 { */ trusted_networks = { 192.0.2.0/24, # here\n"
		"  2001:db8::/32, ::1,\n }\n"
		"own_names = smtp.example.org\n"
		"deny = {}\n"
		"resolver { timeout = 1s nameservers = { \"[::1]:53\", 192.0.2.53 } }\n"
		"reply_at = stage time_limit = 2500ms\n"
		"fake {\r\n\tlow = 7\r\n\twords = 'a\\b$'\r\n\trate = \"10 / 5m\"\r\n"
		"\tflag = on\r\n\tmissing = tag\r\n\tmissing_temperror = tempfail\r\n"
		"\tmode = monitor\r\n"
		"\twrong = \"reject percent=10 until=2999-12-31\" }\r\n"
		"limit \"per-sender\" { count = 3 }\n"
		"limit b { key = \"client_net + sender\" }\n"
		"resolver { attempts = 3 }";
	struct conf *conf = load_text(*state, good);

	assert_said(*state, "warning c:14: flag is dangerous\n");
	assert_non_null(conf);
	assert_string_equal(conf->site.hostname, "mx.example.org");
	assert_string_equal(conf->site.authserv_id, "mx.example.org");
	assert_true(holds(conf->site.trusted_networks, "192.0.2.7"));
	assert_true(holds(conf->site.trusted_networks, "2001:db8::7"));
	assert_false(holds(conf->site.trusted_networks, "127.0.0.1"));
	assert_string_equal(conf->site.own_names[0], "smtp.example.org");
	assert_null(conf->site.own_names[1]);
	assert_int_equal(conf->site.reply_at, REPLY_AT_STAGE);
	assert_int_equal(conf->site.time_limit_ms, 2500);
	assert_string_equal(conf->resolver.nameservers[0], "[::1]:53");
	assert_string_equal(conf->resolver.nameservers[1], "192.0.2.53");
	assert_int_equal(conf->resolver.timeout_ms, 1000);
	assert_int_equal(conf->resolver.attempts, 3);
	assert_int_equal(fake_of(conf)->low, 7);
	assert_string_equal(fake_of(conf)->words[0], "a\\b$");
	assert_null(fake_of(conf)->words[1]);
	assert_int_equal(fake_of(conf)->rate.count, 10);
	assert_int_equal(fake_of(conf)->rate.window_ms, 300000);
	assert_true(fake_of(conf)->flag);
	assert_int_equal(conf->policies[0].trial.mode, MODE_MONITOR);
	assert_int_equal(conf->policies[0].trial.percent, 100);
	assert_int_equal(conf->policies[0].check_trials[0].percent, 100);
	assert_int_equal(conf->policies[0].check_trials[1].percent, 10);
	assert_true(conf->policies[0].check_trials[1].until_ms > 0);
	assert_int_equal(conf->policies[0].fail[1], ACTION_REJECT);
	assert_int_equal(conf->policies[0].fail[0], ACTION_TAG);
	assert_int_equal(conf->policies[0].temperror[0], ACTION_TEMPFAIL);
	conf_release(&conf);
}

static void test_titled_sections(void **state)
{
	struct conf *conf = load_text(*state, "limit \"per-sender\" { count = 3 }\n"
					      "limit b { key = \"client_net + sender\" }\n"
					      "hostname = mx.example.org\n");
	const struct limit_options *limits;

	assert_said(*state, "");
	assert_int_equal(conf->policies[1].option_count, 2);
	limits = conf->policies[1].options;
	assert_string_equal(limits[0].title, "per-sender");
	assert_string_equal(limits[0].key, "sender");
	assert_int_equal(limits[0].count, 3);
	assert_string_equal(limits[1].title, "b");
	assert_string_equal(limits[1].key, "client_net + sender");
	assert_int_equal(limits[1].count, 5);
	conf_release(&conf);
}

static void test_environment(void **state)
{
	struct conf *conf;

	assert_int_equal(setenv("CONF_TEST_NAME", "mx.example.org", 1), 0);
	conf = load_text(*state, "hostname = ${CONF_TEST_NAME}\n"
				 "authserv_id = \"x.${CONF_TEST_NAME}\"\n"
				 "own_names = { 'a.b' }\n"
				 "fake { words = { '${CONF_TEST_NAME}' } }\n");
	assert_said(*state, "");
	assert_string_equal(conf->site.hostname, "mx.example.org");
	assert_string_equal(conf->site.authserv_id, "x.mx.example.org");
	assert_string_equal(fake_of(conf)->words[0], "${CONF_TEST_NAME}");
	conf_release(&conf);
	unsetenv("CONF_TEST_NAME");
}

static void test_include(void **state)
{
	struct conf *conf;

	put(*state, "more", "fake { low = 9 }\ninclude(\"most\")\n");
	put(*state, "most", "limit a { count = 2 }\ntime_limit = 3s\n");
	conf = load_text(*state, "include(\"more\")\nhostname = mx.example.org\n"
				 "limit b { count = 1 }\n");
	assert_said(*state, "");
	assert_int_equal(fake_of(conf)->low, 9);
	assert_int_equal(conf->site.time_limit_ms, 3000);
	assert_int_equal(conf->policies[1].option_count, 2);
	conf_release(&conf);
}

/* A matchlist file and a setting file, by absolute path. */
static void test_files(void **state)
{
	struct fixture *fixture = *state;
	char *entries = path_of(fixture, "entries");
	char *text = mem_format("hostname = mx.example.org\ntrusted_networks = { ::1, %s }\n"
				"store { url = redis://127.0.0.1 password_file = %s }\n",
		entries, entries);
	struct conf *conf;

	put(fixture, "entries", "# ours\n192.0.2.0/24\n");
	assert_int_equal(chmod(entries, 0640), 0);
	conf = load_text(fixture, text);
	assert_said(fixture, "");
	assert_true(holds(conf->site.trusted_networks, "192.0.2.9"));
	assert_string_equal(conf->store.password_file, entries);
	conf_release(&conf);
	/* A password that everybody may read. */
	assert_int_equal(chmod(entries, 0644), 0);
	conf = load_text(fixture, text);
	assert_said(fixture, "warning c:3: password_file = \"entries\" can be read by every local "
			     "user; let its owner and group only: chmod 0640\n");
	conf_release(&conf);
	mem_free(text);
	mem_free(entries);
}

static void test_references(void **state)
{
	struct conf *conf = load_text(*state, "hostname = mx.example.org\n"), *second;

	second = conf_share(conf);
	assert_ptr_equal(second, conf);
	conf_release(&conf);
	assert_null(conf);
	assert_string_equal(second->site.hostname, "mx.example.org");
	conf_release(&second);
}

/* A broken file must leave nothing behind that changes how the next one is read. */
static void test_good_after_broken(void **state)
{
	static const char *const broken[] = {"hostname = \"a", "hostname = 'a", "/* a", "fake {",
		"hostname = {", "limit \"a", "include(\"c\")", "hostname = ${a", "}"};

	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < ARRAY_COUNT(broken); i++) {
			struct conf *conf = load_text(*state, broken[i]);

			assert_null(conf);
			conf = load_text(*state, "hostname = mx.example.org\n");
			assert_said(*state, "");
			assert_string_equal(conf->site.hostname, "mx.example.org");
			conf_release(&conf);
		}
	}
}

static const struct {
	const char *text, *said;
} dangerous[] = {
	{"hostname = mx\n",
		"warning c:1: hostname is \"mx\", which is not fully qualified; set hostname to "
		"the name of this mail server, like mail.example.org\n"},
	{"hostname = a.b\ntrusted_networks = 0.0.0.0/0\n",
		"warning c:2: trusted_networks covers the whole Internet, which makes an open "
		"relay; list your own networks only\n"},
	{"hostname = a.b\ntrusted_networks = { 0.0.0.0/1, 128.0.0.0/1 }\n",
		"warning c:2: trusted_networks covers the whole Internet, which makes an open "
		"relay; list your own networks only\n"},
	{"hostname = a.b\ntrusted_networks = \"::/0\"\n",
		"warning c:2: trusted_networks covers the whole Internet, which makes an open "
		"relay; list your own networks only\n"},
	{"hostname = a.b\nallow = {\n192.0.2.0/24,\n example.net }\n",
		"warning c:2: allow holds \"example.net\", and anybody can write that into a "
		"reverse-path; list the networks of the clients instead\n"},
	{"hostname = a.b\ntime_limit = 40s drain = 60s\n",
		"warning c:2: time_limit is not below the 30s that Postfix waits for a milter "
		"(milter_command_timeout); a slow DNS would make the MTA give up on us\n"},
	{"hostname = a.b\ntime_limit = 10s\n",
		"warning c:2: time_limit is not below the 10s that Sendmail waits for a milter, "
		"unless T=R: is raised there\n"},
	{"hostname = a.b\nsocket = inet:8891\n",
		"warning c:2: socket listens on every address of this host, so anybody who reaches "
		"the port can use the filter; write inet:PORT@127.0.0.1\n"},
	{"hostname = a.b\nsocket_mode = 0666\n",
		"warning c:2: socket_mode lets every local user talk to the filter; use 0660 and "
		"socket_group\n"},
	{"hostname = a.b\ndrain = 1s\n",
		"warning c:2: drain is shorter than time_limit, so a stop can cut off an answer "
		"that is still being looked up\n"},
	{"hostname = a.b\nstore {\nurl = redis://joe:secret@192.0.2.1\n}\n",
		"warning c:3: url holds a password that everybody who may read this file sees; put "
		"it into a password_file\n"},
	{"hostname = a.b\nallow = { 0.0.0.0/0 }\n",
		"warning c:2: allow covers the whole Internet, so no identity check ever runs; use "
		"mode = monitor to try the filter out\n"},
	{"hostname = a.b\ndeny = { ::/0 }\n",
		"warning c:2: deny covers the whole Internet, so no mail is accepted from "
		"outside\n"},
	{"hostname = a.b\nsocket = inet6:8891@[::]\n",
		"warning c:2: socket listens on every address of this host, so anybody who reaches "
		"the port can use the filter; write inet:PORT@127.0.0.1\n"},
	{"hostname = a.b\nsocket = inet:8891@192.0.2.1\n", ""},
	{"hostname = a.b\nresolver { timeout = 8s }\n",
		"warning c:2: timeout of the resolver is not below time_limit, so a second "
		"nameserver is never asked in time; make it shorter\n"},
	{"hostname = a.b\nfake { missing = reject }\n",
		"warning c:2: rejecting on missing is dangerous\n"},
	{"hostname = a.b\nfake { missing = reject mode = off }\n", ""},
	{"hostname = a.b\nfake {\n\tmode = monitor\n\tuntil = 2001-12-31\n}\n",
		"warning c:4: fake was on trial until 2001-12-31, which has passed: it is enforced "
		"now; take its mode, percent and until out, or give it a later until\n"},
	{"hostname = a.b\nfake {\n\twrong = \"reject percent=10 until=2001-12-31\"\n}\n",
		"warning c:3: fake.wrong was on trial until 2001-12-31, which has passed: it is "
		"enforced now; take its mode, percent and until out, or give it a later until\n"},
	{"hostname = a.b\nfake { mode = monitor percent = 10 until = 2999-12-31 }\n",
		"warning c:2: fake: percent does nothing beside mode = monitor, which only looks "
		"on for all; use mode = enforce to act for some\n"},
	{"hostname = a.b\nfake { percent = 10 until = 2999-12-31 }\n", ""},
	{"hostname = a.b\nfake { wrong = tag percent=10 }\n",
		"warning c:2: percent stands behind wrong, and holds for all of section fake; "
		"where "
		"wrong alone is meant, put quotes around both: wrong = \"tag percent=10\"\n"},
	{"hostname = a.b\nlocal_domains = { b.example, a.example, c.example }\n"
	 "relay_domains = .a.example\ndeny = { c.example, d.example }\n",
		"warning c:3: relay_domains holds a.example, which is one of local_domains; leave "
		"it "
		"out of one of them\n"
		"warning c:4: deny holds c.example, which is one of local_domains, so that all "
		"mail "
		"to it is refused; strangers are kept from using it by own_domain of section "
		"sender\n"},
};

static void test_advice(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(dangerous); i++) {
		struct conf *conf = load_text(*state, dangerous[i].text);

		assert_said(*state, dangerous[i].said);
		assert_non_null(conf);
		conf_release(&conf);
	}
}

/* The sample is a file that passes, and says nothing but the defaults. */
static void test_sample_passes(void **state)
{
	struct fixture *fixture = *state;
	char *path = path_of(fixture, "sample");
	FILE *file = fopen(path, "w");
	struct conf *conf;

	assert_non_null(file);
	conf_write_sample(file, fake_policies);
	fputs("hostname = mx.example.org\n", file);
	assert_int_equal(fclose(file), 0);
	conf = load(fixture, "sample");
	assert_said(fixture, "");
	assert_non_null(conf);
	assert_int_equal(conf->site.time_limit_ms, 8000);
	assert_string_equal(fake_of(conf)->words[0], "one");
	assert_string_equal(fake_of(conf)->words[1], "two");
	assert_null(fake_of(conf)->words[2]);
	assert_int_equal(fake_of(conf)->rate.count, 200);
	conf_release(&conf);
	mem_free(path);
}

static void test_what_needs_a_restart(void **state)
{
	static const struct {
		const char *old, *new, *said;
	} rows[] = {
		{"", "", ""},
		{"reply_at = rcpt\nlog_level = info\n", "reply_at = stage\nlog_level = debug\n",
			""},
		{"resolver { nameservers = { 192.0.2.1, 192.0.2.2 } }\n",
			"resolver { nameservers = { 192.0.2.1, 192.0.2.2 } }\n", ""},
		{"resolver { nameservers = { 192.0.2.1 } }\n",
			"resolver { nameservers = { 192.0.2.1, 192.0.2.2 } timeout = 1s }\n",
			"resolver.nameservers, resolver.timeout"},
		{"resolver { nameservers = { 192.0.2.1 } }\n", "", "resolver.nameservers"},
		{"", "socket = inet:8891@127.0.0.1\nlog_to = stderr\ndrain = 3s\n",
			"socket, log_to, drain"},
		{"pid_file = /run/a\nstore { url = unix:/a }\n",
			"store { url = unix:/b memory = 1MB }\n",
			"pid_file, store.url, store.memory"},
	};
	char names[256];

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct conf *old = load_text(*state, rows[i].old);
		struct conf *new = load_text(*state, rows[i].new);

		assert_non_null(old);
		assert_non_null(new);
		assert_int_equal(conf_needs_restart(old, new, names, sizeof(names)),
			rows[i].said[0] != '\0');
		assert_string_equal(names, rows[i].said);
		conf_release(&old);
		conf_release(&new);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_titled_sections),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_include),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_good_after_broken),
		cmocka_unit_test(test_advice),
		cmocka_unit_test(test_what_needs_a_restart),
		cmocka_unit_test(test_sample_passes),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
