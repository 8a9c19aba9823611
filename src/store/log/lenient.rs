//! Interactions in other people's shape: content in parts, times as numbers, thumbs as numbers. What cannot be taken is
//! named by its field.

use crate::error::{Error, Result};
use jiff::Timestamp;
use serde_json::{Map, Value};

/// A number of seconds larger than this is one of milliseconds: it would be in the year 5138.
const MILLISECONDS: f64 = 1e11;

/// `value` as an interaction is written here.
///
/// Errors: `Invalid` for a field that is of another kind than it must be.
pub fn tidy(mut value: Value) -> Result<Value> {
    let Some(interaction) = value.as_object_mut() else {
        return Err(Error::invalid("this is no interaction: not an object with `messages`"));
    };
    match interaction.get_mut("messages") {
        Some(Value::Array(messages)) => {
            for (at, message) in messages.iter_mut().enumerate() {
                let place = format!("messages[{at}]");
                let message = message.as_object_mut().ok_or_else(|| wrong(&place, "an object with `role`"))?;
                content(message, &place)?;
            }
        }
        Some(_) => return Err(wrong("messages", "a list")),
        None => return Err(Error::invalid("this is no interaction: `messages` is missing")),
    }
    if let Some(time @ Value::Number(_)) = interaction.get_mut("time") {
        *time = moment(time)?;
    }
    if let Some(rating) = interaction.get_mut("rating") {
        *rating = thumb(rating)?;
    }
    Ok(value)
}

/// Makes a message's content one text: parts that are no text are left out, and nothing is what only calls a tool.
fn content(message: &mut Map<String, Value>, place: &str) -> Result<()> {
    if !message.get("role").is_some_and(Value::is_string) {
        return Err(wrong(&format!("{place}.role"), "a text"));
    }
    let place = format!("{place}.content");
    let said = match message.get("content") {
        Some(Value::String(_)) => return Ok(()),
        Some(Value::Null) | None if message.contains_key("tool_calls") || message.contains_key("function_call") => {
            String::new()
        }
        Some(Value::Array(parts)) => {
            let text = |part: &Value| part.as_str().or_else(|| part.get("text")?.as_str()).map(str::to_owned);
            let texts: Vec<String> = parts.iter().filter_map(text).collect();
            if texts.is_empty() && !parts.is_empty() {
                return Err(wrong(&place, "a text, or parts with a `text` among them"));
            }
            texts.join("\n")
        }
        _ => return Err(wrong(&place, "a text, or a list of parts")),
    };
    message.insert("content".to_owned(), Value::String(said));
    Ok(())
}

/// Seconds or milliseconds since 1970 as a time.
fn moment(time: &Value) -> Result<Value> {
    let number = time.as_f64().unwrap_or(f64::NAN);
    let milliseconds = if number.abs() < MILLISECONDS { number * 1000.0 } else { number };
    let moment = milliseconds.is_finite().then(|| Timestamp::from_millisecond(milliseconds.round() as i64));
    match moment {
        Some(Ok(moment)) => Ok(Value::String(moment.to_string())),
        _ => Err(wrong("time", "a time as RFC 3339 writes it, or seconds since 1970")),
    }
}

/// A thumb, however it is written.
fn thumb(rating: &Value) -> Result<Value> {
    let is_up = match rating {
        Value::Null => return Ok(Value::Null),
        Value::Bool(good) => *good,
        Value::Number(number) => match number.as_f64() {
            Some(1.0) => true,
            Some(0.0 | -1.0) => false,
            _ => return Err(wrong("rating", "`up` or `down`, 1 or -1; stars do not say which")),
        },
        Value::String(word) => match word.trim().to_lowercase().as_str() {
            "up" | "thumbs_up" | "thumbsup" | "thumbs-up" | "good" | "positive" | "like" | "👍" | "1" | "+1" => true,
            "down" | "thumbs_down" | "thumbsdown" | "thumbs-down" | "bad" | "negative" | "dislike" | "👎" | "-1"
            | "0" => false,
            _ => return Err(wrong("rating", "`up` or `down`")),
        },
        _ => return Err(wrong("rating", "`up` or `down`")),
    };
    Ok(Value::String(if is_up { "up" } else { "down" }.to_owned()))
}

fn wrong(field: &str, must: &str) -> Error {
    Error::invalid(format!("this is no interaction: `{field}` must be {must}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn line(rest: Value) -> Value {
        let mut line = json!({"messages": [{"role": "user", "content": "q?"}, {"role": "assistant", "content": "a."}]});
        line.as_object_mut().unwrap().extend(rest.as_object().cloned().unwrap());
        line
    }

    #[test]
    fn parts_times_and_thumbs_are_taken() {
        let parts = json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "How long?"},
            {"type": "image_url", "image_url": {}}]}, {"role": "assistant", "content": null, "tool_calls": []}]});
        let taken = tidy(parts).unwrap();
        assert_eq!(taken["messages"][0]["content"], "How long?");
        assert_eq!(taken["messages"][1]["content"], "");
        assert_eq!(tidy(line(json!({"time": 1767322245}))).unwrap()["time"], "2026-01-02T02:50:45Z");
        assert_eq!(tidy(line(json!({"time": 1767322245000u64}))).unwrap()["time"], "2026-01-02T02:50:45Z");
        for (rating, wanted) in
            [(json!(1), "up"), (json!(-1), "down"), (json!(true), "up"), (json!("thumbs_down"), "down")]
        {
            assert_eq!(tidy(line(json!({ "rating": rating }))).unwrap()["rating"], wanted);
        }
    }

    #[test]
    fn what_cannot_be_taken_is_named() {
        let message = |message: Value| json!({ "messages": [message] });
        for (value, named) in [
            (json!([1]), "`messages`"),
            (json!({"prompt": "x"}), "`messages` is missing"),
            (message(json!({"content": "x"})), "`messages[0].role`"),
            (message(json!({"role": "user", "content": 3})), "`messages[0].content`"),
            (message(json!({"role": "user", "content": [{"type": "image_url"}]})), "`messages[0].content`"),
            (line(json!({"rating": 4})), "`rating`"),
            (line(json!({"time": 1e300})), "`time`"),
        ] {
            let told = tidy(value).unwrap_err().to_string();
            assert!(told.contains(named), "{told}");
        }
    }
}
