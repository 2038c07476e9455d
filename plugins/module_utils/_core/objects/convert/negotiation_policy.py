# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Filter actions: action, security methods, fallback to clear text (MS-GPIPSEC 2.2.1.4.1)."""

from __future__ import annotations

import dataclasses
import typing as t

from ...model import Action, Ah, Esp, ModelError, NegotiationPolicy, SecurityMethod
from .. import blobs
from .common import ENCRYPTION_IDS, INTEGRITY_IDS, lenient, name_of, number_of

ACTION_GUIDS: t.Final = {
    (Action.BLOCK, False): "{3f91a819-7647-11d1-864d-d46a00000000}",
    (Action.PERMIT, False): "{8a171dd2-77e3-11d1-8659-a04f00000000}",
    (Action.NEGOTIATE, False): "{8a171dd3-77e3-11d1-8659-a04f00000000}",
    (Action.NEGOTIATE, True): "{3f91a81a-7647-11d1-864d-d46a00000000}",
}
"""(action, inpass) to ipsecNegotiationPolicyAction."""
_ACTIONS: t.Final = {guid: action for action, guid in ACTION_GUIDS.items()}

STANDARD_TYPE: t.Final = "{62f49e10-6c37-11d1-864c-14a300000000}"
DEFAULT_RESPONSE_TYPE: t.Final = "{62f49e13-6c37-11d1-864c-14a300000000}"
"""Values of ipsecNegotiationPolicyType."""


def read_security_methods(blob: blobs.NegotiationPolicyBlob) -> tuple[SecurityMethod, ...]:
    """The security methods of a blob, without the offer that allows clear text. Raises `ModelError` for an algorithm of
    an unknown type.
    """
    return tuple(_read_offer(offer) for offer in blob.offers if offer.algorithm_count)


def read_negotiation_policy(blob: blobs.NegotiationPolicyBlob, action_guid: str) -> NegotiationPolicy:
    """The meaning of a blob and of ipsecNegotiationPolicyAction. Raises `ModelError` for an unknown action or type of
    algorithm.
    """
    if action_guid.lower() not in _ACTIONS:
        raise ModelError(f"the action {action_guid} is not in the specification")
    action, inpass = _ACTIONS[action_guid.lower()]
    if action is not Action.NEGOTIATE:
        return NegotiationPolicy(action=action)
    soft = any(not offer.algorithm_count for offer in blob.offers)
    methods = read_security_methods(blob)
    return lenient(NegotiationPolicy, action=action, methods=methods, inpass=inpass, soft=soft)


def _read_offer(offer: blobs.OfferRecord) -> SecurityMethod:
    return lenient(
        SecurityMethod,
        algorithms=tuple(_read_algorithm(record) for record in offer.algorithms),
        lifetime_seconds=offer.lifetime_seconds,
        lifetime_kilobytes=offer.lifetime_kilobytes,
        pfs=offer.pfs != 0,
    )


def _read_algorithm(record: blobs.AlgorithmRecord) -> Ah | Esp:
    if record.type == blobs.AlgorithmType.AH:
        return lenient(Ah, name_of(INTEGRITY_IDS, record.algorithm))
    if record.type == blobs.AlgorithmType.ESP:
        return lenient(Esp, name_of(ENCRYPTION_IDS, record.algorithm), name_of(INTEGRITY_IDS, record.integrity))
    raise ModelError(f"an algorithm has the type {record.type}, which is neither AH nor ESP")


def write_security_methods(
    methods: t.Sequence[SecurityMethod], soft: bool, old: blobs.NegotiationPolicyBlob | None
) -> blobs.NegotiationPolicyBlob:
    """The offers of `methods`, and the offer that allows clear text if `soft`. Offers of `old` that mean the same are
    kept.
    """
    kept = {_read_offer(offer): offer for offer in reversed(old.offers if old else ()) if offer.algorithm_count}
    offers = [kept.get(method) or _write_offer(method) for method in methods]
    if soft:
        fallback = next((offer for offer in (old.offers if old else ()) if not offer.algorithm_count), None)
        offers.append(fallback or blobs.OfferRecord.of(()))
    if old is None:
        return blobs.NegotiationPolicyBlob(tuple(offers))
    return dataclasses.replace(old, offers=tuple(offers))


def _write_offer(method: SecurityMethod) -> blobs.OfferRecord:
    records = [
        blobs.AlgorithmRecord(algorithm=number_of(INTEGRITY_IDS, algorithm.integrity), type=blobs.AlgorithmType.AH)
        if isinstance(algorithm, Ah)
        else blobs.AlgorithmRecord(
            algorithm=number_of(ENCRYPTION_IDS, algorithm.encryption),
            integrity=number_of(INTEGRITY_IDS, algorithm.integrity),
            type=blobs.AlgorithmType.ESP,
        )
        for algorithm in method.algorithms
    ]
    seconds, kilobytes = method.lifetime_seconds, method.lifetime_kilobytes
    return blobs.OfferRecord.of(records, seconds=seconds, kilobytes=kilobytes, pfs=int(method.pfs))
