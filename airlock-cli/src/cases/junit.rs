//! Results of cases as JUnit XML, which build servers read.

use super::Judged;
use crate::render::Failure;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write as _};
use std::path::Path;

/// How every report begins. A file that begins otherwise is none of ours.
const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites ";

/// Writes a report: whole or not at all, and over nothing but an older report. `--junit airlock.toml` must not cost the manifest.
///
/// # Errors
/// Something else stands there, or a file operation failed.
pub(crate) fn write(path: &Path, report: &str) -> Result<(), Failure> {
    let shown = path.display();
    let failed = |e: std::io::Error| Failure::new(format_args!("cannot write {shown}: {e}"));
    match is_report(path) {
        Ok(true) => {}
        Ok(false) => {
            return Err(Failure::new(format_args!("{shown} exists and is no report of `airlock test`"))
                .help("remove it or choose another name with `--junit`"));
        }
        Err(e) if e.kind() == ErrorKind::NotFound => {}
        Err(e) => return Err(failed(e)),
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let new = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let written = OpenOptions::new().write(true).create_new(true).open(&new).and_then(|mut file| {
        file.write_all(report.as_bytes())?;
        fs::rename(&new, path)
    });
    written.map_err(|e| {
        // Without this half of a report would stay; the failure itself is what is told.
        let _ = fs::remove_file(&new);
        failed(e)
    })
}

/// Is the file one that this program wrote? A link or a device never is: the new report would take its place.
fn is_report(path: &Path) -> std::io::Result<bool> {
    if !fs::symlink_metadata(path)?.is_file() {
        return Ok(false);
    }
    let mut head = Vec::new();
    File::open(path)?.take(HEAD.len() as u64).read_to_end(&mut head)?;
    Ok(head == HEAD.as_bytes())
}

/// The report of one suite.
pub(crate) fn report(suite: &str, file: &str, outcomes: &[Judged<'_>]) -> String {
    let failures = outcomes.iter().filter(|outcome| outcome.fault.is_some()).count();
    let counts = format!("tests=\"{}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\"", outcomes.len());
    let mut text = format!("{HEAD}{counts}>\n");
    let _ = writeln!(text, "  <testsuite name=\"{}\" {counts}>", escape(suite));
    for Judged { placed, fault, ruling: _ } in outcomes {
        let (name, line) = (&placed.case.name, placed.line);
        let head = format!(
            "    <testcase classname=\"{}\" name=\"{}\" file=\"{}\" line=\"{line}\"",
            escape(suite),
            escape(name),
            escape(file)
        );
        let _ = match fault {
            None => writeln!(text, "{head}/>"),
            Some(fault) => {
                let first = fault.lines().next().unwrap_or_default();
                writeln!(
                    text,
                    "{head}>\n      <failure message=\"{}\">{}</failure>\n    </testcase>",
                    escape(first),
                    escape(fault)
                )
            }
        };
    }
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
}

/// XML 1.0 has no form at all for most control characters.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_replaces_reports_and_nothing_else() {
        let dir = tempfile::tempdir().expect("directory");
        let at = |name: &str| dir.path().join(name);
        write(&at("cases.xml"), &report("s", "f", &[])).expect("a new file");
        write(&at("cases.xml"), &report("again", "f", &[])).expect("an older report");
        assert!(fs::read_to_string(at("cases.xml")).expect("text").contains("\"again\""));
        fs::write(at("airlock.toml"), "airlock = 1\n").expect("written");
        std::os::unix::fs::symlink(at("cases.xml"), at("link")).expect("a link");
        fs::create_dir(at("dir")).expect("a directory");
        for other in ["airlock.toml", "link", "dir"] {
            assert!(write(&at(other), &report("s", "f", &[])).is_err(), "{other}");
        }
        assert_eq!(fs::read_to_string(at("airlock.toml")).expect("text"), "airlock = 1\n");
        assert!(write(&at("missing/cases.xml"), "").is_err());
        assert_eq!(fs::read_dir(dir.path()).expect("listing").count(), 4, "no half of a file stays");
    }
}
