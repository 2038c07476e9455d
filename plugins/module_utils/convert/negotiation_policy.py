# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a filter action does: action, security methods, fallback."""

from __future__ import annotations

import dataclasses
import typing as t

from .. import blobs
from ..model import Ah, Esp, ModelError, NegotiationPolicy, SecurityMethod
from .common import ENCRYPTION_IDS, INTEGRITY_IDS, lenient, name_of, number_of

ACTION_GUIDS: t.Final = {
    ("block", False): "{3f91a819-7647-11d1-864d-d46a00000000}",
    ("permit", False): "{8a171dd2-77e3-11d1-8659-a04f00000000}",
    ("negotiate", False): "{8a171dd3-77e3-11d1-8659-a04f00000000}",
    ("negotiate", True): "{3f91a81a-7647-11d1-864d-d46a00000000}",
}
"""(action, inpass) to ipsecNegotiationPolicyAction."""
_ACTIONS: t.Final = {guid: action for action, guid in ACTION_GUIDS.items()}

STANDARD_TYPE: t.Final = "{62f49e10-6c37-11d1-864c-14a300000000}"
DEFAULT_RESPONSE_TYPE: t.Final = "{62f49e13-6c37-11d1-864c-14a300000000}"


def read_security_methods(blob: blobs.NegotiationPolicyBlob) -> tuple[SecurityMethod, ...]:
    return tuple(_read_offer(offer) for offer in blob.offers if offer.algorithm_count)


def read_negotiation_policy(blob: blobs.NegotiationPolicyBlob, action_guid: str) -> NegotiationPolicy:
    """Raises `ModelError` for an action that the specification does not know."""
    if action_guid.lower() not in _ACTIONS:
        raise ModelError(f"the action {action_guid}, which the specification does not know")
    action, inpass = _ACTIONS[action_guid.lower()]
    if action != "negotiate":
        return NegotiationPolicy(action)
    soft = any(not offer.algorithm_count for offer in blob.offers)
    return lenient(NegotiationPolicy, action, read_security_methods(blob), inpass, soft)


def _read_offer(offer: blobs.OfferRecord) -> SecurityMethod:
    return lenient(
        SecurityMethod,
        tuple(_read_algorithm(record) for record in offer.algorithms),
        offer.lifetime_seconds,
        offer.lifetime_kilobytes,
        offer.pfs != 0,
    )


def _read_algorithm(record: blobs.AlgorithmRecord) -> Ah | Esp:
    if record.type == blobs.AH:
        return lenient(Ah, name_of(INTEGRITY_IDS, record.algorithm))
    if record.type == blobs.ESP:
        return lenient(Esp, name_of(ENCRYPTION_IDS, record.algorithm), name_of(INTEGRITY_IDS, record.integrity))
    raise ModelError(f"an algorithm of type {record.type}, which is neither AH nor ESP")


def write_security_methods(
    methods: t.Sequence[SecurityMethod], soft: bool, old: blobs.NegotiationPolicyBlob | None
) -> blobs.NegotiationPolicyBlob:
    """The offers of `methods`, then the one that allows clear text where `soft`; offers of `old` that mean the same are
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
        blobs.AlgorithmRecord(number_of(INTEGRITY_IDS, algorithm.integrity), 0, blobs.AH)
        if isinstance(algorithm, Ah)
        else blobs.AlgorithmRecord(
            number_of(ENCRYPTION_IDS, algorithm.encryption),
            number_of(INTEGRITY_IDS, algorithm.integrity),
            blobs.ESP,
        )
        for algorithm in method.algorithms
    ]
    return blobs.OfferRecord.of(records, method.lifetime_seconds, method.lifetime_kilobytes, int(method.pfs))
