//! The files that a manifest names: definitions of the tools of upstreams. The compiler itself opens nothing; whoever calls it says how a
//! file is read.

use crate::limits::DEFINITIONS_MAX;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

/// Gives the text of a file by its path relative to the manifest; the error is a sentence without the path.
pub type ReadFile<'r> = dyn Fn(&str) -> Result<String, String> + 'r;

/// Reads files below a directory: that of the manifest. Never more than a file of definitions may have.
pub fn beside(dir: impl Into<PathBuf>) -> impl Fn(&str) -> Result<String, String> {
    let dir = dir.into();
    move |path| {
        let mut bytes = Vec::new();
        let most = u64::try_from(DEFINITIONS_MAX).unwrap_or(u64::MAX).saturating_add(1);
        let open = |file: std::fs::File| match file.metadata()?.is_file() {
            true => file.take(most).read_to_end(&mut bytes),
            false => Err(std::io::Error::other("it is no regular file")),
        };
        std::fs::File::open(dir.join(path)).and_then(open).map_err(|fault| fault.to_string())?;
        String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
    }
}

/// There are no files.
///
/// # Errors
/// Always.
pub(crate) fn none(_: &str) -> Result<String, String> {
    Err("a manifest without a place has no files beside it".to_owned())
}

/// A reader that remembers what it read.
pub(crate) struct Files<'r> {
    read: &'r ReadFile<'r>,
    known: RefCell<BTreeMap<String, String>>,
}

impl std::fmt::Debug for Files<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Files")
    }
}

impl<'r> Files<'r> {
    pub(crate) fn new(read: &'r ReadFile<'r>) -> Self {
        Self { read, known: RefCell::default() }
    }

    /// The text of a file; each is read once.
    pub(crate) fn read(&self, path: &str) -> Result<String, String> {
        if let Some(text) = self.known.borrow().get(path) {
            return Ok(text.clone());
        }
        let text = (self.read)(path)?;
        self.known.borrow_mut().insert(path.to_owned(), text.clone());
        Ok(text)
    }

    /// Every file that was read, by path.
    pub(crate) fn into_known(self) -> BTreeMap<String, String> {
        self.known.into_inner()
    }
}
