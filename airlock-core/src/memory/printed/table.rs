//! Tables: CSV (RFC 4180, with names in the first record), tables of Markdown, and columns that stand one below another.

use super::{Names, Piece, is_plain, names_id, whole};
use std::borrow::Cow;

/// Columns, more than people read.
const COLUMNS_MAX: usize = 256;

/// The columns of a table: whether each is one of identifiers.
struct Columns(Vec<bool>);

impl Columns {
    /// From their names, which are values too.
    fn of<'t>(names: impl Iterator<Item = Cow<'t, str>>, pieces: &mut Vec<Piece<'t>>) -> Option<Self> {
        let (mut seen, mut are_ids) = (Names::default(), Vec::new());
        for name in names.take(COLUMNS_MAX + 1) {
            are_ids.push(names_id(&name));
            pieces.push(seen.take(name)?);
        }
        (2..=COLUMNS_MAX).contains(&are_ids.len()).then_some(Self(are_ids))
    }
}

/// CSV.
pub(super) fn csv(text: &str) -> Option<Vec<Piece<'_>>> {
    if !is_plain(text) {
        return None;
    }
    let mut pieces = Vec::new();
    let mut rest = text.trim_end_matches(['\r', '\n']);
    let (mut columns, mut records): (Option<Columns>, usize) = (None, 0);
    while !rest.is_empty() {
        let (fields, after) = record(rest)?;
        match &columns {
            None => columns = Some(Columns::of(fields.into_iter(), &mut pieces)?),
            Some(Columns(are_ids)) if are_ids.len() == fields.len() => {
                records += 1;
                for (field, is_id) in fields.into_iter().zip(are_ids).filter(|(field, _)| !field.is_empty()) {
                    let is_whole = !field.contains(['\n', '\r']);
                    pieces.push(Piece { text: field, is_id: *is_id, is_whole });
                }
            }
            Some(_) => return None,
        }
        rest = after;
    }
    (records > 0).then_some(pieces)
}

/// The fields of a record, and what stands behind it.
fn record(text: &str) -> Option<(Vec<Cow<'_, str>>, &str)> {
    let (mut fields, mut rest) = (Vec::new(), text);
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => enclosed(quoted)?,
            None => {
                let end = rest.find([',', '\n', '"']).unwrap_or(rest.len());
                let field = &rest[..end];
                // A mark within a field that has none around it.
                (Cow::from(field.strip_suffix('\r').unwrap_or(field)), &rest[end..])
            }
        };
        if field.contains('\r') && !rest.starts_with('"') || fields.len() > COLUMNS_MAX {
            return None;
        }
        fields.push(field);
        let after = after.strip_prefix('\r').filter(|after| after.starts_with('\n')).unwrap_or(after);
        match after.as_bytes() {
            [] => return Some((fields, after)),
            [b'\n', ..] => return Some((fields, &after[1..])),
            [b',', ..] => rest = &after[1..],
            _ => return None,
        }
    }
}

/// A field in quotation marks, behind the first one, and what stands behind the last.
fn enclosed(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let (mut field, mut rest) = (String::new(), text);
    loop {
        let (before, after) = rest.split_once('"')?;
        field.push_str(before);
        match after.strip_prefix('"') {
            Some(after) => {
                field.push('"');
                rest = after;
            }
            None => return Some((field.into(), after)),
        }
    }
}

/// A table of Markdown, or of aligned columns.
pub(super) fn read(text: &str) -> Option<Vec<Piece<'_>>> {
    if !is_plain(text) || text.contains('\t') {
        return None;
    }
    let text = text.trim_matches(['\n', '\r']);
    if text.trim_start_matches(' ').starts_with('|') { markdown(text) } else { aligned(text) }
}

fn markdown(text: &str) -> Option<Vec<Piece<'_>>> {
    let mut pieces = Vec::new();
    let mut lines = text.lines();
    let Columns(are_ids) = Columns::of(cells(lines.next()?)?.into_iter(), &mut pieces)?;
    let rule = cells(lines.next()?)?;
    let is_rule = |cell: &Cow<'_, str>| {
        let dashes = cell.strip_prefix(':').unwrap_or(cell);
        let dashes = dashes.strip_suffix(':').unwrap_or(dashes);
        !dashes.is_empty() && dashes.bytes().all(|byte| byte == b'-')
    };
    if rule.len() != are_ids.len() || !rule.iter().all(is_rule) {
        return None;
    }
    let mut rows = 0;
    for line in lines {
        let cells = cells(line).filter(|cells| cells.len() == are_ids.len())?;
        rows += 1;
        for (cell, is_id) in cells.into_iter().zip(&are_ids).filter(|(cell, _)| !cell.is_empty()) {
            let is_whole = !cell.contains("<br");
            pieces.push(Piece { text: cell, is_id: *is_id, is_whole });
        }
    }
    (rows > 0).then_some(pieces)
}

/// The cells of a row, between bars at both ends.
fn cells(line: &str) -> Option<Vec<Cow<'_, str>>> {
    let inner = line.trim_matches(' ').strip_prefix('|')?;
    let (mut cells, mut start, mut is_escaped) = (Vec::new(), 0, false);
    for (at, byte) in inner.bytes().enumerate() {
        if byte == b'|' && !is_escaped {
            let cell = inner[start..at].trim_matches(' ');
            cells.push(if cell.contains("\\|") { cell.replace("\\|", "|").into() } else { cell.into() });
            start = at + 1;
        }
        is_escaped = byte == b'\\' && !is_escaped;
    }
    // Nothing stands behind the last bar.
    (start == inner.len() && cells.len() <= COLUMNS_MAX).then_some(cells)
}

/// Columns that begin where their names do: two spaces stand before each, in every row that reaches it.
fn aligned(text: &str) -> Option<Vec<Piece<'_>>> {
    // Who counts bytes, letters or widths puts columns elsewhere.
    if !text.is_ascii() {
        return None;
    }
    let mut pieces = Vec::new();
    let mut lines = text.lines();
    let header = lines.next()?.trim_end_matches(' ');
    let starts = starts(header)?;
    let columns = |line: &'_ str| -> Option<Vec<(usize, usize)>> {
        let ends = starts.iter().skip(1).copied().chain([usize::MAX]);
        let of = |(start, end): (&usize, usize)| -> Option<(usize, usize)> {
            let end = end.min(line.len());
            let is_apart = end == line.len() || line.get(..end)?.ends_with("  ");
            is_apart.then_some(((*start).min(end), end))
        };
        starts.iter().zip(ends).map(of).collect()
    };
    let names = columns(header)?.into_iter().map(|(start, end)| Cow::from(header[start..end].trim_matches(' ')));
    let Columns(are_ids) = Columns::of(names, &mut pieces)?;
    let mut rows = 0;
    for line in lines {
        let line = line.trim_end_matches(' ');
        if line.is_empty() || line.starts_with(' ') {
            return None;
        }
        rows += 1;
        for ((start, end), is_id) in columns(line)?.into_iter().zip(&are_ids) {
            let cell = line[start..end].trim_matches(' ');
            if !cell.is_empty() {
                // A column that is not aligned to the left begins before its name.
                let is_left = line[start..end].trim_end_matches(' ') == cell;
                pieces.push(is_left.then(|| whole(cell.into(), *is_id))?);
            }
        }
    }
    (rows > 0).then_some(pieces)
}

/// Where the names of columns begin: the first at the edge, the others behind two spaces or more.
fn starts(header: &str) -> Option<Vec<usize>> {
    let bytes = header.as_bytes();
    let begins = |at: &usize| bytes[*at] != b' ' && (*at == 0 || *at > 1 && bytes[*at - 1] == b' ' && bytes[*at - 2] == b' ');
    let starts: Vec<usize> = (0..bytes.len()).filter(begins).take(COLUMNS_MAX + 1).collect();
    (starts.first() == Some(&0) && (2..=COLUMNS_MAX).contains(&starts.len())).then_some(starts)
}
