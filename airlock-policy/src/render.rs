//! Diagnostics as text, in the manner of rustc.

use crate::code::Severity;
use crate::diagnostic::{Diagnostic, Span};
use crate::text::hidden;
use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Element, Level, Origin, Renderer, Snippet, normalize_untrusted_str};

/// Most bytes of a manifest shown for one diagnostic. Places further apart, and longer lines, are given as numbers only: drawing
/// them would cost more than reading them is worth.
const SHOWN_MAX: usize = 4096;

/// Renders diagnostics with their lines of the manifest. `color` adds terminal colours.
#[must_use]
pub fn render(diagnostics: &[Diagnostic], text: &str, file_name: &str, color: bool) -> String {
    let renderer = match color {
        true => Renderer::styled(),
        false => Renderer::plain(),
    };
    let renderer = renderer.decor_style(DecorStyle::Ascii);
    let file_name = normalize_untrusted_str(file_name);
    let rendered: Vec<String> = diagnostics.iter().map(|diagnostic| one(&renderer, diagnostic, text, &file_name)).collect();
    rendered.join("\n\n")
}

/// Renders a place in a foreign text with its line and carets: what is said of it, and a few words under the carets. Whatever could hide
/// or steer the terminal is replaced.
#[must_use]
pub fn excerpt(message: &str, label: &str, span: &Span, text: &str, file_name: &str, color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() }.decor_style(DecorStyle::Ascii);
    let file_name = normalize_untrusted_str(file_name);
    let shown = on_one_line(text, span);
    let (start, end) = (line_start(text, shown.start), line_end(text, shown.end));
    let (line, column) = crate::diagnostic::position(text, shown.start);
    let element: Element<'_> = if end - start > SHOWN_MAX {
        Origin::path(&*file_name).line(line).char_column(column).into()
    } else {
        let snippet = Snippet::source(visible(&text[start..end])).line_start(line).path(&*file_name);
        snippet.annotation(AnnotationKind::Primary.span(shown.start - start..shown.end - start).label(label)).into()
    };
    renderer.render(&[Level::NOTE.primary_title(message).elements([element])])
}

fn one(renderer: &Renderer, diagnostic: &Diagnostic, text: &str, file_name: &str) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(diagnostic.message.as_str()).id(diagnostic.code.text());
    let elements = source(diagnostic, text, file_name);
    let help = diagnostic.help.as_deref().map(|help| Level::HELP.message(help).into());
    renderer.render(&[title.elements(elements.into_iter().chain(help))])
}

/// The lines that matter, with carets; or only the place when they are too long to show.
fn source<'d>(diagnostic: &'d Diagnostic, text: &'d str, file_name: &'d str) -> Vec<Element<'d>> {
    let primary = on_one_line(text, &diagnostic.span);
    let context: Vec<(Span, &str)> =
        diagnostic.context.iter().map(|(span, label)| (on_one_line(text, span), label.as_str())).collect();
    let all = || context.iter().map(|(span, _)| span).chain([&primary]);
    let start = line_start(text, all().map(|span| span.start).min().unwrap_or(0));
    let end = line_end(text, all().map(|span| span.end).max().unwrap_or(0));
    if end - start > SHOWN_MAX {
        return places(diagnostic, text, file_name);
    }
    let line = text[..start].bytes().filter(|b| *b == b'\n').count() + 1;
    let within = |span: &Span| span.start - start..span.end - start;
    let snippet = Snippet::source(visible(&text[start..end])).line_start(line).path(file_name);
    let snippet = snippet.annotation(AnnotationKind::Primary.span(within(&primary)).label(diagnostic.label.as_str()));
    let context = context.into_iter().map(|(span, label)| AnnotationKind::Context.span(within(&span)).label(label));
    vec![snippet.annotations(context).into()]
}

fn places<'d>(diagnostic: &'d Diagnostic, text: &str, file_name: &'d str) -> Vec<Element<'d>> {
    let (line, column) = crate::diagnostic::position(text, diagnostic.span.start);
    let mut elements = vec![Origin::path(file_name).line(line).char_column(column).into()];
    for (span, label) in &diagnostic.context {
        let (line, column) = crate::diagnostic::position(text, span.start);
        elements.push(Level::NOTE.message(format!("{label}: line {line}, column {column}")).into());
    }
    elements
}

/// The text with everything that could hide, reorder or steer the terminal replaced. Byte positions stay as they are.
fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match (hidden(c) || ('\u{80}'..='\u{9f}').contains(&c), c.len_utf8()) {
            (true, 2) => shown.push('¿'),
            (true, 3) => shown.push('\u{fffd}'),
            (true, _) => shown.push_str("\u{fffd}?"),
            (false, _) => shown.push(c),
        }
    }
    shown
}

/// The part of a place that lies on its first line, moved to character boundaries inside the text.
fn on_one_line(text: &str, span: &Span) -> Span {
    let start = text.floor_char_boundary(span.start);
    let end = text.ceil_char_boundary(span.end.max(start)).min(line_end(text, start));
    start..end.max(start)
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |newline| at + newline)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_is_shown() {
        let text = "a = 1 # \u{9b}31m \u{202e}x \u{e0041}\u{1b}[0m";
        let shown = visible(text);
        assert_eq!(shown.len(), text.len());
        assert!(!shown.chars().any(hidden) && !shown.contains('\u{9b}'));
        let page = crate::compile(text, "\u{1b}]0;title\u{7}.toml").render(false);
        assert!(!page.chars().any(|c| c != '\n' && (c.is_control() || hidden(c))), "{page:?}");
    }

    #[test]
    fn places_far_apart_are_given_as_numbers() {
        let text = format!("airlock = 1\n#{}\n[gateway]\nname = \"g\"\nname = \"h\"", "x".repeat(10_000));
        let diagnostic = Diagnostic::new(crate::Code::TtlOrder, &(0..7), "m", "l").also(&(text.len() - 3..text.len()), "there");
        let page = render(&[diagnostic], &text, "f.toml", false);
        assert!(page.contains("f.toml:1:1") && page.contains("there: line 5, column 8"), "{page}");
    }
}
