//! Protobuf as it comes over the wire: counted before it is read.
//!
//! A record of two bytes becomes one of fifty in memory. Messages of this API hold others one level deep, so that counting
//! the fields of the outermost bounds what a message can become.

use bytes::Buf as _;
use prost::Message;
use tonic::Status;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder};
use tonic_prost::{ProstCodec, ProstDecoder, ProstEncoder};

/// Of one message: ten times what the longest list has.
const MOST_FIELDS: usize = 200_000;

#[derive(Debug, Clone)]
pub struct Bounded<T, U>(ProstCodec<T, U>);

impl<T, U> Default for Bounded<T, U> {
    fn default() -> Self {
        Self(ProstCodec::default())
    }
}

impl<T, U> Codec for Bounded<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = Counting<U>;

    fn encoder(&mut self) -> ProstEncoder<T> {
        self.0.encoder()
    }

    fn decoder(&mut self) -> Counting<U> {
        Counting(self.0.decoder())
    }
}

#[derive(Debug)]
pub struct Counting<U>(ProstDecoder<U>);

impl<U: Message + Default> Decoder for Counting<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        // The whole message lies in one piece; were it ever not, prost alone would judge it.
        if has_more_fields_than(MOST_FIELDS, buffer.chunk()) {
            return Err(Status::internal(format!("it has more than {MOST_FIELDS} fields")));
        }
        self.0.decode(buffer)
    }

    fn buffer_settings(&self) -> BufferSettings {
        self.0.buffer_settings()
    }
}

/// What is malformed is left to those who read it.
fn has_more_fields_than(most: usize, mut bytes: &[u8]) -> bool {
    let mut fields = 0;
    while !bytes.is_empty() {
        fields += 1;
        if fields > most {
            return true;
        }
        match skip_field(bytes) {
            Some(rest) => bytes = rest,
            None => return false,
        }
    }
    false
}

/// What stands behind the first field (Protocol Buffers, Encoding). Groups count as their parts.
fn skip_field(bytes: &[u8]) -> Option<&[u8]> {
    let (key, rest) = varint(bytes)?;
    match key & 7 {
        0 => varint(rest).map(|(_, rest)| rest),
        1 => rest.get(8..),
        2 => {
            let (length, rest) = varint(rest)?;
            rest.get(usize::try_from(length).ok()?..)
        }
        3 | 4 => Some(rest),
        5 => rest.get(4..),
        _ => None,
    }
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0u64;
    for (i, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[i + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pb;

    #[test]
    fn fields_of_every_kind_are_counted() {
        let sources = vec![pb::Source { file_name: "a".repeat(200), content: b"\x0a\x00".repeat(50) }; 3];
        let message =
            pb::ApplyDocumentsRequest { sources, project: "shop".into(), validate_only: true, ..Default::default() };
        let bytes = message.encode_to_vec();
        assert!(!has_more_fields_than(5, &bytes) && has_more_fields_than(4, &bytes));
        // varint, 64 bits, bytes, a group's two ends, 32 bits
        let each = b"\x08\xff\x01\x09xxxxxxxx\x12\x02xx\x1b\x1c\x25xxxx";
        assert!(!has_more_fields_than(6, each) && has_more_fields_than(5, each));
    }

    #[test]
    fn what_is_malformed_is_not_counted_further() {
        for bytes in [&b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"[..], b"\x0f", b"\x08", b"\x0d\x00", b"\xff\xff"]
        {
            assert!(!has_more_fields_than(1, bytes), "{bytes:?}");
        }
    }
}
