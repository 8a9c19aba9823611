//! Signatures: who vouches for a model, an adapter or a library, and whether it still is what was vouched for.
//!
//! The format is OpenSSF Model Signing v1, method "key", as PyPI's `model-signing` writes and reads it: a Sigstore
//! bundle with a DSSE envelope around an in-toto statement, which lists the SHA-256 of every file. All of it is
//! offline.
//!
//! ```text
//! models/<name>/model.sig      beside the files of a folder
//! libonnxruntime.so.1.sig      beside a file
//! trust/<id>.pem, revoked      the keys that are trusted, and those that are no more
//! device/key.pem               this home's own key; signs what is made here, and keys the seals
//! device/seals/<hash>.json     what was verified, by inode, size and times, so that it is hashed once
//! ```
//!
//! | file | what it knows |
//! |---|---|
//! | `key` | keys on three curves, as PEM |
//! | `envelope` | the bundle and the envelope: bytes that a key signed |
//! | `statement` | what is signed: names and hashes |
//! | `tree` | the files that are there |
//! | `signature` | signing, and comparing what is there with what was signed |
//! | `ring` | the keys that are trusted |
//! | `device` | this home's own key |
//! | `seal` | what need not be hashed again |
//! | `gate` | what may be loaded |

mod device;
mod envelope;
mod gate;
mod key;
mod ring;
mod seal;
mod signature;
mod statement;
mod tree;

pub use gate::{Admitted, Gate, Origin};
pub use key::{PrivateKey, PublicKey};
pub use ring::{Known, Ring, Standing};
pub use signature::{Options, Signed, sign, signature_of, verify};
