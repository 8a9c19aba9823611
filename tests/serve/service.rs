//! A service that runs for one test, and a client that says no more than it must.

use crate::cli::home::{Home, word};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::process::{Child, ExitStatus};
use std::time::Duration;

/// How long anything may take here.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct Service {
    pub home: Home,
    child: Child,
    pub address: String,
    pub token: String,
    pub staff: String,
}

/// What came back.
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Reply {
    fn read(mut stream: impl Read) -> Self {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        let head = head.to_lowercase();
        let body = if head.contains("transfer-encoding: chunked") { unchunked(body) } else { body.to_owned() };
        Self { status, head, body }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {} {}", self.head, self.body))
    }

    /// The code of an error.
    pub fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The events of a stream, as pairs of a name and its data.
    pub fn events(&self) -> Vec<(String, Value)> {
        let event = |text: &str| {
            let line = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).map(str::to_owned);
            let data = line("data: ").filter(|data| data != "[DONE]")?;
            Some((line("event: ").unwrap_or_default(), serde_json::from_str(&data).unwrap()))
        };
        self.body.split("\n\n").filter_map(event).collect()
    }
}

fn unchunked(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        whole.push_str(rest.get(..size).unwrap_or_default());
        body = rest.get(size + 2..).unwrap_or_default();
    }
    whole
}

impl Service {
    /// One that knows the shop's documents.
    pub fn start() -> Self {
        let home = Home::new();
        home.json(&["ingest", word(&home.shop())]);
        Self::over(home)
    }

    pub fn over(home: Home) -> Self {
        let mut child = home.start(&["--json", "serve", "--listen", "127.0.0.1:0"]);
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|e| {
            let mut told = String::new();
            child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
            panic!("{e}: {line} {told}")
        });
        let secret = |name: &str| std::fs::read_to_string(home.path().join(name)).unwrap().trim().to_owned();
        let (token, staff) = (secret("serve.token"), secret("staff.token"));
        Self { address: ready["listening"].as_str().unwrap().to_owned(), token, staff, child, home }
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends bytes as they are, and hears what comes back until the end.
    pub fn raw(&self, bytes: &str) -> Reply {
        let mut stream = self.connect();
        stream.write_all(bytes.as_bytes()).unwrap();
        Reply::read(stream)
    }

    /// A request, word for word but for its length.
    pub fn request(&self, method: &str, path: &str, token: &str, body: &str) -> String {
        let length = body.len();
        format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
             Content-Length: {length}\r\n\r\n{body}",
            self.address
        )
    }

    pub fn get(&self, path: &str) -> Reply {
        self.raw(&self.request("GET", path, &self.token, ""))
    }

    pub fn post(&self, path: &str, body: &Value) -> Reply {
        self.raw(&self.request("POST", path, &self.token, &body.to_string()))
    }

    pub fn staff(&self, method: &str, path: &str, body: &Value) -> Reply {
        self.raw(&self.request(method, path, &self.staff, &body.to_string()))
    }

    /// Over the socket, without a token.
    pub fn socket(&self, method: &str, path: &str, body: &str) -> Reply {
        let mut stream = UnixStream::connect(self.home.path().join("serve.sock")).unwrap();
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}");
        stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).unwrap();
        Reply::read(stream)
    }

    /// A figure of `/metrics`.
    pub fn figure(&self, name: &str) -> f64 {
        let text = self.get("/metrics").body;
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        line.unwrap_or_else(|| panic!("no {name}: {text}")).parse().unwrap()
    }

    /// Asks it to stop, as systemd does.
    pub fn stop(mut self) -> ExitStatus {
        let id = self.child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.child.wait().unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
