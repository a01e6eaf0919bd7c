//! What is kept of a file, and which of it is put back.

use super::{Client, ConfigFile, back, change, config, gate};
use crate::client::{first_twin, open_values};
use crate::counted::{Counted, grows_with_the_keys};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

fn backups(dir: &Path) -> Vec<PathBuf> {
    let names = fs::read_dir(dir).expect("listing").map(|entry| entry.expect("entry").path());
    let mut found: Vec<PathBuf> = names.filter(|path| path.to_string_lossy().contains(".airlock-")).collect();
    found.sort();
    found
}

#[test]
fn what_is_kept_is_never_wider_than_the_file_was() {
    for mode in [0o600, 0o640, 0o644, 0o666, 0o777] {
        let dir = tempfile::tempdir().expect("directory");
        let path = config(dir.path(), b"{\"token\": \"s3cret\"}", mode);
        change(Client::Cursor, &path);
        let all = backups(dir.path());
        assert_eq!(all.len(), 1);
        assert_eq!(fs::metadata(&all[0]).expect("there").permissions().mode() & 0o7777, 0o600, "{mode:o}");
    }
    let dir = tempfile::tempdir().expect("directory");
    change(Client::Cursor, &dir.path().join("mcp.json"));
    assert_eq!(fs::metadata(&backups(dir.path())[0]).expect("there").permissions().mode() & 0o7777, 0o600);
}

#[test]
fn the_change_that_made_the_file_is_taken_back_and_not_the_newest_name() {
    let dir = tempfile::tempdir().expect("directory");
    let path = config(dir.path(), b"{}", 0o600);
    change(Client::Cursor, &path);
    let first = fs::read(&path).expect("read");
    change(Client::Vscode, &path);
    // By hand, the file becomes what the first change had made of it: the second is not the one to take back.
    fs::write(&path, &first).expect("written");
    back(&path, false).expect("the first change");
    assert_eq!(fs::read(&path).expect("read"), b"{}");
    assert_eq!(backups(dir.path()).len(), 1, "what the second change had replaced is still there");
    // Nor is a name that only sorts as if it were newer.
    let path = config(dir.path(), b"{ }", 0o600);
    change(Client::Cursor, &path);
    fs::write(dir.path().join("mcp.json.airlock-99991231T235959Z-0123456789abcdef.bak"), "{\"evil\": 1}").expect("written");
    back(&path, false).expect("the change");
    assert_eq!(fs::read(&path).expect("read"), b"{ }");
}

#[test]
fn a_link_in_the_place_of_what_was_kept_is_not_followed() {
    let dir = tempfile::tempdir().expect("directory");
    let path = config(dir.path(), b"{}", 0o600);
    change(Client::Cursor, &path);
    let now = fs::read(&path).expect("read");
    let kept = backups(dir.path()).remove(0);
    let other = dir.path().join("other");
    fs::write(&other, "{\"evil\": 1}").expect("written");
    fs::remove_file(&kept).expect("removed");
    symlink(&other, &kept).expect("linked");
    for force in [false, true] {
        assert!(back(&path, force).expect_err("a link").contains("there is no change"), "{force}");
        assert_eq!(fs::read(&path).expect("read"), now);
    }
    // One that becomes a link between the choice and the reading is not followed either.
    fs::remove_file(&kept).expect("removed");
    fs::write(&kept, "{}").expect("written");
    let backup = ConfigFile::read(&path).expect("read").undo(true).expect("there");
    fs::remove_file(&kept).expect("removed");
    symlink(&other, &kept).expect("linked");
    assert!(backup.read().is_err());
}

#[test]
fn bytes_come_back_as_they_were_and_the_mode_of_now_stays() {
    let dir = tempfile::tempdir().expect("directory");
    let old = b"\xef\xbb\xbf{\r\n\t\"mcpServers\": {}\r\n}";
    let path = config(dir.path(), old, 0o640);
    change(Client::Cursor, &path);
    fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("mode");
    back(&path, false).expect("taken back");
    assert_eq!(fs::read(&path).expect("read"), old);
    assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o7777, 0o600, "what the user has set since stays");
}

#[test]
fn only_places_of_gateways_are_shown_beside_others() {
    let mut adopted = gate();
    adopted.env.push(("API_TOKEN".into(), "s3cret".into()));
    let others = "{\"mcpServers\": {\"x\": {\"command\": \"npx\", \"env\": {\"A\": \"other\"}}}}";
    let text = Client::Cursor.with(others, &adopted).expect("written");
    let open = open_values(&Client::Cursor.servers(&text).expect("understood"));
    assert!(open.contains("/opt/air lock/gate") && open.contains("/home/me/gate.key"), "{open:?}");
    assert!(!open.contains("s3cret") && !open.contains("other") && !open.contains("npx"), "{open:?}");
}

#[test]
fn ten_times_the_keys_are_ten_times_the_work() {
    grows_with_the_keys(|keys| assert_eq!(first_twin((0..keys).map(Counted)), None));
    assert_eq!(first_twin([1, 2, 3, 2, 1]), Some(3));
}
