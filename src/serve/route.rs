//! From a request to its answer: who asks, what for, and what went wrong.

use super::body::Reply;
use super::gate::{Caller, Door};
use super::house::House;
use super::problem::Problem;
use super::work::json;
use super::{openai, own, page};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, VARY};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::json as value;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a request's body may take.
const BODY: Duration = Duration::from_secs(30);

/// A request, looked at.
pub struct Asked {
    /// What for.
    pub method: Method,
    /// The path's parts.
    pub path: Vec<String>,
    /// What stands behind the question mark.
    pub query: Vec<(String, String)>,
    /// What is sent with it.
    pub body: Bytes,
    /// Who asks.
    pub caller: Caller,
}

impl Asked {
    /// What is sent, as JSON.
    ///
    /// # Errors
    /// It is none, or not what is wanted.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        serde_json::from_slice(&self.body).map_err(|e| {
            Problem::new(StatusCode::BAD_REQUEST, "invalid_json", format!("the request is not as needed: {e}"))
        })
    }

    /// What stands behind the question mark under a name.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether those who act for the house ask.
    ///
    /// # Errors
    /// They do not.
    pub fn staff(&self) -> Result<(), Problem> {
        if self.caller.staff { Ok(()) } else { Err(Problem::staff()) }
    }
}

/// Answers a request, whatever it is.
pub async fn answer(house: &Arc<House>, door: Door, request: Request<Incoming>) -> Response<Reply> {
    let begin = Instant::now();
    let route = name(request.uri().path());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let (mut response, origin) = match house.gate.admit(door, request.headers()) {
        Err(refused) => (Problem::from(refused).response(), None),
        Ok(origin) => {
            let answered = dispatch(house, door, request).await;
            (answered.unwrap_or_else(|problem| problem.response()), origin)
        }
    };
    protect(response.headers_mut(), origin.as_deref());
    house.metrics.count(route, response.status().as_u16());
    log::info!("{method} {path}: {} in {:?}", response.status(), begin.elapsed());
    response
}

/// What every answer says to browsers.
fn protect(headers: &mut HeaderMap, origin: Option<&str>) {
    let fixed = [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
        ("x-frame-options", "DENY"),
    ];
    for (name, value) in fixed {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if let Some(origin) = origin.and_then(|origin| HeaderValue::from_str(origin).ok()) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(VARY, HeaderValue::from_static("origin"));
        let allowed = "authorization, content-type, x-wayside-session";
        headers.insert(HeaderName::from_static("access-control-allow-headers"), HeaderValue::from_static(allowed));
        let methods = HeaderValue::from_static("GET, POST, DELETE");
        headers.insert(HeaderName::from_static("access-control-allow-methods"), methods);
    }
}

async fn dispatch(house: &Arc<House>, door: Door, request: Request<Incoming>) -> Result<Response<Reply>, Problem> {
    if !house.rate.admits(Instant::now()) {
        return Err(Problem::too_many("more requests come than are answered; come again in a moment"));
    }
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    if head.method == Method::OPTIONS {
        return Ok(empty(StatusCode::NO_CONTENT));
    }
    if matches!(head.method, Method::GET | Method::HEAD)
        && let Some(response) = health(house, &path).or_else(|| page::find(house, &path))
    {
        return Ok(response);
    }
    let caller = house.gate.know(door, &head.headers)?;
    let limit = house.runtime.config().serve.request_kb << 10;
    let asked = Asked {
        method: head.method,
        path: path.split('/').filter(|part| !part.is_empty()).map(decoded).collect(),
        query: head.uri.query().map(query).unwrap_or_default(),
        body: read(body, limit).await?,
        caller,
    };
    routed(house, asked).await
}

/// Reads what is sent, within its bounds.
async fn read(body: Incoming, limit: usize) -> Result<Bytes, Problem> {
    let late = || Problem::new(StatusCode::REQUEST_TIMEOUT, "timeout", "the request did not come to its end");
    let read = tokio::time::timeout(BODY, Limited::new(body, limit).collect()).await.map_err(|_| late())?;
    read.map(|body| body.to_bytes()).map_err(|e| match e.downcast_ref::<LengthLimitError>() {
        Some(_) => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            format!("a request has at most {} KiB here; `serve.request_kb` says so", limit >> 10),
        ),
        None => Problem::new(StatusCode::BAD_REQUEST, "broken", "the request broke off"),
    })
}

/// Whether it lives, and whether it answers.
fn health(house: &House, path: &str) -> Option<Response<Reply>> {
    match path {
        "/health/live" => Some(json(&value!({ "status": "alive" }))),
        "/health" if house.is_ready() => Some(json(&value!({ "status": "ready" }))),
        "/health" => {
            let mut response = json(&value!({ "status": "loading" }));
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            Some(response)
        }
        _ => None,
    }
}

async fn routed(house: &Arc<House>, asked: Asked) -> Result<Response<Reply>, Problem> {
    let parts: Vec<&str> = asked.path.iter().map(String::as_str).collect();
    let method = asked.method.as_str();
    match (method, parts.as_slice()) {
        ("GET" | "HEAD", ["v1", "models"]) => Ok(json(&openai::list::all(house)?)),
        ("GET" | "HEAD", ["v1", "models", name @ ..]) => Ok(json(&openai::list::one(house, &name.join("/"))?)),
        ("POST", ["v1", "chat", "completions"]) => {
            let chat = asked.json()?;
            openai::chat::run(house, asked.caller, chat).await
        }
        ("POST", ["v1", "completions"]) => {
            let complete = asked.json()?;
            openai::completions::run(house, asked.caller, complete).await
        }
        ("POST", ["v1", "embeddings"]) => Ok(json(&openai::embeddings::run(house, asked.json()?).await?)),
        ("POST", ["v1", "responses"]) => {
            let response = asked.json()?;
            openai::responses::run(house, asked.caller, response).await
        }
        ("GET" | "HEAD", ["metrics"]) => {
            let mut response = Response::new(Reply::from(house.metrics.text(house)));
            let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
            response.headers_mut().insert(CONTENT_TYPE, kind);
            Ok(response)
        }
        (_, ["api", ..]) => own::routed(house, asked).await,
        (_, ["v1", "chat", "completions"] | ["v1", "completions" | "embeddings" | "responses" | "models", ..]) => {
            Err(wrong_method(method))
        }
        _ => Err(nowhere(&asked.path)),
    }
}

/// A path that leads nowhere.
pub fn nowhere(path: &[String]) -> Problem {
    let message = format!("there is nothing at /{}; /openapi.json lists what there is", path.join("/"));
    Problem::new(StatusCode::NOT_FOUND, "not_found", message)
}

/// A path that is asked for otherwise.
pub fn wrong_method(method: &str) -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", format!("that is not asked for by {method}"))
}

/// An answer without words.
pub fn empty(status: StatusCode) -> Response<Reply> {
    let mut response = Response::new(Reply::Whole(None));
    *response.status_mut() = status;
    if status == StatusCode::NO_CONTENT {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, POST, DELETE"));
    }
    response
}

/// What a path is counted under: a few names, whatever is asked.
fn name(path: &str) -> &'static str {
    const NAMES: [&str; 14] = [
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/embeddings",
        "/v1/responses",
        "/v1/models",
        "/api/ask",
        "/api/search",
        "/api/interactions",
        "/api/conversations",
        "/api/documents",
        "/api/adapters",
        "/api",
        "/health",
        "/metrics",
    ];
    NAMES.into_iter().find(|name| path.starts_with(name)).unwrap_or("other")
}

/// What stands behind a question mark.
fn query(text: &str) -> Vec<(String, String)> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    let pair = |pair: &str| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(&key.replace('+', " ")), decoded(&value.replace('+', " ")))
    };
    pairs.map(pair).collect()
}

/// A part of an address as it was meant.
fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_they_were_meant() {
        let wanted = [("q".to_owned(), "a b&c".to_owned()), ("k".to_owned(), "3".to_owned())];
        assert_eq!(query("q=a+b%26c&k=3"), wanted);
        assert_eq!(
            (decoded("C%2D1%20%C3%A4").as_str(), name("/v1/models/x"), name("/x")),
            ("C-1 ä", "/v1/models", "other")
        );
    }
}
