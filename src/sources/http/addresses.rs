//! Where a service listens.

use std::net::{IpAddr, SocketAddr};
use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// Finds addresses. One that is written out needs no lookup. A name is looked up by the system, which cannot be
/// stopped: ureq has a thread for it, and leaves it behind when time is up.
#[derive(Debug, Default)]
pub(super) struct Addresses(DefaultResolver);

impl Resolver for Addresses {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let Some(address) = written_out(uri) else { return self.0.resolve(uri, config, timeout) };
        let mut found = self.empty();
        found.push(address);
        Ok(found)
    }
}

fn written_out(uri: &Uri) -> Option<SocketAddr> {
    let host: IpAddr = uri.host()?.trim_matches(['[', ']']).parse().ok()?;
    let port = uri.port_u16().unwrap_or(if uri.scheme_str()? == "https" { 443 } else { 80 });
    Some(SocketAddr::new(host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_out_is_not_looked_up() {
        let found = |uri: &str| written_out(&uri.parse().unwrap()).map(|address| address.to_string());
        assert_eq!(found("http://10.1.2.3:8080/orders").as_deref(), Some("10.1.2.3:8080"));
        assert_eq!(found("https://10.1.2.3/orders").as_deref(), Some("10.1.2.3:443"));
        assert_eq!(found("http://[::1]/").as_deref(), Some("[::1]:80"));
        assert_eq!(found("https://records.example/orders"), None);
    }
}
