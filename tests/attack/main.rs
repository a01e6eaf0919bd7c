//! Enters the profile of a role by the function that a gateway calls, then does one thing that the role has no business with.
//!
//! `airlock-attack list` names all attacks; `airlock-attack ROLE ATTACK DIR VICTIM PORT` does one, where ROLE may be `none`, DIR is an empty
//! directory, VICTIM a process of the same user and PORT one of this host that is listened on. It ends with 0 if the attack succeeded, with 100
//! if the kernel refused it (stdout has the number of the error), and by a signal if the kernel ended the process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test stops at the first surprise")]

mod files;
mod foreign;
mod network;
mod processes;
mod raw;
mod scene;
mod system;

use airlock_runtime::confine::{Clerk, Egress, Judge, Launcher, Server};
use airlock_runtime::lease::guard::forbid_dumps;
use scene::{Attack, Kind, Scene};
use std::process::ExitCode;

/// Exit code of an attack that was refused.
const REFUSED: u8 = 100;

fn all() -> Vec<Attack> {
    [
        files::attacks(),
        files::ledger(),
        processes::attacks(),
        network::attacks(),
        system::attacks(),
        foreign::attacks(),
        scene::controls(),
    ]
    .concat()
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["list"] => {
            for Attack { name, kind, roles, .. } in all() {
                let kind = match kind {
                    Kind::Attack => "attack",
                    Kind::Own => "own",
                    Kind::Control => "control",
                };
                println!("{name} {kind} {roles}");
            }
            ExitCode::SUCCESS
        }
        [role, name, dir, victim, port] => {
            let attack = all().into_iter().find(|attack| attack.name == *name).expect("an attack of the list");
            let scene = Scene::new(dir.as_ref(), victim.parse().unwrap(), port.parse().unwrap());
            enter(role, &scene);
            match (attack.run)(&scene) {
                Ok(_) => ExitCode::SUCCESS,
                Err(error) => {
                    println!("{error}");
                    ExitCode::from(REFUSED)
                }
            }
        }
        _ => panic!("usage: airlock-attack list | ROLE ATTACK DIR VICTIM PORT"),
    }
}

/// Enters the profile of a role as the gateway does. A judge has no network, whatever its tools reach.
fn enter(role: &str, scene: &Scene) {
    let done = match role {
        "none" => return,
        "judge" => {
            let judge = Judge { egress: false, upstreams: false };
            judge.files(&scene.ledger).and_then(|()| judge.no_files()).and_then(|()| judge.calls())
        }
        "upstreams" => {
            let judge = Judge { egress: true, upstreams: true };
            judge.files(&scene.ledger).and_then(|()| judge.no_files()).and_then(|()| judge.calls())
        }
        "clerk" => Clerk.files(&scene.ledger).and_then(|()| Clerk.calls()),
        "egress" => {
            let egress = Egress { ports: vec![scene.port], proxy: false };
            egress.files().and_then(|()| egress.calls())
        }
        // What a foreign server without a sandbox of its own inherits.
        "launcher" => Launcher { sandboxes: true }.calls().and_then(|()| Server.calls()),
        other => panic!("no role {other}"),
    };
    done.expect("the kernel confines the process");
}

/// The gateway hides its memory before it has a key, so it is done before everything else here, too.
fn hide() {
    assert!(forbid_dumps());
}
