//! Where the service listens: an address, a socket, or what systemd opened for it.

use super::secret::{Secret, private};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use wayside::{Error, Runtime};

/// The socket's name in a home.
pub const SOCKET: &str = "serve.sock";
/// The token's name in a home.
const TOKEN: &str = "serve.token";
/// The staff token's name in a home.
const STAFF: &str = "staff.token";
/// Bytes that the path of a socket may have.
const LONGEST: usize = 107;

/// What is listened on.
pub struct Doors {
    /// An address.
    pub tcp: Option<TcpListener>,
    /// A socket, and where it is.
    pub socket: Option<(UnixListener, PathBuf)>,
    /// Whether the socket is ours to remove.
    is_ours: bool,
    /// What should be known.
    pub notes: Vec<String>,
}

impl Doors {
    /// Opens them: what systemd handed over, else an address and a socket.
    ///
    /// # Errors
    /// An address that is none, or somebody else's already; a socket that cannot be made.
    pub fn open(runtime: &Runtime, listen: Option<&str>, socket: Option<&Path>) -> Result<Self, Error> {
        let mut doors = Self { tcp: None, socket: None, is_ours: false, notes: vec![] };
        if doors.handed_over()? {
            return Ok(doors);
        }
        let address = listen.unwrap_or(&runtime.config().serve.listen);
        if !address.is_empty() {
            doors.tcp = Some(bound(address)?);
        }
        let own = runtime.home().join(SOCKET);
        let path = socket.unwrap_or(&own);
        if socket.is_none() && path.as_os_str().len() > LONGEST {
            let what = format!("{} is too long for a socket", path.display());
            doors.notes.push(format!("{what}; there is none. Name a shorter one with --socket"));
            return Ok(doors);
        }
        doors.socket = Some((made(path)?, path.to_owned()));
        doors.is_ours = true;
        Ok(doors)
    }

    /// Takes what systemd opened.
    fn handed_over(&mut self) -> Result<bool, Error> {
        let refused = |e| Error::io("cannot use what systemd handed over", e);
        let mut handed = listenfd::ListenFd::from_env();
        for at in 0..handed.len() {
            if let Ok(Some(unix)) = handed.take_unix_listener(at) {
                let path = unix.local_addr().ok().and_then(|address| address.as_pathname().map(Path::to_owned));
                self.socket = Some((unix, path.unwrap_or_default()));
            } else if let Some(tcp) = handed.take_tcp_listener(at).map_err(refused)? {
                self.tcp = Some(tcp);
            }
        }
        Ok(self.tcp.is_some() || self.socket.is_some())
    }

    /// The address, as it came out.
    pub fn address(&self) -> Option<SocketAddr> {
        self.tcp.as_ref().and_then(|tcp| tcp.local_addr().ok())
    }

    /// Takes the socket away, where it is ours.
    pub fn close(&self) {
        if let (true, Some((_, path))) = (self.is_ours, &self.socket) {
            // It may be gone already.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// The tokens of a home, for callers and for staff.
///
/// # Errors
/// As [`Secret::in_file`].
pub fn secrets(home: &Path) -> Result<(Secret, Secret), Error> {
    wayside::durable::create_dir(home)?;
    Ok((Secret::in_file(&home.join(TOKEN))?, Secret::in_file(&home.join(STAFF))?))
}

/// Leaves the files that open the pages: for the kiosk's browser and for staff. A word of a command line could be read
/// by everybody on the machine; a file that its owner alone can read tells the token to the browser alone.
///
/// # Errors
/// They cannot be written.
pub fn starters(home: &Path, address: SocketAddr, token: &Secret, staff: &Secret) -> Result<(), Error> {
    let refused = |e| Error::io(format!("cannot write the pages' beginnings in {}", home.display()), e);
    for (name, page, key, secret) in [("kiosk.html", "", "token", token), ("staff.html", "staff", "staff", staff)] {
        let to = format!("http://{address}/{page}#{key}={}", secret.reveal());
        let text =
            format!("<!doctype html><title>Wayside</title><meta http-equiv=\"refresh\" content=\"0;url={to}\">\n");
        let staged = home.join(format!(".tmp-{name}"));
        private(&staged, &text).and_then(|()| std::fs::rename(&staged, home.join(name))).map_err(refused)?;
    }
    Ok(())
}

fn bound(address: &str) -> Result<TcpListener, Error> {
    let refused = |e: std::io::Error| Error::io(format!("cannot listen on {address}"), e);
    let all: Vec<SocketAddr> = match address.to_socket_addrs() {
        Ok(all) => all.collect(),
        Err(e) => {
            let what = format!("{address:?} is no address to listen on ({e})");
            return Err(Error::invalid(format!("{what}; name one as HOST:PORT: 127.0.0.1:7431")));
        }
    };
    TcpListener::bind(all.as_slice()).map_err(|e| match e.kind() {
        std::io::ErrorKind::AddrInUse => {
            Error::new(wayside::ErrorKind::Busy, format!("{address} is in use already; choose another with --listen"))
        }
        _ => refused(e),
    })
}

/// A socket that its owner alone can open, from the first moment on.
fn made(path: &Path) -> Result<UnixListener, Error> {
    let refused = |e| Error::io(format!("cannot make the socket {}", path.display()), e);
    if path.as_os_str().len() > LONGEST {
        let what = format!("{} is too long for a socket", path.display());
        return Err(Error::invalid(format!("{what}; name one of at most {LONGEST} bytes with --socket")));
    }
    match std::fs::symlink_metadata(path) {
        Ok(there) if !std::os::unix::fs::FileTypeExt::is_socket(&there.file_type()) => {
            return Err(Error::invalid(format!("{} is there and is no socket; name another", path.display())));
        }
        Ok(_) if UnixStream::connect(path).is_ok() => {
            let what = format!("another service answers on {}", path.display());
            return Err(Error::new(
                wayside::ErrorKind::Busy,
                format!("{what}; stop it, or name another with --socket"),
            ));
        }
        _ => {}
    }
    let folder = path.parent().unwrap_or(Path::new("/"));
    // In a folder that nobody else can enter, and then where it belongs.
    let private = tempfile::Builder::new().prefix(".s").rand_bytes(4).tempdir_in(folder).map_err(refused)?;
    let first = private.path().join("s");
    let listener = UnixListener::bind(&first).map_err(refused)?;
    std::fs::set_permissions(&first, std::fs::Permissions::from_mode(0o600)).map_err(refused)?;
    std::fs::rename(&first, path).map_err(refused)?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn a_socket_is_its_owners_and_takes_the_place_of_one_that_nobody_answers() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(SOCKET);
        let first = made(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1);
        assert!(made(&path).err().unwrap().to_string().contains("another service"));
        drop(first);
        let _second = made(&path).unwrap();
        let file = home.path().join("file");
        std::fs::write(&file, "mine").unwrap();
        assert!(made(&file).err().unwrap().to_string().contains("no socket"));
        assert!(made(&home.path().join("x".repeat(200))).err().unwrap().to_string().contains("too long"));
    }

    #[test]
    fn an_address_that_is_none_is_named() {
        assert!(bound("nonsense").err().unwrap().to_string().contains("HOST:PORT"));
        let taken = bound("127.0.0.1:0").unwrap();
        let again = bound(&taken.local_addr().unwrap().to_string()).err().unwrap();
        assert!(again.to_string().contains("--listen"), "{again}");
    }
}
