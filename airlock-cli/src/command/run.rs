//! `airlock run`.

mod agent;
mod lent;

use crate::args::Format;
use crate::command::client::install::{self, state_dir};
use crate::command::issue::{self, Issue};
use crate::manifest::{Accepted, policy_of};
use crate::render::{Failure, Outcome, note};
use crate::shown;
use airlock_policy::ir::{Durability as Said, Issue as Way, Policy};
use airlock_runtime::lease::inspect::inspect;
use airlock_runtime::ledger::{Ledger, note as tlog};
use airlock_runtime::policy::Durability;
use lent::Lent;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Start an agent with a lease of its own, and revoke the lease when the agent ends.
///
/// For agents whose MCP client knows nothing about leases; the manifest needs the carrier `ambient`. The lease is for one new session, under a
/// grant of the operator, and lies in a file that only this user can read. The agent gets AIRLOCK_LEASE_FILE and the ledger's variable;
/// no other AIRLOCK_ variable, no open file, and no key, unless --gateway-key names the gateway's. The lease is not renewed: after its life
/// every call is refused. Signals are passed on. If `airlock run` itself is killed (SIGKILL), the file stays and the lease ends with its
/// life, not before.
/// Exit codes: that of the agent; 128 and the signal's number where a signal ended it · 1 no grant covers this · 2 wrong usage, or the
/// agent could not be started, or its lease could not be revoked.
#[derive(Debug, clap::Args)]
pub(crate) struct Run {
    /// What the user wants, as text
    #[arg(long, required_unless_present = "intent_file", conflicts_with = "intent_file")]
    intent: Option<String>,
    /// File with the intent text
    #[arg(long, value_name = "FILE")]
    intent_file: Option<PathBuf>,
    /// The subject whose grant it is, such as agent:planner
    #[arg(long, value_name = "SUBJECT")]
    grant: String,
    /// Manifest of the gateway, or the built gateway
    #[arg(long, visible_alias = "gateway", value_name = "FILE", default_value = "airlock.toml")]
    manifest: PathBuf,
    /// Key that signs: the issuer key, or the key of the gateway
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Key id, if the file has several
    #[arg(long)]
    kid: Option<String>,
    /// Key file of the gateway, set as AIRLOCK_KEY_FILE for the agent: for one whose client starts the gateway with its own variables.
    /// Needless where the client's entry names the key, as `airlock client install` writes it. Whoever reads this file can issue leases
    #[arg(long, value_name = "FILE")]
    gateway_key: Option<PathBuf>,
    /// Tools, separated by commas [default: all of the grant]
    #[arg(long, value_delimiter = ',')]
    tools: Vec<String>,
    /// Life of the lease [default: the manifest's default_ttl]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    ttl_seconds: Option<u64>,
    /// Narrower terms as JSON, as for `airlock issue`
    #[arg(long, value_name = "JSON", default_value = "{}", hide_default_value = true)]
    constraints: String,
    /// Directory of the gateway's ledger; made when absent [default: as `airlock client install` has it]
    #[arg(long, value_name = "DIR")]
    ledger: Option<PathBuf>,
    /// Where the lease lies [default: airlock/NAME.lease in $XDG_RUNTIME_DIR, or a new private directory]
    #[arg(long, value_name = "FILE")]
    lease_file: Option<PathBuf>,
    /// Program and arguments of the agent
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

impl Run {
    pub(crate) fn run(self) -> Outcome {
        let intent = match &self.intent_file {
            Some(path) => issue::read_intent(path)?,
            None => self.intent.clone().unwrap_or_default(),
        };
        let accepted = policy_of(&self.manifest)?;
        let policy = accepted.compiled.policy();
        demand_ambient(policy, &accepted.name)?;
        let gateway_key = self.gateway_key(&policy.gateway.name)?;
        let ledger = self.ledger(policy, &accepted)?;
        // From here on a signal is noted and not obeyed at once, so that no lease is left behind.
        let signals = agent::Signals::listen()?;
        let order = self.order(policy, &ledger)?;
        let place = lent::Place::claim(self.lease_file.clone(), &policy.gateway.name)?;
        let minted = order.mint(&intent, Some(&accepted.compiled))?;
        let rid = inspect(&minted.text).map_err(Failure::new)?.rid;
        issue::describe(&minted, &rid);
        let lent = Lent::of(place, &minted.text, &order.session_id, &intent, &ledger, rid)?;
        let mut variables = vec![(airlock_runtime::carrier::ambient::LEASE_FILE, lent.path().to_owned())];
        variables.extend(gateway_key.map(|path| (crate::client::server::KEY_FILE, path)));
        if let Some(name) = &policy.ledger.dir_env {
            variables.push((name.as_str(), ledger.clone()));
        }
        let ended = agent::start(&self.command, &variables).and_then(|child| signals.follow(child));
        // Whatever became of the agent, its lease ends here.
        lent.end()?;
        ended
    }

    /// The order for the lease, as `airlock issue` would have it.
    fn order(&self, policy: &Policy, ledger: &Path) -> Result<Issue, Failure> {
        let of_subject = || policy.grants.iter().filter(|grant| grant.subject == self.grant);
        let grant = of_subject().find(|grant| grant.issue == Way::Operator);
        if grant.is_none() && of_subject().next().is_some() {
            let problem =
                format!("{} has no grant with `issue = \"operator\"`: it asks the gateway for its leases itself", self.grant);
            return Err(Failure::no(problem));
        }
        let mut tools = self.tools.clone();
        if tools.is_empty() {
            tools = grant.map(|grant| grant.tools.clone()).unwrap_or_default();
        }
        let jti = airlock_runtime::lease::fresh_jti().map_err(Failure::new)?;
        Ok(Issue {
            key: self.key.clone(),
            kid: self.kid.clone(),
            manifest: None,
            audience: None,
            session_id: format!("run-{}", jti.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
            subject: self.grant.clone(),
            tools,
            intent: None,
            intent_file: None,
            ttl_seconds: self.ttl_seconds,
            constraints: self.constraints.clone(),
            ledger: Some(ledger.to_owned()),
            epoch: None,
            depth: 0,
            pop: false,
            format: Format::Table,
        })
    }

    /// The file that the gateway gets its key from, where the agent is to name it. An issuer key makes the keys of all gateways, and no agent
    /// gets near one.
    fn gateway_key(&self, gateway: &str) -> Result<Option<PathBuf>, Failure> {
        let Some(path) = &self.gateway_key else { return Ok(None) };
        install::gateway_key(path, gateway)?;
        std::path::absolute(path).map_err(|e| Failure::new(format_args!("cannot use {}: {e}", shown::path(path)))).map(Some)
    }

    /// The directory of the ledger. A lease is recorded before the agent has it, so a ledger is made where there is none.
    fn ledger(&self, policy: &Policy, accepted: &Accepted) -> Result<PathBuf, Failure> {
        let named = self.ledger.clone().or_else(|| {
            let variable = policy.ledger.dir_env.as_deref().and_then(std::env::var_os).filter(|dir| !dir.is_empty());
            variable.map(PathBuf::from)
        });
        // Without a variable the place is relative to where the client starts the gateway, which is not known here.
        let usual = || policy.ledger.dir_env.as_ref().and_then(|_| state_dir(&policy.gateway.name));
        let dir = named.or_else(usual).ok_or_else(|| {
            Failure::new("it is not known where the gateway has its ledger").help("name its directory with --ledger")
        })?;
        let dir = std::path::absolute(&dir).map_err(|e| Failure::new(format_args!("cannot use {}: {e}", dir.display())))?;
        let is_empty = std::fs::read_dir(&dir).map_or(true, |mut entries| entries.next().is_none());
        if is_empty {
            let unmade = |fault| Failure::new(format_args!("no ledger could be made in {}: {fault}", dir.display()));
            let ledger =
                Ledger::open(&dir, &policy.gateway.name, accepted.compiled.digest(), durability(policy)).map_err(unmade)?;
            note(format_args!("new ledger in {}; its public key is {}", dir.display(), tlog::plain_key(ledger.key())));
            ledger.shutdown().map_err(unmade)?;
        }
        Ok(dir)
    }
}

const fn durability(policy: &Policy) -> Durability {
    match policy.ledger.durability {
        Said::Power => Durability::Power,
        Said::Effect => Durability::Effect,
        Said::Process => Durability::Process,
    }
}

fn demand_ambient(policy: &Policy, name: &str) -> Result<(), Failure> {
    match policy.lease.carrier_ambient {
        true => Ok(()),
        false => Err(Failure::no(format_args!("the gateway of {name} does not take a lease from its surroundings"))
            .help("`[lease] carriers = [\"meta\", \"ambient\"]` in the manifest lets it; build it again")),
    }
}
