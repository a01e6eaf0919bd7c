//! Strict base64url without padding, for what is no secret: blocks, and the hashes and ids in them.
//!
//! `base64ct` takes the same time for every value, which a key or a MAC needs and a block does not; a table is several times
//! faster. What is accepted is the same, and a test holds the two against each other.

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// In place of the value of a byte that is no digit.
const NO_DIGIT: u32 = 1 << 31;

/// What each byte gives as the first, second, third and last digit of a group of 24 bits.
const VALUES: [[u32; 256]; 4] = {
    let (mut values, mut value) = ([[NO_DIGIT; 256]; 4], 0u8);
    while value < 64 {
        let (digit, bits) = (DIGITS[value as usize] as usize, value as u32);
        values[0][digit] = bits << 18;
        values[1][digit] = bits << 12;
        values[2][digit] = bits << 6;
        values[3][digit] = bits;
        value += 1;
    }
    values
};

/// Up to four digits as 24 bits, or [`NO_DIGIT`] and anything.
fn group(digits: &[u8]) -> u32 {
    VALUES.iter().zip(digits).fold(0, |bits, (values, digit)| bits | values[usize::from(*digit)])
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
    for (digits, triple) in groups.iter().zip(triples) {
        let bits = group(digits);
        seen |= bits;
        let [_, x, y, z] = bits.to_be_bytes();
        *triple = [x, y, z];
    }
    let bits = group(rest);
    let [_, x, y, z] = bits.to_be_bytes();
    last.iter_mut().zip([x, y]).for_each(|(to, byte)| *to = byte);
    let ends_well = match rest.len() {
        0 => true,
        2 => (y, z) == (0, 0),
        3 => z == 0,
        _ => false,
    };
    length_fits && ends_well && (seen | bits) & NO_DIGIT == 0
}

/// Encodes.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        let digits = [bits >> 18, bits >> 12, bits >> 6, bits].map(|value| char::from(DIGITS[value as usize & 63]));
        text.extend(&digits[..=chunk.len()]);
    }
    text
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
            let text = Base64UrlUnpadded::encode_string(&bytes);
            prop_assert_eq!(encode(&bytes), &*text);
            prop_assert_eq!(decoded(&text), Some(bytes));
        }
    }
}
