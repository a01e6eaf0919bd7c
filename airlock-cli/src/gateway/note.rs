//! Reads what a gateway says of itself from its ELF file, without running it. `airlock-macros/src/note.rs` writes it.

use super::crates::Crates;
use super::identity::Identity;
use crate::render::Failure;
use object::read::elf::{ElfFile64, FileHeader, SectionHeader};
use object::{Endianness, elf::FileHeader64};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

/// Owner of the notes.
const OWNER: &[u8] = b"Airlock";
/// Sections of the notes with their types.
const POLICY: (&[u8], u32) = (b".note.airlock.policy", 1);
const BUILD: (&[u8], u32) = (b".note.airlock.build", 2);
const MANIFEST: (&[u8], u32) = (b".note.airlock.manifest", 3);
const DEFINITIONS: (&[u8], u32) = (b".note.airlock.definitions", 4);
/// Section with the crates that are linked, as cargo-auditable writes it.
const CRATES: &[u8] = b".dep-v0";

/// What a gateway says of itself. A claim, until somebody builds it again.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Notes {
    /// Policy digest.
    pub(crate) policy: [u8; 32],
    /// What it was built with; a gateway of a crate of somebody's own may not say.
    pub(crate) build: Option<Identity>,
    /// Text of its manifest, unless it was built with `--note digest`.
    pub(crate) manifest: Option<String>,
    /// The files that the manifest names, by path; none unless the text is there.
    pub(crate) definitions: BTreeMap<String, String>,
    /// Crates that are linked.
    pub(crate) crates: Option<Crates>,
}

/// Largest file that is read as a gateway, in bytes; real ones have a few MiB.
pub(super) const GATEWAY_MAX: u64 = 256 * 1024 * 1024;

type Elf<'f> = ElfFile64<'f, Endianness>;

/// Reads all notes of an ELF file.
///
/// # Errors
/// A sentence that says why the file is not one gateway: no ELF, no note, several notes, or a note of another shape.
pub(crate) fn read(file: &[u8]) -> Result<Notes, String> {
    let elf = parse(file)?;
    let text = |bytes: &[u8], what: &str| String::from_utf8(bytes.to_vec()).map_err(|_| format!("the {what} note is not UTF-8"));
    let build = one(&elf, file, BUILD)?.map(|bytes| {
        serde_json::from_slice(bytes).map_err(|e| format!("the build note is of another version of airlock, or damaged: {e}"))
    });
    let manifest = one(&elf, file, MANIFEST)?.map(|bytes| text(bytes, "manifest"));
    let definitions = one(&elf, file, DEFINITIONS)?
        .map(|bytes| serde_json::from_slice(bytes).map_err(|e| format!("the note of definitions is damaged: {e}")));
    Ok(Notes {
        policy: digest(&elf, file)?,
        build: build.transpose()?,
        manifest: manifest.transpose()?,
        definitions: definitions.transpose()?.unwrap_or_default(),
        crates: section(&elf, file, CRATES)?.map(Crates::from_audit_data).transpose()?,
    })
}

/// A gateway's file: its bytes and its notes.
///
/// # Errors
/// It cannot be read, is larger than any gateway, or is no gateway.
pub(crate) fn open(path: &Path) -> Result<(Vec<u8>, Notes), Failure> {
    let shown = path.display();
    let mut bytes = Vec::new();
    let read_all = std::fs::File::open(path).and_then(|file| file.take(GATEWAY_MAX + 1).read_to_end(&mut bytes));
    read_all
        .map_err(|e| Failure::new(format_args!("cannot read {shown}: {e}")).help("name a gateway; `airlock build` makes one"))?;
    if u64::try_from(bytes.len()).map_or(true, |size| size > GATEWAY_MAX) {
        return Err(Failure::new(format_args!("{shown} has more than {GATEWAY_MAX} bytes; no gateway has")));
    }
    let notes = read(&bytes)
        .map_err(|e| Failure::new(format_args!("{shown} is not a gateway: {e}")).help("`airlock build` makes gateways"))?;
    Ok((bytes, notes))
}

/// The policy digest in an ELF file's note.
///
/// # Errors
/// As [`read`], for this note alone.
pub(crate) fn policy_digest(file: &[u8]) -> Result<[u8; 32], String> {
    digest(&parse(file)?, file)
}

fn parse(file: &[u8]) -> Result<Elf<'_>, String> {
    Elf::parse(file).map_err(|e| format!("not a 64-bit ELF file: {e}"))
}

fn digest(elf: &Elf<'_>, file: &[u8]) -> Result<[u8; 32], String> {
    let found = one(elf, file, POLICY)?.ok_or("there is no policy note")?;
    found.try_into().map_err(|_| "the policy note is not 32 bytes long".to_owned())
}

/// Content of the one note in a section.
fn one<'f>(elf: &Elf<'f>, file: &'f [u8], (name, kind): (&[u8], u32)) -> Result<Option<&'f [u8]>, String> {
    let header: &FileHeader64<Endianness> = elf.elf_header();
    let endian = elf.endian();
    let sections = header.sections(endian, file).map_err(|e| format!("unreadable sections: {e}"))?;
    let mut found = None;
    for section in sections.iter().filter(|section| sections.section_name(endian, section) == Ok(name)) {
        let notes = section.notes(endian, file).map_err(|e| format!("unreadable note: {e}"))?;
        let mut notes = notes.ok_or("the note's section has another type")?;
        while let Some(note) = notes.next().map_err(|e| format!("unreadable note: {e}"))? {
            if note.name() != OWNER || note.n_type(endian).0 != kind {
                return Err("a note of another owner or type stands in Airlock's section".to_owned());
            }
            if found.replace(note.desc()).is_some() {
                return Err("there are several notes of one kind".to_owned());
            }
        }
    }
    Ok(found)
}

fn section<'f>(elf: &Elf<'f>, file: &'f [u8], name: &[u8]) -> Result<Option<&'f [u8]>, String> {
    let endian = elf.endian();
    let sections = elf.elf_header().sections(endian, file).map_err(|e| format!("unreadable sections: {e}"))?;
    let mut all = sections.iter().filter(|section| sections.section_name(endian, section) == Ok(name));
    match (all.next(), all.next()) {
        (None, _) => Ok(None),
        (Some(only), None) => only.data(endian, file).map(Some).map_err(|e| format!("unreadable section: {e}")),
        (Some(_), Some(_)) => Err("there are several lists of crates".to_owned()),
    }
}

/// Names of sections with their content, in the order of the file, for a comparison of two files.
///
/// # Errors
/// As [`read`].
pub(crate) fn sections(file: &[u8]) -> Result<Vec<(String, Vec<u8>)>, String> {
    let elf = parse(file)?;
    let endian = elf.endian();
    let table = elf.elf_header().sections(endian, file).map_err(|e| format!("unreadable sections: {e}"))?;
    let content = table.iter().map(|section| {
        let name = table.section_name(endian, section).map_err(|e| format!("unreadable sections: {e}"))?;
        let data = section.data(endian, file).map_err(|e| format!("unreadable section: {e}"))?;
        Ok((String::from_utf8_lossy(name).into_owned(), data.to_vec()))
    });
    content.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_files_are_refused() {
        let own = std::fs::read(std::env::current_exe().expect("path")).expect("bytes");
        assert_eq!(read(&own), Err("there is no policy note".to_owned()));
        for bytes in [&b""[..], b"#!/bin/sh\n", &own[..64], &own[..4096]] {
            assert!(read(bytes).is_err());
            assert!(sections(bytes).is_err());
        }
    }
}
