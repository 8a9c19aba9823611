//! `/v1/models`.

use super::asked::{GROUNDED, names};
use crate::serve::house::House;
use crate::serve::problem::Problem;
use hyper::StatusCode;
use serde_json::{Value, json};

/// All models: the one that knows the documents, the language models alone, and the embedder.
///
/// # Errors
/// The folder cannot be read.
pub fn all(house: &House) -> Result<Value, Problem> {
    let config = house.runtime.config();
    let mut models = vec![row(GROUNDED, &[("grounded", true.into()), ("base", config.model.clone().into())])];
    let infos = house.runtime.model_infos()?;
    for name in names(house)? {
        let info = infos.iter().find(|(known, _)| *known == name).and_then(|(_, info)| info.as_ref().ok());
        let about = info.map(|info| ("context_length", Value::from(info.context)));
        models.push(row(&name, &about.into_iter().chain([("grounded", false.into())]).collect::<Vec<_>>()));
    }
    models.push(row(&house.runtime.embedder_name(), &[("embedder", true.into())]));
    Ok(json!({ "object": "list", "data": models }))
}

/// One model.
///
/// # Errors
/// There is none of that name.
pub fn one(house: &House, name: &str) -> Result<Value, Problem> {
    let found = all(house)?["data"].as_array().and_then(|rows| rows.iter().find(|row| row["id"] == name).cloned());
    found.ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_FOUND,
            "model_not_found",
            format!("there is no model `{name}`; /v1/models lists all"),
        )
    })
}

fn row(name: &str, about: &[(&str, Value)]) -> Value {
    let mut row = json!({ "id": name, "object": "model", "created": 0, "owned_by": "wayside" });
    about.iter().for_each(|(key, value)| row["wayside"][key] = value.clone());
    row
}
