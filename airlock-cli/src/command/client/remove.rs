//! `airlock client remove`.

use super::{Change, Consent, Which};
use crate::render::{Failure, Outcome};
use crate::shown;
use std::collections::BTreeSet;

/// Take a gateway out of the settings of a client; the rest of the file stays as it is.
///
/// Only entries of gateways are taken out: those with the variable AIRLOCK_KEY_FILE.
#[derive(Debug, clap::Args)]
pub(crate) struct Remove {
    #[command(flatten)]
    which: Which,
    /// Name of the server at the client
    server: String,
    #[command(flatten)]
    consent: Consent,
}

impl Remove {
    pub(crate) fn run(self) -> Outcome {
        let file = self.which.file()?;
        let client = self.which.client;
        let refuse = |fault: crate::client::place::Fault| fault.in_file(&file.path, &file.text, client.row().language);
        let servers = client.servers(&file.text).map_err(refuse)?;
        let gateways =
            || servers.iter().filter(|server| server.is_gateway()).map(|server| shown::line(&server.name)).collect::<Vec<_>>();
        let help = || match gateways().as_slice() {
            [] => "it has no gateways".to_owned(),
            names => format!("its gateways are {}", names.join(", ")),
        };
        match servers.iter().find(|server| server.name == self.server) {
            None => {
                let problem = format!("{} has no server {:?}", shown::path(&file.path), self.server);
                return Err(Failure::new(problem).help(help()));
            }
            Some(server) if !server.is_gateway() => {
                let problem =
                    format!("the server {:?} in {} is no gateway; nothing was written", self.server, shown::path(&file.path));
                return Err(Failure::new(problem).help(help()));
            }
            Some(_) => {}
        }
        let text = client.without(&file.text, &self.server).map_err(refuse)?.unwrap_or_else(|| file.text.clone());
        Change { client, server: &self.server, file: &file, text, open: BTreeSet::new() }
            .carry_out(&self.consent, &serde_json::Value::Null)
    }
}
