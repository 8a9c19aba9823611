//! What a template's values may become, and what its calls may cost.
//!
//! The engine charges fuel for instructions, items and bytes. Not for methods, which are a library's beside it: those
//! are charged here, before they are called. And not for depth: a list that is put into itself, or a namespace that
//! holds itself, would be written out by recursion without an end.

use minijinja::value::{Rest, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, filters};

/// The function that looks at values. No template can name it by chance.
pub(super) const LOOK: &str = "__wayside_look";
/// Lists within lists.
const DEEPEST: usize = 40;
/// Values within a value.
const MOST: usize = 200_000;
/// Bytes that one fuel pays for, as the engine counts.
const BYTES: usize = 64;
/// Digits of a width that `format` is told.
const WIDTH: usize = 3;

/// Puts the guards in place.
pub(super) fn install(environment: &mut Environment<'static>) {
    environment.add_function(LOOK, |state: &State, values: Rest<Value>| -> Result<bool, Error> {
        values.iter().try_for_each(|value| look(state, value))?;
        Ok(false)
    });
    environment.set_unknown_method_callback(|state, value, method, args| {
        charge_method(state, value, method, args)?;
        minijinja_contrib::pycompat::unknown_method_callback(state, value, method, args)
    });
    environment.set_formatter(|out, state, value| {
        if !matches!(value.kind(), ValueKind::String | ValueKind::Number | ValueKind::Bool) {
            look(state, value)?;
        }
        minijinja::escape_formatter(out, state, value)
    });
    environment.add_filter("format", |state: &State, text: &Value, args: Rest<Value>| -> Result<String, Error> {
        let text = written_out(state, text)?;
        charge_format(state, &text, &args)?;
        minijinja::formatting::format(minijinja::formatting::FormatStyle::Printf, &text, &args)
    });
    environment.add_filter("replace", |state: &State, text: &Value, args: Rest<Value>| -> Result<String, Error> {
        let text = written_out(state, text)?;
        charge_method(state, &Value::from(text.as_str()), "replace", &args)?;
        let part = |n: usize| args.get(n).map_or(Ok(String::new()), |part| written_out(state, part));
        let (old, new) = (part(0)?, part(1)?);
        Ok(match args.get(2).and_then(Value::as_usize) {
            Some(count) => text.replacen(&old, &new, count),
            None => text.replace(&old, &new),
        })
    });
    // What these make of a list is as long as all that is in it, however often the same is.
    for (name, filter) in [
        ("string", Value::from_function(filters::string)),
        ("pprint", Value::from_function(filters::pprint)),
        ("join", Value::from_function(filters::join)),
        ("indent", Value::from_function(filters::indent)),
        ("safe", Value::from_function(filters::safe)),
        ("escape", Value::from_function(filters::escape)),
        ("e", Value::from_function(filters::escape)),
        ("upper", Value::from_function(filters::upper)),
        ("lower", Value::from_function(filters::lower)),
        ("title", Value::from_function(filters::title)),
        ("capitalize", Value::from_function(filters::capitalize)),
        ("trim", Value::from_function(filters::trim)),
        ("split", Value::from_function(filters::split)),
        ("lines", Value::from_function(filters::lines)),
        ("list", Value::from_function(filters::list)),
        ("batch", Value::from_function(filters::batch)),
        ("slice", Value::from_function(filters::slice)),
        ("sum", Value::from_function(filters::sum)),
    ] {
        environment.add_filter(name, move |state: &mut State, args: Rest<Value>| -> Result<Value, Error> {
            charge_filter(state, name, &args)?;
            filter.call(state, &args)
        });
    }
}

/// Charges for what a filter is about to make.
fn charge_filter(state: &State, name: &str, args: &[Value]) -> Result<(), Error> {
    args.iter().try_for_each(|arg| look(state, arg))?;
    let number = |arg: &Value| arg.as_usize().unwrap_or(1);
    let made = match name {
        // Between all items, before all lines, in all gaps: once for each byte of what is given, at most.
        "join" => args.first().map_or(0, written_length).saturating_mul(args.get(1).map_or(0, written_length)),
        "indent" => args.first().map_or(0, written_length).saturating_mul(args.get(1).map_or(4, number)),
        "batch" | "slice" => args.iter().skip(1).map(number).fold(0, usize::saturating_add).saturating_mul(32),
        _ => written(args),
    };
    charge(state, made / if name == "join" { 8 } else { 1 })
}

/// A value as text, once it was looked at.
fn written_out(state: &State, value: &Value) -> Result<String, Error> {
    look(state, value)?;
    Ok(value.to_string())
}

fn written_length(value: &Value) -> usize {
    written(std::slice::from_ref(value))
}

/// Refuses a value that is nested too deep or holds too much.
pub(super) fn look(state: &State, value: &Value) -> Result<(), Error> {
    let mut left = MOST;
    let bytes = weigh(value, 0, &mut left)?;
    // As much as the conversation and half a megabyte: the fuel was measured by that.
    let most = state.fuel_levels().map_or(u64::MAX, |(used, left)| used.saturating_add(left));
    if bytes as u64 > most {
        return Err(refused("a value is too long"));
    }
    charge(state, (MOST - left).saturating_mul(16).saturating_add(bytes / 8))
}

/// The bytes of all texts in a value.
fn weigh(value: &Value, depth: usize, left: &mut usize) -> Result<usize, Error> {
    if depth > DEEPEST {
        return Err(refused("a value is nested too deep"));
    }
    *left = left.checked_sub(1).ok_or_else(|| refused("a value holds too much"))?;
    match value.kind() {
        ValueKind::String | ValueKind::Bytes => Ok(value.len().unwrap_or_default()),
        ValueKind::Seq | ValueKind::Iterable => {
            value.try_iter()?.try_fold(0usize, |sum, item| Ok(sum.saturating_add(weigh(&item, depth + 1, left)?)))
        }
        ValueKind::Map => value.try_iter()?.try_fold(0usize, |sum, key| {
            let item = value.get_item(&key)?;
            Ok(sum.saturating_add(weigh(&key, depth + 1, left)?).saturating_add(weigh(&item, depth + 1, left)?))
        }),
        _ => Ok(1),
    }
}

/// Charges for what a method is about to make.
fn charge_method(state: &State, value: &Value, method: &str, args: &[Value]) -> Result<(), Error> {
    args.iter().filter(|arg| !matches!(arg.kind(), ValueKind::String)).try_for_each(|arg| look(state, arg))?;
    let text = value.as_str().unwrap_or_default();
    let length = |value: Option<&Value>| value.and_then(|v| v.as_str()).map_or(0, str::len);
    let made = match method {
        "replace" => {
            let old = args.first().and_then(|old| old.as_str()).unwrap_or_default();
            let places = if old.is_empty() { text.len() + 1 } else { text.len() / old.len() };
            let count = args.get(2).and_then(|n| n.as_usize()).unwrap_or(places);
            places.min(count).saturating_mul(length(args.get(1))).saturating_add(text.len())
        }
        "join" => {
            let items = args.first().and_then(Value::len).unwrap_or_default();
            items.saturating_mul(text.len()).saturating_add(written(args))
        }
        "format" => return charge_format(state, text, args),
        _ => text.len(),
    };
    charge(state, made)
}

/// Charges for a text that is put together by `format`, whose widths are bounded.
fn charge_format(state: &State, text: &str, args: &[Value]) -> Result<(), Error> {
    let digits = text.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or_default();
    // A width may be an argument: `*`, or braces within braces.
    let nested = text.split('{').skip(1).any(|part| part.contains(':') && !part.contains('}'));
    if digits > WIDTH || nested || text.contains('*') {
        return Err(refused("a width in a format is too large"));
    }
    let places = text.matches(['{', '%']).count();
    args.iter().try_for_each(|arg| look(state, arg))?;
    charge(state, places.saturating_mul(1_000 + written(args)).saturating_add(text.len()))
}

/// About how many bytes values take when they are written out. Each was looked at.
fn written(values: &[Value]) -> usize {
    let bytes = values.iter().map(|value| {
        let mut left = MOST;
        let bytes = weigh(value, 0, &mut left).unwrap_or(usize::MAX);
        bytes.saturating_mul(2).saturating_add((MOST - left) * 8)
    });
    bytes.fold(0, usize::saturating_add)
}

fn charge(state: &State, bytes: usize) -> Result<(), Error> {
    state.consume_fuel((bytes / BYTES) as u64 + 1)
}

fn refused(why: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, why)
}
