//! What was asked, rated and corrected.

use crate::serve::house::House;
use crate::serve::problem::Problem;
use crate::serve::route::Asked;
use crate::serve::work::whole;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use wayside::store::log::{Filter, Rating};

/// The most interactions in a list.
const MOST: usize = 200;

/// The newest interactions, for staff.
///
/// # Errors
/// Somebody else asks; the log cannot be read.
pub async fn list(house: &Arc<House>, asked: Asked) -> Result<Value, Problem> {
    asked.staff()?;
    let limit = number(&asked, "limit", 50, MOST)?;
    let subject = asked.parameter("subject").map(str::to_owned);
    let listed = whole(house, &house.short, move |house, _| {
        let filter = Filter { limit: Some(limit), subject, ..Filter::default() };
        Ok(house.runtime.log()?.list(&filter)?)
    })
    .await?;
    Ok(json!({ "interactions": listed.interactions, "damaged": listed.damaged }))
}

/// One interaction, for staff.
///
/// # Errors
/// Somebody else asks; there is none of that id.
pub fn show(house: &House, asked: &Asked, id: &str) -> Result<Value, Problem> {
    asked.staff()?;
    Ok(json!(house.runtime.log()?.get(id)?))
}

/// Keeps what somebody thought of an answer.
///
/// # Errors
/// There is none of that id.
pub async fn rate(house: &Arc<House>, asked: &Asked, id: &str) -> Result<Value, Problem> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Rated {
        rating: Rating,
    }
    let Rated { rating } = asked.json()?;
    let own = id.to_owned();
    let back = whole(house, &house.short, move |house, _| Ok(house.runtime.rate(&own, rating)?)).await?;
    Ok(json!({ "interaction": id, "rating": rating, "rolled_back": back }))
}

/// Keeps what an answer should have been, for staff.
///
/// # Errors
/// Somebody else says it; there is none of that id.
pub async fn correct(house: &Arc<House>, asked: &Asked, id: &str) -> Result<Value, Problem> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Corrected {
        correction: String,
    }
    asked.staff()?;
    let Corrected { correction } = asked.json()?;
    if correction.trim().is_empty() {
        return Err(Problem::invalid("correction", "a correction says something"));
    }
    let own = id.to_owned();
    let text = correction.clone();
    let back = whole(house, &house.short, move |house, _| Ok(house.runtime.correct(&own, &text)?)).await?;
    Ok(json!({ "interaction": id, "correction": correction, "rolled_back": back }))
}

/// A number behind the question mark, from 1 to `most`.
///
/// # Errors
/// It is none.
pub fn number(asked: &Asked, name: &str, otherwise: usize, most: usize) -> Result<usize, Problem> {
    let Some(text) = asked.parameter(name) else { return Ok(otherwise) };
    let number = text.parse().ok().filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| Problem::invalid(name, format!("`{name}` is a number from 1 to {most}")))
}
