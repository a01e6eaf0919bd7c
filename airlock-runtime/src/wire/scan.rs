//! One strict pass over a line before anything else looks at it.
//!
//! What is checked here must be what every later reader sees, so a text is refused as soon as two JSON readers could
//! understand it differently: repeated keys (compared after decoding, so `"a"` repeats `"\u0061"`), lone surrogates, numbers
//! beyond `f64`, nesting beyond [`JSON_DEPTH_MAX`], more than [`JSON_VALUES_MAX`] values, and the keys by which `serde_json` marks
//! values of its own. The pass is iterative and builds no value; its memory is one small record per
//! key of the objects that are open.

use crate::limits::{JSON_DEPTH_MAX, JSON_VALUES_MAX};

/// Objects with up to this many keys are compared pair by pair, which is quicker than sorting them.
const PAIRWISE_MAX: usize = 8;
/// Integers of up to this many digits fit an `f64`; longer ones are converted to see.
const DIGITS_MAX: usize = 300;
/// How keys begin that mean something to `serde_json` itself: an object with the single key `$serde_json::private::RawValue` is read
/// as the JSON inside its string, which no scan has seen.
const PRIVATE_KEYS: &[u8] = b"$serde_json::private::";

/// Text that passed [`scan`]: valid UTF-8, one strict JSON value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scanned<'a> {
    text: &'a str,
    values: usize,
}

impl<'a> Scanned<'a> {
    /// The whole text, with any JSON whitespace around it.
    #[must_use]
    pub const fn text(self) -> &'a str {
        self.text
    }

    /// How many values it holds: scalars, arrays and objects at any depth.
    #[must_use]
    pub const fn values(self) -> usize {
        self.values
    }
}

/// Why a line was refused, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub flaw: Flaw,
    /// Byte offset in the line; for a repeated key, of its second appearance.
    pub at: usize,
}

/// The kinds of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// Bytes that are not UTF-8.
    Utf8,
    /// Not the grammar of RFC 8259 (this includes `NaN`, a byte order mark and anything after the value).
    Grammar,
    /// More than [`JSON_DEPTH_MAX`] arrays and objects inside each other.
    Depth,
    /// A key that stands twice in one object.
    RepeatedKey,
    /// A `\uD800`-`\uDFFF` escape without its other half.
    Surrogate,
    /// A number that an `f64` cannot hold.
    NumberRange,
    /// More than [`JSON_VALUES_MAX`] values.
    Values,
    /// A key that begins with `$serde_json::private::`.
    PrivateKey,
}

impl Flaw {
    /// Whether the text is JSON all the same, so that the answer is "invalid request" and not "parse error".
    #[must_use]
    pub const fn is_json(self) -> bool {
        match self {
            Self::Utf8 | Self::Grammar => false,
            Self::Depth | Self::RepeatedKey | Self::Surrogate | Self::NumberRange | Self::Values | Self::PrivateKey => true,
        }
    }

    /// One sentence for the client's developer; it never repeats the input.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Utf8 => "The line is not UTF-8.",
            Self::Grammar => "The line is not one JSON value.",
            Self::Depth => "Arrays and objects are nested more than 64 deep.",
            Self::RepeatedKey => "An object holds the same key twice.",
            Self::Surrogate => "A string holds half of a surrogate pair.",
            Self::NumberRange => "A number is too large for a double.",
            Self::Values => "There are more than 65536 values.",
            Self::PrivateKey => "A key begins with $serde_json::private::, which is reserved.",
        }
    }
}

/// Checks one line, which must hold exactly one JSON value.
///
/// # Errors
/// The first [`Fault`] in reading order; a repeated key is noticed when its object closes.
pub fn scan(line: &[u8]) -> Result<Scanned<'_>, Fault> {
    scan_within(line, JSON_DEPTH_MAX, JSON_VALUES_MAX)
}

/// As [`scan`], of a text that may have another depth and number of values.
pub(crate) fn scan_within(line: &[u8], depth_max: usize, values_max: usize) -> Result<Scanned<'_>, Fault> {
    let text = std::str::from_utf8(line).map_err(|fault| Fault { flaw: Flaw::Utf8, at: fault.valid_up_to() })?;
    let (open, keys, decoded) = (Vec::with_capacity(8), Vec::with_capacity(16), String::new());
    let scanner = Scanner { text, depth_max, values_max, at: 0, values: 0, open, keys, decoded };
    Ok(Scanned { text, values: scanner.run()? })
}

struct Scanner<'a> {
    text: &'a str,
    depth_max: usize,
    values_max: usize,
    at: usize,
    values: usize,
    open: Vec<Open>,
    /// Keys of all open objects, innermost last.
    keys: Vec<Key>,
    /// Keys that were written with escapes, decoded, one after the other.
    decoded: String,
}

/// An array or object whose end was not yet seen.
#[derive(Clone, Copy)]
enum Open {
    Array,
    Object { keys_from: usize, decoded_from: usize },
}

/// A key of an open object: a range of the line, or of `decoded`.
struct Key {
    from: usize,
    to: usize,
    was_escaped: bool,
    at: usize,
}

impl Scanner<'_> {
    /// How many values there are.
    fn run(mut self) -> Result<usize, Fault> {
        loop {
            if self.begin_value()? {
                continue;
            }
            if self.end_values()? {
                return Ok(self.values);
            }
        }
    }

    /// Reads a scalar or opens a container; true when a container was opened whose first value comes next.
    fn begin_value(&mut self) -> Result<bool, Fault> {
        self.space();
        if self.values == self.values_max {
            return Err(self.fault(Flaw::Values));
        }
        self.values += 1;
        match self.peek() {
            Some(b'{') => self.open_object(),
            Some(b'[') => self.open_array(),
            Some(b'"') => self.string().map(|_| false),
            Some(b'-' | b'0'..=b'9') => self.number().map(|()| false),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            Some(_) | None => Err(self.fault(Flaw::Grammar)),
        }
    }

    /// Closes what ends here; true at the end of the text, false when another value follows.
    fn end_values(&mut self) -> Result<bool, Fault> {
        loop {
            self.space();
            let Some(open) = self.open.last().copied() else {
                return if self.at == self.text.len() { Ok(true) } else { Err(self.fault(Flaw::Grammar)) };
            };
            match (open, self.peek()) {
                (Open::Array, Some(b',')) => {
                    self.at += 1;
                    return Ok(false);
                }
                (Open::Object { .. }, Some(b',')) => {
                    self.at += 1;
                    self.space();
                    self.key()?;
                    return Ok(false);
                }
                (Open::Array, Some(b']')) => {
                    self.at += 1;
                    self.open.pop();
                }
                (Open::Object { keys_from, decoded_from }, Some(b'}')) => {
                    self.at += 1;
                    self.open.pop();
                    self.close_object(keys_from, decoded_from)?;
                }
                (Open::Array | Open::Object { .. }, Some(_) | None) => return Err(self.fault(Flaw::Grammar)),
            }
        }
    }

    fn open_array(&mut self) -> Result<bool, Fault> {
        self.deepen(Open::Array)?;
        self.space();
        if self.peek() != Some(b']') {
            return Ok(true);
        }
        self.at += 1;
        self.open.pop();
        Ok(false)
    }

    fn open_object(&mut self) -> Result<bool, Fault> {
        self.deepen(Open::Object { keys_from: self.keys.len(), decoded_from: self.decoded.len() })?;
        self.space();
        if self.peek() != Some(b'}') {
            self.key()?;
            return Ok(true);
        }
        self.at += 1;
        self.open.pop();
        Ok(false)
    }

    fn deepen(&mut self, open: Open) -> Result<(), Fault> {
        if self.open.len() == self.depth_max {
            return Err(self.fault(Flaw::Depth));
        }
        self.open.push(open);
        self.at += 1;
        Ok(())
    }

    fn key(&mut self) -> Result<(), Fault> {
        let at = self.at;
        if self.peek() != Some(b'"') {
            return Err(self.fault(Flaw::Grammar));
        }
        let was_escaped = self.string()?;
        let (mut from, mut to) = (at + 1, self.at - 1);
        if was_escaped {
            // The escapes were checked above, so this cannot fail; were it to, refusing is the right end.
            let text: String = serde_json::from_str(&self.text[at..self.at]).map_err(|_| self.fault(Flaw::Grammar))?;
            from = self.decoded.len();
            self.decoded.push_str(&text);
            to = self.decoded.len();
        }
        let key = if was_escaped { &self.decoded.as_bytes()[from..to] } else { &self.text.as_bytes()[from..to] };
        if key.starts_with(PRIVATE_KEYS) {
            return Err(Fault { flaw: Flaw::PrivateKey, at });
        }
        self.keys.push(Key { from, to, was_escaped, at });
        self.space();
        if self.peek() != Some(b':') {
            return Err(self.fault(Flaw::Grammar));
        }
        self.at += 1;
        Ok(())
    }

    fn close_object(&mut self, keys_from: usize, decoded_from: usize) -> Result<(), Fault> {
        let Self { text, keys, decoded, .. } = self;
        let (line, decoded): (&[u8], &[u8]) = (text.as_bytes(), decoded.as_bytes());
        let read = |key: &Key| if key.was_escaped { &decoded[key.from..key.to] } else { &line[key.from..key.to] };
        if let Some(at) = repeated(&mut keys[keys_from..], read) {
            return Err(Fault { flaw: Flaw::RepeatedKey, at });
        }
        self.keys.truncate(keys_from);
        self.decoded.truncate(decoded_from);
        Ok(())
    }

    /// Reads a string from its opening quote; true when it holds escapes.
    fn string(&mut self) -> Result<bool, Fault> {
        let mut was_escaped = false;
        self.at += 1;
        loop {
            self.at += plain_run(&self.text.as_bytes()[self.at..]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(was_escaped);
                }
                Some(b'\\') => {
                    was_escaped = true;
                    self.escape()?;
                }
                // A control character, or the end of the text.
                Some(_) | None => return Err(self.fault(Flaw::Grammar)),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Fault> {
        match self.text.as_bytes().get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 2;
                Ok(())
            }
            Some(b'u') => self.unicode_escape(),
            Some(_) | None => Err(self.fault(Flaw::Grammar)),
        }
    }

    fn unicode_escape(&mut self) -> Result<(), Fault> {
        let first = self.hex4()?;
        match first {
            0xD800..=0xDBFF => {
                let lone = Fault { flaw: Flaw::Surrogate, at: self.at };
                self.at += 6;
                if !self.text.as_bytes()[self.at..].starts_with(b"\\u") {
                    return Err(lone);
                }
                if !matches!(self.hex4()?, 0xDC00..=0xDFFF) {
                    return Err(lone);
                }
            }
            0xDC00..=0xDFFF => return Err(self.fault(Flaw::Surrogate)),
            _ => {}
        }
        self.at += 6;
        Ok(())
    }

    /// The four digits of the `\uXXXX` that starts here; does not advance.
    fn hex4(&self) -> Result<u16, Fault> {
        let digits = self.text.as_bytes().get(self.at + 2..self.at + 6).ok_or(self.fault(Flaw::Grammar))?;
        digits.iter().try_fold(0u16, |code, digit| {
            let value = char::from(*digit).to_digit(16).and_then(|value| u16::try_from(value).ok());
            value.map(|value| code << 4 | value).ok_or(self.fault(Flaw::Grammar))
        })
    }

    fn number(&mut self) -> Result<(), Fault> {
        let from = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let leading_zero = self.peek() == Some(b'0');
        let digits = self.digits()?;
        if leading_zero && digits > 1 {
            return Err(self.fault(Flaw::Grammar));
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        let has_exponent = matches!(self.peek(), Some(b'e' | b'E'));
        if has_exponent {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        if !has_exponent && digits <= DIGITS_MAX {
            return Ok(());
        }
        // By the reader that will read it: it refuses what is beyond. The standard library's would be here for this alone.
        let is_finite = serde_json::from_str::<f64>(&self.text[from..self.at]).is_ok();
        if is_finite { Ok(()) } else { Err(Fault { flaw: Flaw::NumberRange, at: from }) }
    }

    /// One digit or more; how many.
    fn digits(&mut self) -> Result<usize, Fault> {
        let count = self.text.as_bytes()[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count == 0 { Err(self.fault(Flaw::Grammar)) } else { Ok(count) }
    }

    fn word(&mut self, word: &str) -> Result<bool, Fault> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(self.fault(Flaw::Grammar));
        }
        self.at += word.len();
        Ok(false)
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn fault(&self, flaw: Flaw) -> Fault {
        Fault { flaw, at: self.at }
    }
}

/// How many bytes from here on are neither a quote, a backslash nor a control character.
fn plain_run(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1F)).unwrap_or(bytes.len())
}

/// Where the second of two equal keys stands. Sorting keeps the work near-linear without a hash that input could aim at.
fn repeated<'k>(keys: &mut [Key], read: impl Fn(&Key) -> &'k [u8]) -> Option<usize> {
    if keys.len() <= PAIRWISE_MAX {
        let second = |(index, key): (usize, &Key)| keys[..index].iter().any(|before| read(before) == read(key)).then_some(key.at);
        return keys.iter().enumerate().find_map(second);
    }
    keys.sort_unstable_by(|a, b| read(a).cmp(read(b)).then(a.at.cmp(&b.at)));
    keys.windows(2).find(|pair| read(&pair[0]) == read(&pair[1])).map(|pair| pair[1].at)
}

#[cfg(test)]
mod tests;
