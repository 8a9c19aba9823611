//! A client of the service in any language looks like this: one request of OpenAI's API, with the token of the home.
//!
//! ```sh
//! wayside --home HOME serve &
//! cargo run --release --example http -- 127.0.0.1:7431 HOME/serve.token "How long is the warranty?"
//! ```

#![allow(clippy::print_stdout, reason = "it talks to a person")]

use serde_json::{Value, json};
use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [address, token, text] = words.as_slice() else {
        return Err("say an address, a token's file, a question".into());
    };
    let token = std::fs::read_to_string(token)?;
    let body = json!({ "model": "wayside", "messages": [{ "role": "user", "content": text }] }).to_string();
    let mut stream = TcpStream::connect(address)?;
    // HTTP/1.0: the answer ends where the connection does.
    write!(
        stream,
        "POST /v1/chat/completions HTTP/1.0\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        token.trim(),
        body.len()
    )?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply)?;
    let (_, document) = reply.split_once("\r\n\r\n").ok_or("no answer")?;
    let document: Value = serde_json::from_str(document)?;
    println!("{}", document["choices"][0]["message"]["content"].as_str().ok_or_else(|| document.to_string())?);
    Ok(())
}
