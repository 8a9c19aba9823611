//! Wayside's own API: what a kiosk and its staff need. `openapi.json` describes it, and a test holds it to that.
//!
//! | file | what it answers |
//! |---|---|
//! | `ask` | questions, in conversations |
//! | `log` | what was asked, rated and corrected |
//! | `knowledge` | documents and records |
//! | `learning` | what is learned, and what serves |

mod ask;
mod knowledge;
mod learning;
mod log;

use super::body::Reply;
use super::house::House;
use super::problem::Problem;
use super::route::{Asked, nowhere, wrong_method};
use super::work::json;
use hyper::Response;
use serde_json::{Value, json as value};
use std::sync::Arc;

/// The description of the API.
pub const DESCRIPTION: &str = include_str!("openapi.json");

/// Answers a request below `/api`.
///
/// # Errors
/// It leads nowhere, makes no sense, or cannot be answered.
pub async fn routed(house: &Arc<House>, asked: Asked) -> Result<Response<Reply>, Problem> {
    let path = asked.path.clone();
    let parts: Vec<&str> = path.iter().map(String::as_str).collect();
    let method = asked.method.clone();
    let done = match (method.as_str(), parts.get(1..).unwrap_or_default()) {
        ("POST", ["ask"]) => return ask::run(house, asked).await,
        ("DELETE", ["conversations", name]) => ask::end(house, &asked, name),
        ("POST", ["sessions"]) => ask::session(house, &asked)?,
        ("GET", ["interactions"]) => log::list(house, asked).await?,
        ("GET", ["interactions", id]) => log::show(house, &asked, id)?,
        ("POST", ["interactions", id, "rating"]) => log::rate(house, &asked, id).await?,
        ("POST", ["interactions", id, "correction"]) => log::correct(house, &asked, id).await?,
        ("GET", ["search"]) => knowledge::search(house, &asked).await?,
        ("GET", ["documents"]) => knowledge::documents(house)?,
        ("GET", ["passages", number]) => knowledge::passage(house, number)?,
        ("GET", ["subjects", subject, "records"]) => knowledge::records(house, &asked, subject).await?,
        ("GET", ["learning"]) => learning::status(house, &asked).await?,
        ("GET", ["adapters"]) => learning::adapters(house, &asked)?,
        ("POST", ["adapters", "rollback"]) => learning::roll_back(house, &asked).await?,
        ("GET", ["version"]) => version(house),
        ("GET", ["settings"]) => settings(house, &asked),
        (_, ["ask" | "search" | "documents" | "learning" | "version" | "settings" | "sessions"]) => {
            return Err(wrong_method(method.as_str()));
        }
        _ => return Err(nowhere(&path)),
    };
    Ok(json(&done))
}

fn version(house: &House) -> Value {
    let config = house.runtime.config();
    value!({
        "version": env!("CARGO_PKG_VERSION"), "model": config.model, "embedder": house.runtime.embedder_name(),
        "ready": house.is_ready(), "uptime_s": house.since.elapsed().as_secs(),
    })
}

/// What a page must know of the house.
fn settings(house: &House, asked: &Asked) -> Value {
    let config = house.runtime.config();
    value!({
        "idle_seconds": config.chat.idle_seconds, "staff": asked.caller.staff, "subject": asked.caller.subject,
        "model": config.model, "title": config.serve.title, "examples": config.serve.examples,
        "language": config.language,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is described and what is routed, read from both.
    #[test]
    fn every_call_is_described_and_every_description_leads_somewhere() {
        let described: Value = serde_json::from_str(DESCRIPTION).unwrap();
        let mut said: Vec<String> = Vec::new();
        let place = regex::Regex::new(r"\{\w+\}").unwrap();
        for (path, methods) in described["paths"].as_object().unwrap() {
            let path = place.replace_all(path, "*").into_owned();
            said.extend(methods.as_object().unwrap().keys().map(|method| format!("{} {path}", method.to_uppercase())));
        }
        let code = include_str!("mod.rs").split("#[cfg(test)]").next().unwrap();
        let arm = regex::Regex::new(r#"\("([A-Z]+)", \[([^\]]+)\]\) =>"#).unwrap();
        let mut routed: Vec<String> = arm
            .captures_iter(code)
            .map(|found| {
                let parts =
                    found[2].split(", ").map(|part| if part.starts_with('"') { part.trim_matches('"') } else { "*" });
                format!("{} /api/{}", &found[1], parts.collect::<Vec<_>>().join("/"))
            })
            .chain(["GET /health".to_owned(), "GET /health/live".to_owned()])
            .collect();
        said.sort();
        routed.sort();
        assert!(routed.len() > 15);
        assert_eq!(said, routed);
        assert_eq!(described["info"]["version"], env!("CARGO_PKG_VERSION"));
    }
}
