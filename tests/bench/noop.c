/* SPDX-License-Identifier: BSD-2-Clause */
/* The yardstick of the benchmark: a libmilter filter that does nothing.
 *
 *     noop SOCKET [STEPS]
 *
 * STEPS is the hexadecimal set of SMFIP_* flags that it negotiates (default 0: every step is sent and
 * answered). */
#include <libmilter/mfapi.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned long wanted;

static sfsistat reply(unsigned long no_reply)
{
	return (wanted & no_reply) != 0 ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

static sfsistat on_connect(SMFICTX *ctx, char *host, struct sockaddr *address)
{
	(void)ctx, (void)host, (void)address;
	return reply(SMFIP_NR_CONN);
}

static sfsistat on_helo(SMFICTX *ctx, char *name)
{
	(void)ctx, (void)name;
	return reply(SMFIP_NR_HELO);
}

static sfsistat on_mail(SMFICTX *ctx, char **arguments)
{
	(void)ctx, (void)arguments;
	return reply(SMFIP_NR_MAIL);
}

static sfsistat on_rcpt(SMFICTX *ctx, char **arguments)
{
	(void)ctx, (void)arguments;
	return reply(SMFIP_NR_RCPT);
}

static sfsistat on_data(SMFICTX *ctx)
{
	(void)ctx;
	return reply(SMFIP_NR_DATA);
}

static sfsistat on_header(SMFICTX *ctx, char *name, char *value)
{
	(void)ctx, (void)name, (void)value;
	return reply(SMFIP_NR_HDR);
}

static sfsistat on_eoh(SMFICTX *ctx)
{
	(void)ctx;
	return reply(SMFIP_NR_EOH);
}

static sfsistat on_body(SMFICTX *ctx, unsigned char *chunk, size_t length)
{
	(void)ctx, (void)chunk, (void)length;
	return reply(SMFIP_NR_BODY);
}

static sfsistat on_eom(SMFICTX *ctx)
{
	(void)ctx;
	return SMFIS_CONTINUE;
}

static sfsistat on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long steps,
	unsigned long unused2, unsigned long unused3, unsigned long *actions_r,
	unsigned long *steps_r, unsigned long *unused2_r, unsigned long *unused3_r)
{
	(void)ctx, (void)unused2, (void)unused3;
	*actions_r = actions & SMFIF_ADDHDRS;
	*steps_r = steps & wanted;
	*unused2_r = *unused3_r = 0;
	return SMFIS_CONTINUE;
}

int main(int argc, char **argv)
{
	static char name[] = "noop";
	struct smfiDesc filter = {
		.xxfi_name = name,
		.xxfi_version = SMFI_VERSION,
		.xxfi_flags = SMFIF_ADDHDRS,
		.xxfi_connect = on_connect,
		.xxfi_helo = on_helo,
		.xxfi_envfrom = on_mail,
		.xxfi_envrcpt = on_rcpt,
		.xxfi_data = on_data,
		.xxfi_header = on_header,
		.xxfi_eoh = on_eoh,
		.xxfi_body = on_body,
		.xxfi_eom = on_eom,
		.xxfi_negotiate = on_negotiate,
	};

	if (argc < 2) {
		fputs("usage: noop SOCKET [STEPS]\n", stderr);
		return 64;
	}
	if (argc > 2)
		wanted = strtoul(argv[2], NULL, 16);
	if (smfi_setconn(argv[1]) != MI_SUCCESS || smfi_register(filter) != MI_SUCCESS ||
		smfi_opensocket(true) != MI_SUCCESS)
		return 69;
	return smfi_main() == MI_SUCCESS ? 0 : 70;
}
