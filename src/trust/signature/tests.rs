//! What PyPI's `model-signing` signed is verified, and what differs from what was signed is named.

use super::*;
use crate::ErrorKind;
use crate::watch::Quiet;
use std::fs;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/signing").join(name)
}

fn key(name: &str) -> PublicKey {
    PublicKey::read(&golden(name)).unwrap()
}

fn look(path: &Path, signature: &Path, keys: &[PublicKey], whole: bool) -> Result<Signed> {
    verify(path, signature, keys, &[], whole, &Quiet, &Cancel::new())
}

/// A copy of the signed folder, and in it the signature.
fn copied() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model");
    for entry in walkdir::WalkDir::new(golden("model")).into_iter().map(Result::unwrap) {
        let target = model.join(entry.path().strip_prefix(golden("model")).unwrap());
        if entry.file_type().is_dir() {
            fs::create_dir(target).unwrap();
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
    fs::copy(golden("p256.sig"), model.join(NAME)).unwrap();
    (folder, model)
}

#[test]
fn what_model_signing_signed_is_verified() {
    for (signature, public, path) in [
        ("p256.sig", "p256.pub", "model"),
        ("p384.sig", "p384.pub", "model"),
        ("p521.sig", "p521.pub", "model"),
        ("shards.sig", "p256.pub", "model"),
        ("file.sig", "p256.pub", "model/weights.bin"),
    ] {
        let signed = look(&golden(path), &golden(signature), &[key("p384.pub"), key(public)], false).unwrap();
        assert_eq!(signed.signed_by, key(public).id(), "{signature}");
        assert!(signed.files == 5 || signed.files == 1, "{signature}: git's file was left out");
    }
    let (_folder, model) = copied();
    let refused = look(&model, &model.join(NAME), &[key("p256.pub")], true).unwrap_err();
    assert!(refused.to_string().contains(".gitignore was not signed"), "{refused}");
    fs::remove_file(model.join(".gitignore")).unwrap();
    look(&model, &model.join(NAME), &[key("p256.pub")], true).unwrap();
}

#[test]
fn other_hashes_and_other_keys_are_told_apart() {
    let model = golden("model");
    let refused = look(&model, &golden("blake2.sig"), &[key("p256.pub")], false).unwrap_err();
    assert!(refused.kind() == ErrorKind::Unsupported && refused.to_string().contains("SHA-256"), "{refused}");
    for keys in [vec![], vec![key("p384.pub"), key("p521.pub")]] {
        let refused = look(&model, &golden("p256.sig"), &keys, false).unwrap_err();
        assert!(refused.kind() == ErrorKind::Invalid && refused.to_string().contains("keys trust"), "{refused}");
        assert!(refused.to_string().contains(&key("p256.pub").id()[..16]), "{refused}");
    }
    let refused = look(&model, &golden("none.sig"), &[key("p256.pub")], false).unwrap_err();
    assert!(refused.to_string().contains("is not signed"), "{refused}");
}

#[test]
fn each_way_to_differ_is_one_error_that_names_the_file() {
    type Change = fn(&Path);
    let flip: Change = |model| {
        let mut bytes = fs::read(model.join("weights.bin")).unwrap();
        bytes[700] ^= 1;
        fs::write(model.join("weights.bin"), bytes).unwrap();
    };
    let changes: [(&str, &[&str], Change); 8] = [
        ("flipped", &["weights.bin was altered"], flip),
        ("cut off", &["weights.bin was altered"], |m| fs::write(m.join("weights.bin"), "").unwrap()),
        ("added", &["a/new was not signed"], |m| fs::write(m.join("a/new"), "").unwrap()),
        ("removed", &["empty.txt was signed and is not there"], |m| fs::remove_file(m.join("empty.txt")).unwrap()),
        ("renamed", &["a-b.txt was signed", "a-c.txt is and was not"], |m| {
            fs::rename(m.join("a-b.txt"), m.join("a-c.txt")).unwrap();
        }),
        ("swapped", &["was altered"], |m| {
            fs::rename(m.join("a-b.txt"), m.join("x")).unwrap();
            fs::rename(m.join("a/b.txt"), m.join("a-b.txt")).unwrap();
            fs::rename(m.join("x"), m.join("a/b.txt")).unwrap();
        }),
        ("a folder for a file", &["empty.txt was signed and is not there"], |m| {
            fs::remove_file(m.join("empty.txt")).unwrap();
            fs::create_dir(m.join("empty.txt")).unwrap();
        }),
        #[cfg(unix)]
        ("a link", &["a-b.txt is a symbolic link"], |m| {
            fs::rename(m.join("a-b.txt"), m.with_file_name("elsewhere")).unwrap();
            std::os::unix::fs::symlink(m.with_file_name("elsewhere"), m.join("a-b.txt")).unwrap();
        }),
    ];
    for (name, told, change) in changes {
        let (_folder, model) = copied();
        look(&model, &model.join(NAME), &[key("p256.pub")], false).unwrap();
        change(&model);
        let refused = look(&model, &model.join(NAME), &[key("p256.pub")], false).unwrap_err().to_string();
        assert!(told.iter().all(|told| refused.contains(told)), "{name}: {refused}");
    }
}

#[test]
fn a_signature_that_was_cut_or_altered_is_refused_at_every_byte() {
    let (_folder, model) = copied();
    let signature = model.join(NAME);
    let whole = fs::read(&signature).unwrap();
    for cut in (0..whole.len()).step_by(97) {
        fs::write(&signature, &whole[..cut]).unwrap();
        let refused = look(&model, &signature, &[key("p256.pub")], false).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Corrupt, "{cut}: {refused}");
    }
    let payload = whole.windows(9).position(|w| w == b"\"payload\"").unwrap() + 11;
    let end = whole.windows(13).position(|w| w == b"\"payloadType\"").unwrap() - 2;
    for at in (payload..end).step_by(31) {
        let mut bytes = whole.clone();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        fs::write(&signature, &bytes).unwrap();
        assert!(look(&model, &signature, &[key("p256.pub")], false).is_err(), "{at}");
    }
}

#[test]
fn what_is_signed_here_is_verified_here() {
    let (_folder, model) = copied();
    let private = PrivateKey::generate().unwrap();
    let options = Options { ignored: vec![model.join("a")], version: Some(7) };
    let signature = signature_of(&model);
    let signed = sign(&model, &private, &signature, &options, &Quiet, &Cancel::new()).unwrap();
    assert_eq!((signed.files, signed.version), (4, Some(7)));
    let keys = [private.public().unwrap()];
    assert_eq!(look(&model, &signature, &keys, false).unwrap(), signed);
    assert!(look(&model, &signature, &keys, true).is_err(), "where everything counts, what was left out does");
    let file = model.join("weights.bin");
    let beside = signature_of(&file);
    assert_eq!(beside, model.join("weights.bin.sig"));
    sign(&file, &private, &beside, &Options::default(), &Quiet, &Cancel::new()).unwrap();
    look(&file, &beside, &keys, true).unwrap();
    fs::write(&file, "other").unwrap();
    assert!(look(&file, &beside, &keys, true).unwrap_err().to_string().contains("weights.bin was altered"));
    let empty = tempfile::tempdir().unwrap();
    let refused = sign(empty.path(), &private, &signature_of(empty.path()), &options, &Quiet, &Cancel::new());
    assert!(refused.unwrap_err().to_string().contains("no files to sign"));
}
