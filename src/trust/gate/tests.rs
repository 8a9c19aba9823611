//! What passes, what is sealed, and what a seal does not cover.

use super::super::key::PrivateKey;
use super::*;
use crate::ErrorKind;
use crate::watch::Quiet;
use std::fs;

struct House {
    dir: tempfile::TempDir,
    key: PrivateKey,
}

impl House {
    /// A folder that a trusted key signed.
    fn new() -> Self {
        let (dir, key) = (tempfile::tempdir().unwrap(), PrivateKey::generate().unwrap());
        fs::create_dir(dir.path().join("model")).unwrap();
        fs::write(dir.path().join("model/weights.bin"), [7; 5000]).unwrap();
        key.public().unwrap().write(&dir.path().join("trust/a.pem")).unwrap();
        let house = Self { dir, key };
        house.sign(None);
        house
    }

    fn model(&self) -> PathBuf {
        self.dir.path().join("model")
    }

    fn gate(&self) -> Gate {
        Gate::new(true, self.dir.path().join("trust"), self.dir.path().join("device"))
    }

    fn sign(&self, version: Option<u64>) {
        let options = Options { version, ..Options::default() };
        let model = self.model();
        signature::sign(&model, &self.key, &signature_of(&model), &options, &Quiet, &Cancel::new()).unwrap();
    }

    fn admit(&self, origin: Origin) -> Result<Admitted> {
        let admitted = self.gate().admit(&self.model(), origin, false, &Quiet, &Cancel::new());
        admitted.map(|admitted| admitted.unwrap())
    }

    /// Lets the files grow old enough to be sealed, and seals them.
    fn sealed(&self) {
        std::thread::sleep(std::time::Duration::from_millis(150));
        self.admit(Origin::Elsewhere).unwrap();
        assert!(self.admit(Origin::Elsewhere).unwrap().was_sealed);
    }
}

#[test]
fn where_nothing_is_required_nothing_is_looked_at() {
    let gate = Gate::new(false, "nowhere".into(), "nowhere".into());
    assert_eq!(gate.admit(Path::new("nothing"), Origin::Elsewhere, false, &Quiet, &Cancel::new()).unwrap(), None);
}

#[cfg(unix)]
#[test]
fn what_was_verified_is_sealed_until_anything_of_it_changes() {
    let house = House::new();
    assert!(!house.admit(Origin::Elsewhere).unwrap().was_sealed);
    house.sealed();
    let weights = house.model().join("weights.bin");
    let times = fs::metadata(&weights).unwrap().modified().unwrap();
    let mut bytes = fs::read(&weights).unwrap();
    bytes[4000] ^= 1;
    fs::write(&weights, &bytes).unwrap();
    // Same length, and the time is put back: the kernel's own stamp tells.
    fs::File::options().write(true).open(&weights).unwrap().set_modified(times).unwrap();
    let refused = house.admit(Origin::Elsewhere).unwrap_err();
    assert!(refused.to_string().contains("weights.bin was altered"), "{refused}");
    bytes[4000] ^= 1;
    fs::write(&weights, &bytes).unwrap();
    house.sealed();
    fs::write(house.model().join("new"), "").unwrap();
    assert!(house.admit(Origin::Elsewhere).unwrap_err().to_string().contains("new was not signed"));
}

#[cfg(unix)]
#[test]
fn a_seal_that_the_device_did_not_write_counts_for_nothing() {
    let house = House::new();
    house.sealed();
    let seals = house.dir.path().join("device/seals");
    let seal = fs::read_dir(&seals).unwrap().next().unwrap().unwrap().path();
    let text = fs::read_to_string(&seal).unwrap();
    let forged = text.replace("\"size\":5000", "\"size\":5001");
    assert_ne!(forged, text);
    fs::write(&seal, forged).unwrap();
    assert!(!house.admit(Origin::Elsewhere).unwrap().was_sealed);
    house.sealed();
    fs::remove_file(house.dir.path().join("device/key.pem")).unwrap();
    assert!(!house.admit(Origin::Elsewhere).unwrap().was_sealed, "another device's");
}

#[test]
fn a_key_that_was_revoked_opens_nothing_whatever_is_sealed() {
    let house = House::new();
    house.admit(Origin::Elsewhere).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(150));
    house.admit(Origin::Elsewhere).unwrap();
    house.gate().ring().unwrap().revoke(&house.key.public().unwrap().id()).unwrap();
    assert_eq!(house.admit(Origin::Elsewhere).unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn nobody_goes_back_to_an_older_version() {
    let house = House::new();
    house.sign(Some(2));
    assert_eq!(house.admit(Origin::Elsewhere).unwrap().version, Some(2));
    house.sign(Some(3));
    house.admit(Origin::Elsewhere).unwrap();
    for version in [Some(2), None] {
        house.sign(version);
        let refused = house.admit(Origin::Elsewhere).unwrap_err();
        assert!(refused.kind() == ErrorKind::Incompatible && refused.to_string().contains("version 3"), "{refused}");
    }
    house.sign(Some(3));
    house.admit(Origin::Elsewhere).unwrap();
}

#[test]
fn what_was_made_here_passes_where_it_may_have_been() {
    let house = House::new();
    fs::write(house.model().join("weights.bin"), "ours").unwrap();
    house.gate().sign_own(&house.model(), &Quiet, &Cancel::new()).unwrap();
    assert!(house.admit(Origin::Here).unwrap().is_own);
    assert_eq!(house.admit(Origin::Elsewhere).unwrap_err().kind(), ErrorKind::Invalid);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let key = house.dir.path().join("device/key.pem");
        assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o077, 0);
        fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(house.admit(Origin::Here).unwrap_err().to_string().contains("may be read by others"));
    }
}
