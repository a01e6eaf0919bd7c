//! The report: figures beside their bars, as Markdown.

use std::io::Write;

/// What a figure is held against.
#[derive(Debug, Clone, Copy)]
pub enum Bar {
    /// It should not be above this.
    Most(f64),
    /// It should not be below this.
    Least(f64),
    /// No bar: it explains another figure.
    None,
}

/// Prints a line to stdout. A closed pipe ends the report, not the measurement.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Starts a table.
pub fn begin(title: &str) {
    say(&format!("\n### {title}\n\n| what | figure | bar | figure / bar | |\n|---|---:|---:|---:|---|"));
}

/// Prints one figure.
pub fn row(what: &str, value: f64, unit: &str, bar: Bar) {
    let (limit, ratio, met) = match bar {
        Bar::Most(most) => (format!("≤ {}", number(most, unit)), format!("{:.2}", value / most), value <= most),
        Bar::Least(least) => (format!("≥ {}", number(least, unit)), format!("{:.2}", value / least), value >= least),
        Bar::None => (String::new(), String::new(), true),
    };
    let word = match (bar, met) {
        (Bar::None, _) => "",
        (_, true) => "met",
        (_, false) => "**missed**",
    };
    say(&format!("| {what} | {} | {limit} | {ratio} | {word} |", number(value, unit)));
}

fn number(value: f64, unit: &str) -> String {
    let digits = match value.abs() {
        v if v >= 1000.0 || v.fract() == 0.0 => 0,
        v if v >= 100.0 => 1,
        _ => 2,
    };
    format!("{value:.digits$} {unit}")
}
