//! Systems other than Linux confine nothing.

use super::{Calls, Clerk, Egress, Fault, Judge, Launcher, Server};
use crate::policy::Part;
use std::path::Path;

/// Descriptors stay as they are.
#[cfg(feature = "gateway")]
pub(crate) fn close_strays(_keep: Option<i32>) -> std::io::Result<()> {
    Ok(())
}

pub(super) fn nothing() -> Result<(), Fault> {
    Err(Fault::Missing(Part::Landlock, "the system is not Linux".into()))
}

impl Judge {
    /// Nothing confines it.
    ///
    /// # Errors
    /// Always.
    pub fn files(&self, _ledger: &Path) -> Result<(), Fault> {
        nothing()
    }

    /// Nothing confines it.
    ///
    /// # Errors
    /// Always.
    pub fn no_files(&self) -> Result<(), Fault> {
        nothing()
    }

    /// Nothing confines it.
    ///
    /// # Errors
    /// Always.
    pub fn calls(&self) -> Result<(), Fault> {
        nothing()
    }

    /// That of no profile.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        [0; 32]
    }

    /// That of no profile.
    #[must_use]
    pub fn counted(&self) -> Calls {
        Calls { allowed: 0, checked: 0 }
    }
}

impl Clerk {
    /// That of no profile.
    #[must_use]
    pub fn digest(self) -> [u8; 32] {
        [0; 32]
    }

    /// That of no profile.
    #[must_use]
    pub fn counted(self) -> Calls {
        Calls { allowed: 0, checked: 0 }
    }
}

impl Egress {
    /// Nothing confines it.
    ///
    /// # Errors
    /// Always.
    pub fn files(&self) -> Result<(), Fault> {
        nothing()
    }

    /// Nothing confines it.
    ///
    /// # Errors
    /// Always.
    pub fn calls(&self) -> Result<(), Fault> {
        nothing()
    }

    /// That of no profile.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        [0; 32]
    }

    /// That of no profile.
    #[must_use]
    pub fn counted(&self) -> Calls {
        Calls { allowed: 0, checked: 0 }
    }
}

impl Launcher {
    /// Nothing confines it.
    ///
    /// # Errors
    /// Always.
    pub fn calls(self) -> Result<(), Fault> {
        nothing()
    }

    /// That of no profile.
    #[must_use]
    pub fn digest(self) -> [u8; 32] {
        [0; 32]
    }
}

impl Server {
    /// Nothing confines it.
    ///
    /// # Errors
    /// Always.
    pub fn calls(self) -> Result<(), Fault> {
        nothing()
    }
}
