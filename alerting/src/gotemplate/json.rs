//! `toJson`: as Go's package encoding/json writes values.

use std::fmt::Write as _;

use super::format::general;
use super::value::Value;

/// The value as JSON, `<`, `>` and `&` escaped.
pub(super) fn write(value: &Value) -> Result<String, String> {
    let mut json = String::new();
    push(value, &mut json)?;
    Ok(json)
}

fn push(value: &Value, to: &mut String) -> Result<(), String> {
    match value {
        Value::Nil => to.push_str("null"),
        Value::Bool(value) => to.push_str(if *value { "true" } else { "false" }),
        Value::Int(number) | Value::Duration(number) | Value::Named(number, _) => {
            to.push_str(&number.to_string());
        }
        Value::Float(number) => to.push_str(&float(*number)?),
        Value::Text(text) | Value::Safe(_, text) => push_text(text, to),
        Value::Time(time) => push_text(&time.json(), to),
        Value::List(_, items) => {
            to.push('[');
            for (index, item) in items.iter().enumerate() {
                to.push_str(if index > 0 { "," } else { "" });
                push(item, to)?;
            }
            to.push(']');
        }
        Value::Map(_, map) => push_object(map.iter().map(|(name, value)| (&**name, value)), to)?,
        Value::Record(record) => {
            push_object(record.fields.iter().map(|field| (field.json, &field.value)), to)?;
        }
    }
    Ok(())
}

fn push_object<'a>(pairs: impl Iterator<Item = (&'a str, &'a Value)>, to: &mut String) -> Result<(), String> {
    to.push('{');
    for (index, (name, value)) in pairs.enumerate() {
        to.push_str(if index > 0 { "," } else { "" });
        push_text(name, to);
        to.push(':');
        push(value, to)?;
    }
    to.push('}');
    Ok(())
}

/// With an exponent where the number is below a millionth or from 10^21 on.
fn float(number: f64) -> Result<String, String> {
    let magnitude = number.abs();
    if !number.is_finite() {
        return Err(format!("{} is no number in JSON", general(number, None)));
    }
    if magnitude == 0.0 || (1e-6..1e21).contains(&magnitude) {
        return Ok(number.to_string());
    }
    let text = format!("{number:e}");
    Ok(if magnitude < 1.0 { text } else { text.replace('e', "e+") })
}

fn push_text(text: &str, to: &mut String) {
    to.push('"');
    for c in text.chars() {
        match c {
            '"' => to.push_str("\\\""),
            '\\' => to.push_str("\\\\"),
            '\n' => to.push_str("\\n"),
            '\r' => to.push_str("\\r"),
            '\t' => to.push_str("\\t"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                // Writing to a string cannot fail.
                let _ = write!(to, "\\u{:04x}", u32::from(c));
            }
            c => to.push(c),
        }
    }
    to.push('"');
}
