# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The option that says how a domain is reached, which all modules of the group accept, so that it can be a default."""

from __future__ import annotations


class ModuleDocFragment:
    """ansible-doc and the action plugins read it."""

    DOCUMENTATION = r"""
options:
  directory:
    description:
      - How a domain is reached, for tasks on the policies of a domain. Others ignore it.
      - The options, choices, defaults and environment variables are those of the inventory plugin C(microsoft.ad.ldap),
        so the same settings work for both. The environment variable of an option is C(MICROSOFT_AD_LDAP_) and its name
        in capital letters, such as C(MICROSOFT_AD_LDAP_SERVER). The option wins over the variable.
      - In C(module_defaults), it is set once for all modules of the group.
    type: dict
    suboptions:
      domain:
        description:
          - The DNS name of the domain, such as V(ad.example.com). If omitted, it is the domain of the server.
          - It has no environment variable.
        type: str
      server:
        description:
          - The DNS name of a domain controller that takes writes. A whole task uses one server.
          - If omitted, DNS is asked for the domain controllers of O(directory.domain). This needs the Python package
            C(dnspython). If DNS has no such records, the name of the domain is taken as the name of the server.
          - If both are omitted, the default realm of Kerberos on the controller is taken as the domain.
        type: str
      port:
        description:
          - The port. If omitted, it is V(636) with O(directory.tls_mode=ldaps), and otherwise V(389) or what DNS says.
        type: int
      tls_mode:
        description:
          - V(ldaps) uses TLS from the start, V(start_tls) asks for it on the port without TLS.
          - If omitted, the connection has no TLS, unless O(directory.port) is V(636). Kerberos and NTLM then seal it.
        type: str
        choices: [ldaps, start_tls]
      auth_protocol:
        description:
          - How the task logs in. If omitted, it is V(certificate) if TLS is used and O(directory.certificate) is set,
            and otherwise V(negotiate).
          - V(simple) sends the user name and the password, so it needs O(directory.tls_mode).
          - V(certificate) logs in with O(directory.certificate), and needs O(directory.tls_mode) as well.
          - V(negotiate) is Kerberos, or NTLM where Kerberos is not possible, V(kerberos) and V(ntlm) are one of them.
            Many domain controllers refuse them inside TLS.
        type: str
        choices: [simple, certificate, negotiate, kerberos, ntlm]
      username:
        description:
          - The user, as V(user@ad.example.com) or V(DOMAIN\\user).
          - Without it, Kerberos takes the ticket that C(kinit) has got.
        type: str
      password:
        description:
          - The password. An empty one is an error, as a directory takes it for no login at all.
          - Keep it in a vault.
        type: str
      encrypt:
        description:
          - Whether a connection without TLS is encrypted. The default is V(true).
          - V(false) sends everything in plain text, pre-shared keys too. Domain controllers refuse this by default.
        type: bool
      ca_cert:
        description:
          - The authorities that are trusted. A file in PEM or DER form, a folder as OpenSSL makes it, or a text in PEM
            form.
          - If omitted, they are those of Python on the controller.
        type: str
      cert_validation:
        description:
          - What is checked of the server's certificate. The default is V(always).
          - V(always) checks that its authority is trusted and that it has the name of the server, V(ignore_hostname)
            only its authority. V(ignore) checks nothing, so that anybody can read the password.
        type: str
        choices: [always, ignore, ignore_hostname]
      certificate:
        description:
          - The certificate for O(directory.auth_protocol=certificate). A file in PEM, DER or PKCS12 form, or a text in
            PEM form. It may contain the key.
        type: str
      certificate_key:
        description:
          - The key of the certificate. A file in PEM or DER form, or a text in PEM form.
        type: str
      certificate_password:
        description:
          - The password of the key.
        type: str
      connection_timeout:
        description:
          - How many seconds a server may take to answer. The default is V(5).
          - It applies to the connection and to each answer. A task ends with an error at the latest after twice this
            time if a server stops answering.
        type: int
requirements:
  - for policies of a domain, sansldap and pyspnego in the Python of Ansible on the controller
  - pyspnego[kerberos] there to log in by Kerberos
  - dnspython there to find a domain controller without O(directory.server)
  - smbprotocol there to write the file C(GPT.INI) of a Group Policy object
"""
