# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What netsh prints, in each language of a host."""

from __future__ import annotations

import typing as t

LANGUAGES: t.Final = ("en", "de")

ERRORS: t.Final[dict[str, tuple[int, str, str]]] = {
    "usage": (5001, "The syntax of the command is not correct: {}", "Die Syntax des Befehls ist falsch: {}"),
    "unknown": (5002, "The following command was not found: {}", "Der folgende Befehl wurde nicht gefunden: {}"),
    "long": (5003, "The line has more than {} characters", "Die Zeile hat mehr als {} Zeichen"),
    "file": (5004, "The file {} cannot be read", "Die Datei {} kann nicht gelesen werden"),
    "service": (5061, "The IPsec service is not running", "Der IPsec-Dienst wird nicht ausgeführt"),
    "denied": (5062, "Access is denied", "Zugriff verweigert"),
    "main_mode exists": (5043, "A main mode policy '{}' exists", "Eine Hauptmodusrichtlinie '{}' ist vorhanden"),
    "quick_mode exists": (5044, "A quick mode policy '{}' exists", "Eine Schnellmodusrichtlinie '{}' ist vorhanden"),
    "rule exists": (5045, "A rule with these filters exists", "Eine Regel mit diesen Filtern ist vorhanden"),
    "no main_mode": (5046, "There is no main mode policy '{}'", "Keine Hauptmodusrichtlinie '{}' gefunden"),
    "no quick_mode": (5047, "There is no quick mode policy '{}'", "Keine Schnellmodusrichtlinie '{}' gefunden"),
    "no rule": (5048, "There is no such rule", "Keine solche Regel gefunden"),
    "main_mode used": (5049, "The main mode policy '{}' is in use", "Die Hauptmodusrichtlinie '{}' wird verwendet"),
    "quick_mode used": (5050, "The quick mode policy '{}' is in use", "Die Schnellmodusrichtlinie '{}' wird verwendet"),
    "missing": (5053, "The argument '{}' is missing", "Das Argument '{}' fehlt"),
    "twice": (5054, "The argument '{}' is given twice", "Das Argument '{}' ist doppelt angegeben"),
    "no argument": (5055, "'{}' is not a valid argument", "'{}' ist kein gültiges Argument"),
    "value": (5056, "The value of '{}' is not valid", "Der Wert von '{}' ist ungültig"),
    "mask": (5057, "'{}' needs a single address", "'{}' erfordert eine einzelne Adresse"),
    "families": (5058, "IPv4 and IPv6 are mixed", "IPv4 und IPv6 sind vermischt"),
    "name": (5059, "The name '{}' cannot be resolved", "Der Name '{}' kann nicht aufgelöst werden"),
    "port": (5060, "A port needs the protocol TCP or UDP", "Ein Port erfordert das Protokoll TCP oder UDP"),
    "tunnel mirrored": (5063, "A tunnel rule cannot be mirrored", "Eine Tunnelregel kann nicht gespiegelt sein"),
    "tunnel action": (5064, "A tunnel rule must negotiate", "Eine Tunnelregel muss aushandeln"),
    "needs quick_mode": (
        5065,
        "Negotiation needs a quick mode policy",
        "Aushandeln erfordert eine Schnellmodusrichtlinie",
    ),
    "no authentication": (5066, "No authentication method is given", "Keine Authentifizierungsmethode angegeben"),
    "no policies": (5072, "No policies", "Keine Richtlinien"),
    "no rules": (5074, "No rules", "Keine Regeln"),
    "no associations": (5075, "No security associations", "Keine Sicherheitszuordnungen"),
}
"""The number and the text of each error. 05072 is documented; the other numbers are those of the simulated host."""

_GERMAN: t.Final = {
    "Mainmode Policies": "Hauptmodusrichtlinien",
    "Quickmode Policies": "Schnellmodusrichtlinien",
    "Dynamic Rules": "Dynamische Regeln",
    "Mainmode Filters": "Hauptmodusfilter",
    "Quickmode Filters": "Schnellmodusfilter",
    "Configuration": "Konfiguration",
    "Statistics": "Statistik",
    "Policy Name": "Richtlinienname",
    "Mainmode Policy": "Hauptmodusrichtlinie",
    "Quickmode Policy": "Schnellmodusrichtlinie",
    "Source Address": "Quelladresse",
    "Destination Address": "Zieladresse",
    "Protocol": "Protokoll",
    "Source Port": "Quellport",
    "Destination Port": "Zielport",
    "Mirrored": "Gespiegelt",
    "Connection Type": "Verbindungstyp",
    "Tunnel Destination": "Tunnelziel",
    "Inbound Action": "Eingehende Aktion",
    "Outbound Action": "Ausgehende Aktion",
    "Authentication": "Authentifizierung",
    "Mainmode LifeTime (minutes)": "Lebensdauer des Hauptmodus (Minuten)",
    "Quickmodes per Mainmode": "Schnellmodi je Hauptmodus",
    "Soft SA Expiration (seconds)": "Ablauf weicher Zuordnungen (Sekunden)",
    "Security Methods": "Sicherheitsmethoden",
    "Soft": "Weich",
    "PFS Group": "PFS-Gruppe",
    "Active Associations": "Aktive Zuordnungen",
    "Bytes Sent": "Gesendete Bytes",
    "Bytes Received": "Empfangene Bytes",
    "any": "beliebig",
    "me": "eigene",
    "yes": "ja",
    "no": "nein",
    "permit": "zulassen",
    "block": "blockieren",
    "negotiate": "aushandeln",
    "all": "alle",
    "kerberos": "Kerberos",
    "preshared key": "vorinstallierter Schlüssel",
    "certificate": "Zertifikat",
    "Ok.": "OK.",
    "none": "keiner",
}


class NetshError(Exception):
    """A command that fails: one of `ERRORS`, and what its text names."""

    def __init__(self, kind: str, *parts: object) -> None:
        super().__init__(kind)
        self.kind = kind
        self.parts = parts

    @property
    def code(self) -> str:
        return f"{ERRORS[self.kind][0]:05}"

    def text(self, language: str) -> str:
        texts = ERRORS[self.kind][1:]
        return f"ERR IPsec[{self.code}] : {texts[LANGUAGES.index(language)].format(*self.parts)}"


def translate(text: str, language: str) -> str:
    """A label or a word in the language of the host."""
    return text if language == "en" else _GERMAN.get(text, text)
