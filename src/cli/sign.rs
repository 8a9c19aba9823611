//! `sign` and `verify`: signatures of models, adapters and libraries.

use super::app::App;
use super::failure::Done;
use super::style::{bytes, count};
use clap::Args;
use std::path::PathBuf;
use wayside::Error;
use wayside::trust::{self, Options, PrivateKey, PublicKey, Signed};

/// Sign a model, an adapter or a library
///
/// Every file of a folder is hashed, and the list of hashes signed with a private key: OpenSSF Model Signing, as PyPI's
/// model-signing verifies it too. In a folder the signature is `model.sig`, beside a file its name with `.sig`. Files
/// of git are left out. What changes afterwards must be signed again. A version lets nobody go back: once one was used
/// in a home that requires signatures, a lower one, or none, is refused there.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wayside sign ./models/smollm2-135m-instruct --key release.pem
  wayside sign libonnxruntime.so.1 --key release.pem
  wayside sign ./models/house --key release.pem --version 4")]
pub struct SignWords {
    /// The folder or file
    path: PathBuf,
    /// The private key, in PEM; `wayside keys new` makes one
    #[arg(long, value_name = "PRIV.pem")]
    key: PathBuf,
    /// Where the signature goes [default: `model.sig` in the folder, or `.sig` beside the file]
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
    /// A number that grows with each release
    #[arg(long, value_name = "N")]
    version: Option<u64>,
    /// A path in the folder to leave out; may be given several times
    #[arg(long, value_name = "PATH")]
    ignore: Vec<PathBuf>,
}

/// Verify a signature
///
/// Says whether a folder or file is what a key signed, byte by byte: nothing altered, added, removed or renamed. Paths
/// that the signer left out do not count, nor do files of git. Without --key, the keys that this home trusts count, and
/// its own.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wayside verify ./models/smollm2-135m-instruct --key release.pub
  wayside verify ./models/smollm2-135m-instruct
  wayside verify model --signature model.sig --key release.pub --json")]
pub struct VerifyWords {
    /// The folder or file
    path: PathBuf,
    /// A public key, in PEM; may be given several times
    #[arg(long, value_name = "PUB.pem")]
    key: Vec<PathBuf>,
    /// The signature [default: `model.sig` in the folder, or `.sig` beside the file]
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
    /// A path in the folder to leave out; may be given several times
    #[arg(long, value_name = "PATH")]
    ignore: Vec<PathBuf>,
}

pub fn sign(app: &App, words: &SignWords) -> Done {
    let key = PrivateKey::read(&words.key)?;
    let signature = words.signature.clone().unwrap_or_else(|| trust::signature_of(&words.path));
    let options = Options { ignored: words.ignore.clone(), version: words.version };
    let signed = trust::sign(&words.path, &key, &signature, &options, &*app.bars, &app.cancel)?;
    app.result(&signed, || app.line(&format!("signed: {}, in {}", told(&signed), signature.display())))
}

pub fn verify(app: &App, words: &VerifyWords) -> Done {
    let keys = if words.key.is_empty() {
        app.runtime()?.gate().keys()?
    } else {
        words.key.iter().map(|path| PublicKey::read(path)).collect::<Result<_, _>>()?
    };
    if keys.is_empty() {
        return Err(
            Error::invalid("no key is trusted here; name one with --key, or run `wayside keys trust PUB.pem`").into()
        );
    }
    let signature = words.signature.clone().unwrap_or_else(|| trust::signature_of(&words.path));
    let signed = trust::verify(&words.path, &signature, &keys, &words.ignore, false, &*app.bars, &app.cancel)?;
    app.result(&signed, || app.line(&format!("{}: {}", app.style.good("as it was signed"), told(&signed))))
}

fn told(signed: &Signed) -> String {
    let version = signed.version.map_or(String::new(), |version| format!("version {version}, "));
    let by = signed.signed_by.get(..16).unwrap_or(&signed.signed_by);
    format!("{version}{}, {}, by {by}", count(signed.files as u64, "file", "files"), bytes(signed.bytes))
}
