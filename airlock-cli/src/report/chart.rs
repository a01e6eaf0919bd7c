//! Charts as inline SVG. Colours are those of the page's style, so that they follow dark, light and print.

use super::gather::{Bar, Course};
use airlock_runtime::clock::Micros;
use std::fmt::Write as _;

/// Size of the drawing area, in units of the picture.
const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 180.0;
/// Widest column.
const STEP_MAX: f64 = 48.0;
/// Room below for labels, and above for the largest value.
const FOOT: f64 = 22.0;
const TOP: f64 = 16.0;

/// A row of columns, each an allowed part below and a denied part above; `labels` are written below, at these columns.
pub(crate) fn columns(title: &str, values: &[(u64, u64)], labels: &[(usize, String)]) -> String {
    let most = values.iter().map(|(below, above)| below + above).max().unwrap_or(0).max(1);
    let scale = |value: u64| ratio(value, most) * (HEIGHT - TOP);
    // A few columns are not made as wide as the page.
    let step = (WIDTH / to_f64(values.len().max(1))).min(STEP_MAX);
    let mut out = format!(
        "<svg viewBox=\"0 0 {WIDTH} {:.0}\" role=\"img\" aria-label=\"{title}\"><title>{title}</title>\
         <text class=\"tick\" x=\"0\" y=\"11\">{most}</text><line class=\"axis\" x1=\"0\" x2=\"{WIDTH}\" y1=\"{HEIGHT}\" y2=\"{HEIGHT}\"/>",
        HEIGHT + FOOT
    );
    for (n, (below, above)) in values.iter().enumerate() {
        let x = to_f64(n) * step;
        let gap = (step * 0.15).min(3.0);
        let mut bottom = HEIGHT;
        for (class, value) in [("allow", below), ("deny", above)] {
            if *value > 0 {
                // A single call beside a thousand must not vanish.
                let height = scale(*value).max(1.0);
                bottom -= height;
                let _ = write!(
                    out,
                    "<rect class=\"{class}\" x=\"{:.2}\" y=\"{bottom:.2}\" width=\"{:.2}\" height=\"{height:.2}\"/>",
                    x + gap / 2.0,
                    step - gap
                );
            }
        }
    }
    for (n, label) in labels {
        let x = to_f64(*n) * step;
        let anchor = if x > WIDTH * 0.85 { "end" } else { "start" };
        let _ =
            write!(out, "<text class=\"tick\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{label}</text>", HEIGHT + 15.0);
    }
    out + "</svg>"
}

/// Decisions over time.
pub(crate) fn course(course: &Course) -> String {
    let (begin, bars) = course.bars();
    let values: Vec<_> = bars.iter().map(|Bar { allowed, denied }| (*allowed, *denied)).collect();
    let time = |n: usize| Micros((begin + n as u64 * course.width()).saturating_mul(1_000_000)).rfc3339()[..16].replace('T', " ");
    let every = (bars.len() / 6).max(1);
    let labels: Vec<_> = (0..bars.len()).step_by(every).map(|n| (n, time(n))).collect();
    columns(&format!("Decisions per {}", span(course.width())), &values, &labels)
}

/// A bar in a table's cell, in hundredths of the largest.
pub(crate) fn meter(value: u64, most: u64, class: &str) -> String {
    format!("<span class=\"meter {class}\" style=\"width:{:.1}%\"></span>", ratio(value, most.max(1)) * 100.0)
}

/// `5 minutes`, `1 day`.
pub(crate) fn span(seconds: u64) -> String {
    let units = [(86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")];
    let (unit, name) =
        units.into_iter().find(|(unit, _)| seconds >= *unit && seconds.is_multiple_of(*unit)).unwrap_or((1, "second"));
    let n = seconds / unit;
    format!("{n} {name}{}", if n == 1 { "" } else { "s" })
}

/// Good enough for a picture: counts beyond 2^52 lose their last digits.
#[allow(clippy::cast_precision_loss, reason = "a picture has a thousand points")]
fn ratio(value: u64, most: u64) -> f64 {
    value as f64 / most as f64
}

#[allow(clippy::cast_precision_loss, reason = "a picture has a thousand points")]
fn to_f64(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_is_as_high_as_its_largest_column_and_shows_the_smallest() {
        let svg = columns("t", &[(1, 0), (0, 0), (600, 400)], &[(0, "a".into())]);
        assert!(svg.contains("height=\"1.00\"") && svg.contains("height=\"98.40\"") && svg.contains("height=\"65.60\""), "{svg}");
        assert_eq!(svg.matches("<rect").count(), 3);
        assert_eq!(columns("t", &[], &[]).matches("<rect").count(), 0);
    }

    #[test]
    fn spans_are_said_in_their_largest_unit() {
        assert_eq!([60, 300, 3600, 86_400, 7 * 86_400].map(span), ["1 minute", "5 minutes", "1 hour", "1 day", "7 days"]);
    }
}
