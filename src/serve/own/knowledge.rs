//! Documents and records.

use super::log::number;
use crate::serve::house::House;
use crate::serve::problem::Problem;
use crate::serve::route::Asked;
use crate::serve::work::whole;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Instant;

/// The most passages of a search.
const MOST: usize = 100;

/// Passages for a query.
///
/// # Errors
/// There is no query; the index cannot be read.
pub async fn search(house: &Arc<House>, asked: &Asked) -> Result<Value, Problem> {
    let query = asked.parameter("q").filter(|query| !query.trim().is_empty());
    let query = query.ok_or_else(|| Problem::invalid("q", "`q` says what to look for"))?.to_owned();
    let k = number(asked, "k", 10, MOST)?;
    let collection = asked.parameter("collection").map(str::to_owned);
    let begin = Instant::now();
    let hits =
        whole(house, &house.short, move |house, _| Ok(house.runtime.search(&query, k, collection.as_deref())?)).await?;
    Ok(json!({ "hits": hits, "seconds": begin.elapsed().as_secs_f64() }))
}

/// The documents there are.
///
/// # Errors
/// The index cannot be read.
pub fn documents(house: &House) -> Result<Value, Problem> {
    let index = house.runtime.index()?;
    let mut documents = Vec::new();
    for collection in index.collections()? {
        for document in index.documents(&collection.name)? {
            documents.push(json!({
                "collection": collection.name, "document": document.name, "title": document.title,
                "chunks": document.chunks,
            }));
        }
    }
    Ok(json!({ "documents": documents }))
}

/// A passage, whole.
///
/// # Errors
/// There is none of that number.
pub fn passage(house: &House, number: &str) -> Result<Value, Problem> {
    let wrong = || Problem::invalid("passage", "a passage goes by its number, as citations name it in `chunk`");
    let chunk = house.runtime.index()?.chunk(number.parse().map_err(|_| wrong())?)?;
    Ok(json!({ "section": chunk.section, "text": chunk.text }))
}

/// What is known about a person that bears on a question, for staff.
///
/// # Errors
/// Somebody else asks; a source cannot be used.
pub async fn records(house: &Arc<House>, asked: &Asked, subject: &str) -> Result<Value, Problem> {
    asked.staff()?;
    let mut question = house.runtime.question(asked.parameter("question").unwrap_or("What do you know about me?"));
    question.subject = house.subject(&asked.caller, Some(subject))?;
    let shown = whole(house, &house.short, move |house, _| Ok(house.runtime.preview(&question)?)).await?;
    Ok(json!({ "facts": shown.facts, "notes": shown.notes, "refused": shown.refused }))
}
