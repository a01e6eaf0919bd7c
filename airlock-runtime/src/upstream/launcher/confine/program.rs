//! What must be run for a program to run: itself, the interpreter that its first line names, and the loader that it names.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Interpreters of interpreters that are followed; the kernel follows five.
const DEEPEST: usize = 5;
/// Bytes of a first line, as the kernel reads them.
const LINE_MAX: usize = 256;
/// Longest path of a loader.
const PATH_MAX: usize = 4096;
/// Entries of a program header table that are looked at.
const ENTRIES_MAX: u16 = 64;
/// The entry that names the loader.
const PT_INTERP: u32 = 3;

/// The programs behind a program, itself not included. What is no program names none.
pub(super) fn behind(path: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    let mut at = path.to_owned();
    for _ in 0..DEEPEST {
        let Ok(Some(next)) = named_by(&at) else { break };
        found.push(next.clone());
        at = next;
    }
    found
}

fn named_by(path: &Path) -> io::Result<Option<PathBuf>> {
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Ok(None);
    }
    let mut head = [0; LINE_MAX];
    let read = file.read_at(&mut head, 0)?;
    let head = head.get(..read).unwrap_or_default();
    let named = match head {
        [b'#', b'!', line @ ..] => interpreter(line),
        [0x7f, b'E', b'L', b'F', ..] => loader(&file, head)?,
        _ => None,
    };
    // Relative to a directory that it chooses itself it would be anything.
    Ok(named.map(PathBuf::from).filter(|path| path.is_absolute()))
}

/// The path behind `#!`.
fn interpreter(line: &[u8]) -> Option<String> {
    let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let text = std::str::from_utf8(line).ok()?;
    text.split_ascii_whitespace().next().map(str::to_owned)
}

/// The loader in the program headers of a 64-bit little-endian ELF file, of which the first bytes are given.
fn loader(file: &File, head: &[u8]) -> io::Result<Option<String>> {
    let is_known = head.get(4..6) == Some(&[2, 1]);
    let numbers = (u64_at(head, 32), u16_at(head, 54), u16_at(head, 56));
    let (true, (Some(table), Some(size), Some(count))) = (is_known, numbers) else { return Ok(None) };
    for at in 0..count.min(ENTRIES_MAX) {
        let mut entry = [0; 56];
        file.read_exact_at(&mut entry, table.saturating_add(u64::from(at) * u64::from(size)))?;
        let kind = entry.first_chunk().map(|kind| u32::from_le_bytes(*kind));
        let (Some(PT_INTERP), Some(offset), Some(length)) = (kind, u64_at(&entry, 8), u64_at(&entry, 32)) else { continue };
        let mut text = vec![0; usize::try_from(length).unwrap_or(PATH_MAX).min(PATH_MAX)];
        file.read_exact_at(&mut text, offset)?;
        let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
        return Ok(std::str::from_utf8(text).ok().map(str::to_owned));
    }
    Ok(None)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|number| u64::from_le_bytes(*number))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|number| u16::from_le_bytes(*number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_names_its_loader_and_a_script_its_interpreter() {
        let own = std::env::current_exe().unwrap();
        let loader = behind(&own);
        assert!(loader.len() == 1 && loader[0].to_str().unwrap().contains("ld-"), "{loader:?}");
        let dir = tempfile::tempdir().unwrap();
        let script = dir.path().join("script");
        std::fs::write(&script, format!("#! {} -x\nrest", own.display())).unwrap();
        assert_eq!(behind(&script), [vec![own], loader].concat());
    }

    #[test]
    fn what_is_no_program_names_none() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        let elf = |table: u64| {
            let mut bytes = vec![0u8; 64];
            bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
            bytes[32..40].copy_from_slice(&table.to_le_bytes());
            (bytes[54], bytes[56]) = (56, 9);
            bytes
        };
        for bytes in [b"".to_vec(), b"#!".to_vec(), b"#!sh\n".to_vec(), b"\x7fELF".to_vec(), elf(u64::MAX), elf(64), elf(0)] {
            std::fs::write(&file, &bytes).unwrap();
            assert_eq!(behind(&file), [""; 0].map(PathBuf::from), "{bytes:?}");
        }
        assert!(behind(dir.path()).is_empty() && behind(&dir.path().join("gone")).is_empty());
        std::fs::write(&file, format!("#!{}\n", file.display())).unwrap();
        assert_eq!(behind(&file).len(), DEEPEST, "one that names itself comes to an end");
    }
}
