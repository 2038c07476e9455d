# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Measures the core: the codec, the parser of command lines, planning, and verdicts about packets."""

from __future__ import annotations

import shlex
import struct
import typing as t

from ansible_collections.ipsec.windows.plugins.module_utils._core.batch import Program
from ansible_collections.ipsec.windows.plugins.module_utils._core.batch.scripts import commands_of
from ansible_collections.ipsec.windows.plugins.module_utils._core.checks.filter_index import verdicts
from ansible_collections.ipsec.windows.plugins.module_utils._core.checks.verdict import judge
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.lines import read_line
from ansible_collections.ipsec.windows.plugins.module_utils._core.netsh import read_lines, read_netsh
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.blobs import FilterBlob
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from unit import stores

from .measure import Row, in_turn
from .policies import block_list, block_script, one_changed
from .traffic import LOCAL, Traffic

TIMES: t.Final = 20
_RECORD: t.Final = struct.Struct("<" + "I2s" * 3 + "16sI4s4s4s4s4sIHHBBH")
_HEAD: t.Final = 24


def _blob(filters: int) -> bytes:
    store = stores.change(Store(), block_list(filters)).store
    path = next(path for path in store.paths() if path.startswith("ipsecFilter"))
    return t.cast("bytes", store.get(path, "ipsecData").data)


def codec() -> t.Iterator[Row]:
    data = _blob(10_000)

    def unpack_bare() -> list[tuple[t.Any, ...]]:
        return [_RECORD.unpack_from(data, at) for at in range(_HEAD, len(data), _RECORD.size)]

    records = unpack_bare()

    def pack_bare() -> bytes:
        return b"".join([_RECORD.pack(*record) for record in records])

    blob = FilterBlob.unpack(data)
    if pack_bare() != data[_HEAD:] or blob.pack() != data:
        raise SystemExit("bench: the struct loop and the codec give different results")
    size = f"10,000 filters, {len(data):,} bytes"
    yield Row("decode", 3, in_turn(lambda: FilterBlob.unpack(data), unpack_bare, TIMES), f"{size}; ÷ a struct loop")
    yield Row("encode", 3, in_turn(blob.pack, pack_bare, TIMES), f"{size}; ÷ a struct loop")


def grammar() -> t.Iterator[Row]:
    lines = [
        f'ipseccmd -w REG -p "Block list" -r "Block {n}" -f 0+10.0.{n >> 8}.{n & 255} *+0:445:TCP -n BLOCK'
        for n in range(1, 5_001)
    ]
    ratios = in_turn(lambda: [read_line(line) for line in lines], lambda: [shlex.split(line) for line in lines], TIMES)
    yield Row("parse", 4, ratios, "5,000 command lines; ÷ shlex.split")


def netsh_script() -> t.Iterator[Row]:
    lines = block_script(20_000)
    text = "\r\n".join(lines)

    def convert() -> list[t.Any]:
        script = commands_of(Program.NETSH, text, False)
        return read_netsh(read_lines(script, False)[0], [])

    if len(convert()[0]["rules"][0]["filters"]) != 20_000:
        raise SystemExit("bench: the script is read as another one")
    ratios = in_turn(convert, lambda: [shlex.split(line) for line in lines], 5)
    yield Row("script_20000", 3, ratios, "from_netsh of 20,000 add filter lines; ÷ shlex.split")


def planning() -> t.Iterator[Row]:
    def change(policy: dict[str, t.Any]) -> t.Callable[[], object]:
        store, other = stores.change(Store(), policy).store, one_changed(policy)
        return lambda: stores.change(store, other)

    large, small = change(block_list(100_000)), change(block_list(10_000))
    ratios = in_turn(large, lambda: [small() for _time in range(10)], 5)
    yield Row("plan_growth", 1.3, ratios, "one of 100,000 filters changed; ÷ 10 × one of 10,000")


def scripts() -> t.Iterator[Row]:
    def run(policies: int) -> t.Callable[[], object]:
        lines = [
            read_line(f'ipseccmd -w REG -p "Policy {policy}" -r "Rule {rule}" -f 0+10.0.{policy}.{rule} -n BLOCK')
            for policy in range(1, policies + 1)
            for rule in range(1, 6)
        ]
        return lambda: stores.run_lines(Store(), lines)

    ratios = in_turn(run(80), run(20), TIMES)
    yield Row("script_growth", 5, ratios, "a script that creates 80 policies of 5 rules; ÷ one that creates 20")


def packets() -> t.Iterator[Row]:
    traffic = Traffic(filters=10_000, packets=100_000)
    some = traffic.packets[::1000]

    def one_by_one() -> list[object]:
        return [judge(traffic.rules, packet, LOCAL) for packet in some]

    if verdicts(traffic.rules, traffic.packets, LOCAL)[::1000] != one_by_one():
        raise SystemExit("bench: the index and the loop give different verdicts")
    ratios = in_turn(lambda: verdicts(traffic.rules, traffic.packets, LOCAL), one_by_one, 5)
    extrapolated = [ratio * len(some) / len(traffic.packets) for ratio in ratios]
    what = "100,000 packets against 10,000 filters; ÷ a loop over the filters, extrapolated from 100 packets"
    yield Row("verdict", 0.001, extrapolated, what)


def all_rows() -> t.Iterator[Row]:
    yield from codec()
    yield from grammar()
    yield from netsh_script()
    yield from planning()
    yield from scripts()
    yield from packets()
