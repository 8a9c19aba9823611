//! Against servers that are slow, wrong, huge, elsewhere, false or gone.

use super::*;
use crate::sources::{Kind, Sources};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_millis(400);

/// A server for one request, which it keeps; `answer` writes the response.
struct Server {
    port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(answer: impl Fn(&mut dyn Write) + Send + 'static) -> Self {
        Self::with(move |stream, heard| {
            let mut stream = BufReader::new(stream);
            heard.lock().unwrap().extend(head(&mut stream));
            answer(stream.get_mut());
        })
    }

    fn with(serve: impl Fn(TcpStream, &Mutex<Vec<String>>) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hears = heard.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                serve(stream, &hears);
            }
        });
        Self { port, heard }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

fn head(stream: &mut impl BufRead) -> Vec<String> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        match stream.read_line(&mut line) {
            Ok(count) if count > 2 => lines.push(line.trim_end().to_owned()),
            _ => return lines,
        }
    }
}

/// A response with a JSON body; the client may have had enough of it.
fn json(to: &mut dyn Write, body: &str) {
    let _ = write!(to, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
}

fn source(url: &str, more: &str) -> Sources {
    let text = format!(
        "[source.desk]\nhttp = '{url}'\ndeadline = '400ms'\nmax_kb = 64\n{more}\n[[source.desk.query]]\nname = 'q'\n\
         answers = 'x'\npath = '/of/{{subject}}?open'\nselect = '$.items'\nid = 'n'\ntext = '{{{{ t }}}}'\nlimit = 3"
    );
    Sources::parse(&text, Path::new("")).unwrap()
}

fn ask_as(sources: &Sources, subject: &str) -> Result<Vec<Row>> {
    let (_, source, query) = sources.queries().next().unwrap();
    let Kind::Http(url) = source.kind() else { panic!("{source:?}") };
    let begin = Instant::now();
    let rows = rows(source, url, query, subject, begin + source.deadline()).map(|a| a.rows);
    assert!(begin.elapsed() < PATIENCE + Duration::from_millis(400), "took {:?}", begin.elapsed());
    rows
}

fn ask(url: &str) -> Result<Vec<Row>> {
    ask_as(&source(url, ""), "c 1/../2?x#")
}

fn told(server: &Server) -> String {
    ask(&format!("http://127.0.0.1:{}", server.port)).unwrap_err().to_string()
}

#[test]
fn rows_come_for_the_person_who_is_named_and_for_no_path_of_theirs() {
    let body = r#"{"items":[{"n":1,"t":"a"},{"n":2,"t":"b"},{"n":3,"t":"c"},{"n":4,"t":"d"}]}"#;
    let server = Server::start(move |to| json(to, body));
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "Bearer s3cret\n").unwrap();
    let headers = format!("headers = {{ Authorization = '@{}' }}", token.path().display());
    let sources = source(&format!("http://127.0.0.1:{}/v1/", server.port), &headers);
    let rows = ask_as(&sources, "c 1/../2?x#").unwrap();
    assert_eq!(rows.len(), 3, "at most `limit`");
    assert_eq!(rows[2]["t"], "c");
    let heard = server.heard();
    assert_eq!(heard[0], "GET /v1/of/c%201%2F%2E%2E%2F2%3Fx%23?open HTTP/1.1");
    assert!(heard.iter().any(|line| line.eq_ignore_ascii_case("authorization: Bearer s3cret")), "{heard:?}");
}

#[test]
fn a_slow_server_costs_its_deadline_and_no_more() {
    let silent = Server::start(|_| thread::sleep(Duration::from_secs(5)));
    assert!(told(&silent).contains("too long"), "{}", told(&silent));
    // One byte at a time keeps a connection busy for ever.
    let trickle = Server::start(|to| {
        let _ = to.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
        while to.write_all(b" ").and_then(|()| to.flush()).is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    assert!(told(&trickle).contains("too long"), "{}", told(&trickle));
}

#[test]
fn a_huge_answer_is_not_read_to_its_end() {
    let declared = Server::start(|to| {
        let _ = to.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000000\r\n\r\n");
        while to.write_all(&[b' '; 4096]).is_ok() {}
    });
    assert!(told(&declared).contains("max_kb"), "{}", told(&declared));
    let head = Server::start(|to| {
        let _ = to.write_all(b"HTTP/1.1 200 OK\r\nX: ");
        while to.write_all(&[b'x'; 4096]).is_ok() {}
    });
    ask(&format!("http://127.0.0.1:{}", head.port)).unwrap_err();
}

#[test]
fn wrong_answers_are_named() {
    for (answer, wanted) in [
        ("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", "status 500"),
        ("HTTP/1.1 410 No\r\nContent-Length: 0\r\n\r\n", "status 410"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", "no JSON"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"items\":[7]}", "no objects"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"items\"", ""),
        ("220 mail ready\r\n", ""),
    ] {
        let server = Server::start(move |to| drop(to.write_all(answer.as_bytes())));
        assert!(told(&server).contains(wanted), "{wanted}: {}", told(&server));
    }
    let other = Server::start(|to| json(to, "{\"else\":1}"));
    assert!(ask(&format!("http://127.0.0.1:{}", other.port)).unwrap().is_empty(), "nothing selected");
}

#[test]
fn nobody_is_asked_but_the_declared_host() {
    let elsewhere = Server::start(|to| json(to, "{\"items\":[{\"n\":1}]}"));
    let location = format!("http://127.0.0.1:{}/of/all", elsewhere.port);
    let server = Server::start(move |to| {
        let _ = write!(to, "HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
    });
    assert!(told(&server).contains("redirects"), "{}", told(&server));
    assert!(elsewhere.heard().is_empty());
}

#[test]
fn a_server_that_is_gone_is_said_to_be() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = ask(&format!("http://127.0.0.1:{port}")).unwrap_err().to_string();
    assert!(error.contains("cannot be reached"), "{error}");
    let error = ask("https://no-such-host.invalid").unwrap_err().to_string();
    assert!(!error.contains("c%201"), "{error}");
}

/// A TLS server whose certificate its own authority signed, and that authority's file.
fn tls(name: &str) -> (Server, tempfile::TempDir, PathBuf) {
    let signed = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ca.pem");
    std::fs::write(&path, signed.cert.pem()).unwrap();
    let certificate = CertificateDer::from_pem_slice(signed.cert.pem().as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(signed.signing_key.serialize_pem().as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let config = Arc::new(config.with_single_cert(vec![certificate], key).unwrap());
    let server = Server::with(move |stream, heard| {
        let connection = rustls::ServerConnection::new(config.clone()).unwrap();
        let mut stream = BufReader::new(rustls::StreamOwned::new(connection, stream));
        let lines = head(&mut stream);
        if !lines.is_empty() {
            heard.lock().unwrap().extend(lines);
            json(stream.get_mut(), "{\"items\":[{\"n\":1,\"t\":\"a\"}]}");
            stream.get_mut().conn.send_close_notify();
            let _ = stream.get_mut().flush();
            let _ = stream.get_mut().sock.read(&mut [0]);
        }
    });
    (server, dir, path)
}

#[test]
fn a_certificate_must_be_signed_by_who_is_trusted_and_for_that_host() {
    let (server, _dir, ca) = tls("localhost");
    let url = format!("https://localhost:{}", server.port);
    let error = ask(&url).unwrap_err().to_string();
    assert!(error.contains("certificate") || error.contains("TLS"), "{error}");
    assert!(server.heard().is_empty(), "nothing was said to it");
    let declared = format!("ca = '{}'", ca.display());
    assert_eq!(ask_as(&source(&url, &declared), "a").unwrap().len(), 1);
    let (other, _dir, ca) = tls("elsewhere.example");
    let declared = format!("ca = '{}'", ca.display());
    let error = ask_as(&source(&format!("https://localhost:{}", other.port), &declared), "a").unwrap_err().to_string();
    assert!(error.contains("certificate") || error.contains("TLS"), "{error}");
    assert!(other.heard().is_empty());
}

#[test]
fn pages_are_asked_for_until_there_are_enough_rows() {
    for linked in [false, true] {
        let server = Server::with(move |stream, heard| {
            let mut stream = BufReader::new(stream);
            let head = head(&mut stream);
            let first = head.first().is_some_and(|line| !line.contains("page=2"));
            heard.lock().unwrap().extend(head.into_iter().take(1));
            let (items, next) =
                if first { ("{\"n\":1},{\"n\":2}", "/of/C?page=2") } else { ("{\"n\":3},{\"n\":4}", "") };
            let link = if linked && first { format!("Link: <{next}>; rel=\"next\"\r\n") } else { String::new() };
            let next = if linked { "" } else { next };
            let body = format!("{{\"items\":[{items}],\"next\":\"{next}\"}}");
            let head = format!("HTTP/1.1 200 OK\r\n{link}Content-Length: {}\r\nConnection: close", body.len());
            let _ = write!(stream.get_mut(), "{head}\r\n\r\n{body}");
        });
        let rows = ask_as(&source(&format!("http://127.0.0.1:{}", server.port), ""), "C").unwrap();
        assert_eq!(rows.iter().map(|row| row["n"].as_i64().unwrap()).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(server.heard().len(), 2);
    }
}

#[test]
fn nothing_is_no_failure() {
    for status in ["204 None", "404 Not Found"] {
        let server = Server::start(move |to| {
            let _ = write!(to, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        });
        let rows = ask_as(&source(&format!("http://127.0.0.1:{}", server.port), ""), "C").unwrap();
        assert!(rows.is_empty(), "{status}");
    }
}
