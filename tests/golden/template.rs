//! Chat templates against transformers' renderer.

use crate::support::{golden, json};
use serde_json::Value;
use wayside::text::template::Template;

/// Templates read the clock; the goldens were made on this day.
const MADE: &str = "06 Jul 2024";

#[test]
fn templates_render_as_transformers_renders_them() {
    let all = json(&golden("template.json"));
    let token = |name: &str| all["tokens"][name].as_str().unwrap();
    let today = || jiff::Zoned::now().strftime("%d %b %Y").to_string();
    let cases = all["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 74);
    for case in cases {
        let source = all["templates"][case["template"].as_str().unwrap()].as_str().unwrap();
        let template = Template::new(source, token("bos_token"), token("eos_token")).unwrap();
        let messages = all["messages"][case["messages"].as_str().unwrap()].as_array().unwrap();
        let open = case["add_generation_prompt"].as_bool().unwrap();
        let before = today();
        let rendered = template.render_with(messages, open, &case["variables"]);
        let name = format!("{} {} {open} {}", case["template"], case["messages"], case["variables"]);
        match (&case["rendered"], rendered) {
            (Value::String(exact), Ok(rendered)) => {
                let days = [before, today()];
                let rendered = days.iter().fold(rendered, |text, day| text.replace(day, MADE));
                assert_eq!(&rendered, exact, "{name}");
            }
            (Value::Null, Err(error)) => {
                let said = case["error"].as_str().unwrap();
                assert!(error.to_string().contains(said), "{name}: {error}");
            }
            (expected, found) => panic!("{name}: {expected} expected, not {found:?}"),
        }
    }
}
