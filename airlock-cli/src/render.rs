//! The one writer to stdout and stderr, and the shape of a failure.

use crate::shown::steered;
use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

/// Exit code: the answer is no (a finding, a refusal).
pub(crate) const NO: u8 = 1;
/// Exit code: wrong usage, or a file, process or toolchain failed.
pub(crate) const FAILED: u8 = 2;

/// Exit code: two parts of this program that must agree do not, so neither can be relied on.
pub(crate) const CONTRADICTED: u8 = 3;

/// Why a command stopped: what is wrong, and what to do about it.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
    help: Option<String>,
}

impl Failure {
    /// Wrong usage, or something outside failed (exit 2).
    pub(crate) fn new(message: impl Display) -> Self {
        Self { code: FAILED, message: message.to_string(), help: None }
    }

    /// The answer is no (exit 1).
    pub(crate) fn no(message: impl Display) -> Self {
        Self { code: NO, message: message.to_string(), help: None }
    }

    /// The same where "no" would be read as an answer to another question (exit 2).
    pub(crate) fn failed(self) -> Self {
        Self { code: FAILED, ..self }
    }

    /// Adds what the user can do.
    pub(crate) fn help(mut self, help: impl Display) -> Self {
        self.help = Some(help.to_string());
        self
    }

    /// Adds a sentence to what the user can do.
    pub(crate) fn more(self, sentence: impl Display) -> Self {
        let help = self.help.map_or_else(|| sentence.to_string(), |help| format!("{help}\n      {sentence}"));
        Self { help: Some(help), ..self }
    }

    /// Prints the failure to stderr and gives its exit code.
    pub(crate) fn report(&self) -> ExitCode {
        note(format_args!("error: {}", self.message));
        if let Some(help) = &self.help {
            note(format_args!("help: {help}"));
        }
        ExitCode::from(self.code)
    }
}

/// The message alone.
impl Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

/// What a command returns.
pub(crate) type Outcome = Result<ExitCode, Failure>;

/// Writes one line to stdout. Whatever could steer a terminal is an escape by then, whoever wrote it. When writing fails the program
/// ends, quietly for a closed pipe (`airlock … | head`), and never with 0: to scripts that is an answer, such as "proven", and this
/// command has not given one.
pub(crate) fn say(line: impl Display) {
    put(steered(&line.to_string()));
}

/// As [`say`], for a text that was drawn for a terminal, with colours: what draws it has taken care of foreign text.
pub(crate) fn say_drawn(line: impl Display) {
    put(line);
}

fn put(line: impl Display) {
    if let Err(fault) = writeln!(std::io::stdout(), "{line}") {
        if fault.kind() != ErrorKind::BrokenPipe {
            note(format_args!("error: cannot write to stdout: {fault}"));
        }
        std::process::exit(i32::from(FAILED));
    }
}

/// Writes one line to stdout for a command that has to clean up behind itself: it goes on when nobody reads any more. The demo alone
/// uses it, and makes printable what it did not write itself.
pub(crate) fn tell(line: impl Display) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Writes one line to stderr: progress, warnings and errors. Whatever could steer a terminal is an escape by then.
pub(crate) fn note(line: impl Display) {
    note_drawn(steered(&line.to_string()));
}

/// As [`note`], for a text that was drawn for a terminal, with colours.
pub(crate) fn note_drawn(line: impl Display) {
    // Nothing can be done when stderr is gone.
    let _ = writeln!(std::io::stderr(), "{line}");
}
