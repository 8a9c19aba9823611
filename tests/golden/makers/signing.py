"""Signatures as PyPI's model-signing makes them: a folder signed on each curve, by whole files and by pieces, and one file.

Private keys are made here and thrown away, and ECDSA draws a number for each signature: each run gives other bytes.
"""
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

import model_signing

FILES = {"weights.bin": bytes(range(256)) * 4, "tokenizer.json": b'{"version": "1.0"}\n', "a/b.txt": b"nested\n", "a-b.txt": b"sorted by parts\n", "empty.txt": b"", ".gitignore": b"*.tmp\n"}
CURVES = {"p256": ec.SECP256R1, "p384": ec.SECP384R1, "p521": ec.SECP521R1}


def make(out):
    model = out / "model"
    for name, content in FILES.items():
        (model / name).parent.mkdir(parents=True, exist_ok=True)
        (model / name).write_bytes(content)
    private = out / "private.pem"
    for name, curve in CURVES.items():
        key = ec.generate_private_key(curve())
        private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        (out / f"{name}.pub").write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
        config = model_signing.signing.Config().use_elliptic_key_signer(private_key=private)
        config.sign(model, out / f"{name}.sig")
        if name == "p256":
            config.sign(model / "weights.bin", out / "file.sig")
            hashing = model_signing.hashing.Config()
            config.set_hashing_config(hashing.use_shard_serialization(shard_size=300)).sign(model, out / "shards.sig")
            config.set_hashing_config(model_signing.hashing.Config().use_file_serialization(hashing_algorithm="blake2")).sign(model, out / "blake2.sig")
    private.unlink()
    for name in CURVES:
        model_signing.verifying.Config().use_elliptic_key_verifier(public_key=out / f"{name}.pub").verify(model, out / f"{name}.sig")
