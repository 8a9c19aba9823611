//! `/v1/embeddings`.

use super::asked::GROUNDED;
use crate::serve::house::House;
use crate::serve::problem::Problem;
use crate::serve::work::whole;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use wayside::watch::Quiet;

/// The most texts in a request.
const MOST: usize = 2048;

/// A request.
#[derive(Debug, Deserialize)]
pub struct Embed {
    #[serde(default)]
    model: String,
    input: Input,
    #[serde(default)]
    encoding_format: Option<String>,
    #[serde(default)]
    dimensions: Option<usize>,
    /// Whether the texts are what is sought (`query`), or where it is sought (`passage`).
    #[serde(default)]
    input_type: Option<String>,
}

/// A text, or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Input {
    One(String),
    Several(Vec<String>),
}

/// Answers a request.
///
/// # Errors
/// It makes no sense, or cannot be answered.
pub async fn run(house: &Arc<House>, embed: Embed) -> Result<Value, Problem> {
    let known = house.runtime.embedder_name();
    if ![known.as_str(), GROUNDED, ""].contains(&embed.model.as_str()) {
        let message = format!("`{}` makes no vectors here; `{known}` does", embed.model);
        return Err(Problem::new(StatusCode::NOT_FOUND, "model_not_found", message));
    }
    let texts = match embed.input {
        Input::One(text) => vec![text],
        Input::Several(texts) => texts,
    };
    if texts.is_empty() || texts.len() > MOST || texts.iter().any(String::is_empty) {
        return Err(Problem::invalid("input", format!("`input` must be 1 to {MOST} texts, none of them empty")));
    }
    let packed = match embed.encoding_format.as_deref() {
        None | Some("float") => false,
        Some("base64") => true,
        Some(other) => return Err(Problem::invalid("encoding_format", format!("{other:?} is not float or base64"))),
    };
    let sought = match embed.input_type.as_deref() {
        None | Some("passage" | "document" | "search_document") => false,
        Some("query" | "search_query") => true,
        Some(other) => return Err(Problem::invalid("input_type", format!("{other:?} is not query or passage"))),
    };
    let (vectors, tokens) = whole(house, &house.short, move |house, cancel| {
        let embedder = house.runtime.embedder()?;
        if embed.dimensions.is_some_and(|dimensions| dimensions != embedder.dimensions()) {
            let message = format!("vectors of this model have {} numbers, no others", embedder.dimensions());
            return Err(Problem::invalid("dimensions", message));
        }
        let borrowed: Vec<&str> = texts.iter().map(String::as_str).collect();
        let vectors = match sought {
            true => borrowed.iter().map(|text| embedder.query(text)).collect::<Result<Vec<_>, _>>()?,
            false => embedder.passages(&borrowed, &Quiet, cancel)?,
        };
        Ok((vectors, borrowed.iter().map(|text| embedder.count(text)).sum::<usize>()))
    })
    .await?;
    let told = |vector: &Vec<f32>| if packed { packed_as_text(vector).into() } else { json!(vector) };
    let row = |(at, vector)| json!({ "object": "embedding", "index": at, "embedding": told(vector) });
    Ok(json!({
        "object": "list", "model": known, "data": vectors.iter().enumerate().map(row).collect::<Vec<_>>(),
        "usage": { "prompt_tokens": tokens, "total_tokens": tokens },
    }))
}

/// Numbers as little-endian bytes in Base64.
fn packed_as_text(vector: &[f32]) -> String {
    STANDARD.encode(vector.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_packed_as_others_unpack_them() {
        // By Python: base64.b64encode(struct.pack('<3f', 1, -0.5, 3)) and of the first alone.
        assert_eq!(packed_as_text(&[1.0, -0.5, 3.0]), "AACAPwAAAL8AAEBA");
        assert_eq!(packed_as_text(&[1.0]), "AACAPw==");
    }
}
