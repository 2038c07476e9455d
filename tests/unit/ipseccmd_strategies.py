# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Hypothesis strategies for commands of ipseccmd, and for the ways to spell them.

The speller follows the manual and does not use the parser: a test fails where the two disagree.
"""

from __future__ import annotations

import ipaddress

from ansible_collections.ipsec.windows.plugins.module_utils._core import model
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd import commands
from ansible_collections.ipsec.windows.plugins.module_utils._core.notation.methods import Offer
from ansible_collections.ipsec.windows.plugins.module_utils._core.notation.negotiation import Negotiation
from hypothesis import strategies as st
from unit import strategies

U32 = (1 << 32) - 1
names = st.text("aZ09 -_/.:;,'\"\\$`%()&|<>^[]{}=+*?@ß中\u00a0", min_size=1, max_size=9).filter(str.strip)
domains = st.sampled_from(["corp.example", "CORP", "a-1.b_2.example."])
computers = st.sampled_from(["corpsrv1", "srv.corp.example", "192.0.2.9", "a b", "ÄÖ-1"])
seconds = st.sampled_from([1, 10, 300, 3600, 28800, U32])
interfaces = st.sampled_from([model.Interface("{12345678-1234-1234-1234-123456789ABC}")])
ends = st.one_of(
    st.sampled_from([model.ME, model.ANY]),
    strategies.ipv4.map(model.HostAddress),
    st.builds(strategies._network, strategies.ipv4, st.sampled_from([0, 1, 8, 12, 16, 24, 31, 32])),
    strategies.dns_names.map(model.DnsName),
)
ports = st.none() | st.sampled_from([1, 80, 65535]).map(lambda n: model.Ports(n, n))


@st.composite
def filters(draw, mirrored=None, plain=False, end=ends):
    protocol = 0 if plain else draw(st.sampled_from([0, 1, 6, 6, 17, 47, 255]))
    has_ports = protocol in (model.TCP, model.UDP)
    return model.Filter(
        source=draw(end),
        destination=draw(end),
        protocol=protocol,
        source_port=draw(ports) if has_ports else None,
        destination_port=draw(ports) if has_ports else None,
        mirrored=draw(st.booleans()) if mirrored is None else mirrored,
    )


@st.composite
def offers(draw):
    pfs = draw(st.booleans())
    lifetimes = st.just(0) | seconds
    method = model.SecurityMethod(
        algorithms=draw(strategies.algorithms),
        lifetime_seconds=draw(lifetimes),
        lifetime_kilobytes=draw(lifetimes),
        pfs=pfs,
    )
    return Offer(method, draw(st.sampled_from([None, 1, 2])) if pfs else None)


offer_lists = st.lists(offers(), min_size=1, max_size=3).map(tuple)
secured = st.builds(Negotiation, st.just(model.Action.NEGOTIATE), offer_lists)
negotiating = st.one_of(
    secured,
    st.builds(Negotiation, st.just(model.Action.NEGOTIATE), st.just(()) | offer_lists, st.just(True)),
)
negotiations = st.one_of(negotiating, st.sampled_from([model.Action.BLOCK, model.Action.PERMIT]).map(Negotiation))
auth_methods = st.one_of(
    st.just(model.Kerberos()),
    names.map(model.PresharedKey),
    names.map(lambda name: model.Certificate(ca=f"CN={name}")),
)
main_mode_methods = st.builds(
    model.MainModeMethod,
    encryption=st.sampled_from(["des", "3des"]),
    integrity=st.sampled_from(["md5", "sha"]),
    group=st.sampled_from([1, 2]),
)
rekeys = st.one_of(
    st.builds(commands.Rekey, st.sampled_from([0, 10, U32]), st.none() | seconds),
    st.builds(commands.Rekey, st.none(), seconds),
)


@st.composite
def parameters(draw, static, interfaces_too=True):
    sometimes = st.sampled_from([False, False, True])
    found = {
        "authentication": tuple(draw(st.lists(auth_methods, max_size=2))),
        "main_mode_methods": tuple(draw(st.lists(main_mode_methods, max_size=2))),
        "main_mode_rekey": draw(st.none() | rekeys),
        "main_mode_pfs": draw(sometimes),
        "soft_lifetime": draw(st.none() | st.sampled_from([0, 300, U32])),
    }
    if not static:
        found["confirm"] = draw(sometimes)
        found["main_mode_filters"] = tuple(draw(st.lists(filters(plain=True), max_size=2)))
    kind = draw(st.sampled_from(["rule", "rule", "rule", "tunnel", "default", *(["interface"] * interfaces_too)]))
    if kind == "default":
        return commands.Parameters(default_response=True, negotiation=draw(st.none() | secured), **found)
    specs = st.builds(
        commands.FilterSpec,
        filters(False if kind == "tunnel" else None, end=ends | interfaces if kind == "interface" else ends),
        st.none() if static else st.sampled_from([None, None, model.Action.PERMIT, model.Action.BLOCK]),
    )
    if kind == "tunnel":
        endpoints = st.one_of(strategies.ipv4, strategies.ipv6).map(model.HostAddress)
        found["tunnel"] = draw(endpoints | strategies.dns_names.map(model.DnsName))
    if not (static and kind == "interface"):
        found["negotiation"] = draw(st.none() | (negotiating if kind == "tunnel" else negotiations))
    return commands.Parameters(
        filters=tuple(draw(st.lists(specs, min_size=1, max_size=3))),
        soft=draw(sometimes),
        connection_type=draw(st.sampled_from([None, None, model.ConnectionType.LAN, model.ConnectionType.DIALUP])),
        **found,
    )


def _named(policy):
    head, _colon, tail = policy.rpartition(":")
    return bool(head.strip()) and not tail.isdecimal()


@st.composite
def writes(draw):
    registry, directory = commands.StoreKind.REGISTRY, commands.StoreKind.DIRECTORY
    store = draw(st.sampled_from([registry, registry, directory]))
    location = draw(st.none() | (computers if store is registry else domains))
    others = computers if store is registry else st.none()
    computer = draw(st.none() | (st.just(location.upper()) if location and store is registry else others))
    poll_interval = draw(st.none() | st.sampled_from([1, 30, U32 // 60]))
    policy = draw(names if poll_interval else names.filter(lambda name: ":" not in name or _named(name)))
    kind = draw(st.sampled_from(["rule", "rule", "rule", "assign", "delete"]))
    assign = st.none() if store is directory else st.booleans()
    given = commands.Parameters()
    rules = ()
    if kind == "rule":
        given = draw(parameters(static=True, interfaces_too=store is registry))
        rules = () if given.default_response and draw(st.booleans()) else (draw(names),)
        assign = st.none() | assign
    elif kind == "delete" or store is directory:
        kind = "delete"
        rules = tuple(draw(st.lists(names, max_size=3)))
        assign = st.none() | assign
    return commands.WritePolicy(
        parameters=given,
        store=store,
        policy=policy,
        location=location,
        poll_interval=poll_interval,
        rules=rules,
        assign=draw(assign),
        delete=kind == "delete",
        computer=computer,
    )


dynamic = st.builds(commands.AddRule, parameters(static=False), st.none() | computers)
queries = st.builds(
    commands.Show,
    st.lists(st.sampled_from(list(commands.Query)), min_size=1).map(frozenset),
    st.none() | computers,
)
any_command = st.one_of(
    dynamic,
    dynamic,
    writes(),
    writes(),
    writes(),
    queries,
    st.sampled_from([commands.Help(), commands.DeleteRules()]),
)

_UNSAFE = frozenset(" \t\r&|<>^()")
_PREFIXES = {"soft": ("s", "so"), "confirm": ("c", "conf"), "dialup": ("d", "dial"), "lan": ("l", "la")}
_PROGRAMS = (
    "ipseccmd",
    "IPSecCmd.exe",
    "ipsecpol",
    "IPSECPOL.EXE",
    r"C:\Tools\ipseccmd.exe",
    "./ipseccmd",
    r'"C:\Program Files\Support Tools\ipseccmd.exe"',
    r'"C:\Program Files\Support Tools\"ipseccmd',
)


def escape(value, start, end):
    """`value` as one word, in quotes from `start` to `end`."""
    found, backslashes = "", 0
    for i, character in enumerate([*value, ""]):
        if start < end and i in (start, end):
            found += "\\" * backslashes * 2 + '"'
            backslashes = 0
        if character == "\\":
            backslashes += 1
        elif character == '"':
            found += "\\" * backslashes * 2 + '\\"'
            backslashes = 0
        else:
            found += "\\" * backslashes + character
            backslashes = 0
    return found


class Speller:
    """One way to write a command. With `manual`, only ways that the text of the manual has."""

    def __init__(self, draw, manual):
        self.draw = draw
        self.manual = manual

    def one(self, *choices, liberal=()):
        return self.draw(st.sampled_from(choices if self.manual else (*choices, *liberal)))

    def case(self, word):
        return self.one(word, word.upper(), word.title())

    def word(self, value, keyword=False):
        """A value wholly, partly or not at all in quotes. A `keyword` needs none."""
        start, end = sorted(self.draw(st.tuples(*[st.integers(0, len(value))] * 2)))
        if not value or not _UNSAFE.isdisjoint(value[:start] + value[end:]):
            start, end = 0, len(value)
        if not keyword and value[:1] in ("-", "/") and (start or not end):
            start, end = 0, len(value)
        return escape(value, start, end) or '""'

    def address(self, address):
        if address == model.ME:
            return self.one("0", liberal=["0/255.255.255.255"])
        if address == model.ANY:
            return self.one("*", "*.*.*.*", "0.0.0.0/0.0.0.0", liberal=["0.0.0.0/0"])
        if isinstance(address, model.HostAddress):
            return self.one(str(address), f"{address}/255.255.255.255", liberal=[f"{address}/32"])
        if isinstance(address, model.Subnet):
            dotted = str(ipaddress.ip_address(address.mask))
            spellings = [f"{address.address}/{dotted}"]
            octets = address.mask.bit_count() // 8
            if address.mask.bit_count() % 8 == 0:
                spellings.append(".".join([*str(address.address).split(".")[:octets], *["*"] * (4 - octets)]))
            return self.one(*spellings, liberal=[str(address)])
        return self.case(str(address))

    def filter(self, filter_):
        def port(ports_):
            return str(ports_.first) if ports_ else self.one("", liberal=["*", "0"])

        source = self.address(filter_.source)
        if filter_.source_port or (not self.manual and self.draw(st.booleans())):
            source += f":{port(filter_.source_port)}"
        destination = self.address(filter_.destination)
        if filter_.protocol:
            symbol = {1: "icmp", 6: "tcp", 17: "udp", 255: "raw"}.get(filter_.protocol)
            number = str(filter_.protocol)
            protocol = self.one(self.case(symbol), liberal=[number]) if symbol else number
            destination += f":{port(filter_.destination_port)}:{protocol}"
        else:
            destination += self.one("", liberal=[":", "::", ":*", "::*", ":*:*", "::0"])
        return source + ("+" if filter_.mirrored else "=") + destination

    def filter_words(self, specs):
        """The filters, each as a word or several in quotes, after one -f or several."""
        pieces = []
        for spec in specs:
            text = self.filter(spec.filter)
            text = {None: text, "permit": f"({text})", "block": f"[{text}]"}[spec.action]
            pieces.append(self.word(text) if spec.action is None or self.draw(st.booleans()) else text)
        if not self.manual and not any('"' in piece for piece in pieces) and self.draw(st.booleans()):
            pieces = ['"' + self.one(" ", "  ", "\t").join(pieces) + '"']
        groups = [[pieces[0]]]
        for piece in pieces[1:]:
            if self.draw(st.booleans()):
                groups.append([])
            groups[-1].append(piece)
        return [("f", group) for group in groups]

    def rekey(self, numbers):
        numbers = [f"{number}{self.case(unit)}" for number, unit in numbers if number]
        return "/".join(self.draw(st.permutations(numbers)))

    def offer(self, offer):
        method = offer.method
        algorithms = [self.case(str(algorithm)) for algorithm in method.algorithms]
        text = "+".join(algorithms if self.manual else self.draw(st.permutations(algorithms)))
        rekey = self.rekey([(method.lifetime_seconds, "S"), (method.lifetime_kilobytes, "K")])
        pfs = ""
        if method.pfs:
            pfs = self.case(self.one("PFS", "P") + str(offer.pfs_group) if offer.pfs_group else "PFS")
        blank = ["", " "] if self.manual else ["", " ", "  "]
        tail = [part for part in (rekey, pfs) if part]
        if not self.manual:
            tail = self.draw(st.permutations(tail))
        for i, part in enumerate(tail):
            # PFS1800S would be group 1 or 1800 seconds
            apart = i == 1 and part == rekey and (offer.pfs_group or rekey[0] in "12")
            text += self.one(*(blank[1:] if apart else blank)) + part
        return text

    def negotiation(self, negotiation):
        if negotiation.action is not model.Action.NEGOTIATE:
            items = [self.case({"block": "block", "permit": "pass"}[negotiation.action])]
            ignored = ["", "esp[3des,sha]3600S", "inpass", "ah[md5] P1"]
            items.append(self.one(*ignored))
            items = self.draw(st.permutations(items))
        else:
            items = [self.offer(offer) for offer in negotiation.offers]
            if negotiation.inpass:
                items.insert(self.draw(st.integers(0, len(items))), self.case("inpass"))
        text = " ".join(items).strip()
        if not self.manual and self.draw(st.booleans()):
            return [f'"{text}"']
        return [word if self.manual else self.word(word) for word in text.split()]

    def auth_method(self, method):
        match method:
            case model.Kerberos():
                kind, value = "kerberos", ""
            case model.PresharedKey(key):
                kind, value = "preshare", f":{key}"
            case model.Certificate(ca=ca):
                kind, value = "cert", f":{ca}"
        letters = self.one(1, len(kind), liberal=range(2, len(kind)))
        return self.word(self.case(kind[:letters]) + value)

    def options(self, given):
        """Options and their words, in the order of the manual."""
        found = []
        if given.default_response:
            found.append(("f", [self.word(self.case("default"))]))
        elif given.filters:
            found += self.filter_words(given.filters)
        if given.negotiation:
            found.append(("n", self.negotiation(given.negotiation)))
        if given.tunnel:
            found.append(("t", [self.word(str(given.tunnel))]))
        if given.authentication:
            found.append(("a", [self.auth_method(method) for method in given.authentication]))
        if given.main_mode_methods:
            found.append(("1s", [self.word(self.case(str(method))) for method in given.main_mode_methods]))
        if given.main_mode_rekey:
            rekey = given.main_mode_rekey
            numbers = [
                f"{n}{self.case(unit)}" for n, unit in ((rekey.quick_modes, "Q"), (rekey.seconds, "S")) if n is not None
            ]
            found.append(("1k", ["/".join(self.draw(st.permutations(numbers)))]))
        if given.main_mode_filters:
            found.append(("1f", [self.word(self.filter_plain(filter_)) for filter_ in given.main_mode_filters]))
        if given.soft_lifetime is not None:
            found.append(("1e", [str(given.soft_lifetime)]))
        for option, flag in (("1p", given.main_mode_pfs), ("soft", given.soft), ("confirm", given.confirm)):
            found += [(option, [])] * flag
        if given.connection_type:
            found.append((given.connection_type, []))
        return found

    def filter_plain(self, filter_):
        return self.address(filter_.source) + ("+" if filter_.mirrored else "=") + self.address(filter_.destination)

    def write_options(self, command):
        store = self.case(command.store)
        if command.location:
            backslashes = [":\\\\"] if command.store is commands.StoreKind.REGISTRY else []
            store += self.one(":", liberal=backslashes) + command.location
        policy = command.policy
        if command.poll_interval:
            policy += f":{command.poll_interval}"
        found = [("w", [self.word(store)]), ("p", [self.word(policy)])]
        found += [("r", [self.word(rule)]) for rule in command.rules]
        found += [("x" if command.assign else "y", [])] * (command.assign is not None)
        found += [("o", [])] * command.delete
        return found

    def option(self, name):
        prefixes = _PREFIXES.get(name, ())
        name = self.one(name, *(["c"] if name == "confirm" else []), liberal=prefixes)
        return self.one("-", liberal=["/"]) + self.case(name)

    def command(self, command):
        words = [self.one("ipseccmd", liberal=_PROGRAMS)]
        if getattr(command, "computer", None):
            words.append(self.word(f"\\\\{command.computer}"))
        elif not self.manual and self.draw(st.booleans()):
            words.clear()
        match command:
            case commands.Help():
                words += [*self.one([], liberal=[["-f", "0+*"], ["show"], ["-x"]]), self.one("/?", liberal=["-?"])]
            case commands.DeleteRules():
                words.append(self.option("u"))
            case commands.Show(what):
                what = ["all"] if len(what) == len(commands.Query) and self.draw(st.booleans()) else sorted(what)
                words += [self.case("show"), *map(self.case, self.draw(st.permutations(what)))]
            case commands.AddRule():
                words += self.in_any_order(self.options(command.parameters))
            case commands.WritePolicy():
                words += self.in_any_order(self.options(command.parameters) + self.write_options(command))
        blanks = [" "] if self.manual else [" ", "  ", "\t", " \t "]
        text = "".join(word + self.draw(st.sampled_from(blanks)) for word in words if word)
        return text.strip(" ") if self.manual else self.one("", " ", "\t") + text

    def in_any_order(self, options):
        """Repeated options keep their order among themselves."""
        queues = {}
        for option, words in options:
            queues.setdefault(option, []).append(words)
        for option in self.draw(st.permutations([option for option, _words in options])):
            yield self.option(option)
            yield from queues[option].pop(0)


@st.composite
def spelled(draw, manual=False):
    """A command and a line for it."""
    command = draw(any_command)
    return command, Speller(draw, manual).command(command)
