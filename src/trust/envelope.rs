//! What a signature's file holds: a Sigstore bundle (v0.3) around a DSSE envelope. The payload is bytes here.

use super::key::{PrivateKey, PublicKey};
use crate::error::{Error, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The one version of the bundle that is written and read.
const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// What a payload is.
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// The largest file that is read as a signature.
const LARGEST: u64 = 64 << 20;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    media_type: String,
    verification_material: Material,
    dsse_envelope: Envelope,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Material {
    /// None where somebody signed with a certificate or an identity.
    public_key: Option<Hint>,
    #[serde(default)]
    tlog_entries: Vec<serde_json::Value>,
}

#[derive(Serialize, Deserialize)]
struct Hint {
    /// The signer's [`PublicKey::id`]; `model-signing` before 1.1 gave none.
    hint: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<Signature>,
}

#[derive(Serialize, Deserialize)]
struct Signature {
    sig: String,
    keyid: Option<String>,
}

/// The file that says that `key` signed `payload`.
pub fn seal(payload: &[u8], key: &PrivateKey) -> Result<Vec<u8>> {
    let signature = key.sign(&authenticated(payload))?;
    let bundle = Bundle {
        media_type: MEDIA_TYPE.into(),
        verification_material: Material {
            public_key: Some(Hint { hint: Some(key.public()?.id()) }),
            tlog_entries: vec![],
        },
        dsse_envelope: Envelope {
            payload: STANDARD.encode(payload),
            payload_type: PAYLOAD_TYPE.into(),
            signatures: vec![Signature { sig: STANDARD.encode(signature), keyid: Some(String::new()) }],
        },
    };
    serde_json::to_vec(&bundle).map_err(|e| Error::invalid("the signature cannot be written").because(e))
}

/// Which key a bundle says that it was signed with.
pub fn hint(text: &str) -> Option<String> {
    let bundle: Bundle = serde_json::from_str(text).ok()?;
    bundle.verification_material.public_key?.hint.filter(|hint| !hint.is_empty())
}

/// The payload of the signature at `path`, and which of `keys` signed it. Nothing of a payload is looked at before
/// that.
///
/// Errors: `NotFound`; `Corrupt` for what is no such file or was altered; `Unsupported` for another method; `Invalid`
/// where another key signed it.
pub fn open<'a>(path: &Path, keys: &'a [PublicKey]) -> Result<(Vec<u8>, &'a PublicKey)> {
    let place = path.display();
    let fail = |e| Error::io(format!("cannot read the signature {place}"), e);
    if std::fs::metadata(path).map_err(fail)?.len() > LARGEST {
        return Err(Error::corrupt(format!("{place} is too long for a signature; sign again")));
    }
    let text = crate::durable::read_text(path).map_err(fail)?;
    let broken =
        |why: &str| Error::corrupt(format!("{place} is no whole signature ({why}); get it anew, or sign again"));
    let bundle: Bundle = serde_json::from_str(&text).map_err(|e| broken(&e.to_string()))?;
    if bundle.media_type != MEDIA_TYPE {
        return Err(Error::unsupported(format!(
            "{place} is a signature of the kind {:?}; sign again, with a key, for {MEDIA_TYPE}",
            bundle.media_type
        )));
    }
    let Some(Hint { hint }) = bundle.verification_material.public_key else {
        return Err(Error::unsupported(format!(
            "{place} was made with a certificate or an identity; only signatures by plain keys are known here"
        )));
    };
    let Envelope { payload, payload_type, signatures } = bundle.dsse_envelope;
    let [signature] = signatures.as_slice() else {
        return Err(broken(&format!("it has {} signatures instead of one", signatures.len())));
    };
    if payload_type != PAYLOAD_TYPE {
        return Err(broken(&format!("its payload is {payload_type:?}")));
    }
    let decode = |text: &str| STANDARD.decode(text).map_err(|e| broken(&e.to_string()));
    let (payload, signature) = (decode(&payload)?, decode(&signature.sig)?);
    let hint = hint.filter(|hint| !hint.is_empty());
    let named: Vec<&PublicKey> = keys.iter().filter(|key| hint.as_ref().is_none_or(|hint| *hint == key.id())).collect();
    if named.is_empty() {
        let by = hint.as_deref().and_then(|hint| hint.get(..16)).unwrap_or("a key it does not name");
        return Err(Error::invalid(format!(
            "{place} was signed by {by}, which is no key to trust; if it should be one, run `wayside keys trust PUB.pem`"
        )));
    }
    let message = authenticated(&payload);
    match named.into_iter().find(|key| key.signed(&message, &signature)) {
        Some(key) => Ok((payload, key)),
        None if hint.is_none() => Err(Error::invalid(format!("{place} is no signature by any key to trust"))),
        None => Err(Error::corrupt(format!("{place} was altered since it was signed; get it anew, or sign again"))),
    }
}

/// DSSE's pre-authentication encoding: what is signed is the type and the payload, each with its length.
fn authenticated(payload: &[u8]) -> Vec<u8> {
    let mut message = format!("DSSEv1 {} {PAYLOAD_TYPE} {} ", PAYLOAD_TYPE.len(), payload.len()).into_bytes();
    message.extend_from_slice(payload);
    message
}
