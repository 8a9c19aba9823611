//! The page for a kiosk's browser, and the description of the API: files that are in the program.

use super::body::Reply;
use super::house::House;
use super::own::DESCRIPTION;
use hyper::Response;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};

/// What a page of ours may do: nothing but ask where it came from.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The file at a path, where there is one.
pub fn find(_house: &House, path: &str) -> Option<Response<Reply>> {
    let (kind, bytes): (_, &'static [u8]) = match path {
        "/openapi.json" => ("application/json", DESCRIPTION.as_bytes()),
        _ => return None,
    };
    let mut response = Response::new(Reply::from(bytes));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(HeaderName::from_static("content-security-policy"), HeaderValue::from_static(POLICY));
    Some(response)
}
