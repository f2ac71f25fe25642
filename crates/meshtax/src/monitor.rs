//! `meshtax agent`: the witness as a service, which serves and pushes the kernel's counters.

mod configuration;
mod file;

use std::fmt::Debug;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use agent::{Conntrack, Guard, GuardFiles, Notice, Opened, ScrapeOrder, Serving, Witnesses};
use anyhow::Context;
use attribution::Accounted;
use lab::Stop;
use probe::{Dns, DnsOptions, Drops, Ports, ProbeError, Source, Tcp, Udp, Witness};
use signal_hook::consts::SIGHUP;

pub use self::configuration::Configuration;
use self::configuration::words;
use crate::capability;
use crate::cli::AgentOptions;
use crate::failure::{Failure, Hint};
use crate::limits;
use crate::output::{print, say};
use crate::signals::{heed_ends, heed_signals};
use crate::watch::{self, attached, report_gaps, restrict, seeing};

/// `meshtax agent`: serves metrics until a signal ends it.
pub fn agent(options: &AgentOptions) -> Result<ExitCode, Failure> {
    let Configuration { listen, guard_files, guard, push } = Configuration::of(options)?;
    if options.check {
        print("the agent's file and the files that it names are valid\n")?;
        return Ok(ExitCode::SUCCESS);
    }
    limits::open_files(files(options))?;
    let orders = Orders::heed(options.config.is_some(), guard_files)?;
    let listener = agent::listen(listen).hint("choose another address with --listen")?;
    let address = listener.local_addr().context("cannot tell where it listens")?;
    // The witness opens what needs a privilege from here on. What it cannot open is among its gaps.
    let mut probe = attached(Tcp::load_to_count(options.remembering.max_sockets))?;
    if options.remembering.bpf_stats {
        probe.time_programs();
    }
    report_gaps(probe.gaps());
    let conntrack = if options.no_conntrack { None } else { conntrack()? };
    let mut witnesses = Witnesses::new(probe, conntrack, options.remembering.bounds());
    add_others(&mut witnesses, options);
    if !agent::sees_what_ends() {
        say(
            "not seen from here: the end of every pod (this needs the host's PID namespace and control groups, and the \
             right to look at its processes); series of pods that have ended may stay",
        );
    }
    // From here on there is no privilege left.
    say(&restrict(|| witnesses.can_read())?.to_string());
    if let Some(push) = &push {
        say(&format!("pushing to {}", push.place()));
    }
    if guard.shows_its_token() && !address.ip().is_loopback() {
        say(&format!("the scrapers' token travels unencrypted to {address}: configure `tls`"));
    }
    let scheme = if guard.is_secret() { "https" } else { "http" };
    say(&format!("metrics at {scheme}://{address}/metrics; Ctrl-C ends it"));
    let service = Serving { witnesses, listener, guard, push };
    agent::serve(service, || orders.next(), |notice| say(&told(&notice)))?;
    Ok(ExitCode::SUCCESS)
}

/// The open files that the agent needs with these witnesses before the first scrape: 101 with all of them, as seen on
/// Linux 6.18.
fn files(options: &AgentOptions) -> u64 {
    let parts = [(!options.no_conntrack, 4), (!options.dns.no_dns, 20), (!options.no_udp, 18), (!options.no_drops, 13)];
    watch::FILES + parts.into_iter().filter(|(is_wanted, _)| *is_wanted).map(|(_, files)| files).sum::<u64>()
}

/// Adds the witnesses of DNS, UDP and drops that are wanted and available.
fn add_others(witnesses: &mut Witnesses, options: &AgentOptions) {
    let AgentOptions { dns, no_udp, no_drops, .. } = options;
    if !dns.no_dns {
        let asked = DnsOptions { names: !dns.no_dns_names, feed: false, ..DnsOptions::default() };
        add(witnesses, "DNS queries", Dns::load(asked));
    }
    if !no_udp {
        add(witnesses, "datagrams of UDP", Udp::load(Ports::Services));
    }
    if !no_drops {
        add(witnesses, "dropped packets", Drops::load());
    }
}

/// Adds a witness that the agent can do without. If it is not available, says what is not seen.
fn add<S, K>(witnesses: &mut Witnesses, what: &str, loaded: Result<Witness<S>, ProbeError>)
where
    S: Source<Key = K, Series = K::Series, Losses = K::Losses> + Debug + 'static,
    K: Accounted,
{
    match seeing(loaded) {
        Ok(witness) => witnesses.add(witness),
        Err(failure) => say(&format!("not seen on this kernel: {what} ({})", failure.what())),
    }
}

/// Starts the processes that keep and read conntrack tables, and says what they cannot see.
fn conntrack() -> Result<Option<Conntrack>, Failure> {
    if !capability::has(capability::NET_ADMIN) {
        say("not seen from here: servers behind translated addresses (the kernel shows them to CAP_NET_ADMIN only)");
        return Ok(None);
    }
    let own = std::env::current_exe().context("cannot find this program's own binary")?;
    let mut program = Command::new(own);
    let conntrack = Conntrack::start(program.args(["role", "keeper"]).stderr(Stdio::null()))
        .context("cannot start the processes that read tables of translated connections")?;
    let Opened { tables, missing } = conntrack.opened();
    missing.iter().for_each(|missing| say(&format!("not seen from here: {missing}")));
    if tables > 0 {
        say(&format!(
            "reading translated addresses of {tables} network namespaces; two helper processes keep CAP_NET_ADMIN for this"
        ));
    }
    Ok(Some(conntrack))
}

/// What signals ask the agent to do.
struct Orders {
    stop: Stop,
    renew: Arc<AtomicBool>,
    guard_files: GuardFiles,
}

impl Orders {
    /// Listens for signals. With a file, SIGHUP reloads certificates and token; without one it ends the agent, as it
    /// ends other tools.
    fn heed(has_file: bool, guard_files: GuardFiles) -> Result<Self, Failure> {
        let renew = Arc::default();
        let stop = if has_file {
            signal_hook::flag::register(SIGHUP, Arc::clone(&renew)).context("cannot listen for signals")?;
            heed_ends()?
        } else {
            heed_signals()?
        };
        Ok(Self { stop, renew, guard_files })
    }

    fn next(&self) -> ScrapeOrder {
        if self.stop.is_set() {
            return ScrapeOrder::End;
        }
        if !self.renew.swap(false, Ordering::Relaxed) {
            return ScrapeOrder::GoOn;
        }
        match Guard::read(&self.guard_files) {
            Ok(guard) => {
                say("reloaded certificates and token");
                ScrapeOrder::Renew(guard)
            }
            Err(error) => {
                say(&format!("kept the old certificates and token: {}", words(error)));
                ScrapeOrder::GoOn
            }
        }
    }
}

fn told(notice: &Notice) -> String {
    match notice {
        Notice::Fails(why) => format!("cannot push: {why}; trying again"),
        Notice::Recovered(failures) => format!("pushing again after {failures} failures; no data is missing"),
    }
}
