use super::super::Sync;
use super::super::tests::{allow, open};
use super::*;
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof};
use ed25519_dalek::SigningKey;
use sha2::Sha256;

const SIZES: usize = 600;

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn line(n: usize) -> Vec<u8> {
    format!("{{\"seq\":{n}}}").into_bytes()
}

fn tree(size: usize) -> Tree {
    let leaves: Vec<Hash> = (0..size).map(|n| leaf(&line(n))).collect();
    let checkpoint = Checkpoint { origin: "weather".into(), n: size as u64, root: head(&leaves) };
    let note = checkpoint.sign(&key());
    Tree { leaves, checkpoint, note }
}

fn bytes(path: &[Hash]) -> Vec<u8> {
    path.concat()
}

/// The oracle is an independent implementation of RFC 6962, which takes our proofs as they are and gives the same.
#[test]
fn ct_merkle_accepts_our_proofs_and_gives_the_same() {
    let mut theirs = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    let mut heads = Vec::new();
    for size in 1..=SIZES {
        theirs.push(line(size - 1));
        heads.push(theirs.root());
        let ours = tree(size);
        let root = theirs.root();
        assert_eq!(ours.checkpoint.root.as_slice(), root.as_bytes().as_slice());
        // All entries of small trees, a spread of those of larger ones.
        for index in (0..size).step_by(1 + size / 12).chain([size - 1]) {
            let proof = ours.inclusion(index as u64).unwrap();
            let given = InclusionProof::<Sha256>::try_from_bytes(bytes(&proof.path)).unwrap();
            root.verify_inclusion(&line(index), index as u64, &given).unwrap();
            assert_eq!(theirs.prove_inclusion(index).as_bytes(), bytes(&proof.path));
        }
        for old in (1..size).step_by(1 + size / 12).chain([size / 2, size - 1]).filter(|old| *old > 0) {
            let proof = ours.consistency(old as u64).unwrap();
            let given = ConsistencyProof::<Sha256>::try_from_bytes(bytes(&proof.path)).unwrap();
            root.verify_consistency(&heads[old - 1], &given).unwrap();
            assert_eq!(theirs.prove_consistency(size - old).as_bytes(), bytes(&proof.path));
        }
    }
}

/// What a proof ends with is a signed note to another implementation too, given the verifier key alone.
#[test]
fn the_checkpoint_of_a_proof_verifies_elsewhere() {
    use signed_note::{Note, StandardVerifier, VerifierList};
    let vkey = super::super::note::verifier_key("weather", &key().verifying_key());
    for size in [1, 2, 3, SIZES] {
        let text = tree(size).inclusion(0).unwrap().to_string();
        let note = text.split_once("\n\n").unwrap().1;
        let verifiers = VerifierList::new(vec![Box::new(StandardVerifier::new(&vkey).unwrap())]);
        assert_eq!(Note::from_bytes(note.as_bytes()).unwrap().verify(&verifiers).unwrap().0.len(), 1);
    }
}

#[test]
fn every_proof_verifies_and_no_other_line_place_or_older_head_does() {
    let public = key().verifying_key();
    for size in (1..40).chain([63, 64, 65, 255, 256, 257, SIZES]) {
        let tree = tree(size);
        for index in 0..size {
            let text = tree.inclusion(index as u64).unwrap().to_string();
            let Proof::Inclusion(proof) = Proof::parse(&text).unwrap() else { panic!("another kind: {text}") };
            assert_eq!(proof.verify(&public, &line(index)).unwrap(), tree.checkpoint);
            assert!(proof.verify(&public, &line(index + 1)).is_err());
            for other in [index + 1, index ^ 1].into_iter().filter(|other| *other != index) {
                assert!(Inclusion { index: other as u64, ..proof.clone() }.verify(&public, &line(index)).is_err());
            }
            let mut longer = proof.clone();
            longer.path.push([0; 32]);
            assert!(longer.verify(&public, &line(index)).is_err());
            let mut shorter = proof.clone();
            assert!(shorter.path.pop().is_none() || shorter.verify(&public, &line(index)).is_err());
        }
        for old in 1..=size {
            let text = tree.consistency(old as u64).unwrap().to_string();
            let Proof::Consistency(proof) = Proof::parse(&text).unwrap() else { panic!("another kind: {text}") };
            let older = Checkpoint { origin: "weather".into(), n: old as u64, root: head(&tree.leaves[..old]) };
            assert_eq!(proof.verify(&public, &older).unwrap(), tree.checkpoint);
            let mut changed = older.clone();
            changed.root[0] ^= 1;
            assert!(proof.verify(&public, &changed).is_err(), "{old} of {size}");
            assert!(proof.verify(&public, &Checkpoint { origin: "other".into(), ..older.clone() }).is_err());
            for at in 0..proof.path.len() {
                let mut bad = proof.clone();
                bad.path[at][31] ^= 1;
                assert!(bad.verify(&public, &older).is_err(), "hash {at}, {old} of {size}");
            }
        }
    }
}

#[test]
fn a_flip_of_any_byte_of_a_proof_is_found() {
    let (tree, public) = (tree(37), key().verifying_key());
    let older = Checkpoint { origin: "weather".into(), n: 21, root: head(&tree.leaves[..21]) };
    for text in [tree.inclusion(21).unwrap().to_string(), tree.consistency(21).unwrap().to_string()] {
        for at in 0..text.len() {
            let mut bad = text.clone().into_bytes();
            bad[at] ^= 1;
            let Ok(bad) = String::from_utf8(bad) else { continue };
            let verified = match Proof::parse(&bad) {
                Ok(Proof::Inclusion(proof)) => proof.verify(&public, &line(21)).is_ok(),
                Ok(Proof::Consistency(proof)) => proof.verify(&public, &older).is_ok(),
                Err(_) => false,
            };
            assert!(!verified, "byte {at}: {bad}");
        }
    }
}

#[test]
fn other_spellings_are_refused_and_extra_data_is_passed_over() {
    let text = tree(5).inclusion(3).unwrap().to_string();
    for (from, to) in
        [("index 3", "index 03"), ("index 3", "index +3"), ("index 3", "index 3 "), ("\n\n", "\n"), ("index", "place")]
    {
        assert!(Proof::parse(&text.replacen(from, to, 1)).is_err(), "{from} -> {to}");
    }
    let extra = text.replacen("index", "extra AAAA\nindex", 1);
    let Ok(Proof::Inclusion(proof)) = Proof::parse(&extra) else { panic!("{extra}") };
    assert_eq!(proof.to_string(), text);
    let nothing = Checkpoint { origin: "weather".into(), n: 0, root: head(&[]) };
    assert!(tree(5).consistency(0).unwrap().verify(&key().verifying_key(), &nothing).is_err(), "it proves nothing");
    assert!(tree(5).inclusion(5).is_none() && tree(5).consistency(6).is_none());
}

#[test]
fn the_tree_of_a_ledger_is_read_up_to_its_checkpoint_and_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path()).unwrap();
    for n in 0..20 {
        let _ = ledger.record(&allow(&format!("c-{n}")), Sync::Written).wait().unwrap();
    }
    let public = *ledger.key();
    ledger.shutdown().unwrap();
    let path = dir.path().join(files::CHECKPOINT);
    let early = std::fs::read(&path).unwrap();
    let ledger = open(dir.path()).unwrap();
    let _ = ledger.record(&allow("later"), Sync::Written).wait().unwrap();
    ledger.shutdown().unwrap();
    let (then, now) = (Tree::read(dir.path(), &early).unwrap(), Tree::read(dir.path(), &std::fs::read(&path).unwrap()).unwrap());
    assert_eq!((then.len(), now.len()), (21, 22));
    let older = Checkpoint::verify(&early, &public).unwrap();
    now.consistency(21).unwrap().verify(&public, &older).unwrap();
    let segment = super::super::tests::segment(dir.path());
    let text = std::fs::read_to_string(&segment).unwrap();
    let entry = text.lines().nth(7).unwrap();
    then.inclusion(7).unwrap().verify(&public, entry.as_bytes()).unwrap();
    // The last covered line changed: no later line names its hash.
    std::fs::write(&segment, text.replacen("\"later\"", "\"sooner\"", 1)).unwrap();
    assert!(matches!(Tree::read(dir.path(), &std::fs::read(&path).unwrap()), Err(ProofFault::Ledger(_))));
    assert!(Tree::read(dir.path(), &early).is_ok());
}
