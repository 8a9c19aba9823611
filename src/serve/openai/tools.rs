//! Functions that a model asks for. One that must ask is kept to their form; one that may is read as it spells calls.

use crate::serve::problem::Problem;
use serde::Deserialize;
use serde_json::{Value, json};
use wayside::infer::Form;

/// What models put around a call.
const MARKS: (&str, &str) = ("<tool_call>", "</tool_call>");

/// The tools of a request.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Tools {
    /// The functions.
    #[serde(default)]
    pub tools: Vec<Value>,
    /// Whether one must be asked for, and which.
    #[serde(default)]
    tool_choice: Value,
}

impl Tools {
    /// Those that a model is shown.
    pub fn shown(&self) -> Vec<Value> {
        if self.tool_choice == "none" { vec![] } else { self.tools.clone() }
    }

    /// The form of an answer that must be a call; none where it need not.
    ///
    /// # Errors
    /// A tool is no function, or the one that is chosen is none of them.
    pub fn form(&self) -> Result<Option<Form>, Problem> {
        let wrong = |message: &str| Problem::invalid("tools", message);
        let mut calls = Vec::new();
        for tool in &self.tools {
            let function = tool.get("function").unwrap_or(tool);
            let name = function["name"].as_str().ok_or_else(|| wrong("a tool is a function with a name"))?;
            let arguments = function.get("parameters").cloned().unwrap_or_else(|| json!({ "type": "object" }));
            let call = json!({
                "type": "object",
                "properties": { "name": { "const": name }, "arguments": arguments },
                "required": ["name", "arguments"],
                "additionalProperties": false,
            });
            calls.push((name, call));
        }
        let chosen = self.tool_choice["function"]["name"].as_str().or_else(|| self.tool_choice["name"].as_str());
        match (self.tool_choice.as_str(), chosen) {
            (_, Some(chosen)) => calls.retain(|(name, _)| *name == chosen),
            (Some("required"), None) => {}
            _ => return Ok(None),
        }
        match calls.len() {
            0 => Err(Problem::invalid("tool_choice", "that is none of the tools")),
            1 => Ok(calls.pop().map(|(_, call)| Form::Schema(call))),
            _ => {
                Ok(Some(Form::Schema(json!({ "anyOf": calls.into_iter().map(|(_, call)| call).collect::<Vec<_>>() }))))
            }
        }
    }

    /// The calls in what a model said, and what else it said.
    pub fn calls(&self, text: &str) -> (String, Vec<Value>) {
        let (mut rest, mut left, mut calls) = (text, String::new(), Vec::new());
        if self.tools.is_empty() {
            return (text.to_owned(), calls);
        }
        if let Some(call) = self.call(text) {
            return (left, vec![call]);
        }
        while let Some((before, behind)) = rest.split_once(MARKS.0) {
            let (inside, after) = behind.split_once(MARKS.1).unwrap_or((behind, ""));
            left.push_str(before);
            match self.call(inside) {
                Some(call) => calls.push(call),
                None => left.push_str(inside),
            }
            rest = after;
        }
        left.push_str(rest);
        (if calls.is_empty() { left } else { left.trim().to_owned() }, calls)
    }

    /// A call as clients read it, where `text` is one.
    fn call(&self, text: &str) -> Option<Value> {
        let call: Value = serde_json::from_str(text.trim()).ok()?;
        let name = call["name"].as_str()?;
        let known = |tool: &Value| tool.get("function").unwrap_or(tool)["name"] == name;
        let arguments = call.get("arguments").or_else(|| call.get("parameters")).filter(|a| a.is_object())?;
        self.tools.iter().any(known).then(|| {
            json!({
                "id": format!("call_{}", uuid::Uuid::now_v7().simple()),
                "type": "function",
                "function": { "name": name, "arguments": arguments.to_string() },
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools(choice: Value) -> Tools {
        let tool = |name: &str| json!({ "type": "function", "function": { "name": name, "parameters": {} } });
        Tools { tools: vec![tool("open"), tool("close")], tool_choice: choice }
    }

    #[test]
    fn calls_are_read_as_models_spell_them() {
        let tools = tools(Value::Null);
        let (text, calls) =
            tools.calls("I do.\n<tool_call>\n{\"name\": \"open\", \"arguments\": {\"a\": 1}}\n</tool_call>");
        assert_eq!((text.as_str(), &calls[0]["function"]["arguments"]), ("I do.", &json!("{\"a\":1}")));
        assert_eq!(tools.calls("{\"name\": \"close\", \"arguments\": {}}").1.len(), 1);
        let none = "{\"name\": \"shout\", \"arguments\": {}}";
        assert_eq!(tools.calls(none), (none.to_owned(), vec![]));
    }

    #[test]
    fn a_call_that_must_be_has_its_form() {
        assert_eq!(tools(json!("auto")).form().unwrap(), None);
        let named = tools(json!({ "type": "function", "function": { "name": "open" } })).form().unwrap();
        assert!(matches!(named, Some(Form::Schema(schema)) if schema["properties"]["name"]["const"] == "open"));
        let any = tools(json!("required")).form().unwrap();
        assert!(matches!(any, Some(Form::Schema(schema)) if schema["anyOf"].as_array().unwrap().len() == 2));
        assert!(tools(json!({ "function": { "name": "shout" } })).form().is_err());
    }
}
