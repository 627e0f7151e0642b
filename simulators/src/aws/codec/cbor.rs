//! CBOR (RFC 8949) as Smithy RPC v2 uses it: text keys, timestamps as tag 1 with seconds.

use minicbor::data::{IanaTag, Tag, Type};
use minicbor::{Decoder, Encoder};

use super::{DEPTH_MAX, DecodeError};
use crate::aws::value::Value;

impl From<minicbor::decode::Error> for DecodeError {
    fn from(error: minicbor::decode::Error) -> Self {
        Self(error.to_string())
    }
}

/// Writes a value; doubles always with 64 bits and timestamps as doubles, as AWS does.
pub(crate) fn encode(value: &Value) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    write(value, &mut encoder).expect("writing to memory works");
    encoder.into_writer()
}

type Written = Result<(), minicbor::encode::Error<std::convert::Infallible>>;

fn write(value: &Value, to: &mut Encoder<Vec<u8>>) -> Written {
    match value {
        Value::Null => to.null()?,
        Value::Bool(value) => to.bool(*value)?,
        Value::Int(value) => to.i64(*value)?,
        Value::Double(value) => to.f64(*value)?,
        Value::Text(text) => to.str(text)?,
        Value::Time(t) => to.tag(IanaTag::Timestamp)?.f64(*t as f64 / 1_000.0)?,
        Value::List(items) => {
            to.begin_array()?;
            for item in items {
                write(item, to)?;
            }
            to.end()?
        }
        Value::Map(members) => {
            to.begin_map()?;
            for (name, value) in members {
                to.str(name)?;
                write(value, to)?;
            }
            to.end()?
        }
    };
    Ok(())
}

/// Reads one value and nothing after it; an empty body is an empty map.
pub(crate) fn decode(bytes: &[u8]) -> Result<Value, DecodeError> {
    if bytes.is_empty() {
        return Ok(Value::Map(Vec::new()));
    }
    let mut decoder = Decoder::new(bytes);
    let value = read(&mut decoder, DEPTH_MAX)?;
    if decoder.position() != bytes.len() {
        return Err(DecodeError(format!("{} bytes after the end", bytes.len() - decoder.position())));
    }
    Ok(value)
}

fn read(from: &mut Decoder<'_>, depth: usize) -> Result<Value, DecodeError> {
    let depth = depth.checked_sub(1).ok_or_else(|| DecodeError("nested too deep".to_owned()))?;
    Ok(match from.datatype()? {
        Type::Null | Type::Undefined => {
            from.skip()?;
            Value::Null
        }
        Type::Bool => Value::Bool(from.bool()?),
        Type::F16 | Type::F32 | Type::F64 => Value::Double(from.f64()?),
        Type::String | Type::StringIndef => Value::Text(text(from)?),
        Type::Tag => tagged(from)?,
        Type::Array | Type::ArrayIndef => {
            let size = from.array()?;
            let mut items = Vec::new();
            while more(from, size, items.len())? {
                items.push(read(from, depth)?);
            }
            Value::List(items)
        }
        Type::Map | Type::MapIndef => {
            let size = from.map()?;
            let mut members = Vec::new();
            while more(from, size, members.len())? {
                members.push((text(from)?, read(from, depth)?));
            }
            Value::Map(members)
        }
        Type::U8 | Type::U16 | Type::U32 | Type::U64 | Type::I8 | Type::I16 | Type::I32 | Type::I64 => {
            Value::Int(from.i64()?)
        }
        other => return Err(DecodeError(format!("{other} is in no model"))),
    })
}

/// Whether a container goes on; eats the break at the end of one without a size.
fn more(from: &mut Decoder<'_>, size: Option<u64>, have: usize) -> Result<bool, DecodeError> {
    if let Some(size) = size {
        return Ok((have as u64) < size);
    }
    let end = from.datatype()? == Type::Break;
    if end {
        from.skip()?;
    }
    Ok(!end)
}

fn text(from: &mut Decoder<'_>) -> Result<String, DecodeError> {
    let parts: Result<Vec<&str>, _> = from.str_iter()?.collect();
    Ok(parts?.concat())
}

fn tagged(from: &mut Decoder<'_>) -> Result<Value, DecodeError> {
    if from.tag()? != Tag::from(IanaTag::Timestamp) {
        return Err(DecodeError("a tag other than 1".to_owned()));
    }
    let seconds = read(from, 1)?;
    seconds.time().map(Value::Time).ok_or_else(|| DecodeError("a time that is no number".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let value = Value::map([
            ("Text", "ü".into()),
            ("Int", Value::Int(-70_000)),
            ("Double", 0.1.into()),
            ("Time", Value::Time(1_795_232_178_498)),
            ("List", vec![true, false].into()),
            ("Map", Value::map([("Inner", Value::Int(1))])),
        ]);
        assert_eq!(decode(&encode(&value)).unwrap(), value);
    }

    #[test]
    fn doubles_and_times_have_64_bits() {
        let bytes = encode(&Value::List(vec![1.0.into(), Value::Time(1_000)]));
        assert_eq!(hex::encode(bytes), "9ffb3ff0000000000000c1fb3ff0000000000000ff");
    }

    #[test]
    fn bad_bytes_are_errors_and_never_more() {
        let deep = [vec![0x81; 100], vec![0xf6]].concat();
        for bytes in [&[0xbf][..], &[0x61], &[0xff], &[0xa1, 0x01, 0x02], &[0xf6, 0x00], &deep] {
            decode(bytes).unwrap_err();
        }
    }

    /// Bytes that a real client sent and another server answered, where the folder with them exists.
    #[test]
    fn recorded_bytes_of_real_clients_and_servers_are_read() {
        let file = "../../shared/wire/aws/rust-sdk-1.140-to-localstack-2026.3.0-cbor.json";
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let Ok(recorded) = std::fs::read_to_string(&path) else {
            eprintln!("skipped: {} is not here", path.display());
            return;
        };
        let recorded: Vec<serde_json::Value> = serde_json::from_str(&recorded).unwrap();
        let mut whole = 0;
        for call in &recorded {
            for (hex_name, plain_name) in [
                ("request_body_hex", "request_body_decoded"),
                ("response_body_hex", "response_body_decoded_first_items"),
            ] {
                let Some(Ok(bytes)) = call[hex_name].as_str().map(hex::decode) else { continue };
                assert_eq!(plain(&decode(&bytes).unwrap()), to_millis(&call[plain_name]), "{hex_name}");
                whole += 1;
            }
        }
        assert!(whole >= 4, "only {whole} bodies were whole");
    }

    /// A value as the recording writes it.
    fn plain(value: &Value) -> serde_json::Value {
        match value {
            Value::List(items) => items.iter().map(plain).collect(),
            Value::Map(members) => {
                let members = members.iter().map(|(name, value)| (name.clone(), plain(value)));
                members.collect::<serde_json::Map<_, _>>().into()
            }
            Value::Time(t) => serde_json::json!({"$cbor_tag1": *t as f64 / 1_000.0}),
            other => serde_json::from_slice(&super::super::json::encode(other)).unwrap(),
        }
    }

    /// The recording has times with microseconds; here they have milliseconds.
    fn to_millis(recorded: &serde_json::Value) -> serde_json::Value {
        match recorded {
            serde_json::Value::Array(items) => items.iter().map(to_millis).collect(),
            serde_json::Value::Object(members) => {
                let rounded =
                    |value: &serde_json::Value| (value.as_f64().unwrap() * 1_000.0).round() / 1_000.0;
                let members = members.iter().map(|(name, value)| match name.as_str() {
                    "$cbor_tag1" => (name.clone(), rounded(value).into()),
                    _ => (name.clone(), to_millis(value)),
                });
                members.collect::<serde_json::Map<_, _>>().into()
            }
            other => other.clone(),
        }
    }
}
