//! `adapter_config.json`.
//!
//! PEFT's configuration has dozens of switches, and each release more. Most change the arithmetic, so a switch that is
//! set and not known here is refused by its name: an adapter that loads and computes something else would be worse.

use super::patterns::Patterns;
use crate::error::{Error, Result};
use crate::lora::{Adapter, LoraConfig, Module, Target};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// What may be set without changing what the tensors mean: who made it, how it was trained, and choices of modules,
/// which the tensors themselves tell. What is read has its own place in [`settings`].
const HARMLESS: [&str; 20] = [
    "auto_mapping",
    "base_model_name_or_path",
    "corda_config",
    "ensure_weight_tying",
    "eva_config",
    "exclude_modules",
    "inference_mode",
    "layers_pattern",
    "layers_to_transform",
    "loftq_config",
    "lora_ga_config",
    "megatron_config",
    "megatron_core",
    "peft_version",
    "qalora_group_size",
    "revision",
    "runtime_config",
    "target_modules",
    "task_type",
    "velora_config",
];

/// Ways to begin that leave the base's weights alone. The others (PiSSA, OLoRA, CorDA, LoftQ, LoRA-GA) train against a
/// base from which the adapter's first value was taken away.
const PLAIN_BEGINNINGS: [&str; 3] = ["eva", "gaussian", "orthogonal"];

/// Reads a configuration, and what it says of single modules. Its targets are all there are: the tensors tell which of
/// them it changes.
///
/// Errors: `Unsupported` for anything but plain LoRA, `Corrupt` or `Invalid` for what makes no sense.
pub(super) fn parse(bytes: &[u8]) -> Result<(LoraConfig, Patterns)> {
    let config = object(bytes)?;
    let refused = |what: String| Error::unsupported(format!("{what} is not served here; train a plain LoRA adapter"));
    if config.contains_key("fine_tune_type") || config.contains_key("lora_parameters") {
        return Err(Error::unsupported(
            "this is an adapter in MLX's layout; export it in PEFT's, or train it with PEFT",
        ));
    }
    match config.get("peft_type").and_then(Value::as_str) {
        Some("LORA") => {}
        Some(other) => return Err(refused(format!("peft_type {other:?}"))),
        None => return Err(Error::corrupt("peft_type is missing; this is no configuration of PEFT's")),
    }
    for (name, value) in &config {
        let known = match name.as_str() {
            "peft_type" | "r" | "lora_alpha" | "lora_dropout" | "use_rslora" | "rank_pattern" | "alpha_pattern" => true,
            "bias" => *value == "none",
            "init_lora_weights" => value.as_str().is_none_or(|how| PLAIN_BEGINNINGS.contains(&how)),
            name => HARMLESS.contains(&name),
        };
        if !known && is_set(value) {
            return Err(refused(format!("{name} = {value}")));
        }
    }
    let number = |name: &str, default: Option<f64>| match config.get(name) {
        None | Some(Value::Null) => default.ok_or_else(|| Error::corrupt(format!("{name} is missing"))),
        Some(value) => value.as_f64().ok_or_else(|| Error::corrupt(format!("{name} = {value} is no number"))),
    };
    let rslora = match config.get("use_rslora") {
        None | Some(Value::Null) => false,
        Some(value) => value.as_bool().ok_or_else(|| Error::corrupt(format!("use_rslora = {value} is no switch")))?,
    };
    let rank = number("r", None)?;
    if rank.fract() != 0.0 || rank < 1.0 {
        return Err(Error::corrupt(format!("r = {rank} is no rank")));
    }
    let read = LoraConfig {
        rank: rank as usize,
        alpha: number("lora_alpha", None)? as f32,
        rslora,
        dropout: number("lora_dropout", Some(0.0))? as f32,
        targets: Target::ALL.to_vec(),
    };
    read.check()?;
    Ok((read, Patterns::read(&config)?))
}

/// The model that a configuration says it is for.
pub(super) fn base(bytes: &[u8]) -> Result<Option<String>> {
    let config = object(bytes)?;
    let named = config.get("base_model_name_or_path").and_then(Value::as_str);
    Ok(named.filter(|name| !name.is_empty()).map(str::to_owned))
}

fn object(bytes: &[u8]) -> Result<Map<String, Value>> {
    let damaged = |e| Error::corrupt(format!("it is damaged: {e}; save the adapter again"));
    serde_json::from_slice(bytes).map_err(damaged)
}

/// Whether a switch does anything: none of null, false, 0 and empty.
fn is_set(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(on) => *on,
        Value::Number(n) => n.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
}

/// The configuration as PEFT reads it.
pub(super) fn bytes(adapter: &Adapter, base: &str) -> Result<Vec<u8>> {
    let config = &adapter.config;
    let fields = json!({
        "alpha_pattern": {},
        "base_model_name_or_path": base,
        "bias": "none",
        "fan_in_fan_out": false,
        "inference_mode": true,
        "init_lora_weights": true,
        "lora_alpha": shortest(config.alpha),
        "lora_bias": false,
        "lora_dropout": shortest(config.dropout),
        "modules_to_save": null,
        "peft_type": "LORA",
        "r": config.rank,
        "rank_pattern": {},
        "target_modules": target_modules(adapter),
        "task_type": "CAUSAL_LM",
        "use_dora": false,
        "use_rslora": config.rslora,
    });
    let mut bytes = Vec::new();
    let format = serde_json::ser::PrettyFormatter::with_indent(b"  ");
    fields
        .serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, format))
        .map_err(|e| Error::invalid("the adapter's configuration cannot be written").because(e))?;
    Ok(bytes)
}

/// A float32 as people write it: `16`, and `0.1` rather than the float64 next to it.
fn shortest(x: f32) -> Value {
    let text = x.to_string();
    text.parse::<i64>().map(Value::from).or_else(|_| text.parse::<f64>().map(Value::from)).unwrap_or(Value::Null)
}

/// The targets, or every module by name where some layers have fewer than others: PEFT makes a module of fresh numbers
/// wherever a name fits.
fn target_modules(adapter: &Adapter) -> Vec<String> {
    let layers = adapter.pairs.keys().map(|m| m.layer + 1).max().unwrap_or(0);
    let targets: BTreeSet<Target> = adapter.pairs.keys().map(|m| m.target).collect();
    if adapter.pairs.len() == layers * targets.len() {
        targets.into_iter().map(|t| t.peft().to_owned()).collect()
    } else {
        adapter.pairs.keys().map(Module::to_string).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::adapter::tests::example;
    use super::*;
    use crate::error::ErrorKind;
    use proptest::prelude::*;

    /// What reading says after `change` was made.
    fn changed(change: &Value) -> Result<LoraConfig> {
        let mut config: Map<String, Value> = serde_json::from_slice(&bytes(&example(), "base").unwrap()).unwrap();
        config.extend(change.as_object().unwrap().clone());
        parse(Value::from(config).to_string().as_bytes()).map(|(config, _)| config)
    }

    #[test]
    fn switches_that_change_the_arithmetic_are_refused_by_name() {
        for change in [
            json!({"peft_type": "IA3"}),
            json!({"use_dora": true}),
            json!({"bias": "all"}),
            json!({"modules_to_save": ["lm_head"]}),
            json!({"lora_bias": true}),
            json!({"fan_in_fan_out": true}),
            json!({"trainable_token_indices": [1]}),
            json!({"target_parameters": ["experts"]}),
            json!({"layer_replication": [[0, 2]]}),
            json!({"init_lora_weights": "pissa_niter_4"}),
            json!({"use_what_comes_next": true}),
        ] {
            let error = changed(&change).unwrap_err();
            let name = change.as_object().unwrap().keys().next().unwrap();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
            assert!(error.to_string().contains(name.as_str()), "{error}");
        }
    }

    #[test]
    fn nonsense_in_the_configuration_is_refused() {
        for change in [
            json!({"peft_type": null}),
            json!({"r": 2.5}),
            json!({"r": -1}),
            json!({"r": "2"}),
            json!({"r": 1e300}),
            json!({"lora_alpha": null}),
            json!({"lora_alpha": 1e300}),
            json!({"lora_dropout": 1}),
            json!({"use_rslora": "yes"}),
        ] {
            let kind = changed(&change).unwrap_err().kind();
            assert!(matches!(kind, ErrorKind::Corrupt | ErrorKind::Invalid), "{change}");
        }
    }

    #[test]
    fn who_made_it_and_how_takes_no_part() {
        for change in [
            json!({"target_modules": "all-linear"}),
            json!({"target_modules": ".*proj", "layers_to_transform": [0, 1], "layers_pattern": "layers"}),
            json!({"target_modules": ["lm_head"], "exclude_modules": ["q_proj"]}),
            json!({"init_lora_weights": "gaussian", "use_dora": false, "modules_to_save": []}),
            json!({"peft_version": "9.9", "task_type": "CAUSAL_LM", "inference_mode": false}),
        ] {
            assert_eq!(changed(&change).unwrap(), changed(&json!({})).unwrap(), "{change}");
        }
        assert!(changed(&json!({"use_rslora": true})).unwrap().rslora);
    }

    #[test]
    fn modules_are_listed_where_layers_differ() {
        let mut adapter = example();
        assert_eq!(target_modules(&adapter), ["q_proj", "down_proj"]);
        adapter.pairs.pop_first();
        assert_eq!(target_modules(&adapter)[0], "model.layers.0.mlp.down_proj");
    }

    proptest! {
        #[test]
        fn numbers_are_kept_to_the_last_digit(
            alpha in 1e-6f32..1e6, dropout in 0f32..1.0, rank in 1usize..100, rslora: bool,
        ) {
            let mut adapter = example();
            adapter.config = LoraConfig { rank, alpha, rslora, dropout, ..LoraConfig::default() };
            prop_assert_eq!(parse(&bytes(&adapter, "base").unwrap()).unwrap().0, adapter.config);
        }

        #[test]
        fn anything_else_is_an_error(text: String, bytes: Vec<u8>) {
            prop_assert!(parse(text.as_bytes()).is_err());
            prop_assert!(parse(&bytes).is_err());
        }
    }
}
