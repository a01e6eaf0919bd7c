//! The second verifier on ledgers that this code writes: with every damage, both must come to the same answer.

use super::super::seal::Seed;
use super::super::verify::{Trust, verify};
use super::super::{files, segments};
use super::vectors::python;
use super::*;
use crate::place::{Terms, open as open_store};
use crate::store::Store;

#[test]
fn both_verifiers_give_the_same_answer() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 9] = [
        ("none", |_| {}),
        ("an entry changed", |dir| rewrite(dir, 1, |text| text.replacen("\"allow\"", "\"deny\"", 1))),
        ("an entry taken out", |dir| rewrite(dir, 1, |text| text.lines().skip(1).map(|line| format!("{line}\n")).collect())),
        ("the newest segment gone", |dir| fs::remove_file(&segments(dir).unwrap().last().unwrap().path).unwrap()),
        ("a middle segment gone", |dir| fs::remove_file(&segments(dir).unwrap()[1].path).unwrap()),
        ("the last entry cut", |dir| {
            let last = segments(dir).unwrap().len() - 1;
            rewrite(dir, last, |text| text[..=text[..text.len() - 1].rfind('\n').map_or(0, |at| at)].to_owned());
        }),
        ("half a line behind the end", |dir| {
            let last = segments(dir).unwrap().len() - 1;
            rewrite(dir, last, |text| text + "{\"seq\":");
        }),
        ("no head", |dir| fs::remove_file(dir.join(files::HEAD)).unwrap()),
        ("no checkpoint", |dir| fs::remove_file(dir.join(files::CHECKPOINT)).unwrap()),
    ];
    for (what, damage) in damages {
        let dir = tempfile::tempdir().unwrap();
        let seed = Seed::fresh().unwrap();
        let ledger = dir.path().join("l");
        let pin = Ledger::init(&ledger, ORIGIN, &[0xab; 32], Durability::Power, &seed).unwrap();
        let key = pin.key;
        let terms = Terms::unwatched(ORIGIN, "abababababababab", Durability::Power);
        let store = Store { segment_max: 1500, ..open_store(&ledger, terms).unwrap().0 };
        let writer = Ledger::start(store, "abababababababab".into(), Durability::Power, false).unwrap();
        for n in 0..12 {
            let _ = writer.record(&allow(&format!("c-{n}")), Sync::Written).wait().unwrap();
        }
        writer.shutdown().unwrap();
        damage(&ledger);
        let seed_file = dir.path().join("seed");
        fs::write(&seed_file, seed.text().as_str()).unwrap();
        let (pinned, both) = (super::super::note::plain_key(&key), pin.to_string());
        let seed_file = seed_file.to_str().unwrap();
        for (trust, words) in [
            (Trust { key: Some(key), ..Trust::default() }, vec!["--key", &pinned]),
            (Trust { key: Some(key), epoch_key: pin.epoch, ..Trust::default() }, vec!["--key", &both]),
            (Trust { seed: Some(seed.clone()), ..Trust::default() }, vec!["--seed-file", seed_file]),
            (Trust { key: Some(key), seed: Some(seed), ..Trust::default() }, vec!["--key", &pinned, "--seed-file", seed_file]),
            (Trust::default(), vec![]),
        ] {
            let report = verify(&ledger, &trust).unwrap();
            let (code, said) = python(&ledger, &words);
            assert_eq!(code, report.verdict as i32, "{what}, {words:?}: {said}\n{report:?}");
        }
    }
}

fn rewrite(dir: &Path, n: usize, change: impl Fn(String) -> String) {
    let path = &segments(dir).unwrap()[n].path;
    fs::write(path, change(fs::read_to_string(path).unwrap())).unwrap();
}
