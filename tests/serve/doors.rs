//! Who comes in, and who is served.

use super::service::Service;
use serde_json::json;
use std::os::unix::fs::MetadataExt;

#[test]
fn the_name_is_looked_at_before_the_page_and_the_page_before_the_token() {
    let service = Service::start();
    let ask = |headers: &str| service.raw(&format!("GET /v1/models HTTP/1.1\r\nConnection: close\r\n{headers}\r\n"));
    let host = format!("Host: {}\r\n", service.address);
    let good = format!("Authorization: Bearer {}\r\n", service.token);
    let evil = "Origin: https://evil.example\r\n";
    for (headers, status, code) in [
        (format!("Host: evil.example\r\n{evil}"), 421, "wrong_host"),
        (format!("Host: evil.example\r\n{good}"), 421, "wrong_host"),
        (format!("{host}{evil}"), 403, "wrong_origin"),
        (format!("{host}{evil}{good}"), 403, "wrong_origin"),
        (host.clone(), 401, "invalid_api_key"),
        (format!("{host}Authorization: Bearer wrong\r\n"), 401, "invalid_api_key"),
    ] {
        let reply = ask(&headers);
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{headers}");
        assert!(!reply.head.contains("access-control-allow-origin"));
    }
    assert_eq!(ask(&format!("{host}{good}")).status, 200);
    let own = format!("Origin: http://{}\r\n", service.address);
    assert_eq!(ask(&format!("{host}{own}{good}")).status, 200);
    for file in ["serve.token", "staff.token", "serve.sock", "kiosk.html", "staff.html"] {
        let mode = std::fs::metadata(service.home.path().join(file)).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    for path in ["/", "/staff", "/kiosk.js", "/style.css", "/theme/theme.css", "/theme/logo", "/health"] {
        let reply = service.raw(&format!("GET {path} HTTP/1.1\r\nConnection: close\r\n{host}\r\n"));
        assert_eq!(reply.status, 200, "{path}");
        assert!(reply.head.contains("x-frame-options: deny"), "{path}: {}", reply.head);
        assert!(!reply.body.contains(&service.token));
    }
    assert_eq!(service.socket("GET", "/v1/models", "").status, 200, "the socket is its owner's");
}

#[test]
fn only_staff_and_a_session_say_who_is_served() {
    let service = Service::start();
    let question = json!({ "question": "How long is the warranty?", "subject": "C-1014" });
    assert_eq!(service.post("/api/ask", &question).code(), "staff_only");
    let chat = json!({
        "model": "wayside", "subject": "C-1014", "messages": [{ "role": "user", "content": "How long?" }],
    });
    assert_eq!(service.post("/v1/chat/completions", &chat).code(), "staff_only");
    let subject = |answer: &serde_json::Value| {
        let id = answer["interaction"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
        service.home.json(&["log", "show", &id])["subject"].clone()
    };
    assert_eq!(subject(&service.staff("POST", "/api/ask", &question).json()), "C-1014");
    let session = service.staff("POST", "/api/sessions", &json!({ "subject": "C-1015" })).json();
    let session = session["session"].as_str().unwrap();
    let plain = json!({ "question": "How long is the warranty?" });
    let served = service.raw(&service.request("POST", "/api/ask", session, &plain.to_string())).json();
    assert_eq!(subject(&served), "C-1015");
    let other = service.raw(&service.request("POST", "/api/ask", session, &question.to_string()));
    assert_eq!(other.code(), "staff_only", "a session is for one person");
    let forged = session.replace("session.", "session.9");
    assert_eq!(service.raw(&service.request("POST", "/api/ask", &forged, &plain.to_string())).status, 401);
    assert!(subject(&service.post("/api/ask", &plain).json()).is_null());
}

#[test]
fn a_conversation_belongs_to_its_token() {
    let service = Service::start();
    let ask = |question: &str| json!({ "question": question, "conversation": "kiosk" });
    service.post("/api/ask", &ask("How long does the Moth take to charge?"));
    assert_eq!(service.figure("wayside_conversations"), 1.0);
    let end = |token: &str| service.raw(&service.request("DELETE", "/api/conversations/kiosk", token, "")).json();
    assert_eq!(end(&service.staff)["forgotten"], false, "it is another's");
    assert_eq!(end(&service.token)["forgotten"], true);
    assert_eq!(service.figure("wayside_conversations"), 0.0);
}
