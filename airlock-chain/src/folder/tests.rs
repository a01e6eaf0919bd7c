use super::super::place::{Terms, open as open_store};
use super::super::store::{Pending, Store};
use super::super::tests::{ORIGIN, allow, checked_lines};
use super::super::verify::{Trust, Verdict, verify};
use super::super::{Durability, Ledger, Sync, read};
use super::*;
use airlock_core::clock::Micros;
use airlock_core::policy::evidence::{Evidence, Kept};
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A clerk in the same process, which counts what it is told.
#[derive(Debug)]
struct Counting {
    dir: PathBuf,
    draft: Mutex<Option<Draft>>,
    told: Mutex<Vec<Order>>,
    refuses: AtomicUsize,
}

impl Counting {
    fn new(dir: &Path) -> Arc<Self> {
        Arc::new(Self { dir: dir.to_owned(), draft: Mutex::default(), told: Mutex::default(), refuses: AtomicUsize::new(0) })
    }

    fn count(&self, wanted: impl Fn(&Order) -> bool) -> usize {
        self.told.lock().unwrap().iter().filter(|order| wanted(order)).count()
    }
}

impl Clerk for Counting {
    fn ask(&self, order: Order) -> io::Result<Report> {
        self.told.lock().unwrap().push(order);
        if self.refuses.load(Ordering::SeqCst) > 0 {
            return Err(io::Error::other("gone"));
        }
        match order {
            Order::Draft(place) => {
                let draft = Draft::at(&self.dir, place)?;
                let file = draft.file.try_clone()?;
                *self.draft.lock().unwrap() = Some(draft);
                Ok(Report::File(file))
            }
            Order::Publish => self.draft.lock().unwrap().take().unwrap().publish().map(|()| Report::Done),
            order => perform(&self.dir, order),
        }
    }
}

fn store(dir: &Path, clerk: &Arc<Counting>) -> Store {
    let terms = Terms::unwatched(ORIGIN, "abababababababab", Durability::Power);
    let store = open_store(dir, terms).unwrap().0;
    let folder = store.folder.with(clerk.clone()).unwrap();
    Store { folder, segment_max: 1000, ..store }
}

/// All that a writer does by a name goes through the clerk, and the ledger is the same.
#[test]
fn a_writer_without_paths_rotates_follows_recovers_signs_and_reads() {
    let dir = tempfile::tempdir().unwrap();
    let clerk = Counting::new(dir.path());
    let ledger = Ledger::start(store(dir.path(), &clerk), "abababababababab".into(), Durability::Power, false).unwrap();
    // Another one, which opens by itself, begins segments that this one follows, and dies in the middle of a line.
    let mut other =
        Store { segment_max: 1000, ..open_store(dir.path(), Terms::unwatched(ORIGIN, "x", Durability::Power)).unwrap().0 };
    for n in 0..9 {
        let _ = ledger.record(&allow(&format!("c-{n}")), Sync::Durable).wait().unwrap();
        let batch = [Pending { sealed: Some(allow("other").seal("x", [0; 32])), require: Vec::new() }];
        let _ = other.append(&batch, Micros::now).unwrap();
    }
    (&*other.file).write_all(b"{\"seq\":").unwrap();
    let _ = ledger.record(&allow("after"), Sync::Durable).wait().unwrap();
    assert_eq!(read::tail(ledger.folder(), 5).unwrap().entries.len(), 5);
    assert_eq!(read::stats(ledger.folder()).unwrap(), read::stats(dir.path()).unwrap());
    ledger.shutdown().unwrap();
    let lines = checked_lines(dir.path());
    assert_eq!(lines.iter().filter(|line| line["t"] == "decision").count(), 19);
    assert_eq!(lines.iter().filter(|line| line["t"] == "recover").count(), 1);
    let trust = Trust { key: Some(*ledger.key()), ..Trust::default() };
    assert_eq!(verify(dir.path(), &trust).unwrap().verdict, Verdict::Proven);
    for (wanted, least) in [
        (clerk.count(|order| matches!(order, Order::Begin(Place::Segment(_)))), 1),
        (clerk.count(|order| matches!(order, Order::Grow(Place::Segment(_)))), 1),
        (clerk.count(|order| matches!(order, Order::Sync)), 1),
        (clerk.count(|order| matches!(order, Order::Draft(Place::Torn(..)))), 1),
        (clerk.count(|order| matches!(order, Order::Cut(Place::Segment(_), _))), 1),
        (clerk.count(|order| matches!(order, Order::Draft(Place::Checkpoint))), 1),
        (clerk.count(|order| matches!(order, Order::Publish)), 2),
        (clerk.count(|order| matches!(order, Order::List(_))), 2),
        (clerk.count(|order| matches!(order, Order::IsKilled)), 1),
    ] {
        assert!(wanted >= least, "{:?}", clerk.told.lock().unwrap());
    }
    let torn: Vec<_> = fs::read_dir(dir.path().join("torn")).unwrap().collect();
    assert_eq!((torn.len(), fs::read(torn[0].as_ref().unwrap().path()).unwrap()), (1, b"{\"seq\":".to_vec()));
}

#[test]
fn evidence_ends_by_the_clerk() {
    let dir = tempfile::tempdir().unwrap();
    let clerk = Counting::new(dir.path());
    let keeps = Evidence { kept: Kept::Full, keep: Some(30 * 24 * 3600) };
    let mut store = Store { keeps, ..store(dir.path(), &clerk) };
    let day = |n: u64| Micros(Micros::now().0 + (100 + n) * 24 * 3600 * 1_000_000);
    for n in [0, 1, 40, 41] {
        let sealed = allow("c").seal_with("x", [7; 32], &store.keeps.kept);
        let _ = store.append(&[Pending { sealed: Some(sealed), require: Vec::new() }], || day(n)).unwrap();
    }
    assert!(clerk.count(|order| matches!(order, Order::Empty(Place::Evidence(_)))) >= 1);
    assert!(checked_lines(dir.path()).iter().any(|line| line["t"] == "redact"));
}

#[test]
fn a_writer_whose_clerk_is_gone_allows_nothing_more() {
    let dir = tempfile::tempdir().unwrap();
    let clerk = Counting::new(dir.path());
    let ledger = Ledger::start(store(dir.path(), &clerk), "abababababababab".into(), Durability::Power, false).unwrap();
    let _ = ledger.record(&allow("before"), Sync::Durable).wait().unwrap();
    clerk.refuses.store(1, Ordering::SeqCst);
    // The time of the directory says that a kill file may have come, and nobody can look.
    fs::write(dir.path().join("other"), "").unwrap();
    let unkilled = ledger.record_if(&allow("c"), Sync::Durable, vec![super::super::Require::NotKilled]).wait();
    assert!(unkilled.unwrap_err().to_string().contains("kill file"));
    let _ = ledger.record(&super::super::Entry::Ended("clerk"), Sync::Durable).wait().unwrap();
    let mut refused = 0;
    for n in 0..9 {
        refused += usize::from(ledger.record(&allow(&format!("c-{n}")), Sync::Durable).wait().is_err());
    }
    assert!(refused >= 6, "at the latest where a segment is to begin: {refused}");
    assert!(ledger.shutdown().is_err());
    assert_eq!(checked_lines(dir.path()).iter().filter(|line| line["t"] == "ended").count(), 1);
}

#[test]
fn a_kill_file_is_seen_at_once_and_seldom_looked_for() {
    let dir = tempfile::tempdir().unwrap();
    let clerk = Counting::new(dir.path());
    let folder = Folder::from(dir.path()).with(clerk.clone()).unwrap();
    let path = dir.path().join("kill");
    let asked = || clerk.count(|order| matches!(order, Order::IsKilled));
    // As fast as it goes, so that changes fall into one tick of the clock of files.
    for n in 0..300 {
        fs::write(dir.path().join("checkpoint"), format!("{n}")).unwrap();
        assert!(!folder.is_killed().unwrap(), "{n}");
        fs::write(&path, "").unwrap();
        assert!(folder.is_killed().unwrap(), "{n}");
        fs::remove_file(&path).unwrap();
    }
    // Once the directory has been still for a while, nobody has to be asked.
    std::thread::sleep(std::time::Duration::from_millis(30));
    assert!(!folder.is_killed().unwrap());
    let before = asked();
    (0..100).for_each(|_| assert!(!folder.is_killed().unwrap()));
    let is_coarse = Stamp::of(&File::open(dir.path()).unwrap()).unwrap().modified.1 == 0;
    assert!(is_coarse || asked() == before, "{} times", asked() - before);
    for make in [|path: &Path| fs::create_dir(path).unwrap(), |path: &Path| std::os::unix::fs::symlink("nowhere", path).unwrap()]
    {
        make(&path);
        assert!(folder.is_killed().unwrap());
        let _ = fs::remove_dir(&path).or_else(|_| fs::remove_file(&path));
        assert!(!folder.is_killed().unwrap());
    }
    clerk.refuses.store(1, Ordering::SeqCst);
    fs::write(&path, "").unwrap();
    assert!(folder.is_killed().is_err(), "whoever cannot look does not say that there is none");
}

#[test]
fn a_time_that_may_come_again_settles_nothing() {
    let stamp = |seconds: i128, nanos: i128| Stamp { modified: (seconds, nanos), changed: (seconds, nanos) };
    for (now, stamp, is_settled) in [
        (1_000_001_000_001, stamp(1000, 1), true),
        (1_000_001_000_000, stamp(1000, 1), false),
        (1_000_000_000_001, stamp(1000, 1), false),
        (999_000_000_000, stamp(1000, 1), false),
        (1_000_051_999_999, stamp(1000, 2_000_000), false),
        (1_000_052_000_000, stamp(1000, 2_000_000), true),
        (1_002_099_999_999, stamp(1000, 0), false),
        (1_002_100_000_000, stamp(1000, 0), true),
    ] {
        assert_eq!(stamp.is_settled(now), is_settled, "{now} {stamp:?}");
    }
}

/// What the kernel has written into a file is never ahead of the clock by which that is judged, but for the little by which it tells two changes apart.
#[test]
fn the_clock_of_files_is_that_of_the_kernel() {
    let dir = tempfile::tempdir().unwrap();
    for n in 0..200 {
        let before = clock_of_files();
        fs::write(dir.path().join("checkpoint"), format!("{n}")).unwrap();
        let (seconds, nanos) = Stamp::of(&File::open(dir.path().join("checkpoint")).unwrap()).unwrap().changed;
        let is_coarse = nanos % 1_000_000 == 0;
        assert!(is_coarse || seconds * NANOS + nanos >= before, "a change is not before the clock that was read before it");
        std::thread::sleep(std::time::Duration::from_micros(300));
    }
}

#[test]
fn orders_that_no_ledger_gives_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("checkpoint"), "a checkpoint").unwrap();
    for order in [
        Order::Empty(Place::Checkpoint),
        Order::Empty(Place::Segment(0)),
        Order::Cut(Place::Checkpoint, 0),
        Order::Read(Place::Reserve),
        Order::Grow(Place::Checkpoint),
        Order::Begin(Place::Torn(0, 0, 0)),
        Order::Draft(Place::Checkpoint),
        Order::Publish,
    ] {
        assert!(perform(dir.path(), order).is_err(), "{order:?}");
    }
    for place in [Place::Segment(0), Place::Evidence(0), Place::Seals, Place::Reserve] {
        assert!(Draft::at(dir.path(), place).is_err(), "{place:?}");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    // A file is never made longer, and none is made by looking for it.
    fs::write(dir.path().join(files::segment_name(0)), "12345").unwrap();
    assert!(perform(dir.path(), Order::Cut(Place::Segment(0), 9)).is_ok());
    assert_eq!(fs::read(dir.path().join(files::segment_name(0))).unwrap(), b"12345");
    assert!(perform(dir.path(), Order::Cut(Place::Segment(0), 2)).is_ok());
    assert_eq!(fs::read(dir.path().join(files::segment_name(0))).unwrap(), b"12");
    assert!(perform(dir.path(), Order::Grow(Place::Segment(7))).is_err());
}

#[test]
fn a_long_list_of_segments_comes_in_parts() {
    let dir = tempfile::tempdir().unwrap();
    let count = u64::try_from(2 * LISTED_MAX).unwrap() + 3;
    for first in 0..count {
        fs::write(dir.path().join(files::segment_name(first * 2)), "").unwrap();
    }
    let clerk = Counting::new(dir.path());
    let folder = Folder::from(dir.path()).with(clerk.clone()).unwrap();
    assert_eq!(folder.segments().unwrap(), files::segments(dir.path()).unwrap());
    assert_eq!(clerk.count(|_| true), 3);
}
