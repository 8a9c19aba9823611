//! Asking a service that answers in JSON: one host, no redirections, a bounded answer, TLS that is checked.

mod addresses;
mod counted;
mod pages;

use super::{Answered, Query, Row, Source};
use crate::contained::contained;
use crate::error::{Error, ErrorKind, Result};
use pages::Page;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use serde_json_path::JsonPath;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;
use ureq::Agent;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::transport::DefaultConnector;

/// Bytes of an answer's head.
const LONGEST_HEAD: usize = 64 << 10;

/// The most pages of one answer.
const MOST_PAGES: usize = 100;

/// The rows of a query about a person. The connection is made for them and closed after. Where an answer comes in
/// pages, they are asked for until there are as many rows as the query wants; see [`pages`]. Whether there are more is
/// told. No answer (204) and no such person (404) are no rows.
pub(super) fn rows(source: &Source, url: &str, query: &Query, subject: &str, deadline: Instant) -> Result<Answered> {
    let agent = agent(source, deadline)?;
    let subject = utf8_percent_encode(subject, NON_ALPHANUMERIC).to_string();
    let path = query.path.as_deref().unwrap_or_default().replace("{subject}", &subject);
    let (mut rows, mut more) = (Vec::new(), false);
    let mut asked = BTreeSet::new();
    let mut next = Some(format!("{}{path}", url.trim_end_matches('/')));
    while let Some(address) = next.take() {
        if rows.len() >= query.limit || asked.len() >= MOST_PAGES {
            more = true;
            break;
        }
        if !asked.insert(address.clone()) {
            break;
        }
        let Some((answer, link)) = ask(&agent, source, &address)? else { break };
        let found = select(&answer, query.select.as_deref().unwrap_or("$"))?;
        let before = rows.len();
        rows.extend(found);
        let page = Page { answer: &answer, link: link.as_deref(), address: &address, before, rows: rows.len() };
        next = pages::next(&page, query.pages.as_ref());
    }
    more |= rows.len() > query.limit;
    rows.truncate(query.limit);
    Ok(Answered { rows, more })
}

/// One answer, and its `Link`; none where the service says that there is nothing.
fn ask(agent: &Agent, source: &Source, address: &str) -> Result<Option<(Value, Option<String>)>> {
    let mut request = agent.get(address).header("Accept", "application/json");
    for (name, value) in &source.headers {
        request = request.header(name, Source::secret(value)?);
    }
    // TLS panics where the clock stands before 1970, which no certificate is valid at.
    let called = contained(|| request.call());
    let mut response = called.ok_or_else(|| refused("TLS fails: is the clock right?"))?.map_err(failed)?;
    match response.status().as_u16() {
        200 => {}
        204 | 404 => return Ok(None),
        status @ 300..400 => {
            return Err(refused(format!("it redirects elsewhere (status {status}), which is refused")));
        }
        status => return Err(refused(format!("it answers with status {status}"))),
    }
    let link = response.headers().get("link").and_then(|l| l.to_str().ok()).map(str::to_owned);
    let bytes = response.body_mut().with_config().limit(source.max_kb << 10).read_to_vec().map_err(failed)?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let answer = serde_json::from_slice(bytes).map_err(|e| Error::invalid("its answer is no JSON").because(e))?;
    Ok(Some((answer, link)))
}

fn agent(source: &Source, deadline: Instant) -> Result<Agent> {
    let roots = match &source.ca {
        Some(path) => RootCerts::from(certificates(path)?),
        None => RootCerts::WebPki,
    };
    let config = Agent::config_builder()
        .timeout_global(Some(deadline.saturating_duration_since(Instant::now())))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .max_response_header_size(LONGEST_HEAD)
        .max_idle_connections(0)
        // What the environment says about proxies is not declared. ureq has read it by now, and forgets it.
        .proxy(None)
        .user_agent(concat!("wayside/", env!("CARGO_PKG_VERSION")))
        .tls_config(TlsConfig::builder().root_certs(roots).build());
    Ok(Agent::with_parts(config.build(), DefaultConnector::default(), addresses::Addresses::default()))
}

fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>> {
    let shown = path.display();
    let pem = std::fs::read(path).map_err(|e| Error::io(format!("cannot read the certificates in {shown}"), e))?;
    let items = parse_pem(&pem).collect::<Result<Vec<_>, _>>();
    let items = items.map_err(|e| Error::invalid(format!("{shown} is no PEM file")).because(e))?;
    let certificates: Vec<_> = items
        .into_iter()
        .filter_map(|item| match item {
            PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect();
    match certificates.is_empty() {
        true => Err(Error::invalid(format!("{shown} holds no certificate"))),
        false => Ok(certificates),
    }
}

/// The objects that a path selects, lists taken apart.
fn select(answer: &Value, path: &str) -> Result<Vec<Row>> {
    let path = JsonPath::parse(path).map_err(|e| Error::invalid("`select` is no JSONPath").because(e))?;
    let mut rows = Vec::new();
    for node in path.query(answer) {
        for item in node.as_array().map_or(std::slice::from_ref(node), Vec::as_slice) {
            let row = item.as_object().ok_or_else(|| Error::invalid("what `select` finds are no objects"))?;
            rows.push(row.clone());
        }
    }
    Ok(rows)
}

fn refused(why: impl Into<String>) -> Error {
    Error::new(ErrorKind::Io, why)
}

/// One sentence for whatever keeps an answer from coming; it names no address, since that holds the person's id.
fn failed(error: ureq::Error) -> Error {
    let why = match &error {
        ureq::Error::Timeout(_) => "it took too long".to_owned(),
        ureq::Error::BodyExceedsLimit(_) => "its answer is larger than `max_kb`".to_owned(),
        ureq::Error::HostNotFound => "its host is not found".to_owned(),
        ureq::Error::ConnectionFailed => "it cannot be reached".to_owned(),
        ureq::Error::Io(e) if e.kind() == std::io::ErrorKind::ConnectionRefused => "it cannot be reached".to_owned(),
        ureq::Error::Rustls(e) => format!("its certificate is not trusted: {e}"),
        ureq::Error::Tls(e) => format!("its TLS fails: {e}"),
        ureq::Error::Io(e) => format!("the connection fails: {e}"),
        _ => "it does not answer as HTTP should".to_owned(),
    };
    refused(why).because(error)
}

#[cfg(test)]
mod tests;
