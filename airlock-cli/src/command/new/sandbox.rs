//! The sandbox that a new policy gives its server: where its code lies, and the places that its command names.

use super::from_server::absolute;
use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use toml_edit::{Array, Value};

/// What every sandbox with `system` may read.
const SYSTEM: [&str; 5] = ["/lib", "/lib64", "/usr/lib", "/usr/local/lib", "/usr/share"];
/// Where programs lie among others: nothing else of the server is beside them.
const SHARED: [&str; 5] = ["/", "/bin", "/usr", "/usr/bin", "/usr/local"];
/// Bytes of a script that may have its first line.
const LINE_MAX: u64 = 256;

/// The section `[upstreams.<name>.confine]`.
pub(super) fn section(name: &str, command: &[String]) -> String {
    let array = |paths: &BTreeSet<PathBuf>| paths.iter().filter_map(|path| path.to_str()).map(Value::from).collect::<Array>();
    let read = array(&readable(command));
    let exec = match looked_up(command) {
        found if found.is_empty() => String::new(),
        found => format!("exec = {}   # what its first line looks up\n", array(&found)),
    };
    format!(
        "\n# What the kernel lets its process touch. `airlock pin` asks the server without it; `airlock build` and a call show whether it suffices.\n\
         [upstreams.{name}.confine]\nread = {read}   # where its code lies, and what its command names\n\
         {exec}write = []                     # directories that it is to change; take them out of `read`\nnet = \"none\"\n"
    )
}

/// Directories and files that the server reads, as far as its command tells.
fn readable(command: &[String]) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut programs: Vec<PathBuf> = command.first().map(PathBuf::from).into_iter().collect();
    programs.extend(programs.first().and_then(|program| interpreter(program)));
    programs.extend(looked_up(command));
    for program in &programs {
        found.extend(brought(program));
        // A link is often to where the whole of it lies, as in a virtual environment.
        found.extend(fs::canonicalize(program).ok().and_then(|real| brought(&real)));
    }
    let named = command.iter().skip(1).map(PathBuf::from).filter(|path| path.is_absolute() && path.exists());
    found.extend(named.map(|path| code(&path)));
    let is_new = |path: &PathBuf| !SYSTEM.iter().chain(&SHARED).any(|known| path == Path::new(known));
    let is_shared = |path: &Path| SYSTEM.iter().any(|known| path.starts_with(known));
    let all: BTreeSet<PathBuf> = found.into_iter().filter(|path| is_new(path) && !is_shared(path)).collect();
    let is_within = |path: &PathBuf| all.iter().any(|other| other != path && path.starts_with(other));
    all.iter().filter(|path| !is_within(path)).cloned().collect()
}

/// What a program brings along: the packages that it is one of, or the directory that it is installed in.
fn brought(program: &Path) -> Option<PathBuf> {
    match code(program) {
        packages if packages == program => installed(program),
        packages => Some(packages),
    }
}

/// The directory with what a program brings along: that above its `bin`.
fn installed(program: &Path) -> Option<PathBuf> {
    let dir = program.parent()?;
    match dir.file_name().is_some_and(|name| name == "bin") {
        true => dir.parent().map(Path::to_owned),
        false => Some(dir.to_owned()),
    }
}

/// What a script brings along: all packages beside its own.
fn code(path: &Path) -> PathBuf {
    let packages = path.ancestors().filter(|dir| dir.file_name().is_some_and(|name| name == "node_modules")).last();
    packages.map_or_else(|| path.to_owned(), Path::to_owned)
}

/// The program that `env` looks up for a script: the sandbox would not let it run otherwise.
fn looked_up(command: &[String]) -> BTreeSet<PathBuf> {
    let words = command.first().and_then(|program| first_line(Path::new(program))).unwrap_or_default();
    let [env, rest @ ..] = words.as_slice() else { return BTreeSet::new() };
    let name = rest.iter().find(|word| !word.starts_with('-') && !word.contains('='));
    let found = name.filter(|_| env.ends_with("/env")).and_then(|name| absolute(name).ok());
    found.map(PathBuf::from).into_iter().collect()
}

fn interpreter(program: &Path) -> Option<PathBuf> {
    first_line(program)?.first().map(PathBuf::from)
}

/// The words behind `#!`.
fn first_line(program: &Path) -> Option<Vec<String>> {
    let mut head = Vec::new();
    fs::File::open(program).ok()?.take(LINE_MAX).read_to_end(&mut head).ok()?;
    let text = String::from_utf8_lossy(&head);
    let line = text.strip_prefix("#!")?.lines().next()?;
    Some(line.split_ascii_whitespace().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_reads_its_own_code() {
        let dir = tempfile::tempdir().expect("directory");
        let root = dir.path().canonicalize().expect("path");
        let file = |path: &str, text: &str| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("a directory")).expect("made");
            fs::write(&path, text).expect("written");
            path.to_str().expect("UTF-8").to_owned()
        };
        let python = file("python/bin/python3", "");
        let server = file("venv/bin/server", &format!("#!{python}\n"));
        let script = file("mcp/node_modules/@a/server/index.js", "");
        let work = file("work/a.txt", "");
        let all = |command: &[&str]| {
            let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
            let found = readable(&command);
            found
                .iter()
                .map(|path| path.strip_prefix(&root).unwrap_or(path).to_str().expect("UTF-8").to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(all(&[&server, "--zone", "UTC"]), ["python", "venv"]);
        assert_eq!(all(&["/usr/bin/env", &script, &work, "/nowhere"]), ["mcp/node_modules", "work/a.txt"]);
        // What npm puts beside packages is a link into one of them, and its first line looks the interpreter up.
        let linked = root.join("mcp/node_modules/.bin/server");
        fs::create_dir_all(linked.parent().expect("a directory")).expect("made");
        fs::write(&script, "#!/usr/bin/env -S sh -e\n").expect("written");
        std::os::unix::fs::symlink(&script, &linked).expect("linked");
        let linked = linked.to_str().expect("UTF-8");
        assert_eq!(all(&[linked, &work]), ["mcp/node_modules", "work/a.txt"]);
        let text = section("x", &[linked.to_owned()]);
        assert!(text.contains("/sh\"]   # what its first line looks up\n"), "{text}");
        assert!(!section("x", std::slice::from_ref(&server)).contains("exec"));
        assert_eq!(all(&["/bin/sh", &server, root.to_str().expect("UTF-8")]), [""], "what lies within is not named again");
    }
}
