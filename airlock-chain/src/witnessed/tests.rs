//! What is kept of witnesses, against what was there before.

use super::super::note::Checkpoint;
use super::super::tests::{allow, open};
use super::super::witness::tests::{Cosigner, log as other_key};
use super::super::{Ledger, Sync, place};
use super::*;
use std::fs;

struct Scene {
    dir: tempfile::TempDir,
    log: ed25519_dalek::SigningKey,
}

impl Scene {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ledger: Ledger = open(dir.path()).unwrap();
        let _ = ledger.record(&allow("c"), Sync::Durable).wait().unwrap();
        ledger.shutdown().unwrap();
        let log = ed25519_dalek::SigningKey::from_bytes(&place::load_key(dir.path()).unwrap().unwrap().to_bytes());
        Self { dir, log }
    }

    fn note(&self, n: u64, root: u8) -> String {
        Checkpoint { origin: "weather".into(), n, root: [root; 32] }.sign(&self.log)
    }

    fn keep(&self, note: &str, by: &Cosigner) -> Result<Kept, KeepFault> {
        keep(self.dir.path(), note, by.line(note, 5).trim_end())
    }

    fn text(&self) -> String {
        fs::read_to_string(self.dir.path().join(WITNESSED)).unwrap()
    }
}

#[test]
fn cosignatures_of_one_checkpoint_are_gathered_and_weaker_ones_do_not_take_its_place() {
    let scene = Scene::new();
    let (one, two) = (Cosigner::new(9), Cosigner::new(10));
    let note = scene.note(2, 3);
    assert_eq!(scene.keep(&note, &one).unwrap(), Kept::This);
    assert_eq!(scene.keep(&note, &two).unwrap(), Kept::This);
    assert_eq!(scene.keep(&note, &one).unwrap(), Kept::This, "the same again");
    let text = scene.text();
    assert_eq!(text.lines().count(), 4 + 3, "the log and two witnesses: {text}");
    assert!(one.witness().verify(text.as_bytes()).is_ok() && two.witness().verify(text.as_bytes()).is_ok());
    assert_eq!(seen(scene.dir.path(), &two.witness()).unwrap(), Some(2));
    // Fewer entries are no news.
    assert_eq!(scene.keep(&scene.note(1, 8), &two).unwrap(), Kept::Newer(2));
    // As many, and others: two histories.
    assert!(matches!(scene.keep(&scene.note(2, 4), &two), Err(KeepFault::Other(2))));
    assert_eq!(scene.text(), text, "it is left as it was");
    assert_eq!(scene.keep(&scene.note(3, 5), &two).unwrap(), Kept::This);
    assert_eq!(seen(scene.dir.path(), &one.witness()).unwrap(), None, "the newest has one cosignature so far");
}

#[test]
fn what_the_log_has_not_signed_neither_stays_nor_comes() {
    let scene = Scene::new();
    let (one, path) = (Cosigner::new(9), scene.dir.path().join(WITNESSED));
    let foreign = Checkpoint { origin: "weather".into(), n: u64::MAX, root: [1; 32] }.sign(&other_key());
    assert!(matches!(scene.keep(&foreign, &one), Err(KeepFault::NotOurs)));
    for junk in ["", "weather\n99\nAAAA\n\nx\n", &(foreign.clone() + &one.line(&foreign, 5)), &"x".repeat(1 << 20)] {
        fs::write(&path, junk).unwrap();
        assert_eq!(scene.keep(&scene.note(2, 3), &one).unwrap(), Kept::This, "anybody who may write here could keep it so");
    }
}

#[test]
fn links_and_pipes_are_not_written_to() {
    let scene = Scene::new();
    let (one, note) = (Cosigner::new(9), scene.note(2, 3));
    for name in [WITNESSED, "witnessed.draft"] {
        let (path, elsewhere) = (scene.dir.path().join(name), scene.dir.path().join("elsewhere"));
        fs::write(&elsewhere, "of another").unwrap();
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        let said = scene.keep(&note, &one).unwrap_err().to_string();
        assert!(said.contains("is not a regular file"), "{name}: {said}");
        assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "of another");
        fs::remove_file(&path).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        assert!(scene.keep(&note, &one).unwrap_err().to_string().contains("is not a regular file"), "{name}");
        fs::remove_file(&path).unwrap();
    }
    assert_eq!(scene.keep(&note, &one).unwrap(), Kept::This);
}
