//! Who may come in: first by which name the service is called, then from which page, then with which token.
//!
//! A page from elsewhere can make a browser call any address, and can make its own name mean this machine; only the
//! name it calls tells. So the `Host` is looked at first, before anything that could be worth guessing.

use super::secret::Secret;
use hyper::header::{AUTHORIZATION, HOST, HeaderMap, ORIGIN};
use std::net::SocketAddr;
use wayside::config::Serve;
use wayside::store::log::subject_hash;

/// What names a session, beside the token.
const SESSION: &str = "x-wayside-session";

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Whether it may act for the house: name who is served, read the log, change what answers.
    pub staff: bool,
    /// Whom its session serves.
    pub subject: Option<String>,
    /// Whose conversations it goes on with.
    pub owner: String,
}

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The service has no such name.
    Host,
    /// Pages of that origin may not ask.
    Origin,
    /// No token, or a wrong one.
    Token,
}

/// Where a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Over TCP.
    Tcp,
    /// Over the socket, which its owner alone can open.
    Socket,
}

/// What lets callers in.
pub struct Gate {
    hosts: Vec<String>,
    origins: Vec<String>,
    token: Secret,
    staff: Secret,
}

impl Gate {
    /// For a service that listens on `listening`.
    pub fn new(settings: &Serve, listening: Option<SocketAddr>, token: Secret, staff: Secret) -> Self {
        let own = ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned).into_iter();
        let listened = listening.map(|address| match address {
            SocketAddr::V4(v4) => v4.ip().to_string(),
            SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
        });
        let hosts = own.chain(listened).chain(settings.hosts.iter().map(|name| name.to_lowercase())).collect();
        let origins = settings.origins.iter().map(|origin| origin.trim_end_matches('/').to_lowercase()).collect();
        Self { hosts, origins, token, staff }
    }

    /// Looks at the name and the page: the origin to name in the answer, where it is another's that may ask.
    ///
    /// # Errors
    /// Which of them is refused.
    pub fn admit(&self, door: Door, headers: &HeaderMap) -> Result<Option<String>, Refused> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let host = text(HOST).unwrap_or_default().to_lowercase();
        let name = host.rsplit_once(':').map_or(host.as_str(), |(name, port)| {
            if port.bytes().all(|b| b.is_ascii_digit()) { name } else { host.as_str() }
        });
        if door == Door::Tcp && (headers.get_all(HOST).iter().count() != 1 || !self.hosts.iter().any(|h| h == name)) {
            return Err(Refused::Host);
        }
        let Some(origin) = headers.get(ORIGIN) else { return Ok(None) };
        let origin = origin.to_str().unwrap_or_default().to_lowercase();
        match origin.strip_prefix("http://") {
            Some(own) if own == host && door == Door::Tcp => Ok(None),
            _ if self.origins.contains(&origin) => Ok(Some(origin)),
            _ => Err(Refused::Origin),
        }
    }

    /// Looks at the token: who asks.
    ///
    /// # Errors
    /// There is none, or it is wrong.
    pub fn know(&self, door: Door, headers: &HeaderMap) -> Result<Caller, Refused> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let bearer = text(AUTHORIZATION.as_str()).and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        let session = text(SESSION).or_else(|| bearer.filter(|token| token.starts_with("session.")));
        let subject = match session.map(|session| self.staff.subject(session)) {
            Some(None) => return Err(Refused::Token),
            Some(subject) => subject,
            None => None,
        };
        let staff = bearer.is_some_and(|token| self.staff.is(token));
        let known = staff || subject.is_some() || bearer.is_some_and(|token| self.token.is(token));
        if !known && door == Door::Tcp {
            return Err(Refused::Token);
        }
        // Who can open the socket can read the tokens as well.
        let staff = subject.is_none() && (staff || door == Door::Socket);
        let who = session.or(bearer).unwrap_or("socket");
        Ok(Caller { staff, subject, owner: subject_hash(who) })
    }

    /// A session in which somebody is served.
    pub fn grant(&self, subject: &str, lasts: std::time::Duration) -> String {
        self.staff.session(subject, lasts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::{HeaderName, HeaderValue};
    use std::time::Duration;

    fn gate() -> (tempfile::TempDir, Gate) {
        let home = tempfile::tempdir().unwrap();
        let settings = Serve {
            hosts: vec!["Kiosk.example".into()],
            origins: vec!["https://shop.example/".into()],
            ..Serve::default()
        };
        let secret = |name: &str| Secret::in_file(&home.path().join(name)).unwrap();
        let gate = Gate::new(&settings, Some(([192, 0, 2, 7], 80).into()), secret("serve"), secret("staff"));
        (home, gate)
    }

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| {
            (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn it_answers_to_its_own_names_alone() {
        let (_home, gate) = gate();
        for good in ["localhost", "127.0.0.1:7431", "[::1]:7431", "192.0.2.7", "KIOSK.example:80"] {
            assert_eq!(gate.admit(Door::Tcp, &headers(&[("host", good)])), Ok(None), "{good}");
        }
        for bad in ["", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example:7431", "192.0.2.8"] {
            assert_eq!(gate.admit(Door::Tcp, &headers(&[("host", bad)])), Err(Refused::Host), "{bad}");
            assert_eq!(gate.admit(Door::Socket, &headers(&[("host", bad)])), Ok(None), "{bad}");
        }
        assert_eq!(gate.admit(Door::Tcp, &headers(&[])), Err(Refused::Host));
        let mut twice = headers(&[("host", "localhost")]);
        twice.append(HOST, HeaderValue::from_static("evil.example"));
        assert_eq!(gate.admit(Door::Tcp, &twice), Err(Refused::Host));
    }

    #[test]
    fn pages_from_elsewhere_ask_only_where_they_are_listed() {
        let (_home, gate) = gate();
        let from = |origin| gate.admit(Door::Tcp, &headers(&[("host", "localhost:7431"), ("origin", origin)]));
        assert_eq!(from("http://localhost:7431"), Ok(None));
        assert_eq!(from("https://shop.example"), Ok(Some("https://shop.example".into())));
        for bad in ["null", "http://localhost:80", "https://localhost:7431", "https://evil.example", ""] {
            assert_eq!(from(bad), Err(Refused::Origin), "{bad}");
        }
    }

    #[test]
    fn a_token_tells_who_asks() {
        let (_home, gate) = gate();
        let bearer = |token: &str| headers(&[("authorization", &format!("Bearer {token}"))]);
        let caller = gate.know(Door::Tcp, &bearer(gate.token.reveal())).unwrap();
        assert!(!caller.staff && caller.subject.is_none());
        let staff = gate.know(Door::Tcp, &bearer(gate.staff.reveal())).unwrap();
        assert!(staff.staff && staff.owner != caller.owner);
        let session = gate.grant("C-1014", Duration::from_secs(9));
        let served = gate.know(Door::Tcp, &bearer(&session)).unwrap();
        assert!(!served.staff && served.subject.as_deref() == Some("C-1014"));
        let mut both = bearer(gate.staff.reveal());
        both.insert(HeaderName::from_static(SESSION), HeaderValue::from_str(&session).unwrap());
        let both = gate.know(Door::Tcp, &both).unwrap();
        assert!(!both.staff && both.subject.as_deref() == Some("C-1014"), "a session is for one alone");
        for bad in ["", "wrong", "session.1.2.3"] {
            assert_eq!(gate.know(Door::Tcp, &bearer(bad)), Err(Refused::Token));
        }
        assert_eq!(gate.know(Door::Tcp, &headers(&[])), Err(Refused::Token));
        assert!(gate.know(Door::Socket, &headers(&[])).unwrap().staff);
    }
}
