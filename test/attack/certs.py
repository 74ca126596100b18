# SPDX-License-Identifier: Apache-2.0
"""Keys, certificates and signatures as a host has them, made by openssl.

An Identity is a folder: what a host is enrolled by, and what TLS presents.
"""
import base64
import hashlib
import os
import subprocess
import tempfile
import time


def openssl(*args, data=None):
    r = subprocess.run(["openssl", *args], input=data, capture_output=True)
    if r.returncode:
        raise RuntimeError("openssl %s: %s" % (
            " ".join(args), r.stderr.decode(errors="replace")))
    return r.stdout


CONFIG = """
[ca]
default_ca = c
[c]
dir = {d}
database = {d}/index.txt
new_certs_dir = {d}
rand_serial = yes
policy = any
default_md = sha256
unique_subject = no
x509_extensions = x
[any]
commonName = supplied
[x]
{exts}
[req]
distinguished_name = dn
prompt = no
[dn]
CN = {name}
"""
IDENTITY_EXTS = ("basicConstraints = critical,CA:TRUE,pathlen:0\n"
                 "keyUsage = critical,digitalSignature,keyCertSign\n"
                 "subjectKeyIdentifier = hash\n"
                 "subjectAltName = URI:korora:host:{name}\n")
LINK_EXTS = ("basicConstraints = critical,CA:FALSE\n"
             "keyUsage = critical,digitalSignature\n"
             "extendedKeyUsage = serverAuth,clientAuth\n"
             "subjectKeyIdentifier = hash\n"
             "authorityKeyIdentifier = keyid\n"
             "subjectAltName = URI:korora:host:{name}\n")
CA_EXTS = ("basicConstraints = critical,CA:TRUE\n"
           "keyUsage = critical,keyCertSign,cRLSign\n"
           "subjectKeyIdentifier = hash\n")


def when(seconds):
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + seconds))


def new_key(path):
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-out", path)


def certify(out, name, key=None, csr=None, ca=None, exts=IDENTITY_EXTS,
            start=-300, end=86400):
    """A certificate for key (or csr), signed by ca = (crt, key) or itself;
    start and end are seconds from now."""
    with tempfile.TemporaryDirectory() as d:
        with open(d + "/index.txt", "w"):
            pass
        with open(d + "/cnf", "w") as f:
            f.write(CONFIG.format(d=d, name=name,
                                  exts=exts.format(name=name)))
        if not csr:
            csr = d + "/csr"
            openssl("req", "-new", "-key", key, "-config", d + "/cnf", "-out",
                    csr)
        signer = ["-cert", ca[0], "-keyfile", ca[1]] if ca else \
            ["-selfsign", "-keyfile", key]
        openssl("ca", "-batch", "-notext", "-config", d + "/cnf", "-in", csr,
                "-out", out, "-startdate", when(start), "-enddate", when(end),
                "-subj", "/CN=" + name, *signer)


def keyid(crt):
    """SHA-256 of a certificate's public key, as hosts are known by."""
    pem = openssl("x509", "-in", crt, "-noout", "-pubkey")
    return hashlib.sha256(openssl("pkey", "-pubin", "-outform", "DER",
                                  data=pem)).digest()


class Identity:
    """A folder with identity.key and identity.crt, link.key and link.crt."""

    def __init__(self, folder, name=None):
        self.dir = folder
        self.crt, self.key = folder + "/identity.crt", folder + "/identity.key"
        self.link, self.link_key = folder + "/link.crt", folder + "/link.key"
        if name is None:
            with open(folder + "/name") as f:
                name = f.read().strip()
        self.name = name

    @classmethod
    def make(cls, folder, name, ca=None, **options):
        """options of certify() apply to the identity"""
        i = cls(folder, name)
        os.makedirs(folder, exist_ok=True)
        with open(folder + "/name", "w") as f:
            f.write(name + "\n")
        if not os.path.exists(i.key):
            new_key(i.key)
        certify(i.crt, name, key=i.key, ca=ca, **options)
        i.make_link()
        return i

    def make_link(self, name=None, signer=None, **options):
        """The certificate TLS presents; signer = (crt, key)"""
        if not os.path.exists(self.link_key):
            new_key(self.link_key)
        certify(self.link, name or self.name, key=self.link_key,
                ca=signer or (self.crt, self.key), exts=LINK_EXTS, **options)
        return self

    @property
    def keyid(self):
        return keyid(self.crt)

    @property
    def fingerprint(self):
        return "SHA256:" + base64.b64encode(self.keyid).decode().rstrip("=")

    def sign(self, kind, statement):
        """DSSE signature of a statement's text."""
        t = b"application/vnd.in-toto+json"
        pae = b"DSSEv1 %d %s %d %s" % (len(t), t, len(statement), statement)
        return openssl("dgst", "-sha256", "-sign", self.key, data=pae)

    def vouch(self, host, size, root):
        """Signature of a checkpoint of host's log."""
        note = "korora/%s\n%d\n%s\n" % (host, size,
                                       base64.b64encode(root).decode())
        return openssl("dgst", "-sha256", "-sign", self.key,
                       data=note.encode())
