//! Answers that must have a form have it, at whatever temperature.

use super::service::Service;
use serde_json::{Value, json};
use wayside::parts;

#[test]
#[cfg(feature = "grammar")]
fn an_answer_has_the_form_that_it_must_have() {
    let service = Service::start();
    let ask = |model: &str, seed: u64, format: Value| {
        let asked = json!({
            "model": model, "temperature": 1.0, "seed": seed, "max_tokens": 120, "response_format": format,
            "messages": [{ "role": "user", "content": "How long does the Moth take to charge?" }],
        });
        let reply = service.post("/v1/chat/completions", &asked).json();
        reply["choices"][0]["message"]["content"].as_str().unwrap_or_else(|| panic!("{reply}")).to_owned()
    };
    let schema = json!({
        "type": "object",
        "properties": {
            "name": { "type": "string", "maxLength": 20 }, "hours": { "type": "integer", "minimum": 0, "maximum": 99 },
            "tags": { "type": "array", "items": { "enum": ["lamp", "stove"] }, "maxItems": 3 },
        },
        "required": ["name", "hours", "tags"], "additionalProperties": false,
    });
    let format = json!({ "type": "json_schema", "json_schema": { "name": "about", "schema": schema } });
    for (model, seed) in [(parts::LANGUAGE_MODEL, 1), (parts::LANGUAGE_MODEL, 2), ("wayside", 3)] {
        let text = ask(model, seed, format.clone());
        let told: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
        assert!(told["name"].is_string() && told["hours"].as_u64().unwrap() <= 99, "{told}");
        assert!(told["tags"].as_array().unwrap().iter().all(|tag| tag == "lamp" || tag == "stove"), "{told}");
    }
    let date = ask(parts::LANGUAGE_MODEL, 4, json!({ "type": "regex", "regex": "20[0-9]{2}-[01][0-9]" }));
    assert!(regex::Regex::new("^20[0-9]{2}-[01][0-9]$").unwrap().is_match(&date), "{date}");
    let grammar = json!({ "type": "grammar", "grammar": "start: \"yes\" | \"no\"" });
    assert!(["yes", "no"].contains(&ask(parts::LANGUAGE_MODEL, 5, grammar).as_str()));
    let open: Value = serde_json::from_str(&ask(parts::LANGUAGE_MODEL, 6, json!({ "type": "json_object" }))).unwrap();
    assert!(open.is_object());
    let wrong = json!({
        "model": parts::LANGUAGE_MODEL, "messages": [{ "role": "user", "content": "?" }],
        "response_format": { "type": "grammar", "grammar": "start: nowhere" },
    });
    let wrong = service.post("/v1/chat/completions", &wrong);
    assert_eq!((wrong.status, wrong.code().as_str()), (400, "invalid_value"), "{}", wrong.body);

    let tool = json!({ "type": "function", "function": {
        "name": "look_up", "parameters": {
            "type": "object", "properties": { "word": { "type": "string", "maxLength": 12 } }, "required": ["word"],
            "additionalProperties": false,
        },
    } });
    let asked = json!({
        "model": parts::LANGUAGE_MODEL, "tools": [tool], "tool_choice": "required", "max_tokens": 80,
        "messages": [{ "role": "user", "content": "What is a stove?" }],
    });
    let called = service.post("/v1/chat/completions", &asked).json();
    let call = &called["choices"][0]["message"]["tool_calls"][0]["function"];
    assert_eq!((&called["choices"][0]["finish_reason"], &call["name"]), (&"tool_calls".into(), &"look_up".into()));
    let arguments: Value = serde_json::from_str(call["arguments"].as_str().unwrap()).unwrap();
    assert!(arguments["word"].is_string());
}
