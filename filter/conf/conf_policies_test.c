/* SPDX-License-Identifier: BSD-2-Clause */
/* The tables of all real settings, and the sample made of them. */
#include "conf_schema.h"

#include "../../tests/lib/conf_fixture.h"
#include "mem.h"
#include "text.h"

static struct conf *load_real(struct fixture *fixture, const char *text)
{
	const struct conf_report report = {on_error, on_warning, fixture};
	char *path = path_of(fixture, "c");
	struct conf *conf;

	put(fixture, "c", text);
	fixture->said[0] = '\0';
	conf = conf_load(path, policies, &report);
	mem_free(path);
	return conf;
}

/* A word of lower case, as the manual promises. */
static bool is_name(const char *name)
{
	return *name != '\0' && name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

static void test_names_and_helps(void **state)
{
	struct schema *schema = schema_create(policies);

	(void)state;
	for (size_t i = 0; i < schema->group_count; i++) {
		const struct group *group = &schema->groups[i];

		assert_true(i == 0 || is_name(group->name));
		assert_ptr_equal(schema_group(schema, i == 0 ? "" : group->name), group);
		for (size_t j = 0; j < group->row_count; j++) {
			const struct setting *setting = &group->rows[j].setting;

			assert_true(is_name(setting->name));
			assert_ptr_equal(group_row(group, setting->name), &group->rows[j]);
			assert_non_null(setting->help);
			assert_true(strlen(setting->help) > 10);
			assert_false(ascii_ends_with(setting->help, "."));
			assert_true(setting->min <= setting->max);
		}
	}
	schema_free(&schema);
}

/* What a setting follows is of the same kind. */
static void test_what_follows(void **state)
{
	struct schema *schema = schema_create(policies);
	unsigned following = 0;

	(void)state;
	for (size_t i = 0; i < schema->group_count; i++)
		for (size_t j = 0; j < schema->groups[i].row_count; j++) {
			const struct setting *setting = &schema->groups[i].rows[j].setting;
			const struct setting *other;

			if (setting->follows == NULL)
				continue;
			other = &group_row(schema_group(schema, setting->follows), setting->name)
					 ->setting;
			assert_int_equal(other->type, setting->type);
			assert_string_equal(other->default_text, setting->default_text);
			following++;
		}
	assert_true(following > 0);
	schema_free(&schema);
}

/* The text of sender_login in the section from; the file is one that can be read. */
static const char *author_login(struct conf *conf)
{
	struct schema *schema = schema_create(policies);
	const struct group *group = schema_group(schema, "from");
	const struct row *row = group_row(group, "sender_login");
	char **text =
		(char **)(void *)((char *)row_target(row, group, conf, 0) + row->setting.offset);

	schema_free(&schema);
	return *text;
}

static void test_one_section_follows_another(void **state)
{
	struct fixture *fixture = *state;
	char *map = path_of(fixture, "map"), *given;
	struct conf *conf;

	conf = load_real(fixture, "recipient { sender_login = /dev/null }\n");
	assert_non_null(conf);
	assert_string_equal(author_login(conf), "/dev/null");
	conf_release(&conf);
	conf = load_real(fixture, "recipient { sender_login = /dev/null }\n"
				  "from { sender_login = \"\" }\n");
	assert_non_null(conf);
	assert_null(author_login(conf));
	conf_release(&conf);
	conf = load_real(fixture, "from { sender_login = /dev/null }\n");
	assert_non_null(conf);
	assert_string_equal(author_login(conf), "/dev/null");
	conf_release(&conf);
	/* What is wrong is told once. */
	conf = load_real(fixture, "recipient { sender_login = nowhere }\n");
	assert_null(conf);
	assert_null(strstr(strchr(fixture->said, '\n') + 1, "sender_login"));
	put(fixture, "map", "anna\n");
	given = mem_format("\nrecipient { sender_login = \"%s\" }\n", map);
	conf = load_real(fixture, given);
	assert_null(conf);
	assert_null(strstr(fixture->said, "from"));
	assert_non_null(strstr(fixture->said, "map:1: no sender after the user"));
	mem_free(given);
	mem_free(map);
}

static size_t count_checks(const struct policy *policy)
{
	size_t count = 0;

	while (policy->checks != NULL && policy->checks[count].name != NULL)
		count++;
	return count;
}

/* A refusal for good has a code and an enhanced code of class 5. */
static void test_checks(void **state)
{
	(void)state;
	for (size_t i = 0; policies[i] != NULL; i++) {
		size_t count = count_checks(policies[i]);

		assert_true(count <= POLICY_CHECKS_MAX);
		for (size_t j = 0; j < count; j++) {
			const struct check *check = &policies[i]->checks[j];

			assert_int_equal(check->code[0], '5');
			assert_int_equal(check->enhanced[0], '5');
			assert_true(check->tempfail_code == NULL || check->tempfail_code[0] == '4');
			assert_non_null(check->reply);
		}
	}
}

/* Everything but pointers, which compare by what they hold, is the same as without a file. */
static void assert_same_options(const struct conf *one, const struct conf *other)
{
	assert_int_equal(one->policy_count, other->policy_count);
	for (size_t i = 0; i < one->policy_count; i++) {
		const struct policy_conf *a = &one->policies[i], *b = &other->policies[i];

		assert_int_equal(a->trial.mode, b->trial.mode);
		assert_int_equal(a->option_count, b->option_count);
		assert_memory_equal(a->fail, b->fail, sizeof(a->fail));
		assert_memory_equal(a->temperror, b->temperror, sizeof(a->temperror));
	}
	assert_int_equal(one->site.time_limit_ms, other->site.time_limit_ms);
	assert_int_equal(one->site.reply_at, other->site.reply_at);
	assert_int_equal(one->resolver.cache_bytes, other->resolver.cache_bytes);
	assert_int_equal(one->store.timeout_ms, other->store.timeout_ms);
	assert_string_equal(one->daemon.socket, other->daemon.socket);
}

static void test_sample_is_the_defaults(void **state)
{
	const struct conf_report report = {on_error, NULL, *state};
	struct conf *defaults = conf_load(NULL, policies, &report), *sample;
	char *text = NULL;
	size_t length = 0;
	FILE *memory = open_memstream(&text, &length);

	assert_non_null(memory);
	conf_write_sample(memory, policies);
	fputs("hostname = mx.example.org\n", memory);
	assert_int_equal(fclose(memory), 0);
	sample = load_real(*state, text);
	assert_string_equal(((struct fixture *)*state)->said, "");
	assert_non_null(sample);
	assert_same_options(sample, defaults);
	conf_release(&sample);
	conf_release(&defaults);
	free(text);
}

/* What the sample shows of a limit's reply is what the reply is, once it is no comment any more. */
static void test_sample_shows_a_reply(void **state)
{
	char *text = NULL, *line, *end, *given;
	size_t length = 0;
	FILE *memory = open_memstream(&text, &length);
	const char *reply = NULL;
	struct conf *conf;

	assert_non_null(memory);
	conf_write_sample(memory, policies);
	assert_int_equal(fclose(memory), 0);
	line = strstr(text, "# reply = \"");
	assert_non_null(line);
	line += 2;
	end = strchr(line, '\n');
	assert_non_null(end);
	*end = '\0';
	given = mem_format("hostname = mx.example.org\nlimit \"x\" { %s\n}\n", line);
	conf = load_real(*state, given);
	assert_non_null(conf);
	for (size_t i = 0; i < conf->policy_count; i++) {
		const struct policy *policy = conf->policies[i].policy;

		for (const struct setting *setting = policy->settings;
			strcmp(policy->name, "limit") == 0 && setting->name != NULL; setting++)
			if (strcmp(setting->name, "reply") == 0)
				memcpy(&reply,
					(const char *)conf->policies[i].options + setting->offset,
					sizeof(reply));
	}
	assert_non_null(reply);
	assert_string_equal(reply, "{limit} per {window} reached, try again in {wait}");
	conf_release(&conf);
	mem_free(given);
	free(text);
}

static const struct {
	const char *text, *said;
} dangerous[] = {
	{"spf { softfail = reject }\n",
		"warning c:2: softfail = reject loses honest mail: the domain itself asks for no "
		"more than suspicion (RFC 7208 section 8.5); use suspect or tag\n"},
	{"spf { helo_softfail = reject }\n",
		"warning c:2: helo_softfail = reject loses honest mail (RFC 7208 section 8.5); use "
		"suspect or tag\n"},
	{"spf { none = reject }\n",
		"warning c:2: none = reject refuses every domain without an SPF record; use "
		"suspect\n"},
	{"spf { neutral = reject }\n",
		"warning c:2: neutral = reject breaks RFC 7208 section 8.2, which treats it as "
		"none; use suspect or off\n"},
	{"spf { softfail = reject mode = off }\n", ""},
	{"limit a { key = auth_user }\nlimit b {\nkey = \"sender_domain | helo\"\n}\n",
		"warning c:4: limit \"b\" counts only by what a client writes, so one that changes "
		"it from message to message is never limited; add another limit by client_net, or "
		"write auth_user first\n"},
	{"limit a { key = sender mode = off }\n", ""},
	{"limit a { key = \"client_net + sender\" }\n", ""},
	{"limit a { }\n", ""},
	{"limit a { rate = \"0 / 1h\" }\n",
		"warning c:2: rate lets nothing through, ever, and action = tempfail has it tried "
		"for days; use action = reject\n"},
	{"limit a { rate = \"0 / 1h\" action = reject }\n", ""},
	{"limit a { key = auth_user count = bytes rate = \"5 / 1h\" }\n",
		"warning c:2: rate lets less than a kilobyte through, which is no message; write a "
		"size with its unit, like 100MB / 1d\n"},
	{"limit a { hosts = 300 }\n",
		"warning c:2: rate divided by hosts is less than one, so while the store is down "
		"each host lets one through; use outage = tempfail where that is too much\n"},
	{"recipient {\nsources = { \"a.example passwd:\", \"*  redis:known\" }\n}\n",
		"warning c:3: \"*  redis:known\" can never be asked, since url of section store "
		"names no Redis; write url = \"redis://127.0.0.1\" there\n"},
	{"recipient { sources = \"* redis:known\" }\nstore { url = \"redis://127.0.0.1\" }\n", ""},
};

static void test_advice(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(dangerous); i++) {
		char *text = mem_format("hostname = mx.example.org\n%s", dangerous[i].text);
		struct conf *conf = load_real(*state, text);

		assert_string_equal(((struct fixture *)*state)->said, dangerous[i].said);
		assert_non_null(conf);
		conf_release(&conf);
		mem_free(text);
	}
}

/* What would be taken in silence, and do nothing. */
static const struct {
	const char *text, *said;
} idle[] = {
	{"mark { subject_checks = {\n helo.mismatch, \"dmrc\", from,\n from_form.unquote_at, x } "
	 "}\n",
		"c:3: subject_checks: \"dmrc\" is neither a policy nor a check; did you mean "
		"dmarc?\n"
		"c:4: subject_checks: \"from_form.unquote_at\" is neither a policy nor a check; "
		"did "
		"you mean from_form.unquoted_at?\n"
		"c:4: subject_checks: \"x\" is neither a policy nor a check; write one like helo "
		"or helo.mismatch\n"},
	{"trusted_networks = { 192.0.2.0/24, relay.example.org }\n",
		"c:2: trusted_networks: entry \"relay.example.org\": only networks are looked for "
		"here; write it like 192.0.2.0/24 or 2001:db8::/32\n"},
	{"local_domains = { 192.0.2.0/24, \"bob@example.org\" }\n",
		"c:2: local_domains: entry \"192.0.2.0/24\": only domains are looked for here; "
		"write it like example.com or .example.com\n"
		"c:2: local_domains: entry \"bob@example.org\": only domains are looked for here; "
		"write it like example.com or .example.com\n"},
	{"relay_domains = \"@example.org\"\n",
		"c:2: relay_domains: entry \"@example.org\": only domains are looked for here; "
		"write it like example.com or .example.com\n"},
	{"forwarders = { 192.0.2.1, relay.example.org, \"bob@example.org\" }\n",
		"c:2: forwarders: entry \"bob@example.org\": only networks and domains are looked "
		"for here; write it like 192.0.2.0/24, example.com or .example.com\n"},
	{"rdns { exceptions = { 192.0.2.1, .example.org, \"bob@\" } }\n",
		"c:2: exceptions: entry \"bob@\": only networks and domains are looked for here; "
		"write it like 192.0.2.0/24, example.com or .example.com\n"},
	{"helo { partners = { 192.0.2.1, .example.org, \"bob@example.org\" } }\n",
		"c:2: partners: entry \"bob@example.org\": only networks and domains are looked "
		"for here; write it like 192.0.2.0/24, example.com or .example.com\n"},
	{"sender { protected_domains = { bank.example, 192.0.2.1 } }\n",
		"c:2: protected_domains: entry \"192.0.2.1\": only domains are looked for here; "
		"write it like example.com or .example.com\n"},
	{"from { protected_domains = { bank.example, 192.0.2.1 } }\n",
		"c:2: protected_domains: entry \"192.0.2.1\": only domains are looked for here; "
		"write it like example.com or .example.com\n"},
};

#define NO_EXTENSION                                                                               \
	"has a character that parts no extension from a name; write signs that may stand in an "   \
	"address, but no dot, like \"+\" or \"+-\"\n"
#define NO_SUBJECT                                                                                 \
	"is what no certificate is called; write the CN alone, like client.example.org, or the "   \
	"whole subject as Sendmail tells it, like /O=Example/CN=client.example.org\n"

/* Values that no limit, no counter of connections and no certificate can have. */
static const struct {
	const char *text, *said;
} refused[] = {
	{"limit a { extension = \"a\" }\n", "c:2: extension = \"a\" " NO_EXTENSION},
	{"limit a { extension = \"@\" }\n", "c:2: extension = \"@\" " NO_EXTENSION},
	{"limit a { extension = \"+3\" }\n", "c:2: extension = \"+3\" " NO_EXTENSION},
	{"limit a { extension = \".\" }\n", "c:2: extension = \".\" " NO_EXTENSION},
	{"limit a { extension = \"+ \" }\n", "c:2: extension = \"+ \" " NO_EXTENSION},
	{"limit a { extension = \",\" }\n", "c:2: extension = \",\" " NO_EXTENSION},
	{"limit a { extension = \"\xc3\xa4\" }\n", "c:2: extension = \"\\xc3\\xa4\" " NO_EXTENSION},
	{"limit a {\n notify = \"/nonexistent/x\" }\n",
		"c:3: notify: \"/nonexistent/x\": No such file or directory; write the absolute "
		"path of a program that is there, or mail:postmaster@example.org\n"},
	{"limit a {\n notify = \"/bin/sh 'a b\" }\n",
		"c:3: notify: a quote in the command does not end, or is a single one; put double "
		"quotes around a word with blanks or quotes in it\n"},
	{"limit a {\n notify = \"/bin/sh \\\"a b\" }\n",
		"c:3: notify: a quote in the command does not end, or is a single one; put double "
		"quotes around a word with blanks or quotes in it\n"},
	{"connection { max_rate = \"5MB / 1h\" }\n",
		"c:2: max_rate = \"5MB / 1h\" is of a size, where things are counted; it must be a "
		"rate like \"200 / 1h\"\n"},
	{"trusted_certificates = \"CN=\"\n", "c:2: trusted_certificates: \"CN=\" " NO_SUBJECT},
	{"trusted_certificates = \"cn=client.example.org\"\n",
		"c:2: trusted_certificates: \"cn=client.example.org\" " NO_SUBJECT},
	{"trusted_certificates = \"O=\"\n", "c:2: trusted_certificates: \"O=\" " NO_SUBJECT},
	{"trusted_certificates = \"/O=x/CN=\"\n",
		"c:2: trusted_certificates: \"/O=x/CN=\" " NO_SUBJECT},
	{"limit a { key = auth_user }\nlimit A { key = auth_user }\n",
		"c:3: limit \"A\" differs only in case from \"a\", in c:2, and who reads of one "
		"could mean the other; give it another title\n"},
};

static void test_refused(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(refused); i++) {
		char *text = mem_format("hostname = mx.example.org\n%s", refused[i].text);
		struct conf *conf = load_real(*state, text);

		assert_string_equal(((struct fixture *)*state)->said, refused[i].said);
		assert_null(conf);
		mem_free(text);
	}
}

static void test_taken(void **state)
{
	struct conf *conf = load_real(*state,
		"hostname = mx.example.org\n"
		"connection { max_rate = \"5 / 1h\" }\n"
		"trusted_certificates = { client.example.org, \"/O=x/CN=client\" }\n"
		"limit a { count = bytes rate = \"5MB / 1h\" extension = \"+-=_#\" }\n");

	assert_string_equal(((struct fixture *)*state)->said, "");
	assert_non_null(conf);
	conf_release(&conf);
}

static void test_idle(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(idle); i++) {
		char *text = mem_format("hostname = mx.example.org\n%s", idle[i].text);
		struct conf *conf = load_real(*state, text);

		assert_string_equal(((struct fixture *)*state)->said, idle[i].said);
		assert_null(conf);
		mem_free(text);
	}
}

static void test_manual(void **state)
{
	char *text = NULL;
	size_t length = 0;
	FILE *memory = open_memstream(&text, &length);
	struct schema *schema = schema_create(policies);

	(void)state;
	assert_non_null(memory);
	conf_write_manual(memory, policies);
	assert_int_equal(fclose(memory), 0);
	for (size_t i = 0; i < schema->group_count; i++) {
		for (size_t j = 0; j < schema->groups[i].row_count; j++) {
			char *item = mem_format("\n.It Ic %s No = Ar ", schema->groups[i].names[j]);

			assert_non_null(strstr(text, item));
			mem_free(item);
		}
	}
	schema_free(&schema);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_and_helps),
		cmocka_unit_test(test_what_follows),
		cmocka_unit_test(test_one_section_follows_another),
		cmocka_unit_test(test_checks),
		cmocka_unit_test(test_sample_is_the_defaults),
		cmocka_unit_test(test_sample_shows_a_reply),
		cmocka_unit_test(test_advice),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_manual),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
