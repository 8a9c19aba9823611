//! Keys for ECDSA on P-256, P-384 and P-521, as the PEM files that OpenSSL writes.

use crate::durable;
use crate::error::{Error, Result};
use crate::hex::hex;
use p256::ecdsa::signature::{Signer, Verifier};
use p256::elliptic_curve::Generate;
use p256::pkcs8::{DecodePublicKey, EncodePrivateKey, EncodePublicKey, LineEnding};
use sha2::{Digest, Sha256};
use std::io::Write;
use std::path::Path;

/// The largest file that is read as a key.
const LARGEST: u64 = 64 << 10;

/// A key that signs.
pub struct PrivateKey(Secret);

enum Secret {
    P256(p256::SecretKey),
    P384(p384::SecretKey),
    P521(p521::SecretKey),
}

/// A key that verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    point: Point,
    pem: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Point {
    P256(Box<p256::ecdsa::VerifyingKey>),
    P384(Box<p384::ecdsa::VerifyingKey>),
    P521(Box<p521::ecdsa::VerifyingKey>),
}

impl PrivateKey {
    /// A new one, on P-256. Errors: `Io` where the system gives no random numbers.
    pub fn generate() -> Result<Self> {
        let key = p256::SecretKey::try_generate();
        key.map(|key| Self(Secret::P256(key)))
            .map_err(|e| Error::new(crate::ErrorKind::Io, format!("no random numbers for a key: {e}")))
    }

    /// Reads a PEM file: PKCS #8, or SEC 1 as `openssl ecparam` writes it.
    ///
    /// Errors: those of reading; `Invalid` for what is no private key on one of the three curves, or has a passphrase.
    pub fn read(path: &Path) -> Result<Self> {
        let text = read(path)?;
        Self::parse(&text).map_err(|why| Error::invalid(format!("{} {why}", path.display())))
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        // OpenSSL may put the curve's parameters before the key.
        let blocks = text.match_indices("-----BEGIN ").filter_map(|(at, _)| text.get(at..));
        for block in blocks {
            let label = block.get(11..).and_then(|rest| rest.split_once("-----")).map_or("", |(label, _)| label);
            match label {
                "ENCRYPTED PRIVATE KEY" => {
                    return Err("has a passphrase; write it without one, as `openssl pkey -in KEY -out PLAIN` does");
                }
                "PRIVATE KEY" | "EC PRIVATE KEY" if block.contains("Proc-Type:") => {
                    return Err("has a passphrase; write it without one, as `openssl pkey -in KEY -out PLAIN` does");
                }
                "PRIVATE KEY" | "EC PRIVATE KEY" => {
                    let end = format!("-----END {label}-----");
                    let until = block.find(&end).map_or(block.len(), |at| at + end.len());
                    let block = block.get(..until).unwrap_or(block);
                    let key = p256::SecretKey::from_pem(block).map(Secret::P256);
                    let key = key.or_else(|_| p384::SecretKey::from_pem(block).map(Secret::P384));
                    let key = key.or_else(|_| p521::SecretKey::from_pem(block).map(Secret::P521));
                    return key.map(Self).map_err(|_| "is no private key on P-256, P-384 or P-521");
                }
                "PUBLIC KEY" => return Err("is a public key; signing takes the private one"),
                _ => {}
            }
        }
        Err("is no private key in PEM; `wayside keys new --out DIR` makes one")
    }

    /// Writes it as PKCS #8 into a file that is not there yet, for its owner alone.
    pub fn write(&self, path: &Path) -> Result<()> {
        let unwritable = "the key cannot be written as PEM";
        let pem = match &self.0 {
            Secret::P256(key) => key.to_pkcs8_pem(LineEnding::LF),
            Secret::P384(key) => key.to_pkcs8_pem(LineEnding::LF),
            Secret::P521(key) => key.to_pkcs8_pem(LineEnding::LF),
        };
        put_new(path, pem.map_err(|e| Error::invalid(unwritable).because(e))?.as_bytes())
    }

    /// Its other half.
    pub fn public(&self) -> Result<PublicKey> {
        PublicKey::of(match &self.0 {
            Secret::P256(key) => Point::P256(Box::new(key.public_key().into())),
            Secret::P384(key) => Point::P384(Box::new(key.public_key().into())),
            Secret::P521(key) => Point::P521(Box::new(key.public_key().into())),
        })
    }

    /// A signature of `bytes`, hashed as suits the curve, in DER.
    pub(super) fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        let signed = match &self.0 {
            Secret::P256(key) => {
                let signature: Result<p256::ecdsa::Signature, _> = p256::ecdsa::SigningKey::from(key).try_sign(bytes);
                signature.map(|s| s.to_der().as_bytes().to_vec())
            }
            Secret::P384(key) => {
                let signature: Result<p384::ecdsa::Signature, _> = p384::ecdsa::SigningKey::from(key).try_sign(bytes);
                signature.map(|s| s.to_der().as_bytes().to_vec())
            }
            Secret::P521(key) => {
                let signature: Result<p521::ecdsa::Signature, _> = p521::ecdsa::SigningKey::from(key).try_sign(bytes);
                signature.map(|s| s.to_der().as_bytes().to_vec())
            }
        };
        signed.map_err(|e| Error::invalid("the key signs nothing").because(e))
    }

    /// What only who has the key can derive from it, for `purpose`.
    pub(super) fn derive(&self, purpose: &str) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(purpose);
        hash.update([0]);
        match &self.0 {
            Secret::P256(key) => hash.update(key.to_bytes()),
            Secret::P384(key) => hash.update(key.to_bytes()),
            Secret::P521(key) => hash.update(key.to_bytes()),
        }
        hash.finalize().into()
    }
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}

impl PublicKey {
    /// Reads a PEM file. Errors: those of reading; `Invalid` for what is no public key on one of the three curves.
    pub fn read(path: &Path) -> Result<Self> {
        let text = read(path)?;
        let wrong = |why: &str| Error::invalid(format!("{} {why}", path.display()));
        if text.contains("PRIVATE KEY-----") {
            return Err(wrong("holds a private key; name the public one, and keep this to yourself"));
        }
        if text.contains("-----BEGIN CERTIFICATE-----") {
            return Err(wrong("is a certificate; only plain public keys are trusted"));
        }
        Self::parse(text.trim()).ok_or_else(|| wrong("is no public key on P-256, P-384 or P-521 in PEM"))
    }

    fn parse(text: &str) -> Option<Self> {
        let boxed = p256::ecdsa::VerifyingKey::from_public_key_pem(text).ok().map(|key| Point::P256(Box::new(key)));
        let p384 = || p384::ecdsa::VerifyingKey::from_public_key_pem(text).ok().map(|key| Point::P384(Box::new(key)));
        let p521 = || p521::ecdsa::VerifyingKey::from_public_key_pem(text).ok().map(|key| Point::P521(Box::new(key)));
        boxed.or_else(p384).or_else(p521).and_then(|point| Self::of(point).ok())
    }

    fn of(point: Point) -> Result<Self> {
        let pem = match &point {
            Point::P256(key) => key.to_public_key_pem(LineEnding::LF),
            Point::P384(key) => key.to_public_key_pem(LineEnding::LF),
            Point::P521(key) => key.to_public_key_pem(LineEnding::LF),
        };
        let pem = pem.map_err(|e| Error::invalid("the key cannot be written as PEM").because(e))?;
        Ok(Self { point, pem })
    }

    /// Its name: the SHA-256 of its PEM text, which signatures give as a hint.
    pub fn id(&self) -> String {
        hex(&Sha256::digest(&self.pem))
    }

    /// Its curve.
    pub fn curve(&self) -> &'static str {
        match self.point {
            Point::P256(_) => "P-256",
            Point::P384(_) => "P-384",
            Point::P521(_) => "P-521",
        }
    }

    /// The PEM text.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Writes it into a file that is not there yet.
    pub fn write(&self, path: &Path) -> Result<()> {
        put_new(path, self.pem.as_bytes())
    }

    /// Whether `signature`, in DER, is this key's of `bytes`.
    pub(super) fn signed(&self, bytes: &[u8], signature: &[u8]) -> bool {
        match &self.point {
            Point::P256(key) => p256::ecdsa::Signature::from_der(signature).and_then(|s| key.verify(bytes, &s)).is_ok(),
            Point::P384(key) => p384::ecdsa::Signature::from_der(signature).and_then(|s| key.verify(bytes, &s)).is_ok(),
            Point::P521(key) => p521::ecdsa::Signature::from_der(signature).and_then(|s| key.verify(bytes, &s)).is_ok(),
        }
    }
}

/// The text of a file that may hold a key.
fn read(path: &Path) -> Result<String> {
    let fail = |e| Error::io(format!("cannot read the key {}", path.display()), e);
    if std::fs::metadata(path).map_err(fail)?.len() > LARGEST {
        return Err(Error::invalid(format!("{} is too long for a key", path.display())));
    }
    durable::read_text(path).map_err(fail)
}

/// Writes a file that was not there, whole or not at all, for its owner alone. Errors: `Invalid` where it is there.
fn put_new(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    durable::create_dir(folder)?;
    let fail = |e| Error::io(format!("cannot write {}", path.display()), e);
    let mut file = tempfile::Builder::new().prefix(".tmp-key").tempfile_in(folder).map_err(fail)?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(fail)?;
    match file.persist_noclobber(path) {
        Ok(_) => durable::sync_dir(folder),
        Err(e) if e.error.kind() == std::io::ErrorKind::AlreadyExists => {
            Err(Error::invalid(format!("{} is there already; a key is never overwritten", path.display())))
        }
        Err(e) => Err(fail(e.error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_written_and_signs_for_itself_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (PrivateKey::generate().unwrap(), PrivateKey::generate().unwrap());
        let path = folder.path().join("key.pem");
        one.write(&path).unwrap();
        assert!(two.write(&path).unwrap_err().to_string().contains("never overwritten"));
        let again = PrivateKey::read(&path).unwrap();
        assert_eq!(again.public().unwrap(), one.public().unwrap());
        let signature = again.sign(b"bytes").unwrap();
        assert!(one.public().unwrap().signed(b"bytes", &signature));
        assert!(!one.public().unwrap().signed(b"byteS", &signature));
        assert!(!two.public().unwrap().signed(b"bytes", &signature));
        assert!(!one.public().unwrap().signed(b"bytes", &signature[..signature.len() - 1]));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn what_is_no_key_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        let key = PrivateKey::generate().unwrap();
        for (text, private, public) in [
            ("", "no private key in PEM", "no public key"),
            ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no private key on", "holds a private"),
            ("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA", "passphrase", "holds a private"),
            (key.public().unwrap().pem(), "is a public key", ""),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = PrivateKey::read(&path).unwrap_err().to_string();
            assert!(error.contains(private), "{error}");
            match PublicKey::read(&path) {
                Ok(read) => assert!(public.is_empty() && read == key.public().unwrap()),
                Err(e) => assert!(!public.is_empty() && e.to_string().contains(public), "{e}"),
            }
        }
    }
}
