# SPDX-License-Identifier: BSD-2-Clause
"""The little internet of the tests: who exists, with which addresses, names and records.

Our site is example.test, its mail server mx.example.test. Addresses are those reserved for
documentation, names are below .test."""

import ipaddress

HOSTNAME = "mx.example.test"
DOMAIN = "example.test"

# Clients, by what is right or wrong with them.
GOOD = "192.0.2.10"  # mail.good.test: MX, PTR, SPF, all agree
GOOD6 = "2001:db8::10"
OTHER = "192.0.2.11"  # mail.other.test, as right as the good one
LATE = "192.0.2.12"  # mail.late.test, right too; for tests that need names nobody asked for yet
PLAIN_HOST = "192.0.2.30"  # MX of plain.test, which has no SPF
STRAY = "198.51.100.7"  # web.shop.test, confirmed; registered for nothing else
NAMELESS = "198.51.100.9"  # no PTR
UNCONFIRMED = "192.0.2.66"  # PTR liar.test, whose address is another
GENERIC = "198.51.100.77"  # 198-51-100-77.dyn.isp.test, confirmed
FORWARDER = "192.0.2.80"  # relay.forward.test
TRUSTED = "192.0.2.99"
ATTACKER = "198.51.100.66"  # mail.attack.test: its own records are all right

SOA = "ns.test. admin.test. 1 3600 600 86400 60"

RECORDS = """\
example.test.                   MX 10 mx.example.test.
example.test.                   TXT "v=spf1 mx ~all"
mx.example.test.                A 192.0.2.25
mx.example.test.                AAAA 2001:db8::25

good.test.                      MX 10 mail.good.test.
good.test.                      TXT "v=spf1 mx -all"
mail.good.test.                 A 192.0.2.10
mail.good.test.                 AAAA 2001:db8::10
mail.good.test.                 TXT "v=spf1 a -all"

em.good.test.                   CNAME good.test.

other.test.                     MX 10 mail.other.test.
other.test.                     TXT "v=spf1 ip4:192.0.2.11 -all"
mail.other.test.                A 192.0.2.11

late.test.                      MX 10 mail.late.test.
late.test.                      TXT "v=spf1 mx -all"
mail.late.test.                 A 192.0.2.12

plain.test.                     MX 10 mail.plain.test.
mail.plain.test.                A 192.0.2.30

web.shop.test.                  A 198.51.100.7
198-51-100-77.dyn.isp.test.     A 198.51.100.77
liar.test.                      A 192.0.2.67

relay.forward.test.             A 192.0.2.80
forward.test.                   MX 10 relay.forward.test.
trusted.example.test.           A 192.0.2.99

nomail.test.                    MX 0 .
bogus.test.                     MX 10 mx.bogus.test.
mx.bogus.test.                  A 127.0.0.1
mx.bogus.test.                  A 10.1.2.3
nohost.test.                    TXT "no mail here, and none from here"
parked.test.                    TXT "v=spf1 -all"
parked.test.                    A 203.0.113.1
soft.test.                      MX 10 mail.plain.test.
soft.test.                      TXT "v=spf1 mx ~all"
broken.test.                    MX 10 mail.plain.test.
broken.test.                    TXT "v=spf1 ipv4:192.0.2.1 -all"

legit.test.                     MX 10 mail.legit.test.
legit.test.                     TXT "v=spf1 mx -all"
_dmarc.legit.test.              TXT "v=DMARC1; p=reject"
mail.legit.test.                A 203.0.113.5
quarantine.test.                MX 10 mail.legit.test.
_dmarc.quarantine.test.         TXT "v=DMARC1; p=quarantine; sp=reject"
_dmarc.own.quarantine.test.     TXT "v=DMARC1; p=none"
strict.test.                    MX 10 mail.good.test.
strict.test.                    TXT "v=spf1 ip4:192.0.2.10 -all"
bounce.strict.test.             TXT "v=spf1 ip4:192.0.2.10 -all"
bounce.strict.test.             MX 10 mail.good.test.
_dmarc.strict.test.             TXT "v=DMARC1; p=reject; aspf=s; adkim=s"
twice.test.                     MX 10 mail.legit.test.
_dmarc.twice.test.              TXT "v=DMARC1; p=reject"
_dmarc.twice.test.              TXT "v=DMARC1; p=none"
long.test.                      MX 10 mail.legit.test.
_dmarc.long.test.               TXT "v=DMARC1; p=re" "ject; x={long}" "; rua=mailto:a@long.test"

attack.test.                    MX 10 mail.attack.test.
attack.test.                    A 198.51.100.66
attack.test.                    TXT "v=spf1 ip4:198.51.100.66 -all"
mail.attack.test.               A 198.51.100.66
helo.attack.test.               A 198.51.100.66
helo.attack.test.               TXT "v=spf1 ip4:198.51.100.66 -all"
33.attack.test.                 MX 10 mail.attack.test.
33.attack.test.                 A 198.51.100.66
33.attack.test.                 TXT "v=spf1 ip4:198.51.100.66 -all"
any.attack.test.                MX 10 mail.attack.test.
any.attack.test.                TXT "v=spf1 ip4:198.51.100.66 -all"
"""

NAMES = {  # address: PTR
    "192.0.2.25": "mx.example.test.",
    "2001:db8::25": "mx.example.test.",
    GOOD: "mail.good.test.",
    GOOD6: "mail.good.test.",
    OTHER: "mail.other.test.",
    LATE: "mail.late.test.",
    PLAIN_HOST: "mail.plain.test.",
    STRAY: "web.shop.test.",
    UNCONFIRMED: "liar.test.",
    GENERIC: "198-51-100-77.dyn.isp.test.",
    FORWARDER: "relay.forward.test.",
    TRUSTED: "trusted.example.test.",
    ATTACKER: "mail.attack.test.",
}


def zones(more=""):
    """Text of each zone file, by zone name; MORE are records below test. Every other name does not exist, by the root zone."""
    start = f"$TTL 60\n@ SOA {SOA}\n@ NS ns.test.\n"
    reverse = {"in-addr.arpa.": start, "ip6.arpa.": start}
    for address, name in NAMES.items():
        pointer = ipaddress.ip_address(address).reverse_pointer + "."
        zone = "ip6.arpa." if ":" in address else "in-addr.arpa."
        reverse[zone] += f"{pointer} PTR {name}\n"
    return {
        ".": start + "test. NS ns.test.\nns.test. A 192.0.2.53\n",
        "test.": start + "ns.test. A 192.0.2.53\n" + RECORDS.format(long="x" * 200) + more,
        **reverse,
    }
