//! Reads the policy digest back from a gateway's ELF note, without running it.

use object::read::elf::{ElfFile64, FileHeader, SectionHeader};
use object::{Endianness, elf::FileHeader64};

/// Owner of the note, see `airlock-macros/src/tables.rs`.
const OWNER: &[u8] = b"Airlock";
/// Section that carries it.
const SECTION: &[u8] = b".note.airlock.policy";
/// Type of the note that carries a policy digest.
const POLICY_DIGEST: u32 = 1;

/// The policy digest in an ELF file's note.
///
/// # Errors
/// A sentence that says why the file is not one gateway: no ELF, no note, several notes, or a note of another shape.
pub(crate) fn policy_digest(file: &[u8]) -> Result<[u8; 32], String> {
    let elf = ElfFile64::<Endianness>::parse(file).map_err(|e| format!("not a 64-bit ELF file: {e}"))?;
    let header: &FileHeader64<Endianness> = elf.elf_header();
    let endian = elf.endian();
    let sections = header.sections(endian, file).map_err(|e| format!("unreadable sections: {e}"))?;
    let mut found = None;
    for section in sections.iter().filter(|section| sections.section_name(endian, section) == Ok(SECTION)) {
        let notes = section.notes(endian, file).map_err(|e| format!("unreadable note: {e}"))?;
        let mut notes = notes.ok_or("the note's section has another type")?;
        while let Some(note) = notes.next().map_err(|e| format!("unreadable note: {e}"))? {
            if note.name() != OWNER || note.n_type(endian).0 != POLICY_DIGEST {
                return Err("a note of another owner or type stands in the policy's section".to_owned());
            }
            let digest = note.desc().try_into().map_err(|_| "the policy note is not 32 bytes long".to_owned())?;
            if found.replace(digest).is_some() {
                return Err("there are several policy notes".to_owned());
            }
        }
    }
    found.ok_or_else(|| "there is no policy note".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_files_are_refused() {
        let own = std::fs::read(std::env::current_exe().expect("path")).expect("bytes");
        assert_eq!(policy_digest(&own), Err("there is no policy note".to_owned()));
        for bytes in [&b""[..], b"#!/bin/sh\n", &own[..64], &own[..4096]] {
            assert!(policy_digest(bytes).is_err());
        }
    }
}
