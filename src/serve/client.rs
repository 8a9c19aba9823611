//! A client of one's own service, over its socket: for the command line, which need not load a second model.

use super::listen::SOCKET;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::io::ErrorKind as Io;
use std::path::Path;
use std::time::Duration;
use tokio::net::UnixStream;
use wayside::watch::Cancel;
use wayside::{Answer, Error, ErrorKind, Heard};

/// How often the wish to stop is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Asks the service of `home`, telling `hear` what it says; none where none runs.
///
/// # Errors
/// The service's; cancelled; `Io` where it went away in the midst of its answer.
pub fn ask(home: &Path, asked: &Value, cancel: &Cancel, hear: &mut dyn FnMut(Heard)) -> Result<Option<Answer>, Error> {
    let mut answer = None;
    let there = called(home, cancel, Method::POST, "/api/ask", asked, &mut |event| {
        answer = heard(event, hear)?.or(answer.take());
        Ok(())
    })?;
    if there && answer.is_none() {
        return Err(Error::new(ErrorKind::Io, "the service went away before its answer"));
    }
    Ok(answer)
}

/// Lets the service of `home`, where one runs, forget a conversation.
///
/// # Errors
/// The service's.
pub fn forget(home: &Path, conversation: &str) -> Result<(), Error> {
    let path = format!("/api/conversations/{conversation}");
    called(home, &Cancel::new(), Method::DELETE, &path, &Value::Null, &mut |_| Ok(())).map(drop)
}

/// Whether somebody listens at the service's socket.
pub fn is_there(home: &Path) -> bool {
    std::os::unix::net::UnixStream::connect(home.join(SOCKET)).is_ok()
}

/// Calls the service of `home`, giving `event` each event of its answer; false where none runs.
fn called(
    home: &Path,
    cancel: &Cancel,
    method: Method,
    route: &str,
    body: &Value,
    event: &mut dyn FnMut(&str) -> Result<(), Error>,
) -> Result<bool, Error> {
    let path = home.join(SOCKET);
    if !path.exists() {
        return Ok(false);
    }
    let request = Request::builder()
        .method(method)
        .uri(route)
        .header(HOST, "localhost")
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body.to_string())))
        .map_err(|e| Error::invalid("the service cannot be asked").because(e))?;
    let refused = |e| Error::io("cannot ask the service", e);
    let engine = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(refused)?;
    engine.block_on(async {
        let stream = match UnixStream::connect(&path).await {
            Ok(stream) => stream,
            // Left behind by one that was killed, or another person's.
            Err(e) if matches!(e.kind(), Io::ConnectionRefused | Io::NotFound | Io::PermissionDenied) => {
                return Ok(false);
            }
            Err(e) => return Err(refused(e)),
        };
        let wished = async {
            while !cancel.is_cancelled() {
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::select! {
            // Leaving stops the answer there.
            () = wished => Err(Error::cancelled("stopped on request")),
            done = converse(stream, request, event) => done.map(|()| true),
        }
    })
}

async fn converse(
    stream: UnixStream,
    request: Request<Full<Bytes>>,
    event: &mut dyn FnMut(&str) -> Result<(), Error>,
) -> Result<(), Error> {
    let broken = |e: hyper::Error| Error::new(ErrorKind::Io, "the service broke off").because(e);
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let speaking = tokio::spawn(connection);
    let response: Response<Incoming> = sender.send_request(request).await.map_err(broken)?;
    let is_good = response.status().is_success();
    let mut body = response.into_body();
    let mut held = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Some(bytes) = frame.map_err(broken)?.data_ref() {
            held.extend_from_slice(bytes);
        }
        while is_good && let Some(end) = held.windows(2).position(|two| two == b"\n\n") {
            let one: Vec<u8> = held.drain(..end + 2).collect();
            event(&String::from_utf8_lossy(&one))?;
        }
    }
    speaking.abort();
    if is_good {
        return Ok(());
    }
    Err(told(&serde_json::from_slice(&held).unwrap_or_default()))
}

/// Takes an event apart; gives the answer, once it is whole.
fn heard(event: &str, hear: &mut dyn FnMut(Heard)) -> Result<Option<Answer>, Error> {
    let foreign = |e: serde_json::Error| {
        Error::incompatible("the service is of another version; restart it, or ask with --no-service").because(e)
    };
    let line = |key: &str| event.lines().find_map(|line| line.strip_prefix(key));
    let data: Value = line("data: ").and_then(|data| serde_json::from_str(data).ok()).unwrap_or_default();
    match line("event: ") {
        Some("words") => hear(Heard::Words(data["text"].as_str().unwrap_or_default())),
        Some("sentence") => hear(Heard::Sentence(&serde_json::from_value(data).map_err(foreign)?)),
        Some("answer") => return serde_json::from_value(data).map(Some).map_err(foreign),
        _ if data["error"].is_object() => return Err(told(&data)),
        _ => {}
    }
    Ok(None)
}

/// An error as the service told it.
fn told(data: &Value) -> Error {
    let error = &data["error"];
    let kind = match error["code"].as_str().unwrap_or_default() {
        "invalid_value" | "invalid_json" => ErrorKind::Invalid,
        "not_found" => ErrorKind::NotFound,
        "unsupported" => ErrorKind::Unsupported,
        "incompatible" => ErrorKind::Incompatible,
        "rate_limit_exceeded" | "busy" => ErrorKind::Busy,
        "full" => ErrorKind::Full,
        "corrupt" => ErrorKind::Corrupt,
        "cancelled" => ErrorKind::Cancelled,
        _ => ErrorKind::Io,
    };
    Error::new(kind, error["message"].as_str().unwrap_or("the service did not answer").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_no_service_runs_none_answers() {
        let home = tempfile::tempdir().unwrap();
        let ask = || ask(home.path(), &Value::Null, &Cancel::new(), &mut |_| panic!("nothing is said")).unwrap();
        assert!(ask().is_none() && !is_there(home.path()));
        drop(std::os::unix::net::UnixListener::bind(home.path().join(SOCKET)).unwrap());
        assert!(ask().is_none() && !is_there(home.path()), "one that was killed left its socket");
        forget(home.path(), "one").unwrap();
    }

    #[test]
    fn errors_keep_their_kind() {
        let told = told(&serde_json::json!({ "error": { "code": "not_found", "message": "no model" } }));
        assert_eq!((told.kind(), told.to_string().as_str()), (ErrorKind::NotFound, "no model"));
    }
}
