# SPDX-License-Identifier: BSD-2-Clause
"""From fields as real mail has them: well-formed, in the shapes that mail programs, web mailers, shops,
mailing lists and old gateways write, with the address that each of them names."""

import base64
import random

PEOPLE = [
    "Anna", "Bob Miller", "J. R. Hartley", "Mary-Ann O'Neil", "DOE John", "Dr. Max Power, PhD",
    "M\u00fcller", "Jos\u00e9 Garc\u00eda", "\u5c71\u7530\u592a\u90ce", "\u0418\u0432\u0430\u043d \u041f\u0435\u0442\u0440\u043e\u0432",
    "\u05d3\u05e0\u05d9 \u05db\u05d4\u05df", "\u0645\u062d\u0645\u062f", "\U0001f389 Party \U0001f389",
    "Shop (no reply)", "Anna via Example", "\"Nick\" Name", "a@b.test", "ACME: Support", "R&D; Sales",
    "100% <Best> Deals", "C:\\Users", "Jean-Fran\u00e7ois L\u00e9vesque", "\u1f08\u03c1\u03b9\u03c3\u03c4\u03bf\u03c4\u03ad\u03bb\u03b7\u03c2", "x",
    "The Quite Long Name of an Association That Never Learned to Be Brief, Registered",
    "\u0e2a\u0e21\u0e0a\u0e32\u0e22", "Na\u00efve Caf\u00e9", "Zo\u00eb [Sales]", "user=example", "1&1", "#1 Offers!",
]
LOCAL_PARTS = [
    "anna", "Anna.Miller", "a", "no-reply", "bounce+user=example.org", "info_2026", "x.y.z", "o'neil",
    "user+tag", "prvs=0123abcdef=anna", "SRS0=abcd=EF=example.org=anna", "1234567890", "a-b_c.d",
    "!#$%&'*+-/=?^_`{|}~", "MAILER-DAEMON", "/S=anna/OU=x/", "list-owner",
    "a" * 64, '"anna miller"', '"a@b"', '"a\\"b"', '"a,b"', '".dots."', '"<a>"', '"(x)"',
]
DOMAINS = [
    "good.test", "example.org", "mail.example.co.uk", "EXAMPLE.NET", "xn--mnchen-3ya.example",
    "a.b.c.d.example.com", "x-y.example", "1and1.example", "sub.sub.sub.example.test", "gmail.example",
    "a" * 60 + ".example", "[192.0.2.1]", "[IPv6:2001:db8::1]",
]
COMMENTS = ["work", "Anna Miller", "no reply", "a@b.test", "x \\( y", "Sales, EMEA", "\u00e4"]
ATOM = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~")


def quoted(name):
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def atoms(name):
    """NAME without quotes where every word of it is an atom (dots as everybody writes them), else quoted."""
    words = name.split()
    plain = words and all(set(word) - {"."} <= ATOM and set(word) - {"."} for word in words)
    return name if plain else quoted(name)


def encoded(name, charset="utf-8", form="q", width=40):
    """NAME as encoded-words, none over 75 octets, never cut within a character."""
    words, chunk = [], ""
    for character in name + "\0":
        if character == "\0" or len((chunk + character).encode(charset)) > width // 2:
            data = chunk.encode(charset)
            if form == "q":
                text = "".join(
                    chr(b) if chr(b).isalnum() and b < 128 else "_" if b == 32 else f"={b:02X}"
                    for b in data)
            else:
                text = base64.b64encode(data).decode()
            words.append(f"=?{charset}?{form}?{text}?=")
            chunk = ""
        chunk += character
    return words


def charset_for(name, generator):
    for charset in generator.sample(["utf-8", "iso-8859-1", "windows-1251", "iso-8859-7",
                                     "shift_jis", "euc-jp", "gb18030", "big5", "koi8-r",
                                     "iso-2022-jp", "windows-1255"], 11):
        try:
            name.encode(charset)
            return charset
        except UnicodeEncodeError:
            continue
    return "utf-8"


def outlook(name, address, generator):
    return f'{quoted(name)} <{address}>'


def atoms_name(name, address, generator):
    return f"{atoms(name)} <{address}>"


def bare(name, address, generator):
    return address


def brackets(name, address, generator):
    return f"<{address}>"


def no_blank(name, address, generator):
    return f"{quoted(name)}<{address}>"


def old_comment(name, address, generator):
    text = name.replace("\\", "").replace("(", "").replace(")", "")
    return f"{address} ({text})"


def comment_behind(name, address, generator):
    return f"{atoms(name)} <{address}> ({generator.choice(COMMENTS)})"


def comment_before(name, address, generator):
    return f"({generator.choice(COMMENTS)}) {atoms(name)} <{address}>"


def encoded_name(name, address, generator):
    charset = charset_for(name, generator)
    words = encoded(name, charset, generator.choice("qbQB").lower())
    return "\r\n ".join(words) + f" <{address}>"


def encoded_upper(name, address, generator):
    return " ".join(encoded(name, "UTF-8", "b")) + f"\r\n\t<{address}>"


def encoded_in_quotes(name, address, generator):
    """As web mailers write it, though RFC 2047 5 forbids it."""
    return '"' + " ".join(encoded(name, "utf-8", "b")) + f'" <{address}>'


def encoded_at_once(name, address, generator):
    """A word that is longer than it may be."""
    return f"=?utf-8?B?{base64.b64encode(name.encode()).decode()}?= <{address}>"


def raw_utf8(name, address, generator):
    return f"{quoted(name)} <{address}>"


def raw_latin1(name, address, generator):
    return f"{quoted(name)} <{address}>".encode("latin-1", "replace")


def raw_octets(name, address, generator):
    """A charset that nobody names, in quotes."""
    octets = bytes(generator.choice(range(0x80, 0x100)) for _ in range(generator.randint(1, 40)))
    return b'"' + octets + b'" <' + address.encode() + b">"


def raw_octets_bare(name, address, generator):
    octets = bytes(generator.choice(range(0x80, 0x100)) for _ in range(generator.randint(1, 40)))
    return octets + b" " + octets + b" <" + address.encode() + b">"


def folded(name, address, generator):
    return f"{quoted(name)}\r\n\t<{address}>"


def folded_first(name, address, generator):
    return f"\r\n {quoted(name)} <{address}>"


def folded_in_quotes(name, address, generator):
    return quoted(name).replace(" ", "\r\n ", 1) + f" <{address}>"


def wide_blanks(name, address, generator):
    return f"  {quoted(name)}   <{address}>  "


def list_munged(name, address, generator):
    return f"{quoted(name + ' via Announce')} <{address}>"


def group_list(name, address, generator):
    return f"{quoted(chr(39) + name + chr(39) + ' via Team')} <{address}>"


def name_is_address(name, address, generator):
    return f"{quoted(address)} <{address}>"


def blank_name(name, address, generator):
    return f'"" <{address}>'


def mixed_words(name, address, generator):
    return f"{encoded(name)[0]} {quoted('of Sales')} <{address}>"


SHAPES = [
    outlook, atoms_name, bare, brackets, no_blank, old_comment, comment_behind, comment_before,
    encoded_name, encoded_upper, encoded_in_quotes, encoded_at_once, raw_utf8, raw_latin1,
    raw_octets, raw_octets_bare, folded, folded_first, folded_in_quotes, wide_blanks, list_munged, group_list, name_is_address,
    blank_name, mixed_words,
]


def fields(count, seed=1):
    """(shape, body as octets, local-part as it stands, domain) COUNT times: every shape with every name,
    then at random."""
    generator = random.Random(seed)
    made = 0
    while made < count:
        for shape in SHAPES:
            for name in PEOPLE:
                local_part = generator.choice(LOCAL_PARTS)
                domain = generator.choice(DOMAINS)
                body = shape(name, f"{local_part}@{domain}", generator)
                if isinstance(body, str):
                    body = body.encode()
                yield shape.__name__, b" " + body, local_part, domain
                made += 1
                if made == count:
                    return


__all__ = ["fields", "SHAPES"]
