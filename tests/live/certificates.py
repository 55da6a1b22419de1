"""Certificates of the test's own: an authority, a server's for 127.0.0.1 and localhost, clients'.

Made by openssl(1) in a moment, valid for a day.
"""

import ssl
import subprocess
from typing import NamedTuple

import sandbox

EXTENSIONS = """\
[server]
subjectAltName = IP:127.0.0.1,DNS:localhost
extendedKeyUsage = serverAuth,clientAuth
[client]
extendedKeyUsage = clientAuth
"""


class Pair(NamedTuple):
    """Paths of PEM files."""

    certificate: str
    key: str


class Authority:
    """`certificate` is what to trust; the others are Pairs that it has signed.  `nameless` is a client's without a
    common name, which some servers take for a user's."""

    def __init__(self, directory=None):
        self.directory = directory or sandbox.make_directory("ca")
        self.certificate = str(self.directory / "ca.pem")
        self._key = str(self.directory / "ca.key")
        _openssl("req", "-x509", *_new_key(self._key), "-out", self.certificate, "-days", "1", "-subj", "/CN=test CA")
        (self.directory / "extensions").write_text(EXTENSIONS, encoding="ascii")
        self.server = self.sign("server", "127.0.0.1")
        self.client = self.sign("client", "pgha")
        self.nameless = self.sign("client", "")

    def context(self, shown=None):
        """To connect with: whom to trust, and the Pair that is shown."""
        context = ssl.create_default_context(cafile=self.certificate)
        if shown:
            context.load_cert_chain(*shown)
        return context

    def sign(self, kind, name):
        """A Pair with that common name ("": none); `kind` is "server" or "client"."""
        path = self.directory / f"{kind}-{name or 'nameless'}"
        pair = Pair(f"{path}.pem", f"{path}.key")
        _openssl("req", *_new_key(pair.key), "-out", f"{path}.csr", "-subj", f"/CN={name}" if name else "/O=monitoring")
        _openssl("x509", "-req", "-in", f"{path}.csr", "-CA", self.certificate, "-CAkey", self._key, "-CAcreateserial",
                 "-days", "1", "-extfile", str(self.directory / "extensions"), "-extensions", kind,
                 "-out", pair.certificate)
        for file in pair:
            sandbox.give(file)
        return pair


def _new_key(path):
    return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", path)


def _openssl(*arguments):
    run = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    if run.returncode:
        raise sandbox.HarnessError(f"openssl {' '.join(arguments)}\n{run.stderr}")
