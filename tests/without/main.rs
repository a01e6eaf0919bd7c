//! Starts a program on a kernel that lacks some calls: `airlock-without NUMBER,NUMBER PROGRAM …`. A filter answers them as a kernel does that has
//! never heard of them; with `eperm:` before the numbers, as a service manager that forbids them.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch, apply_filter};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// `ENOSYS`.
const NO_SUCH_CALL: u32 = 38;
/// `EPERM`.
const FORBIDDEN: u32 = 1;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [numbers, program, rest @ ..] = arguments.as_slice() else { panic!("usage: airlock-without NUMBERS PROGRAM …") };
    let (errno, numbers) =
        numbers.strip_prefix("eperm:").map_or((NO_SUCH_CALL, numbers.as_str()), |numbers| (FORBIDDEN, numbers));
    let rules = numbers.split(',').map(|number| (number.parse().expect("a number"), Vec::new())).collect();
    let arch = TargetArch::try_from(std::env::consts::ARCH).expect("a known machine");
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(errno), arch).expect("a filter");
    apply_filter(&BpfProgram::try_from(filter).expect("a program")).expect("the kernel takes it");
    panic!("{}", Command::new(program).args(rest).exec());
}
