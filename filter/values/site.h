/* SPDX-License-Identifier: BSD-2-Clause */
/* What the administrator says about the site: the top level of the configuration file as policies may
 * see it. Immutable; a part of the configuration snapshot. */
#ifndef MAILREEVE_SITE_H
#define MAILREEVE_SITE_H

#include <stdbool.h>
#include <stdint.h>

#include "compiler.h"
#include "matchlist.h"
#include "setting.h"

enum reply_at { REPLY_AT_RCPT, REPLY_AT_STAGE };

struct site {
	/* Set in the file. */
	char *hostname; /* our name; never NULL after loading: the system's when not set */
	char *authserv_id; /* of Authentication-Results; hostname when not set */
	struct matchlist *local_domains; /* mail is delivered here; ".x" covers sub-domains */
	struct matchlist *relay_domains; /* mail is relayed for these */
	char **own_names; /* further names and aliases of ours that nobody else may use in HELO */
	struct matchlist *trusted_networks; /* may relay, skip identity checks */
	char **trusted_certificates; /* of TLS clients, the same: subjects of verified ones, or
	                                "fingerprint:AB:CD..." */
	char **trusted_daemons; /* services of the MTA, by {daemon_name}: their clients, the same */
	char **trusted_authserv_ids; /* of filters before us whose DKIM results are believed */
	struct matchlist *allow; /* skip identity checks, never relay control or limits */
	struct matchlist *deny; /* refused */
	struct matchlist *forwarders; /* networks and confirmed names: skip SPF, MX, impostor */
	int reply_at; /* enum reply_at */
	int64_t time_limit_ms; /* DNS of one inquiry, and the longest wait at a reply point */
	int64_t max_waiting; /* sessions that may wait at once; above it: tempfail */

	/* Found out at start: addresses of this machine, loopback included. */
	struct ipaddr *own_addresses;
	size_t own_address_count;
};

extern const struct setting site_settings[]; /* the rows of the first group */

/* NAME (canonical) is hostname or one of own_names; or within local_domains, too. */
bool site_is_own_host(const struct site *site, const char *name);
bool site_is_own_name(const struct site *site, const char *name);
bool site_is_own_address(const struct site *site, const struct ipaddr *address);
/* ENTRY of trusted_certificates is of this subject, this CN of it, or this fingerprint (each may be
 * empty). */
bool site_is_certificate(
	const char *entry, const char *subject, const char *name, const char *fingerprint);
/* What is wrong with ENTRY of trusted_certificates, or NULL. */
const char *site_check_certificate(const char *entry) MUST_CHECK;
bool site_is_local_domain(const struct site *site, const char *domain);
bool site_is_relay_domain(const struct site *site, const char *domain);

/* Fills own_addresses from the system, hostname and authserv_id where not set. */
void site_discover(struct site *site);
void site_clear(struct site *site);

#endif
