//! What only those know who may: tokens in files that their owner alone can read, and signed sessions.

use hmac::{Hmac, KeyInit, Mac};
use rand::RngExt;
use sha2::Sha256;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use subtle::ConstantTimeEq;
use wayside::{Error, hex};

/// Bytes of a token.
const LENGTH: usize = 32;
/// What a session begins with.
const SESSION: &str = "session.";

/// A token.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// The one in `file`, made where there is none. Only its owner can read it.
    ///
    /// # Errors
    /// Invalid where others can read or write it, or it holds too little. I/O.
    pub fn in_file(file: &Path) -> Result<Self, Error> {
        let refused = |e| Error::io(format!("cannot use {} as a token", file.display()), e);
        loop {
            match File::open(file) {
                Ok(open) => return Self::read(open, file),
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                Err(e) => return Err(refused(e)),
            }
            let token = Self::new();
            // Nobody may see it empty: another that starts at the same time takes what is there.
            let staged = file.with_extension(format!("tmp-{}", std::process::id()));
            let linked = private(&staged, &format!("{}\n", token.0)).and_then(|()| std::fs::hard_link(&staged, file));
            let _ = std::fs::remove_file(&staged);
            match linked {
                Ok(()) => return Ok(token),
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
                Err(e) => return Err(refused(e)),
            }
        }
    }

    fn new() -> Self {
        let bytes: [u8; LENGTH] = rand::rng().random();
        Self(hex::hex(&bytes))
    }

    fn read(mut open: File, file: &Path) -> Result<Self, Error> {
        let refused = |e| Error::io(format!("cannot read {}", file.display()), e);
        let mode = open.metadata().map_err(refused)?.mode();
        if mode & 0o077 != 0 {
            let remedy = format!("`chmod 600 {0}`, or remove it and begin anew", file.display());
            return Err(Error::invalid(format!("others can read the token in {}; {remedy}", file.display())));
        }
        let mut text = String::new();
        open.read_to_string(&mut text).map_err(refused)?;
        match text.trim() {
            token if token.len() >= 16 && token.bytes().all(|b| b.is_ascii_graphic()) => Ok(Self(token.to_owned())),
            _ => Err(Error::invalid(format!(
                "{} holds no token of 16 characters or more; remove it, and a new one is made",
                file.display()
            ))),
        }
    }

    /// Whether `given` is it, in a time that does not tell how much of it is right.
    pub fn is(&self, given: &str) -> bool {
        self.0.as_bytes().ct_eq(given.as_bytes()).into()
    }

    /// It, for who may have it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// A session in which `subject` is served for a time, as whoever holds this token grants it.
    pub fn session(&self, subject: &str, lasts: Duration) -> String {
        let until = now().saturating_add(lasts.as_secs());
        let body = format!("{until}.{}", hex::hex(subject.as_bytes()));
        let mark = self.mac(&body).map(|mac| hex::hex(&mac.finalize().into_bytes())).unwrap_or_default();
        format!("{SESSION}{body}.{mark}")
    }

    /// Whom a session serves; none where it is over, or nobody granted it.
    pub fn subject(&self, session: &str) -> Option<String> {
        let (body, mark) = session.strip_prefix(SESSION)?.rsplit_once('.')?;
        let (until, subject) = body.split_once('.')?;
        self.mac(body)?.verify_slice(&bytes(mark)?).ok()?;
        let is_over = until.parse::<u64>().ok()? <= now();
        String::from_utf8(bytes(subject)?).ok().filter(|_| !is_over)
    }

    fn mac(&self, body: &str) -> Option<Hmac<Sha256>> {
        let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(self.0.as_bytes()).ok();
        mac.map(|mac| mac.chain_update(body.as_bytes()))
    }
}

/// Writes a file that its owner alone can read.
pub fn private(file: &Path, text: &str) -> std::io::Result<()> {
    let mut new = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file)?;
    new.set_permissions(Permissions::from_mode(0o600))?;
    new.write_all(text.as_bytes())?;
    new.sync_all()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(u64::MAX, |since| since.as_secs())
}

/// The bytes that hexadecimal digits stand for.
fn bytes(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok().filter(|p| p.len() == 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_made_once_and_for_its_owner_alone() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("serve.token");
        let made = Secret::in_file(&file).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
        let again = Secret::in_file(&file).unwrap();
        assert!(again.is(made.reveal()) && !again.is("") && !again.is(&made.reveal()[1..]));
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1, "nothing is left");
        std::fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        assert!(Secret::in_file(&file).err().unwrap().to_string().contains("chmod 600"));
        std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&file, "short").unwrap();
        assert!(Secret::in_file(&file).is_err());
    }

    #[test]
    fn a_session_serves_whom_it_was_granted_for_until_it_is_over() {
        let (own, other) = (Secret::new(), Secret::new());
        let session = own.session("C-1014 ä", Duration::from_secs(60));
        assert_eq!(own.subject(&session).as_deref(), Some("C-1014 ä"));
        assert_eq!(other.subject(&session), None);
        assert_eq!(own.subject(&own.session("C-1", Duration::ZERO)), None);
        for at in 0..session.len() {
            let mut forged = session.clone().into_bytes();
            forged[at] = if forged[at] == b'1' { b'2' } else { b'1' };
            assert_ne!(own.subject(&String::from_utf8(forged).unwrap()).as_deref(), Some("C-1014 ä"), "{at}");
        }
        for text in ["", "session.", "session..", "session.1.zz.00", own.reveal()] {
            assert_eq!(own.subject(text), None);
        }
    }
}
