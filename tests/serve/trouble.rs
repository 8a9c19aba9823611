//! Clients that are slow, broken, many or gone: the others are answered.

use super::service::Service;
use serde_json::json;
use std::io::{Read, Write};
use std::time::{Duration, Instant};
use wayside::parts;

#[test]
fn what_is_no_request_is_told_or_dropped() {
    let service = Service::start();
    let head = format!("Host: {}\r\nAuthorization: Bearer {}\r\n", service.address, service.token);
    let half = format!("POST /v1/chat/completions HTTP/1.1\r\n{head}Content-Length: 100\r\n\r\n{{\"mod");
    let mut waits = service.connect();
    waits.write_all(half.as_bytes()).unwrap();
    assert_eq!(service.raw("nonsense\r\n\r\n").status, 400);
    assert_eq!(service.raw(&format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(2000))).status, 431);
    for body in ["", "{", "[]", "null", "{\"messages\": 1}", &"[".repeat(100_000)] {
        let reply = service.raw(&service.request("POST", "/v1/chat/completions", &service.token, body));
        assert_eq!((reply.status, reply.code().as_str()), (400, "invalid_json"), "{body:.40}");
    }
    let large = service.request("POST", "/v1/chat/completions", &service.token, &"x".repeat(5 << 20));
    let mut stream = service.connect();
    // It may be refused before it is all sent.
    let _ = stream.write_all(large.as_bytes());
    let mut told = vec![0; 64];
    let read = stream.read(&mut told).unwrap_or(0);
    assert!(read == 0 || String::from_utf8_lossy(&told[..read]).contains("413"), "{told:?}");
    assert_eq!(service.get("/v1/models").status, 200, "the rest goes on");
}

#[test]
fn a_thousand_connections_keep_nobody_out() {
    let service = Service::start();
    let idle: Vec<_> = (0..1000).filter_map(|_| std::net::TcpStream::connect(&service.address).ok()).collect();
    assert!(idle.len() > 900, "{}", idle.len());
    let begin = Instant::now();
    let answer = service.post("/api/ask", &json!({ "question": "How long does the Moth take to charge?" })).json();
    assert_eq!(answer["found"], true);
    assert!(begin.elapsed() < Duration::from_secs(60));
    assert!(service.figure("wayside_connections") <= 512.0 && service.figure("wayside_evicted_total") > 300.0);
    drop(idle);
}

#[test]
fn who_leaves_stops_the_answer() {
    let service = Service::start();
    let asked = json!({
        "model": parts::LANGUAGE_MODEL, "stream": true, "max_tokens": 1500, "temperature": 1.5, "seed": 1,
        "messages": [{ "role": "user", "content": "Tell a very long story about the sea, in many chapters." }],
        "stop": [], "response_format": { "type": "regex", "regex": "([a-z]+ )+" },
    });
    for streams in [true, false] {
        let mut asked = asked.clone();
        asked["stream"] = streams.into();
        let before = service.figure("wayside_answer_tokens_total");
        let mut stream = service.connect();
        let request = service.request("POST", "/v1/chat/completions", &service.token, &asked.to_string());
        stream.write_all(request.as_bytes()).unwrap();
        if streams {
            stream.read_exact(&mut [0; 400]).unwrap();
        } else {
            std::thread::sleep(Duration::from_secs(1));
        }
        drop(stream);
        let left = 1.0 + f64::from(u8::from(!streams));
        let begin = Instant::now();
        while service.figure("wayside_left_total") < left {
            assert!(begin.elapsed() < Duration::from_secs(20), "it goes on without anybody");
            std::thread::sleep(Duration::from_millis(100));
        }
        assert!(service.figure("wayside_answer_tokens_total") - before < 1400.0);
    }
}

#[test]
fn a_second_service_in_the_same_home_is_told_so() {
    let service = Service::start();
    let told = service.home.fails(1, &["serve", "--listen", "127.0.0.1:0"]);
    assert!(told.contains("another service answers") && told.contains("--socket"), "{told}");
    let socket = service.home.path().join("serve.sock");
    assert!(service.stop().success());
    assert!(!socket.exists());
}
