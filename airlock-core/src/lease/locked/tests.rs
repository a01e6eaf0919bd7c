//! What the kernel says of the page, and that a value in it behaves like one in a box.

use super::*;
use std::rc::Rc;

/// The mapping of `/proc/self/smaps` that has this address: its head and its flags.
#[cfg(target_os = "linux")]
fn mapping(address: usize) -> (String, Vec<String>) {
    let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let mut head = String::new();
    let mut holds = false;
    for line in smaps.lines() {
        if let Some((from, to)) = line.split(' ').next().and_then(|range| range.split_once('-'))
            && let (Ok(from), Ok(to)) = (usize::from_str_radix(from, 16), usize::from_str_radix(to, 16))
        {
            holds = (from..to).contains(&address);
            head = line.to_owned();
        }
        if let Some(flags) = line.strip_prefix("VmFlags: ").filter(|_| holds) {
            return (head, flags.split_whitespace().map(str::to_owned).collect());
        }
    }
    panic!("no mapping has {address:x}");
}

#[test]
#[cfg(target_os = "linux")]
fn the_page_is_locked_and_in_no_core_file_and_has_guards() {
    let locked = Locked::new([7u8; 32]).unwrap();
    let at = locked.as_ptr().addr();
    let page = rustix::param::page_size();
    assert_eq!(at % page, 0);
    let (head, flags) = mapping(at);
    assert!(head.contains(" rw-p "), "{head}");
    for flag in ["lo", "dd", "dc"] {
        assert!(flags.iter().any(|known| known == flag), "{flag}: {flags:?}");
    }
    for guard in [at - 1, at + page] {
        let (head, _) = mapping(guard);
        assert!(head.contains(" ---p "), "{head}");
    }
}

#[test]
fn a_value_is_moved_in_used_and_dropped_once() {
    let counted = Rc::new(());
    let mut locked = Locked::new((Rc::clone(&counted), [1u64; 8])).unwrap();
    locked.1[3] = 9;
    assert_eq!((Rc::strong_count(&counted), locked.1[3], locked.1[4]), (2, 9, 1));
    drop(locked);
    assert_eq!(Rc::strong_count(&counted), 1);
}

#[test]
fn values_do_not_meet() {
    let mut all: Vec<Locked<[u8; 4096]>> = (0..20u8).map(|n| Locked::new([n; 4096]).unwrap()).collect();
    all[3].fill(99);
    for (n, locked) in (0..20u8).zip(&all) {
        assert!(locked.iter().all(|byte| *byte == if n == 3 { 99 } else { n }));
    }
    assert_eq!(format!("{:?}", all[0]), "Locked(..)");
}
