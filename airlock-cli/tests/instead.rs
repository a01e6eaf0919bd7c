//! What the linker's script puts in the place of functions of the standard and the C library: a program that is linked as gateways are says
//! the same as any other, and dies where it would have died.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![allow(clippy::expect_used, reason = "a test stops at the first surprise")]

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What does each of the things that lead to a replaced function.
const PROGRAM: &str = r#"
use std::net::ToSocketAddrs;
use std::os::unix::{fs::MetadataExt, process::CommandExt};
fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("errors") => {
            let of = |code| std::io::Error::from_raw_os_error(code).to_string();
            println!("{}|{}", of(2), of(4711));
        }
        Some("threads") => {
            let named = std::thread::Builder::new().name("a name".to_owned()).stack_size(1 << 16);
            let thread = named.spawn(|| std::thread::current().name().map(str::to_owned)).expect("a thread");
            println!("{:?} {:?} {}", thread.join().expect("ends"), std::thread::current().name(), 1.5_f64);
        }
        Some("names") => println!("{:?}", ("localhost.", 80).to_socket_addrs().map(|all| all.count()).is_err()),
        // By a fork, which a change of the user takes, from a process with another thread.
        Some("child") => {
            let (end, ended) = std::sync::mpsc::channel::<()>();
            let thread = std::thread::spawn(move || ended.recv().is_err());
            let own = std::fs::metadata("/proc/self").expect("/proc").uid();
            let mut child = std::process::Command::new(std::env::args().next().expect("a name"));
            let output = child.arg("errors").uid(own).output().expect("a child");
            drop(end);
            print!("{} {}{}", thread.join().expect("ends"), output.status, String::from_utf8_lossy(&output.stdout));
        }
        Some("panic") => panic!("its own words"),
        Some("deep") => println!("{}", deep(&[1; 64])),
        _ => {}
    }
}
#[inline(never)]
fn deep(above: &[u64]) -> u64 {
    let mut here = [0; 64];
    here.copy_from_slice(above);
    here[0] += 1;
    if std::hint::black_box(&here)[0] == 0 { 0 } else { deep(&here) + here[1] }
}
"#;

/// The program in a directory, linked with scripts of the template.
fn linked(dir: &Path, scripts: &[&str]) -> PathBuf {
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("carried/templates/gateway");
    let text = |name: &str| std::fs::read_to_string(template.join(name)).expect("a template");
    let main = text("main.rs");
    let (_, instead) = main.split_once("compiled!(\"policy/policy.json\");").expect("the macro");
    std::fs::write(dir.join("main.rs"), format!("{PROGRAM}{instead}")).expect("written");
    std::fs::write(dir.join("link.ld"), scripts.iter().map(|name| text(name)).collect::<String>()).expect("written");
    let file = dir.join(scripts.len().to_string());
    let mut rustc = Command::new("rustc");
    rustc.current_dir(env!("CARGO_MANIFEST_DIR")).arg(dir.join("main.rs")).arg("-o").arg(&file);
    rustc.args(["--edition=2024", "-Copt-level=1", "-Cpanic=abort", "-Cstrip=symbols", "-Ctarget-feature=+crt-static"]);
    rustc.args(["--target=x86_64-unknown-linux-gnu", "-Crelocation-model=pic", "-Cforce-unwind-tables=no"]);
    rustc.arg(format!("-Clink-arg=-Wl,-T,{}", dir.join("link.ld").display()));
    let output = rustc.output().expect("rustc");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    file
}

fn run(file: &Path, what: &str) -> Output {
    Command::new(file).arg(what).env_clear().env("RUST_BACKTRACE", "1").output().expect("it starts")
}

/// Whether this machine's C library is the one that the script was made for.
fn is_known() -> bool {
    let ldd = Command::new("ldd").arg("--version").output().expect("ldd");
    String::from_utf8_lossy(&ldd.stdout).lines().next().is_some_and(|line| line.ends_with(" 2.36"))
}

#[test]
fn a_program_without_functions_that_nothing_runs_does_the_same() {
    if !is_known() {
        return; // `airlock build` leaves the C library of such a machine as it is
    }
    let dir = tempfile::tempdir().expect("directory");
    let plain = linked(dir.path(), &["link.ld"]);
    let small = linked(dir.path(), &["link.ld", "static.ld", "nameless.ld"]);
    let size = |file: &Path| std::fs::metadata(file).expect("a file").len();
    let saved = size(&plain) - size(&small);
    assert!(saved > 505_000, "{saved} of {}: a name of the script is not there", size(&plain));

    let said = |file: &Path, what: &str| {
        let output = run(file, what);
        assert!(output.status.success(), "{what}: {output:?}");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    assert_eq!(said(&small, "threads"), said(&plain, "threads"));
    assert_eq!(said(&small, "threads"), "Some(\"a name\") Some(\"main\") 1.5\n");
    let unknown = "No such file or directory (os error 2)|Unknown error 4711 (os error 4711)\n";
    assert_eq!(said(&plain, "errors"), unknown);
    assert_eq!(said(&small, "errors"), unknown.replace("Unknown error 4711", ""));
    assert_eq!(said(&small, "child"), format!("true exit status: 0{}", said(&small, "errors")));
    assert_eq!(said(&small, "names"), "true\n", "names are looked up by nobody");

    for (file, backtrace) in [(&plain, true), (&small, false)] {
        let output = run(file, "panic");
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.signal(), Some(6), "{text}");
        assert!(text.contains("panicked at") && text.contains("its own words"), "{text}");
        assert_eq!(text.contains("stack backtrace:"), backtrace, "{text}");
    }
    assert!(run(&plain, "deep").status.signal().is_some());
    assert_eq!(run(&small, "deep").status.signal(), Some(11), "the guard page stops it");
}

#[test]
fn names_are_looked_up_where_a_gateway_does() {
    if !is_known() {
        return;
    }
    let dir = tempfile::tempdir().expect("directory");
    let file = linked(dir.path(), &["link.ld", "static.ld"]);
    let output = Command::new(&file).arg("names").output().expect("it starts");
    assert!(output.status.success(), "{output:?}");
}
