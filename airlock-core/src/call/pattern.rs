//! `matches`: walks a table that was made from a regular expression when the gateway was built. There is no expression engine here.

use super::{ArgFault, Args, every};

/// A deterministic automaton over the bytes of UTF-8. State 0 accepts nothing and leads nowhere else; state 1 is the beginning.
#[derive(Debug)]
pub struct Pattern {
    /// The expression, for messages.
    pub text: &'static str,
    /// Class of each byte.
    pub classes: &'static [u8; 256],
    /// How many classes there are.
    pub width: usize,
    /// The next state by `state * width + class`: two bytes each, the lower one first.
    pub next: &'static [u8],
    /// Which states accept: `1` for each that does, in their order.
    pub accept: &'static str,
}

impl Pattern {
    /// Does the whole text match? A state outside the table, which no generated table has, matches nothing.
    #[must_use]
    pub fn admits(&self, text: &str) -> bool {
        let mut state: u16 = 1;
        for byte in text.bytes() {
            let class = usize::from(self.classes[usize::from(byte)]);
            let at = 2 * (usize::from(state) * self.width + class);
            state = self.next.get(at..at + 2).and_then(|pair| pair.try_into().ok()).map_or(0, u16::from_le_bytes);
        }
        self.accept.as_bytes().get(usize::from(state)) == Some(&b'1')
    }
}

/// Checks that the whole argument matches the pattern.
///
/// # Errors
/// The argument is there and does not match, or is not a string.
pub(super) fn matches(args: &Args, arg: &'static str, pattern: &Pattern) -> Result<(), ArgFault> {
    every(args, arg, || format!("must match the pattern {} from end to end", pattern.text), |value| pattern.admits(value))
}
