/* SPDX-License-Identifier: BSD-2-Clause */
/* Broken files, and every word that is said about them. */
#include "../../tests/lib/conf_fixture.h"

#define LETTERS "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeef"
#define LONG_PATH LETTERS "/" LETTERS "/sockets"

static const struct {
	const char *text, *said;
} broken[] = {
	{.text = "hostname = mx.example.org;\n"
		 "local_domains = { example.org; example.net };\n"
		 "fake { missing = reject; low = 3; lo = 4 }\n"
		 "fake { flag yes; }\n"
		 "time_limit = 5s ;\n",
		.said = "c:1: a value of hostname ends with a semicolon; nothing does here, and "
			"commas "
			"stand between the values of a list\n"
			"c:2: a value of local_domains ends with a semicolon; nothing does here, "
			"and "
			"commas stand between the values of a list\n"
			"c:2: a semicolon; nothing ends with one here: remove it\n"
			"c:3: a value of missing ends with a semicolon; nothing does here, and "
			"commas "
			"stand between the values of a list\n"
			"c:3: a value of low ends with a semicolon; nothing does here, and commas "
			"stand "
			"between the values of a list\n"
			"c:3: unknown setting \"lo\" in section fake; did you mean low?\n"
			"c:4: an equals sign is missing after flag; write flag = yes\n"
			"c:5: a value of time_limit ends with a semicolon; nothing does here, and "
			"commas "
			"stand between the values of a list\n"},
	{.text = "hostname = \xe2\x80\x9cmx.example.org\xe2\x80\x9d\n"
		 "fake {\n"
		 "\xc2\xa0low = 3\n"
		 "}\n"
		 "authserv_id = a\xe2\x80\x8b.example\n",
		.said = "c:1: a value of hostname holds typographic quotes; write plain ones: \"\n"
			"c:3: ??low holds a no-break space (U+00A0), which is no blank here; write "
			"a "
			"blank\n"
			"c:5: a value of authserv_id holds a zero width space (U+200B), which "
			"cannot be "
			"seen; remove it\n"},
	{.text = "hostname = 192.0.2.1\n"
		 "socket = local:/" LONG_PATH "\n"
		 "control_socket = /" LONG_PATH "\n",
		.said = "c:1: hostname = \"192.0.2.1\" is an address; write the name of this mail "
			"server, like mail.example.org\n"
			"c:2: socket: a path of 112 bytes is too long for a socket; write one of "
			"at "
			"most 107\n"
			"c:3: control_socket: a path of 112 bytes is too long for a socket; write "
			"one of "
			"at most 107\n"
			"c:3: control_socket is the path of socket too; give it one of its own\n"},
	{.text = "socket = inet:9749@127.0.0.1\n"
		 "metrics = 9749\n"
		 "control_socket = /run/x\n"
		 "pid_file = /run/x\n"
		 "journal = /run/x\n",
		.said = "c:2: metrics has the port of socket; give it one of its own\n"
			"c:4: pid_file is the path of control_socket too; give it one of its own\n"
			"c:5: journal is the path of control_socket too; give it one of its own\n"
			"c:5: journal is the path of pid_file too; give it one of its own\n"},
	{.text = "resolver { low = 3 }\nlow = 3\n",
		.said = "c:1: unknown setting \"low\" in section resolver; section fake has one\n"
			"c:2: unknown setting \"low\" outside of all sections; section fake has "
			"one\n"},
	{.text = "fake = { low = 300 }\n"
		 "resolver\n"
		 " timeout = 3\n"
		 "}\n"
		 "include \"a.conf\"\n"
		 "max_waiting = 1,000\n"
		 "fake { missing = reject, tag }\n",
		.said = "c:1: fake is a section, which takes no equals sign; write fake { ... }\n"
			"c:1: low = \"300\" is too large; it must be a whole number, from 1 to "
			"100\n"
			"c:2: the { of section resolver is missing; write resolver { ... }\n"
			"c:3: timeout = \"3\" is a number without a unit; it must be a duration "
			"like "
			"500ms, 90s, 5m, 1h or 7d, from 10ms to 30s\n"
			"c:5: include needs parentheses; write include(\"a.conf\")\n"
			"c:6: more than one value of max_waiting; it takes one: max_waiting = "
			"VALUE\n"
			"c:7: more than one value of missing; it takes one: missing = VALUE\n"},
	{.text = "local_domains = client_net + sender time_limit = 1\n",
		.said = "c:1: local_domains is followed by several words; a value with blanks or "
			"signs "
			"in it needs quotes around it: local_domains = \"client_net + sender\"\n"},
	{.text = "hostnam = a\n"
		 "time_limit = 5x\n"
		 "fake {\n"
		 "  lo = 3\n"
		 "  low = 300\n"
		 "}\n"
		 "resolver { timeout = 3 }\n",
		.said = "c:1: unknown setting \"hostnam\"; did you mean hostname?\n"
			"c:2: time_limit = \"5x\" is not a duration; it must be a duration like "
			"500ms, "
			"90s, 5m, 1h or 7d, from 100ms to 60s\n"
			"c:4: unknown setting \"lo\" in section fake; did you mean low?\n"
			"c:5: low = \"300\" is too large; it must be a whole number, from 1 to "
			"100\n"
			"c:7: timeout = \"3\" is a number without a unit; it must be a duration "
			"like "
			"500ms, 90s, 5m, 1h or 7d, from 10ms to 30s\n"},
	{.text = "reslover { timeout = 3s }\n"
		 "bogus { a = 1 b { c = 2 } }\n"
		 "time_limit = 1h\n",
		.said = "c:1: unknown section \"reslover\"; did you mean resolver?\n"
			"c:2: unknown section \"bogus\"; mailreeve.conf(5) lists all of them\n"
			"c:2: b { stands within section bogus, but sections do not nest; move it "
			"out, "
			"or write b = VALUE\n"
			"c:3: time_limit = \"1h\" is too large; it must be a duration like 500ms, "
			"90s, "
			"5m, 1h or 7d, from 100ms to 60s\n"},
	{.text = "timeout = 3s\n"
		 "fake { hostname = b attempts = 3 }\n"
		 "fake = 3\n"
		 "reply_at { }\n",
		.said = "c:1: unknown setting \"timeout\" outside of all sections; section "
			"resolver "
			"has one\n"
			"c:2: unknown setting \"hostname\" in section fake; hostname stands "
			"outside of "
			"all sections\n"
			"c:2: unknown setting \"attempts\" in section fake; section resolver has "
			"one\n"
			"c:3: fake is a section; write fake { ... }\n"
			"c:4: reply_at is a setting, not a section; write reply_at = VALUE\n"},
	/* Trials: an end without one, in a section and behind an action; odd values. */
	{.text = "fake {\n"
		 "  until = 2026-12-31\n"
		 "}\n",
		.said = "c:2: until says when a trial ends, but nothing is tried; set mode = "
			"monitor "
			"or percent below 100, or leave until out\n"},
	{.text = "fake {\n"
		 "  mode = monitr\n"
		 "  percent = 101\n"
		 "  until = 2026-12-32\n"
		 "  missing = \"reject until=2026-12-31\"\n"
		 "  wrong = \"reject percent=x\"\n"
		 "}\n",
		.said = "c:2: mode = \"monitr\" is not allowed; it must be one of: enforce, "
			"monitor, "
			"off; did you mean monitor?\n"
			"c:3: percent = \"101\" is too large; it must be a whole number, from 0 to "
			"100\n"
			"c:4: until = \"2026-12-32\" is no such date; it must be a date like "
			"2026-12-31 (the whole day counts) or \"2026-12-31 18:00\"\n"
			"c:5: missing = reject: until says when a trial ends, but nothing is "
			"tried; "
			"set mode = monitor or percent below 100, or leave until out\n"
			"c:6: wrong = reject: \"percent=x\": percent is a whole number from 0 to "
			"100\n"},
	{.text = "fake { missing_temperror = \"tag percent=10\" }\n",
		.said = "c:1: missing_temperror = \"tag percent=10\" is not allowed; it must be "
			"one "
			"of: monitor, tag, suspect, tempfail, off\n"},
	{.text = "time_limit = 2s\n"
		 "fake { low = 2 }\n"
		 "time_limit = 3s\n"
		 "fake {\n"
		 "  low = 3\n"
		 "}\n",
		.said = "c:3: time_limit was set before, in c:1; a setting is given once: remove "
			"one\n"
			"c:5: low was set before, in c:2; a setting is given once: remove one\n"},
	{.text = "limit \"a\" { }\n"
		 "limit { count = 2 }\n"
		 "limit \"a\" { count = 99 }\n"
		 "limit \"b c\" { count = 2 }\n"
		 "fake \"x\" { low = 2 }\n",
		.said = "c:2: section limit needs a title; write limit \"name\" { ... }\n"
			"c:3: limit \"a\" was given before, in c:1; give it another title, or "
			"remove "
			"one\n"
			"c:4: section limit: \"b c\" is no title; write up to 63 letters, "
			"digits, "
			"hyphens, dots and underscores\n"
			"c:5: section fake has no title; write fake { ... }\n"},
	{.text = "limit \"a\" 'b' c {\n"
		 "  cuont = 3\n"
		 "}\n"
		 "limit \"a\xc3\xa4\\\\b\" { count = 9 }\n"
		 "limit 'A' { count = 2 }\n"
		 "fake x y { lo = 2 }\n"
		 "nonsense x y { lo = 2 }\n",
		.said = "c:1: section limit has one title, but more words stand before its {; "
			"write limit \"a\" { ... }\n"
			"c:2: unknown setting \"cuont\" in section limit; did you mean count?\n"
			"c:4: section limit: \"a\\xc3\\xa4\\x5c\\x5cb\" is no title; write up to "
			"63 "
			"letters, digits, hyphens, dots and underscores\n"
			"c:5: limit \"A\" differs only in case from \"a\", in c:1, and who reads "
			"of "
			"one could mean the other; give it another title\n"
			"c:6: section fake has one title, but more words stand before its {; write "
			"fake \"x\" { ... }\n"
			"c:6: section fake has no title; write fake { ... }\n"
			"c:7: an equals sign is missing after nonsense; write nonsense = x\n"},
	{.text = "hostname = a.b\n"
		 "fake {\n"
		 "  low = 2\n"
		 "resolver {\n"
		 "  timeout = 2s\n"
		 "}\n",
		.said = "c:2: section fake opens here and is not closed before section resolver "
			"opens "
			"in line 4; write } after its last setting\n"},
	{.text = "hostname = a.b\n"
		 "fake {\n"
		 "  low = 2\n"
		 "  bad = 3\n",
		.said = "c:2: section fake opens here and is not closed; write } after its last "
			"setting\n"
			"c:4: unknown setting \"bad\" in section fake; mailreeve.conf(5) lists all "
			"of "
			"them\n"},
	{.text = "hostname = \"a.b\n"
		 "time_limit = 2s\n"
		 "hostname = 'c\n"
		 "reply_at = never\n",
		.said = "c:1: the quote that opens here is not closed on its line\n"
			"c:3: the quote that opens here is not closed on its line\n"
			"c:4: reply_at = \"never\" is not allowed; it must be one of: rcpt, "
			"stage\n"},
	{.text = "/* never closed\n"
		 "hostname = a.b\n"
		 "time_limit = x\n",
		.said = "c:1: the comment that opens here is not closed\n"
			"c:3: time_limit = \"x\" is not a duration; it must be a duration like "
			"500ms, "
			"90s, 5m, 1h or 7d, from 100ms to 60s\n"},
	{.text = "hostname = a.b }\n"
		 "}\n"
		 "time_limit = x\n",
		.said = "c:1: a } that closes nothing; remove it, or look for a section closed too "
			"early above\n"
			"c:2: a } that closes nothing; remove it, or look for a section closed too "
			"early above\n"
			"c:3: time_limit = \"x\" is not a duration; it must be a duration like "
			"500ms, "
			"90s, 5m, 1h or 7d, from 100ms to 60s\n"},
	{.text = "trusted_networks = { 192.0.2.0/24\n"
		 "reply_at = stag\n"
		 "own_names = { a.b c.d, , e.f }\n"
		 "time_limit = q\n",
		.said = "c:1: the list of trusted_networks that opens here is not closed; write } "
			"after its last value\n"
			"c:2: reply_at = \"stag\" is not allowed; it must be one of: rcpt, stage; "
			"did "
			"you mean stage?\n"
			"c:3: unexpected c.d in the list of own_names; write the values with "
			"commas "
			"between them: { a, b }\n"
			"c:3: unexpected , in the list of own_names; write the values with commas "
			"between them: { a, b }\n"
			"c:4: time_limit = \"q\" is not a duration; it must be a duration like "
			"500ms, "
			"90s, 5m, 1h or 7d, from 100ms to 60s\n"},
	{.text = "hostname\n"
		 "hostname a.b\n"
		 "= 3\n"
		 "hostname =\n"
		 "time_limit = 2x\n"
		 "own_names = \n",
		.said = "c:1: hostname stands alone; write hostname = VALUE\n"
			"c:2: an equals sign is missing after hostname; write hostname = a.b\n"
			"c:3: unexpected =; a setting is written NAME = VALUE\n"
			"c:4: hostname has no value; write hostname = VALUE\n"
			"c:5: time_limit = \"2x\" is not a duration; it must be a duration like "
			"500ms, "
			"90s, 5m, 1h or 7d, from 100ms to 60s\n"
			"c:6: own_names has no value; write own_names = VALUE\n"},
	{.text = "time_limit = 200 / 1h\n"
		 "own_names = a.b, c.d\n"
		 "fake { rate = 200 / 1h } # that\n"
		 "fake { words = a b }\n"
		 "fake { low = 1 high = 2s words = q }\n",
		.said = "c:1: time_limit is followed by several words; a value with blanks or "
			"signs in "
			"it needs quotes around it: time_limit = \"200 / 1h\"\n"
			"c:2: more than one value of own_names; put braces around them: own_names "
			"= { "
			"a.b, "
			"c.d }\n"
			"c:3: rate is followed by several words; a value with blanks or signs in "
			"it "
			"needs quotes around it: rate = \"200 / 1h\"\n"
			"c:4: words is followed by several words; a value with blanks or signs in "
			"it "
			"needs quotes around it: words = \"a b\"\n"},
	{.text = "time_limit = { 2s, 3s }\n"
		 "max_waiting = {}\n"
		 "reply_at = { stage }\n"
		 "hostname = { a.b }\n",
		.said = "c:1: time_limit takes one value, not a list of 2; write time_limit = "
			"VALUE\n"
			"c:2: max_waiting takes one value, not a list of 0; write max_waiting = "
			"VALUE\n"},
	{.text = "trusted_networks = { 192.0.2.1/24, 10.0.0.0/33,\n"
		 "  example..org, /nonexistent/file }\n"
		 "store { password_file = /nonexistent/x url = \"http://joe:secret@x\" }\n",
		.said = "c:1: trusted_networks: entry \"192.0.2.1/24\": bits are set behind the "
			"prefix; write the first address of the network, or a longer prefix\n"
			"c:1: trusted_networks: entry \"10.0.0.0/33\": prefix length is not a "
			"number "
			"from 0 to 32 (IPv4) or 0 to 128 (IPv6)\n"
			"c:2: trusted_networks: entry \"example..org\": not a network, domain or "
			"address; write it like 192.0.2.0/24, example.com, .example.com, "
			"user@example.com or user@\n"
			"c:2: trusted_networks: /nonexistent/file: No such file or directory; name "
			"a readable file, or mend this one\n"
			"c:3: password_file = \"/nonexistent/x\" cannot be read: No such file or "
			"directory; it must be a readable file\n"
			"c:3: url: this is no store URL; it should be memory, or begin with "
			"redis://, rediss://, unix:, sentinel:// or cluster://\n"},
	{.text = "hostname = a.b\n"
		 "store { password_file = relative url = \"redis://joe:secret@host:port\" }\n",
		.said = "c:2: password_file = \"relative\" is not an absolute path; it must be the "
			"absolute path of a readable file\n"
			"c:2: url: the port is no number from 1 to 65535; it should be "
			"redis://[user@]host[:6379][/db]\n"},
	{.text = "hostname = a.b\nstore { password_file = /etc/passwd }\n",
		.said = "c:2: password_file is set, but url names no Redis; it should be "
			"redis://host:6379, or remove this line\n"},
	{.text = "hostname = a.b\nstore { url = redis://h password_file = /dev/null }\n",
		.said = "c:2: password_file: the first line of /dev/null is empty; it should be "
			"the password\n"},
	{.text = "hostname = a.b\nstore { url = unix:/tmp }\n",
		.said = "c:2: url: /tmp is a folder; it should be the path of a socket in it\n"},
	{.text = "hostname = a.b\nstore { prefix = \"\" }\n",
		.said = "c:2: prefix is empty, so nothing would tell our keys from those of "
			"others; it must have 1 to 64 characters, like \"mailreeve:\"\n"},
	{.text = "hostname = a.b\nstore { prefix = \"a b\" }\n",
		.said = "c:2: prefix is too long, or has a blank in it; it must have 1 to 64 "
			"characters, like \"mailreeve:\"\n"},
	{.text = "resolver { nameservers = { 192.0.2.53, 192.0.2.53:99999,\n"
		 "  ns.example.net } }\n"
		 "user = no-such-user\n"
		 "socket_group = no-such-group\n",
		.said = "c:1: nameservers: \"192.0.2.53:99999\" is not an address; write it like "
			"192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:5353\n"
			"c:1: nameservers: \"ns.example.net\" is not an address; write it like "
			"192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:5353\n"
			"c:3: user = \"no-such-user\": there is no user \"no-such-user\"; make it "
			"(adduser --system), or name another\n"
			"c:4: socket_group = \"no-such-group\": there is no group "
			"\"no-such-group\"; name the group of the MTA\n"},
	{.text = "user = nobody:no-such-group\n",
		.said = "c:1: user = \"nobody:no-such-group\": there is no group "
			"\"no-such-group\"; make it (adduser --system), or name another\n"},
	{.text = "store { password_file = /tmp timeout = 9s }\n",
		.said = "c:1: password_file = \"/tmp\" is a folder; it must be the absolute path "
			"of a "
			"readable file\n"
			"c:1: timeout = 9s of the store is not below time_limit = 8s; make it "
			"shorter\n"},
	{.text = "hostname = a.b\n"
		 "store { timeout = 9s }\n"
		 "resolver { timeout = 10s max_negative_ttl = 1d max_ttl = 1h }\n"
		 "socket_mode = 0888\n"
		 "socket = tcp:1\n"
		 "pid_file = run/x\n"
		 "control_socket = run/y\n",
		.said = "c:2: timeout = 9s of the store is not below time_limit = 8s; make it "
			"shorter\n"
			"c:3: max_negative_ttl = 1d is above max_ttl = 1h; make it shorter\n"
			"c:4: socket_mode = \"0888\" is no mode of a file; write three or four "
			"octal "
			"digits like 0660\n"
			"c:5: socket = \"tcp:1\" is no socket; write local:/absolute/path, "
			"inet:PORT@ADDRESS or inet6:PORT@ADDRESS\n"
			"c:6: pid_file = \"run/x\" is not an absolute path; start it with /\n"
			"c:7: control_socket = \"run/y\" is not an absolute path; start it with "
			"/\n"},
	{.text = "hostname = mx.example.org\n"
		 "trusted_authserv_ids = { dkim.example.org, MX.example.org, \"a b\" }\n",
		.said = "c:2: trusted_authserv_ids: \"MX.example.org\" is our own authserv_id, "
			"whose fields are removed as forged; give the filter before us another "
			"name (AuthservID of OpenDKIM), or set authserv_id\n"
			"c:2: trusted_authserv_ids: \"a b\" is no name; write one like "
			"dkim.example.org\n"},
	{.text = "authserv_id = \"what is this\"\n",
		.said = "c:1: authserv_id = \"what is this\" is no name; write one like "
			"example.org\n"},
	{.text = "hostname = a_b..c\n"
		 "own_names = { x.y, \"not a name\" }\n",
		.said = "c:1: hostname = \"a_b..c\" is not a domain name; write one like "
			"mail.example.org\n"
			"c:2: own_names: \"not a name\" is not a domain name; write one like "
			"mail.example.org\n"},
	{.text = "hostname = mx.example.org\n"
		 "trusted_certificates = { \"/CN=a\", \"fingerprint:AB:CD\", "
		 "\"00:11:22:33:44:55:66:77:"
		 "88:99:aa:bb:cc:dd:ee:ff\" }\n"
		 "trusted_daemons = { a, MX.example.org }\n",
		.said = "c:2: trusted_certificates: \"fingerprint:AB:CD\" is no fingerprint; write "
			"fingerprint: and the hex digits that openssl x509 -noout -fingerprint "
			"-sha256 "
			"prints\n"
			"c:2: trusted_certificates: "
			"\"00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff\" looks like a "
			"fingerprint, "
			"and no subject is like that; write fingerprint: before it\n"
			"c:3: trusted_daemons: \"MX.example.org\" is what Postfix calls every "
			"service "
			"that has no name; give one its own with milter_macro_daemon_name\n"},
	{.text = "fake { low = 90 high = 2s }\n"
		 "limit \"x\" { key = \"\" }\n"
		 "limit \"y\" { key = \"\" count = 0 }\n",
		.said = "c:1: high is below low; make it longer\n"
			"c:2: x: key is empty, or count 7; write another\n"
			"c:3: count = \"0\" is too small; it must be a whole number, from 1 to "
			"10\n"},
	{.text = "fake { missing = rejekt missing_temperror = reject wrong_temperror = tag mode "
		 "= enforced flag = maybe rate = \"5 / 10ms\" }\n",
		.said = "c:1: unknown setting \"wrong_temperror\" in section fake; "
			"mailreeve.conf(5) "
			"lists all of them\n"
			"c:1: missing = \"rejekt\" is not allowed; it must be one of: reject, "
			"tempfail, suspect, quarantine, tag, monitor, off; did you mean reject?\n"
			"c:1: missing_temperror = \"reject\" is not allowed; it must be one of: "
			"monitor, tag, suspect, tempfail, off\n"
			"c:1: mode = \"enforced\" is not allowed; it must be one of: enforce, "
			"monitor, "
			"off; did you mean enforce?\n"
			"c:1: flag = \"maybe\" is not allowed; it must be yes or no\n"
			"c:1: rate = \"5 / 10ms\": the rate's window is not from 1s to 400d; write "
			"it like 200 / 90s, 200 / 1h or 200 / 365d\n"},
	{.text = "include(\"nowhere\")\n"
		 "include(\"c\")\n"
		 "include nothing\n"
		 "fake { include(\"x\") }\n"
		 "includ(\"x\")\n",
		.said = "c:1: include(\"nowhere\") cannot be read: No such file or directory; name "
			"a "
			"readable file, relative to this one or with its whole path\n"
			"c:2: include(\"c\") cannot be read: it includes itself; name a readable "
			"file, "
			"relative to this one or with its whole path\n"
			"c:3: include needs parentheses; write include(\"nothing\")\n"
			"c:4: include stands within section fake; move it out of all sections\n"
			"c:5: includ( ) is not understood; write include(\"/path/of/file\")\n"},
	{.text = "own_names += { a.b }\n"
		 "own_names = user+x\n"
		 "own_names = { a*b, \"\\0\", \"\\x41\", \"${x\", ${x }\n"
		 "own_names = a${HOME}\n",
		.said = "c:1: += is not known; write all values in one list: = { a, b }\n"
			"c:2: a text with + or * in it needs quotes around it\n"
			"c:3: a text with + or * in it needs quotes around it\n"
			"c:3: a text in double quotes cannot hold a character by its number; write "
			"the "
			"character itself, and \\\\ for a backslash\n"
			"c:3: a text in double quotes cannot hold a character by its number; write "
			"the "
			"character itself, and \\\\ for a backslash\n"
			"c:3: ${ has no } in the same text; write ${NAME}, or use single quotes\n"
			"c:3: the list of own_names that opens here is not closed; write } after "
			"its "
			"last value\n"
			"c:4: a text with ${NAME} in it needs double quotes around it\n"},
	{.text = "hostname = \"a\tb\"\n"
		 "own_names = { \"a\\nb\", \"\" }\n",
		.said = "c:1: hostname holds the control character \\x09; it must be one line of "
			"text "
			"(in double quotes, \\ starts an escape: use single quotes)\n"
			"c:2: own_names holds the control character \\x0a; it must be one line of "
			"text "
			"(in double quotes, \\ starts an escape: use single quotes)\n"
			"c:2: own_names = \"\" is an empty entry; it must be a list of texts\n"},
	{.text = "\"hostname\" = x\n"
		 "limit \"a\" { count = 3\n"
		 "limit \"b\" { count = 4 }\n",
		.said = "c:1: unexpected \"hostname\"; a setting is written NAME = VALUE, without "
			"quotes around the name\n"
			"c:2: section limit opens here and is not closed before section limit "
			"opens in "
			"line 3; write } after its last setting\n"},
	{.text = "max_waiting = 99999999999999999999\n"
		 "fake { low = -1 high = \"\" }\n"
		 "fake { partners = \"a b\" }\n",
		.said = "c:1: max_waiting = \"99999999999999999999\" is not a number; it must be a "
			"whole number, from 1 to 100000\n"
			"c:2: low = \"-1\" is too small; it must be a whole number, from 1 to 100\n"
			"c:2: high = \"\" is not a duration; it must be a duration like 500ms, "
			"90s, "
			"5m, 1h or 7d, from 1s to 60s\n"
			"c:3: partners: entry \"a b\": not a network, domain or address; write it "
			"like "
			"192.0.2.0/24, example.com, .example.com, user@example.com or user@\n"},
	{.text = "hostname = a.b\n"
		 "store { url = \"http://joe:secret@x\" }\n",
		.said = "c:2: url: this is no store URL; it should be memory, or begin with "
			"redis://, rediss://, "
			"unix:, sentinel:// or cluster://\n"},
	{.text = "hostname = a.b\n"
		 "store { url = \"redis://joe:secret@host:port\" }\n"
		 "foo = 1\n"
		 "time_limit = 40h\n"
		 "store { timeout = 9s }\n",
		.said = "c:2: url: the port is no number from 1 to 65535; it should be "
			"redis://[user@]host[:6379][/db]\n"
			"c:3: unknown setting \"foo\"; mailreeve.conf(5) lists all of them\n"
			"c:4: time_limit = \"40h\" is too large; it must be a duration like 500ms, "
			"90s, 5m, 1h or 7d, from 100ms to 60s\n"},
	{.text = "fake { words = { \"a\\qb\", 'c\\d' } partners = /etc/passwd/x }\n"
		 "fake { high = 61s }\n",
		.said = "c:1: partners: /etc/passwd/x: Not a directory; name a readable file, "
			"or mend this one\n"
			"c:2: high = \"61s\" is too large; it must be a duration like 500ms, 90s, "
			"5m, "
			"1h or 7d, from 1s to 60s\n"},
	{.text = "socket = local:/run/x.sock\n"
		 "control_socket = /run/x.sock\n",
		.said = "c:2: control_socket is the path of socket too; give it one of its own\n"},
	{.text = "hostname = a.b\n"
		 "store { url = \"redis://joe:secret@192.0.2.1\" password_file = /etc/passwd }\n",
		.said = "c:2: password_file is set, and url holds a password too; remove the one "
			"in "
			"url\n"},
	{.text = "hostname = a.b\n"
		 "fake {\n"
		 " low = 11\n"
		 "}\n"
		 "limit \"a\" {\n"
		 " count = 7\n"
		 "}\n",
		.said = "c:3: high is below low; make it longer\n"
			"c:5: a: key is empty, or count 7; write another\n"},
	{.text = "fake { sub { a { b = 1 } c = 2 } low = 300 }\n"
		 "fake \"x\" { sub { a = 1\n",
		.said = "c:1: sub { stands within section fake, but sections do not nest; move it "
			"out, "
			"or write sub = VALUE\n"
			"c:1: low = \"300\" is too large; it must be a whole number, from 1 to "
			"100\n"
			"c:2: section fake has no title; write fake { ... }\n"
			"c:2: sub { stands within section fake, but sections do not nest; move it "
			"out, "
			"or write sub = VALUE\n"
			"c:2: section fake opens here and is not closed; write } after its last "
			"setting\n"},
	{.text = "hostname = )\n"
		 "own_names = { a.b, ) }\n"
		 "own_names = { \"a.b\\\n"
		 "\" }\n",
		.said = "c:1: hostname has no value; write hostname = VALUE\n"
			"c:2: unexpected ) in the list of own_names; write the values with commas "
			"between them: { a, b }\n"
			"c:3: the quote that opens here is not closed on its line\n"
			"c:3: the list of own_names that opens here is not closed; write } after "
			"its "
			"last value\n"
			"c:4: the quote that opens here is not closed on its line\n"},
	{.text = "hostname = \"a\001b\"\n"
		 "hostname = \177x\n"
		 "+\n"
		 "* = 3\n"
		 "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn = 3\n",
		.said = "c:1: a control character; the file must be text\n"
			"c:2: a control character; the file must be text\n"
			"c:3: a text with + or * in it needs quotes around it\n"
			"c:4: a text with + or * in it needs quotes around it\n"
			"c:5: unexpected "
			"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn; "
			"a setting is written NAME = VALUE, without quotes around the name\n"},
	{.text = "reply_at = {\n"
		 "  stage,\n"
		 "  rcpt # both\n"
		 "}\n"
		 "trusted_networks = {\n"
		 "  # none of these\n"
		 "  192.0.2.0/24,\n"
		 "  10.1.1.1/8,\n"
		 "\n"
		 "  /* nor this */ fe80::/200\n"
		 "}\n"
		 "fake {\n"
		 "  words = \"a\" \"b\"\n"
		 "  rate = \"1/1h\",\n"
		 "  flag = yes no\n"
		 "}\n",
		.said = "c:1: reply_at takes one value, not a list of 2; write reply_at = VALUE\n"
			"c:8: trusted_networks: entry \"10.1.1.1/8\": bits are set behind the "
			"prefix; "
			"write the first address of the network, or a longer prefix\n"
			"c:10: trusted_networks: entry \"fe80::/200\": prefix length is not a "
			"number "
			"from 0 to 32 (IPv4) or 0 to 128 (IPv6)\n"
			"c:13: more than one value of words; put braces around them: words = { A, "
			"B }\n"
			"c:14: more than one value of rate; it takes one: rate = VALUE\n"
			"c:15: flag is followed by several words; a value with blanks or signs in "
			"it "
			"needs quotes around it: flag = \"yes no\"\n"},
	/* A rule across settings is told beside what does not parse, but not where it hangs on that. */
	{.text = "fake {\n"
		 "  lo = 3\n"
		 "  low = 90\n"
		 "  high = 2s\n"
		 "}\n",
		.said = "c:2: unknown setting \"lo\" in section fake; did you mean low?\n"
			"c:4: high is below low; make it longer\n"},
	{.text = "limit \"a\" { key = \"\" count = 70 }\n",
		.said = "c:1: count = \"70\" is too large; it must be a whole number, from 1 to "
			"10\n"},
	{.text = "limit \"a\" { key = \"\" colour = red }\n",
		.said = "c:1: unknown setting \"colour\" in section limit; mailreeve.conf(5) lists "
			"all of them\n"
			"c:1: a: key is empty, or count 7; write another\n"},
	{.text = "\xef\xbb\xbfhostnam = a\n",
		.said = "c:1: unknown setting \"hostnam\"; did you mean hostname?\n"},
	{.text = "\xff\xfeh", .said = "c:1: the file is UTF-16; save it as UTF-8\n"},
};

static void test_broken_files(void **state)
{
	struct fixture *fixture = *state;

	for (size_t i = 0; i < ARRAY_COUNT(broken); i++) {
		assert_null(load_text(fixture, broken[i].text));
		assert_string_equal(fixture->said, broken[i].said);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_broken_files),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
