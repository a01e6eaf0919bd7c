//! Credentials from the surroundings of a process: a variable, or a file that another variable names.

use base64ct::{Base64Unpadded, Base64UrlUnpadded, Encoding};
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use zeroize::Zeroizing;

/// Longest credential in bytes: servers take no longer header.
pub(crate) const SECRET_MAX: usize = 8 * 1024;

/// Reads `$NAME`, or the file that `$NAME_FILE` names.
///
/// # Errors
/// A sentence that names the variable and what is wrong, never a value.
pub(crate) fn read(env: &str, variable: &impl Fn(&str) -> Option<OsString>) -> Result<Zeroizing<String>, String> {
    let by_file = format!("{env}_FILE");
    match (variable(env), variable(&by_file).filter(|path| !path.is_empty())) {
        (Some(_), Some(_)) => Err(format!("{env} and {by_file} are both set; set one")),
        (None, None) => Err(format!("{env} is not set, and neither is {by_file}")),
        (Some(value), None) => {
            let text = value.into_string().map_err(|mut other| {
                other.clear();
                format!("{env} is not visible ASCII")
            })?;
            Ok(Zeroizing::new(text))
        }
        (None, Some(path)) => from_file(Path::new(&path)).map_err(|problem| format!("the file of {by_file} {problem}")),
    }
}

/// Is this text one that a credential can have?
///
/// # Errors
/// The end of a sentence that begins with the name of its variable.
pub(crate) fn check(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("is empty");
    }
    if text.len() > SECRET_MAX {
        return Err("is longer than 8 KiB");
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("is not visible ASCII without spaces and line ends");
    }
    Ok(())
}

/// A text as it is and in both alphabets of base64. The forms have no `=`, so they stand in the padded ones, too.
pub(crate) fn forms_of(text: &str) -> Vec<Zeroizing<String>> {
    let bytes = text.as_bytes();
    let forms = [text.to_owned(), Base64Unpadded::encode_string(bytes), Base64UrlUnpadded::encode_string(bytes)];
    forms.map(Zeroizing::new).into()
}

/// The text of a credential file without one line end.
fn from_file(path: &Path) -> Result<Zeroizing<String>, String> {
    // A named pipe would keep the start waiting for a writer.
    let file = OpenOptions::new().read(true).custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed()).open(path);
    let file: File = file.map_err(|fault| format!("cannot be opened: {}", fault.kind()))?;
    let meta = file.metadata().map_err(|fault| format!("cannot be looked at: {}", fault.kind()))?;
    if !meta.is_file() {
        return Err("is no regular file".into());
    }
    if meta.mode() & 0o077 != 0 {
        return Err("may be read by others than its owner; chmod 600".into());
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(SECRET_MAX + 3));
    file.take(SECRET_MAX as u64 + 3).read_to_end(&mut bytes).map_err(|fault| format!("cannot be read: {}", fault.kind()))?;
    for end in *b"\n\r" {
        if bytes.last() == Some(&end) {
            bytes.pop();
        }
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| "is not visible ASCII".to_owned())?;
    Ok(Zeroizing::new(text.to_owned()))
}
