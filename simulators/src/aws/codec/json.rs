//! JSON as AWS JSON 1.0 and 1.1 use it: timestamps are seconds, what is no number is a string.

use serde_json::{Map, Number};

use super::{DEPTH_MAX, DecodeError};
use crate::aws::value::Value;

/// Writes a value.
pub(crate) fn encode(value: &Value) -> Vec<u8> {
    serde_json::to_vec(&to_json(value)).expect("a tree of plain values always serialises")
}

fn to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Int(value) => (*value).into(),
        Value::Double(value) => double(*value),
        Value::Text(text) => text.as_str().into(),
        Value::Time(t) => double(*t as f64 / 1_000.0),
        Value::List(items) => items.iter().map(to_json).collect(),
        Value::Map(members) => {
            let members = members.iter().map(|(name, value)| (name.clone(), to_json(value)));
            members.collect::<Map<_, _>>().into()
        }
    }
}

fn double(value: f64) -> serde_json::Value {
    let word = if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    };
    Number::from_f64(value).map_or_else(|| word.into(), Into::into)
}

/// Reads a value; an empty body is an empty map.
pub(crate) fn decode(bytes: &[u8]) -> Result<Value, DecodeError> {
    if bytes.is_empty() {
        return Ok(Value::Map(Vec::new()));
    }
    let json = serde_json::from_slice(bytes).map_err(|error| DecodeError(error.to_string()))?;
    from_json(json, DEPTH_MAX)
}

fn from_json(json: serde_json::Value, depth: usize) -> Result<Value, DecodeError> {
    let depth = depth.checked_sub(1).ok_or_else(|| DecodeError("nested too deep".to_owned()))?;
    Ok(match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(value),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(value) => Value::Int(value),
            None => Value::Double(number.as_f64().unwrap_or(f64::NAN)),
        },
        serde_json::Value::String(text) => Value::Text(text),
        serde_json::Value::Array(items) => {
            Value::List(items.into_iter().map(|item| from_json(item, depth)).collect::<Result<_, _>>()?)
        }
        serde_json::Value::Object(members) => {
            let members = members.into_iter().map(|(name, value)| Ok((name, from_json(value, depth)?)));
            Value::Map(members.collect::<Result<_, DecodeError>>()?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_a_string_and_a_time_is_seconds() {
        let value =
            Value::List(vec![f64::NAN.into(), f64::NEG_INFINITY.into(), Value::Time(1_500), 2.0.into()]);
        assert_eq!(encode(&value), br#"["NaN","-Infinity",1.5,2.0]"#);
        assert_eq!(decode(b"1795232178.629405").unwrap().time(), Some(1_795_232_178_629));
    }
}
