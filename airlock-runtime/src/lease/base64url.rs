//! Strict base64url without padding, for what is no secret: blocks, and the hashes and ids in them.
//!
//! `base64ct` takes the same time for every value, which a key or a MAC needs and a block does not; a table is several times
//! faster. What is accepted is the same, and a test holds the two against each other.

/// No digit has a bit of these.
const NO_DIGIT: u32 = 0b1100_0000;

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The value of each digit; all bits for other bytes.
const VALUES: [u8; 256] = {
    let (mut values, mut value) = ([0xff; 256], 0u8);
    while value < 64 {
        values[DIGITS[value as usize] as usize] = value;
        value += 1;
    }
    values
};

const fn value(byte: u8) -> u32 {
    VALUES[byte as usize] as u32
}

/// How many bytes a text of this length decodes to, if it decodes.
pub(crate) const fn decoded_len(text: &str) -> usize {
    text.len() / 4 * 3 + text.len() % 4 * 3 / 4
}

/// Decodes into `out`, which must have [`decoded_len`] bytes. False for another length, a byte that is no digit, a digit alone at
/// the end, or bits there that are not zero: one text for each value. It always reads the whole text.
pub(crate) fn decode(text: &str, out: &mut [u8]) -> bool {
    let (groups, rest) = text.as_bytes().as_chunks::<4>();
    let length_fits = out.len() == decoded_len(text);
    let (triples, last) = out.as_chunks_mut::<3>();
    let mut seen = 0;
    for (&[a, b, c, d], triple) in groups.iter().zip(triples) {
        let [a, b, c, d] = [value(a), value(b), value(c), value(d)];
        seen |= a | b | c | d;
        let [_, x, y, z] = (a << 18 | b << 12 | c << 6 | d).to_be_bytes();
        *triple = [x, y, z];
    }
    let value = |at: usize| rest.get(at).map_or(0, |byte| value(*byte));
    let (a, b, c) = (value(0), value(1), value(2));
    let ends_well = match rest.len() {
        0 => true,
        2 => b & 0b1111 == 0,
        3 => c & 0b11 == 0,
        _ => false,
    };
    let [_, x, y, _] = (a << 18 | b << 12 | c << 6).to_be_bytes();
    last.iter_mut().zip([x, y]).for_each(|(to, byte)| *to = byte);
    length_fits && ends_well && (seen | a | b | c) & NO_DIGIT == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64ct::{Base64UrlUnpadded, Encoding};
    use proptest::prelude::*;

    fn decoded(text: &str) -> Option<Vec<u8>> {
        let mut out = vec![0; decoded_len(text)];
        decode(text, &mut out).then_some(out)
    }

    #[test]
    fn only_one_text_for_a_value() {
        assert_eq!(decoded("").as_deref(), Some(&b""[..]));
        assert_eq!(decoded("_-8").as_deref(), Some(&b"\xff\xef"[..]));
        for text in ["A", "AB", "AAB", "AA=", "AA==", "AAAAA", "A+AA", "A/AA", "A AA", "AA\n", "é", "AAA\u{80}"] {
            assert_eq!(decoded(text), None, "{text:?}");
        }
        assert!(!decode("AAAA", &mut [0; 4]) && !decode("AAAA", &mut [0; 2]), "another length");
    }

    proptest! {
        #[test]
        fn it_accepts_what_the_library_accepts(text in "[A-Za-z0-9_-]{0,40}|[AQgw_=.+/é-]{0,9}") {
            prop_assert_eq!(decoded(&text), Base64UrlUnpadded::decode_vec(&text).ok());
        }

        #[test]
        fn what_is_encoded_decodes(bytes in prop::collection::vec(any::<u8>(), 0..70)) {
            prop_assert_eq!(decoded(&Base64UrlUnpadded::encode_string(&bytes)), Some(bytes));
        }
    }
}
