//! `keys`: making keys, and saying which are trusted.

use super::app::App;
use super::failure::Done;
use super::style::columns;
use clap::Subcommand;
use serde::Serialize;
use std::path::PathBuf;
use wayside::trust::{Known, PrivateKey, Standing};

/// Make keys for signatures, and say which are trusted
///
/// A key pair is two PEM files, as OpenSSL has them, on the curve P-256. Keys on P-384 and P-521 are taken as well. The
/// private one signs and never leaves whoever releases models; the public one is trusted on each device.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  wayside keys new --out ./release
  wayside keys trust ./release/key.pub
  wayside keys list
  wayside keys revoke 3f9c41d2")]
pub enum Words {
    /// Make a key pair
    ///
    /// Writes key.pem, the private key, which only its owner can read, and key.pub. Files that are there already stay
    /// as they are. The private key has no passphrase: keep it where nobody else comes.
    #[command(after_help = "Examples:
  wayside keys new --out ./release")]
    New {
        /// The folder for the two files
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Trust a public key from now on
    ///
    /// Copies it into the folder of trusted keys (`keys` under `[trust]` in config.toml). With `require = true` there,
    /// only what a trusted key signed is loaded.
    #[command(after_help = "Examples:
  wayside keys trust ./release/key.pub")]
    Trust {
        /// The public key, in PEM
        #[arg(value_name = "PUB.pem")]
        key: PathBuf,
    },
    /// List the keys that are trusted, and those that were revoked
    ///
    /// A key is named by the SHA-256 of its PEM text, which signatures give as a hint.
    #[command(after_help = "Examples:
  wayside keys list
  wayside keys list --json")]
    List,
    /// Trust a key no more, and never again
    ///
    /// What it signed is refused from the next start on; sign it anew with another key. A key that this home does not
    /// know is revoked by its file or its whole name.
    #[command(after_help = "Examples:
  wayside keys revoke 3f9c41d2
  wayside keys revoke ./stolen.pub")]
    Revoke {
        /// The key: the beginning of its name, or its file
        #[arg(value_name = "KEY")]
        key: String,
    },
}

#[derive(Serialize)]
struct Pair {
    digest: String,
    curve: &'static str,
    private: PathBuf,
    public: PathBuf,
}

pub fn run(app: &App, words: &Words) -> Done {
    match words {
        Words::New { out } => {
            let (private, public) = (out.join("key.pem"), out.join("key.pub"));
            let key = PrivateKey::generate()?;
            let half = key.public()?;
            // First what may be there already: a private key without its other half would be of no use.
            half.write(&public)?;
            if let Err(e) = key.write(&private) {
                let _ = wayside::durable::remove(&public);
                return Err(e.into());
            }
            let pair = Pair { digest: half.id(), curve: half.curve(), private, public };
            app.result(&pair, || {
                app.line(&format!("private  {}  keep it to yourself", pair.private.display()));
                app.line(&format!("public   {}  `wayside keys trust` it where it should count", pair.public.display()));
            })
        }
        Words::Trust { key } => {
            let known = app.runtime()?.gate().ring()?.trust(key)?;
            app.result(&known, || list(app, std::slice::from_ref(&known)))
        }
        Words::List => {
            let ring = app.runtime()?.gate().ring()?;
            app.result(&ring.known(), || match ring.known() {
                [] => app.prose("No key is trusted; `wayside keys trust PUB.pem` trusts one."),
                known => list(app, known),
            })
        }
        Words::Revoke { key } => {
            let known = app.runtime()?.gate().ring()?.revoke(key)?;
            app.result(&known, || list(app, std::slice::from_ref(&known)))
        }
    }
}

fn list(app: &App, known: &[Known]) {
    let cells = |known: &Known| {
        let standing = match known.standing {
            Standing::Trusted => "trusted",
            Standing::Revoked => "revoked",
        };
        let path = known.path.as_ref().map_or(String::new(), |path| path.display().to_string());
        [
            known.digest.get(..16).unwrap_or_default().to_owned(),
            standing.to_owned(),
            known.curve.unwrap_or("-").to_owned(),
            path,
        ]
    };
    columns(&known.iter().map(cells).collect::<Vec<_>>()).iter().for_each(|line| app.line(line));
}
