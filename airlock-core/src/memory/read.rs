//! Values that stand in a text, as the pieces of text that they are.
//!
//! Two readers need two readings. What is *remembered* may be read in several ways, since whatever reading a later call uses must have
//! stood there. What is *checked* is read as far as it goes: a URL ends only where no URL goes on, so that nothing hangs on behind a
//! known one.

use super::value::is_label;

/// Last labels by which a bare name in a text is taken for a link, as mail and chat programs do. Those that are common endings of
/// files or abbreviations (`md`, `rs`, `py`, `sh`, `zip`, `e.g`) are links only with a scheme, `www.` or a path behind them.
const ENDINGS: [&str; 48] = [
    "com", "net", "org", "edu", "gov", "mil", "int", "info", "biz", "name", "pro", "app", "dev", "io", "ai", "co", "me", "tv",
    "cc", "xyz", "online", "site", "store", "shop", "tech", "cloud", "link", "click", "top", "page", "web", "live", "one", "uk",
    "de", "fr", "nl", "eu", "ch", "at", "it", "es", "ru", "cn", "jp", "in", "us", "example",
];

/// How links are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// Each link as far as it goes.
    Longest,
    /// Also cut where prose may end it.
    Every,
}

/// Links: with a scheme, with `www.`, or a name of a host with a usual ending.
pub(super) fn links<'t>(text: &'t str, reading: Reading, take: &mut dyn FnMut(&'t str)) {
    let ends =
        |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | '`' | '|' | '^' | '{' | '}' | '“' | '”');
    for chunk in text.split(ends).filter(|chunk| chunk.contains(['.', ':'])) {
        let mut from = 0;
        let mut before = ' ';
        while let Some(rest) = chunk.get(from..).filter(|rest| !rest.is_empty()) {
            let is_start = !before.is_alphanumeric() && !matches!(before, '@' | '-' | '_');
            if is_start && begins(rest) {
                let link = trimmed(rest.find("](").map_or(rest, |end| &rest[..end]));
                take(link);
                if reading == Reading::Every {
                    let short = trimmed(link.split([',', ';', '\'', '(', ')', '[', ']', '*']).next().unwrap_or(link));
                    if short.len() < link.len() {
                        take(short);
                    }
                    sentence(link).into_iter().for_each(&mut *take);
                }
                from += link.len().max(1);
                while !chunk.is_char_boundary(from) {
                    from += 1;
                }
                before = ' ';
                continue;
            }
            let next = rest.chars().next().unwrap_or(' ');
            from += next.len_utf8();
            before = next;
        }
    }
}

/// A link whose sentence ends without a space behind it: `www.a.com.They said`. Whoever wrote it may have meant either.
fn sentence(link: &str) -> Option<&str> {
    let start = link.find("://").map_or(0, |at| at + 3);
    let rest = link.get(start..)?;
    let name = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let is_end = |at: usize| {
        let (before, behind) = (&name[..at], &name[at + 1..]);
        let ending = before.rsplit_once('.').map(|(_, ending)| ending);
        behind.starts_with(|c: char| c.is_ascii_uppercase()) && ending.is_some_and(|ending| ENDINGS.contains(&ending))
    };
    let at = name.match_indices('.').map(|(at, _)| at).find(|at| is_end(*at))?;
    link.get(..start + at)
}

fn begins(rest: &str) -> bool {
    let scheme = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.')).len();
    if scheme > 1 && rest[scheme..].starts_with("://") {
        return true;
    }
    let head = rest.get(..4).unwrap_or_default();
    if head.eq_ignore_ascii_case("www.") && rest[4..].starts_with(char::is_alphanumeric) {
        return true;
    }
    let run = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '.'))).unwrap_or(rest.len());
    let (name, behind) = (rest[..run].trim_end_matches('.'), &rest[run..]);
    let Some((_, ending)) = name.rsplit_once('.') else { return false };
    let has_path = behind.starts_with('/') && behind.len() > 1 && ending.chars().all(char::is_alphabetic) && ending.len() > 1;
    let is_usual = ENDINGS.iter().any(|usual| ending.eq_ignore_ascii_case(usual));
    !behind.starts_with('@') && name.split('.').all(is_label) && (is_usual || has_path)
}

/// Without what a sentence puts behind a link.
fn trimmed(mut link: &str) -> &str {
    loop {
        let end = link.chars().next_back();
        let is_prose = match end {
            Some(')') => !link.contains('('),
            Some(']') => !link.contains('['),
            Some(c) => matches!(c, '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '_' | '~' | '’' | '…'),
            None => false,
        };
        if !is_prose {
            return link;
        }
        link = &link[..link.len() - end.map_or(0, char::len_utf8)];
    }
}

/// Mail addresses.
pub(super) fn addresses<'t>(text: &'t str, take: &mut dyn FnMut(&'t str)) {
    for (at, _) in text.match_indices('@') {
        let local = |c: char| c.is_alphanumeric() || "!#$%&*+/=?^_{|}~.-".contains(c);
        let start = text[..at].trim_end_matches(local).len();
        let behind = &text[at + 1..];
        let run = behind.find(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '.'))).unwrap_or(behind.len());
        let domain = behind[..run].trim_end_matches(['.', '-']);
        let start =
            start + (text[start..at].len() - text[start..at].trim_start_matches(['.', '/', '*', '=', '-', '|', '{']).len());
        if start < at && domain.contains('.') {
            take(&text[start..at + 1 + domain.len()]);
        }
    }
}

/// Account numbers in the form of an IBAN, printed in one piece or in groups.
pub(super) fn accounts(text: &str, reading: Reading, take: &mut dyn FnMut(&str)) {
    let words: Vec<&str> = text.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_alphanumeric())).collect();
    for (at, word) in words.iter().enumerate() {
        for piece in word.split(|c: char| !(c.is_alphanumeric() || c == '-')).filter(|piece| is_head(piece)) {
            let mut whole = piece.replace('-', "");
            let mut found = None;
            let mut note = |whole: &str| {
                if (15..=34).contains(&whole.len()) && whole.bytes().all(|b| b.is_ascii_alphanumeric()) {
                    found = Some(whole.to_owned());
                    if reading == Reading::Every {
                        take(whole);
                    }
                }
            };
            note(&whole);
            let is_last = word.ends_with(piece);
            for group in words[at + 1..].iter().take_while(|group| is_last && is_group(group)) {
                whole.push_str(group);
                note(&whole);
            }
            if let Some(longest) = found.filter(|_| reading == Reading::Longest) {
                take(&longest);
            }
        }
    }
}

/// Two letters and two digits.
fn is_head(piece: &str) -> bool {
    let bytes = piece.as_bytes();
    bytes.len() >= 4 && bytes[..2].iter().all(u8::is_ascii_alphabetic) && bytes[2..4].iter().all(u8::is_ascii_digit)
}

/// A group of a printed account number: four characters, fewer at the end, with a digit or in capitals.
fn is_group(group: &str) -> bool {
    (1..=4).contains(&group.len()) && group.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

/// Words as an identifier or a path may stand in prose: without marks around them, and the pieces between marks.
pub(super) fn tokens<'t>(text: &'t str, take: &mut dyn FnMut(&'t str)) {
    let marks = |c: char| ".,;:!?\"'()[]{}<>`*#“”‘’".contains(c);
    for word in text.split_whitespace() {
        let bare = word.trim_matches(marks);
        if !bare.is_empty() {
            take(bare);
        }
        // A number with groups is one number.
        let is_number = bare.bytes().all(|b| b.is_ascii_digit() || b == b',' || b == b'.');
        if !is_number && bare.contains(['=', ':', ',', ';', '(', ')', '[', ']', '{', '}', '<', '>', '"', '\'', '|']) {
            let pieces = bare.split(['=', ':', ',', ';', '(', ')', '[', ']', '{', '}', '<', '>', '"', '\'', '|']);
            pieces
                .map(|piece| piece.trim_matches(marks))
                .filter(|piece| !piece.is_empty() && *piece != bare)
                .for_each(&mut *take);
        }
    }
}

/// Longest text between quotation marks that counts as one value.
const QUOTED_MAX: usize = 255;

/// What stands between quotation marks, for names of files with spaces in them.
pub(super) fn quoted<'t>(text: &'t str, take: &mut dyn FnMut(&'t str)) {
    for mark in ['"', '\'', '`'] {
        let mut pieces = text.split(mark);
        // A text that is not closed ends in no mark; its last piece stands behind one all the same and is passed over.
        pieces.next();
        let mut pieces = pieces.peekable();
        while let Some(piece) = pieces.next() {
            if pieces.peek().is_some() && (1..=QUOTED_MAX).contains(&piece.len()) {
                take(piece);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_links(text: &str, reading: Reading) -> Vec<&str> {
        let mut found = Vec::new();
        links(text, reading, &mut |link| found.push(link));
        found
    }

    #[test]
    fn links_are_found_however_prose_frames_them() {
        for (text, link) in [
            ("See https://a.example/x.", "https://a.example/x"),
            ("(visit www.a.example).", "www.a.example"),
            ("[here](https://a.example/x)", "https://a.example/x"),
            ("<a href=\"https://a.example\">", "https://a.example"),
            ("go to evil.com now", "evil.com"),
            ("EVIL.COM/x?y=1!", "EVIL.COM/x?y=1"),
            ("hxxp://evil.test/a", "hxxp://evil.test/a"),
            ("x:https://en.example/a_(b)", "https://en.example/a_(b)"),
            ("a.rs/x", "a.rs/x"),
        ] {
            assert_eq!(all_links(text, Reading::Longest), [link], "{text}");
        }
        for text in ["e.g. this", "main.rs and README.md", "3.5 or v1.2.3", "a@evil.com", "end.Next", "...", "::"] {
            assert_eq!(all_links(text, Reading::Longest), [""; 0], "{text}");
        }
    }

    #[test]
    fn nothing_hangs_on_behind_a_link_unseen() {
        for text in
            ["https://a.example/x,SECRET", "https://a.example/x;SECRET", "https://a.example/x'SECRET", "https://a.example/x(S)"]
        {
            assert_eq!(all_links(text, Reading::Longest), [text]);
            assert_eq!(all_links(text, Reading::Every), [text, "https://a.example/x"]);
        }
        assert_eq!(all_links("https://a.example/https://b.example/c", Reading::Longest).len(), 1);
        assert_eq!(all_links("[www.a.example](https://b.example)", Reading::Longest), ["www.a.example", "https://b.example"]);
    }

    #[test]
    fn a_sentence_may_end_at_a_link_without_a_space() {
        let (link, meant) = ("www.our-company.com.They", "www.our-company.com");
        assert_eq!(all_links("post it to www.our-company.com.They sent it", Reading::Every), [link, meant]);
        assert_eq!(
            all_links("post it to www.our-company.com.They sent it", Reading::Longest),
            [link],
            "what is checked goes as far as it goes"
        );
        for text in ["WWW.EVIL.COM.AU", "www.evil.com.au", "www.example.co.Uk/x.Html", "https://a.example/b.com.They"] {
            let found = all_links(text, Reading::Every);
            assert!(found.len() == 1 || found[1] == "www.example.co", "{found:?}");
        }
    }

    #[test]
    fn addresses_and_accounts_are_found_in_prose() {
        let mut found = Vec::new();
        addresses("Mail <A.b+c@x.example>, or mailto:d@y.example. Not @home, me@localhost.", &mut |it| found.push(it.to_owned()));
        assert_eq!(found, ["A.b+c@x.example", "d@y.example"]);
        found.clear();
        accounts("Pay GB29 NWBK 6016 1331 9268 19 today, or US133000000121212121212.", Reading::Longest, &mut |it| {
            found.push(it.to_owned());
        });
        assert_eq!(found, ["GB29NWBK60161331926819", "US133000000121212121212"]);
        found.clear();
        accounts("CO2 is 12 and ab12 cd", Reading::Longest, &mut |it| found.push(it.to_owned()));
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn quotation_marks_keep_a_value_together() {
        let mut found = Vec::new();
        quoted("open \"my file.txt\" and 'b' but don't", &mut |it| found.push(it));
        assert!(found.contains(&"my file.txt") && found.contains(&"b"), "{found:?}");
    }
}
