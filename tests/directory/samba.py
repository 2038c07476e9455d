# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Samba as a domain controller, on a loopback address of its own."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import fcntl
import functools
import hashlib
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import textwrap
import time
import typing as t
import uuid

from winhost import ldif

from .access import MEMBERS_MAY_READ, permission, with_permission
from .certificates import Certificate, make_certificates

BUILD = pathlib.Path(__file__).parents[2] / "build" / "samba"
PACKAGES = "samba-ad-dc samba-ad-provision winbind krb5-user ldap-utils smbclient libnss-wrapper"
PROGRAMS = ("samba", "samba-tool", "winbindd", "kinit", "ldapsearch", "smbclient")
WRAPPER = "libnss_wrapper.so"
HOST, NETBIOS, REALM, PASSWORD = "dc1", "ADX", "AD.EXAMPLE.TEST", "Pa55w.rd-x"
PORTS, SMB_PORT = (389, 636, 88), 445
_ONLY_ACCESS_LIST = "control: 1.2.840.113556.1.4.801 true:: MAMCAQQ="
SERVICES = [f"ldap/{HOST}.{REALM.lower()}"]
"""Names for Kerberos that a domain controller adds itself once it runs, with parts that tests leave out."""
CLAIM_PORT = 1
"""A socket bound to this port holds an address for this process."""

Entries: t.TypeAlias = dict[str, dict[str, list[bytes]]]
"""Values by DN and attribute, as ldapsearch spells them."""


def missing() -> str | None:
    """What keeps Samba from running here, if anything does."""
    found = [shutil.which(program, path=_PATH) for program in PROGRAMS]
    wrappers = [*pathlib.Path("/usr/lib").glob(f"*/{WRAPPER}"), *pathlib.Path("/usr/lib64").glob(WRAPPER)]
    if not all([*found, wrappers, pathlib.Path("/usr/share/samba/setup").exists()]):
        return f"Samba's domain controller is missing (Debian: apt install {PACKAGES})"
    return None if os.geteuid() == 0 else "a domain controller needs root, because its ports are below 1024"


@dataclasses.dataclass(frozen=True)
class GroupPolicy:
    """A Group Policy object. `folder` is its folder in SYSVOL, None without SMB."""

    id: str
    name: str
    dn: str
    folder: pathlib.Path | None = None


class ToolError(Exception):
    """A program of OpenLDAP or Kerberos has failed. `code` is its exit code, which is the result code of LDAP."""

    def __init__(self, code: int, output: str) -> None:
        super().__init__(f"{code}: {output}")
        self.code = code
        self.output = output


class Domain:
    """A new domain AD.EXAMPLE.TEST and its domain controller; a context manager that starts it.

    `smb` adds SYSVOL. Only one such server runs on a machine at a time, so another one waits for it.
    """

    name = f"{HOST}.{REALM.lower()}"
    domain = REALM.lower()
    realm = REALM
    netbios = NETBIOS
    root = ",".join(f"DC={part}" for part in REALM.lower().split("."))
    container = f"CN=IP Security,CN=System,{root}"
    user = "Administrator"
    password = PASSWORD

    def __init__(self, smb: bool = False, certificate: Certificate = Certificate.GOOD) -> None:
        self.smb = smb
        self._passwords = {self.user: self.password}
        self._sids: dict[str, bytes] = {}
        self._process: subprocess.Popen[bytes] | None = None
        with contextlib.ExitStack() as stack:
            if smb:
                stack.enter_context(_locked(pathlib.Path(tempfile.gettempdir(), "ipsec-windows-smb.lock")))
            self.address = stack.enter_context(_address())
            # a short path, because names of sockets have at most 107 characters
            self.folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dc-")))
            stack.callback(self.kill)
            _run("cp", "-a", f"{_provisioned()}/.", str(self.folder))
            self._configure()
            self.use_certificate(certificate)
            self._stack = stack.pop_all()

    def __enter__(self) -> Domain:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the server and remove everything."""
        self._stack.close()

    def start(self) -> None:
        """Start the server, and return once it answers."""
        with (self.folder / "log").open("wb") as log:
            # Samba ends itself once the pipe to its standard input closes, so it does not outlive this process
            self._process = subprocess.Popen(
                ["samba", "-i", "-M", "single", "-s", str(self.folder / "etc/smb.conf"), "--debug-stdout"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=os.environ | {"PATH": _PATH},
                start_new_session=True,
            )
        deadline = time.monotonic() + 60
        ports = (*PORTS, SMB_PORT) if self.smb else PORTS
        waits = {f"port {port}": functools.partial(self._listens, port) for port in ports}
        if self.smb:
            # until it answers, logging in by SMB is an internal error
            waits["winbindd"] = _winbindd_answers
        for part, answers in waits.items():
            while not answers():
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self.kill()
                    raise RuntimeError(f"Samba does not answer ({part}): {self._log()}")
                time.sleep(0.01)

    def stop(self) -> None:
        """Shut the server down."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the server at once, wherever it is."""
        self._end(signal.SIGKILL)

    def use_certificate(self, kind: Certificate) -> None:
        """The certificate from the next start on."""
        make_certificates(self.folder, self.name, self.address, kind)

    @property
    def ca(self) -> pathlib.Path:
        """The authority that clients are to trust."""
        return self.folder / "ca.pem"

    def options(self, **changes: object) -> dict[str, t.Any]:
        """A dictionary for the option `directory` that works, with these changes; None removes an option."""
        options = {
            "server": self.name,
            "tls_mode": "ldaps",
            "ca_cert": str(self.ca),
            "auth_protocol": "simple",
            "username": f"{self.user}@{self.domain}",
            "password": self.password,
            # a loaded machine must not fail a test
            "connection_timeout": 60,
        }
        return {name: value for name, value in (options | changes).items() if value is not None}

    def environment(self) -> dict[str, str]:
        """Variables with which a program finds the server by its name, and Kerberos its realm."""
        return {
            "LD_PRELOAD": WRAPPER,
            "NSS_WRAPPER_HOSTS": str(self.folder / "hosts"),
            "KRB5_CONFIG": str(self.folder / "krb5.conf"),
            "KRB5CCNAME": f"FILE:{self.folder / 'tickets'}",
        }

    def resolve(self, resolver: t.Callable[..., t.Any] = socket.getaddrinfo) -> t.Callable[..., t.Any]:
        """A `socket.getaddrinfo` that knows the server's name."""

        def getaddrinfo(host: t.Any, *args: t.Any, **kwargs: t.Any) -> t.Any:
            known = isinstance(host, str) and host.lower() == self.name
            return resolver(self.address if known else host, *args, **kwargs)

        return getaddrinfo

    def kinit(self, user: str | None = None, lifetime: str = "1h") -> None:
        """Get a ticket of a user, the administrator unless named, into the cache of `environment`."""
        user = user or self.user
        self._tool("kinit", "-l", lifetime, f"{user}@{self.realm}", text=f"{self._passwords[user]}\n")

    def ldapsearch(
        self, base: str, filter_: str = "(objectClass=*)", *attributes: str, scope: str = "sub", user: str | None = None
    ) -> Entries:
        """What OpenLDAP's ldapsearch reads, as the administrator unless another user is named."""
        arguments = ("-LLL", "-o", "ldif-wrap=no", "-b", base, "-s", scope, filter_, *attributes)
        return ldif.parse(self._ldap("ldapsearch", *arguments, user=user))

    def ldapadd(self, ldif: str, user: str | None = None) -> None:
        """Add the entries of an LDIF."""
        self._ldap("ldapadd", text=ldif, user=user)

    def ldapmodify(self, ldif: str, user: str | None = None) -> None:
        """Do the changes of an LDIF."""
        self._ldap("ldapmodify", text=ldif, user=user)

    def ldif(self, base: str | None = None, stamps: bool = True) -> str:
        """All objects below an object, by default the policy store, sorted for comparisons. Without `stamps`, what each
        write changes is left out.
        """
        return show_ldif(self.ldapsearch(base or self.container), stamps)

    def add_user(self, name: str, password: str) -> str:
        """Add a user without rights, and return its DN."""
        dn = f"CN={name},CN=Users,{self.root}"
        secret = base64.b64encode(f'"{password}"'.encode("utf-16-le")).decode()
        self.ldapadd(
            f"dn: {dn}\nobjectClass: user\nsAMAccountName: {name}\nuserPrincipalName: {name}@{self.domain}\n"
            f"userAccountControl: 512\nunicodePwd:: {secret}\n"
        )
        self._passwords[name] = password
        (self._sids[name],) = self.ldapsearch(dn, "(objectClass=*)", "objectSid")[dn]["objectSid"]
        return dn

    def add_gpo(self, name: str, link: str | None = None) -> GroupPolicy:
        """Add a Group Policy object as Microsoft's console does, linked to the object with the DN `link` if given."""
        guid = f"{{{str(uuid.uuid4()).upper()}}}"
        policies = self.folder / "state/sysvol" / self.domain / "Policies"
        gpo = GroupPolicy(
            guid, name, f"CN={guid},CN=Policies,CN=System,{self.root}", policies / guid if self.smb else None
        )
        if gpo.folder is not None:
            # the folder of the default domain policy, with its access lists
            shutil.copytree(policies / "{31B2F340-016D-11D2-945F-00C04FB984F9}", gpo.folder)
        self.ldapadd(
            f"dn: {gpo.dn}\nobjectClass: groupPolicyContainer\n"
            f"displayName:: {base64.b64encode(name.encode()).decode()}\n"
            f"gPCFileSysPath: \\\\{self.domain}\\sysvol\\{self.domain}\\Policies\\{guid}\n"
            "gPCFunctionalityVersion: 2\nflags: 0\nversionNumber: 0\n"
            f"\ndn: CN=Machine,{gpo.dn}\nobjectClass: container\n\ndn: CN=User,{gpo.dn}\nobjectClass: container\n"
        )
        if link is not None:
            self._link(gpo, link)
        return gpo

    def members_may_read(self) -> None:
        """Let members of the domain read the policies."""
        self._permit(self.container, MEMBERS_MAY_READ)

    def permit(self, dn: str, user: str, rights: int, of: str) -> None:
        """Give a user rights to an object, only for the class or attribute with the schema GUID `of`."""
        self._permit(dn, permission(rights, self._sids[user], uuid.UUID(of)))

    def _permit(self, dn: str, entry: bytes) -> None:
        found = next(iter(self.ldapsearch(dn, "(objectClass=*)", "nTSecurityDescriptor", scope="base").values()))
        descriptor = with_permission(found["nTSecurityDescriptor"][0], entry)
        self.ldapmodify(
            f"dn: {dn}\n{_ONLY_ACCESS_LIST}\nchangetype: modify\nreplace: nTSecurityDescriptor\n"
            f"nTSecurityDescriptor:: {base64.b64encode(descriptor).decode()}\n"
        )

    def _configure(self) -> None:
        folder = self.folder
        services = "ldap, kdc" + (", s3fs, winbindd, rpc" if self.smb else "")
        (folder / "etc/smb.conf").write_text(
            textwrap.dedent(f"""\
                [global]
                netbios name = {HOST.upper()}
                workgroup = {NETBIOS}
                realm = {REALM}
                server role = active directory domain controller
                server services = {services}
                interfaces = {self.address}/8
                bind interfaces only = yes
                disable netbios = yes
                dns forwarder =
                private dir = {folder}/private
                state directory = {folder}/state
                cache directory = {folder}/cache
                lock directory = {folder}
                binddns dir = {folder}/bind-dns
                pid directory = {folder}
                ncalrpc dir = {folder}/ncalrpc
                ntp signd socket directory = {folder}/ntp
                log file = {folder}/log.%m
                idmap_ldb:use rfc2307 = yes
                ldb:nosync = yes
                tls cafile = {folder}/ca.pem
                tls certfile = {folder}/cert.pem
                tls keyfile = {folder}/key.pem
                [sysvol]
                path = {folder}/state/sysvol
                read only = no
                """)
        )
        (folder / "hosts").write_text(f"{self.address} {self.name} {self.domain}\n")
        (folder / "krb5.conf").write_text(
            textwrap.dedent(f"""\
                [libdefaults]
                default_realm = {REALM}
                dns_lookup_kdc = false
                dns_canonicalize_hostname = false
                rdns = false
                udp_preference_limit = 1
                [realms]
                {REALM} = {{
                  kdc = {self.address}
                }}
                [domain_realm]
                .{self.domain} = {REALM}
                {self.domain} = {REALM}
                """)
        )

    def _link(self, gpo: GroupPolicy, target: str) -> None:
        entry = self.ldapsearch(target, "(objectClass=*)", "gPLink", scope="base")[target]
        links = entry.get("gPLink", [b""])[0].decode().strip()
        self.ldapmodify(
            f"dn: {target}\nchangetype: modify\nreplace: gPLink\ngPLink: [LDAP://{gpo.dn};0]{links}\n",
        )

    def _ldap(self, program: str, *arguments: str, text: str = "", user: str | None = None) -> str:
        user = user or self.user
        password = self.folder / "password"
        password.touch(mode=0o600)
        password.write_text(self._passwords[user])
        login = ("-x", "-D", f"{user}@{self.domain}", "-y", str(password))
        return self._tool(program, "-H", f"ldaps://{self.address}", *login, *arguments, text=text)

    def _tool(self, program: str, *arguments: str, text: str = "") -> str:
        return _run(program, *arguments, text=text, environment=self.environment() | {"LDAPTLS_REQCERT": "never"})

    def _listens(self, port: int) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((self.address, port)) == 0

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            # the server is the leader of a process group of its own
            os.killpg(process.pid, number)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if process.stdin is not None:
            process.stdin.close()

    def _log(self) -> str:
        return "\n".join((self.folder / "log").read_text(errors="replace").splitlines()[-20:])


def _winbindd_answers() -> bool:
    try:
        _run("wbinfo", "--ping")
    except ToolError:
        return False
    return True


def show_ldif(entries: t.Mapping[str, t.Mapping[str, t.Sequence[bytes]]], stamps: bool) -> str:
    """Entries as sorted lines. Without `stamps`, what each write changes is left out."""
    lines = []
    for dn, attributes in sorted(entries.items()):
        lines.append(f"\ndn: {dn}")
        for name, values in sorted(attributes.items()):
            if stamps or name.lower() not in ("whenchanged", "usnchanged"):
                lines += [f"{name}: {value!r}" for value in sorted(values)]
    return "\n".join(lines)


def _provisioned() -> pathlib.Path:
    """The folder of a new domain that never ran. Processes share it, so that it is made once."""
    version = _run("samba", "--version").split()[1]
    recipe = [
        "samba-tool",
        "domain",
        "provision",
        f"--realm={REALM}",
        f"--domain={NETBIOS}",
        "--server-role=dc",
        f"--host-name={HOST}",
        "--host-ip=127.0.0.1",
        f"--adminpass={PASSWORD}",
        "--dns-backend=SAMBA_INTERNAL",
        "--use-rfc2307",
        "--option=interfaces=127.0.0.1/8",
        "--option=bind interfaces only=yes",
        "--option=dns forwarder=",
        "--option=vfs objects=",
    ]
    folder = BUILD / f"{version}-{hashlib.sha256(repr((recipe, SERVICES)).encode()).hexdigest()[:8]}"
    BUILD.mkdir(parents=True, exist_ok=True)
    with _locked(BUILD / "lock"):
        if not folder.exists():
            unfinished = BUILD / "unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            _run(*recipe, f"--targetdir={unfinished}")
            for service in SERVICES:
                _run("samba-tool", "spn", "add", service, f"{HOST}$", f"--configfile={unfinished}/etc/smb.conf")
            unfinished.rename(folder)
    return folder


@contextlib.contextmanager
def _locked(path: pathlib.Path) -> t.Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _address() -> t.Iterator[str]:
    """A loopback address that no other process takes meanwhile."""
    while True:
        address = f"127.{random.randint(200, 239)}.{random.randint(1, 254)}.{random.randint(1, 254)}"
        with socket.socket() as claim:
            try:
                claim.bind((address, CLAIM_PORT))
            except OSError:
                continue
            yield address
            return


_PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))


def _run(program: str, *arguments: str, text: str = "", environment: t.Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        [program, *arguments],
        input=text,
        capture_output=True,
        text=True,
        env={**os.environ, **(environment or {}), "PATH": _PATH},
        timeout=300,
        check=False,
    )
    if done.returncode != 0:
        raise ToolError(done.returncode, f"{program}: {done.stderr or done.stdout}")
    return done.stdout
