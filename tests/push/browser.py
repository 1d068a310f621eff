"""Plays the browser's side of Web Push, with libraries that share no code with the sender's.

`keys` prints a fresh subscription's keys as JSON. `open` reads what a push service got, with the
keys, from standard input, checks the signature, decrypts the body and prints it.
"""

import base64
import json
import os
import sys

import http_ece
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def encode(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def point(key):
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def keys():
    private = ec.generate_private_key(ec.SECP256R1())
    number = private.private_numbers().private_value
    return {
        "private": encode(number.to_bytes(32, "big")),
        "p256dh": encode(point(private.public_key())),
        "auth": encode(os.urandom(16)),
    }


def opened(got):
    scheme, _, rest = got["authorization"].partition(" ")
    assert scheme == "vapid", scheme
    parts = dict(part.strip().split("=", 1) for part in rest.split(","))
    server = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decode(parts["k"]))
    claims = jwt.decode(parts["t"], server, algorithms=["ES256"], audience=got["origin"])
    number = int.from_bytes(decode(got["private"]), "big")
    body = http_ece.decrypt(
        decode(got["body"]),
        private_key=ec.derive_private_key(number, ec.SECP256R1()),
        auth_secret=decode(got["auth"]),
        version="aes128gcm",
    )
    return {"payload": json.loads(body), "subject": claims["sub"], "server_key": parts["k"]}


if sys.argv[1] == "keys":
    print(json.dumps(keys()))
else:
    print(json.dumps(opened(json.load(sys.stdin))))
