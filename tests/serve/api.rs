//! What programs ask: the OpenAI API, and Wayside's own.

use super::service::Service;
use serde_json::{Value, json};
use wayside::parts;

const CHARGE: &str = "How long does the Moth take to charge?";

fn chat(model: &str, question: &str) -> Value {
    json!({ "model": model, "messages": [{ "role": "user", "content": question }], "max_tokens": 12 })
}

#[test]
fn a_question_is_answered_from_the_documents_whole_and_as_it_comes() {
    let service = Service::start();
    let whole = service.post("/v1/chat/completions", &chat("wayside", CHARGE)).json();
    let message = &whole["choices"][0]["message"];
    let text = message["content"].as_str().unwrap();
    assert!(text.contains("3 hours") && !text.contains("[1]"), "{whole}");
    assert!(message["citations"][0]["document"].as_str().unwrap().ends_with("moth.md"), "{whole}");
    assert_eq!(message["sentences"][0]["kind"], "quote");
    let logged = service.home.json(&["log", "show", whole["wayside"]["interaction"].as_str().unwrap()]);
    assert_eq!(logged["messages"][1]["content"], text);

    let mut asked = chat("wayside", CHARGE);
    (asked["stream"], asked["stream_options"]) = (true.into(), json!({ "include_usage": true }));
    let streamed = service.post("/v1/chat/completions", &asked);
    assert!(streamed.head.contains("text/event-stream") && streamed.body.ends_with("data: [DONE]\n\n"));
    let events = streamed.events();
    let delta = |event: &(String, Value)| event.1["choices"][0]["delta"]["content"].as_str().map(str::to_owned);
    assert_eq!(events.iter().filter_map(delta).collect::<String>(), text);
    assert!(events.iter().filter_map(delta).count() > 1, "sentence by sentence");
    assert!(events.last().unwrap().1["usage"]["total_tokens"].is_number());

    // The conversation goes on from what is told again.
    let answer = json!({ "role": "assistant", "content": text });
    let more = json!({ "role": "user", "content": "What is the warranty on the Moth?" });
    let question = asked["messages"][0].clone();
    let next = json!({ "model": "wayside", "messages": [question, answer, more] });
    let next = service.post("/v1/chat/completions", &next).json();
    assert!(next["choices"][0]["message"]["content"].as_str().unwrap().contains("year"), "{next}");
    assert!(service.stop().success());
}

#[test]
fn a_model_alone_says_the_same_again_whatever_was_asked_between() {
    let service = Service::start();
    let asked = chat(parts::LANGUAGE_MODEL, "Name three colours.");
    let said = |asked: &Value| service.post("/v1/chat/completions", asked).json();
    let first = said(&asked);
    let text = |reply: &Value| reply["choices"][0]["message"]["content"].as_str().unwrap().to_owned();
    assert_eq!(first["usage"]["completion_tokens"], 12);
    assert_eq!(first["choices"][0]["finish_reason"], "length");
    assert_eq!(text(&said(&asked)), text(&first));
    said(&chat(parts::LANGUAGE_MODEL, "Something else entirely: what is rain?"));
    assert_eq!(text(&said(&asked)), text(&first));

    let mut hot = asked.clone();
    (hot["temperature"], hot["seed"]) = (1.0.into(), 7.into());
    assert_eq!(text(&said(&hot)), text(&said(&hot)), "equal seeds");
    let mut likely = asked.clone();
    (likely["logprobs"], likely["top_logprobs"], likely["max_tokens"]) = (true.into(), 3.into(), 2.into());
    let told = said(&likely)["choices"][0]["logprobs"]["content"].clone();
    assert_eq!((told.as_array().unwrap().len(), told[0]["top_logprobs"].as_array().unwrap().len()), (2, 3));
    assert_eq!(told[0]["logprob"], told[0]["top_logprobs"][0]["logprob"], "greedy takes the likeliest");
    let mut stopped = asked;
    let end = text(&first).chars().skip(4).take(3).collect::<String>();
    stopped["stop"] = json!([end]);
    assert!(!text(&said(&stopped)).contains(&end));

    let complete = json!({ "model": parts::LANGUAGE_MODEL, "prompt": "The rain in", "max_tokens": 5, "echo": true });
    let complete = service.post("/v1/completions", &complete).json();
    assert!(complete["choices"][0]["text"].as_str().unwrap().starts_with("The rain in"), "{complete}");
    let embed = json!({ "model": parts::EMBEDDER, "input": ["stove", "lamp"] });
    let vectors = service.post("/v1/embeddings", &embed).json();
    assert_eq!(vectors["data"][1]["embedding"].as_array().unwrap().len(), 384);
    let respond = json!({ "model": "wayside", "input": CHARGE, "stream": true });
    let events = service.post("/v1/responses", &respond).events();
    assert_eq!(events.last().unwrap().0, "response.completed");
    let output = &events.last().unwrap().1["response"]["output"][0]["content"][0]["text"];
    assert!(output.as_str().unwrap().contains("3 hours"));
}

#[test]
fn what_cannot_be_answered_is_told_in_the_shape_that_clients_know() {
    let service = Service::start();
    let told = |body: Value, status: u16, code: &str| {
        let reply = service.post("/v1/chat/completions", &body);
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{body}: {}", reply.body);
        assert!(reply.json()["error"]["message"].as_str().unwrap().len() > 10);
    };
    told(chat("gpt-4o", "Hello?"), 404, "model_not_found");
    told(chat(parts::LANGUAGE_MODEL, &"long ".repeat(9000)), 400, "invalid_value");
    told(json!({ "model": "wayside" }), 400, "invalid_json");
    told(json!({ "model": "wayside", "messages": [] }), 400, "invalid_value");
    for (key, value) in [
        ("n", json!(2)),
        ("temperature", json!(-1)),
        ("max_tokens", json!(0)),
        ("presence_penalty", json!(1.0)),
        ("response_format", json!({ "type": "xml" })),
    ] {
        let mut asked = chat("wayside", "Hello?");
        asked[key] = value;
        told(asked.clone(), 400, "invalid_value");
        // Before the first event a stream is no stream.
        asked["stream"] = true.into();
        told(asked, 400, "invalid_value");
    }
    assert_eq!(service.get("/v1/nothing").code(), "not_found");
    assert_eq!(service.get("/v1/chat/completions").code(), "method_not_allowed");
}

#[test]
fn the_description_is_what_the_service_does() {
    let service = Service::start();
    let described = service.get("/openapi.json").json();
    let answer = service.post("/api/ask", &json!({ "question": CHARGE, "conversation": "one" })).json();
    let id = answer["interaction"].as_str().unwrap().to_owned();
    let chunk = answer["citations"][0]["chunk"].to_string();
    for (path, methods) in described["paths"].as_object().unwrap() {
        for (method, about) in methods.as_object().unwrap() {
            let place = path.replace("{id}", &id).replace("{number}", &chunk).replace("{name}", "one");
            let place = place.replace("{subject}", "C-1014").replace("/api/search", "/api/search?q=stove");
            let body = match path.as_str() {
                "/api/ask" => json!({ "question": CHARGE }),
                "/api/sessions" => json!({ "subject": "C-1014", "seconds": 60 }),
                _ if path.ends_with("/rating") => json!({ "rating": "up" }),
                _ if path.ends_with("/correction") => json!({ "correction": "Three hours." }),
                _ => json!({}),
            };
            let method = method.to_uppercase();
            let reply = service.staff(&method, &place, &body);
            // There is nothing to go back from yet: that, too, is an answer.
            let wanted = if path.ends_with("/rollback") { 404 } else { 200 };
            assert_eq!(reply.status, wanted, "{method} {place}: {}", reply.body);
            let schema = &about["responses"]["200"]["content"]["application/json"]["schema"];
            let named = schema["$ref"].as_str().and_then(|name| described.pointer(name.trim_start_matches('#')));
            for key in named.unwrap_or(schema)["required"].as_array().into_iter().flatten().filter(|_| wanted == 200) {
                assert!(reply.json().get(key.as_str().unwrap()).is_some(), "{method} {place} lacks {key}");
            }
            if about["x-staff"] == true {
                let other = service.raw(&service.request(&method, &place, &service.token, &body.to_string()));
                assert_eq!((other.status, other.code().as_str()), (403, "staff_only"), "{method} {place}");
            }
        }
    }
    let kept = service.home.json(&["log", "show", &id]);
    assert_eq!((&kept["rating"], &kept["correction"]), (&"up".into(), &"Three hours.".into()));
    let events = service.post("/api/ask", &json!({ "question": CHARGE, "stream": true })).events();
    let kinds: Vec<_> = events.iter().map(|(kind, _)| kind.as_str()).take(2).collect();
    assert_eq!((kinds.as_slice(), events.last().unwrap().0.as_str()), (&["words", "sentence"][..], "answer"));
    assert!(events[1].1["citations"][0]["quote"].is_string() && events[1].1["shown"].is_string());
}
