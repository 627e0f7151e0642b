//! Counts what a message holds before anything is made of it: an empty label takes two bytes on the wire and sixty-four in
//! memory, so that a body within its limit could still ask for gigabytes.

use bytes::Buf;
use prost::DecodeError;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

/// Messages within messages that are looked into: the request, its series.
const DEPTH: u32 = 2;

/// Counts the sub-messages of a write request: series, metadata, and each series' labels, samples and the rest.
pub(super) fn elements(message: &[u8]) -> Result<usize, DecodeError> {
    count(message, DEPTH)
}

fn count(mut rest: &[u8], depth: u32) -> Result<usize, DecodeError> {
    let mut elements = 0;
    while rest.has_remaining() {
        let (tag, wire_type) = decode_key(&mut rest)?;
        if wire_type != WireType::LengthDelimited {
            skip_field(wire_type, tag, &mut rest, DecodeContext::default())?;
            continue;
        }
        let length = usize::try_from(decode_varint(&mut rest)?).unwrap_or(usize::MAX);
        let Some((inner, after)) = rest.split_at_checked(length) else {
            // The message ends too early; decoding it says so in its own words.
            return Ok(elements + 1);
        };
        elements += 1 + if depth > 1 && tag == 1 { count(inner, depth - 1)? } else { 0 };
        rest = after;
    }
    Ok(elements)
}
