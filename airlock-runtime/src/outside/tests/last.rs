//! What egress has not told when the gateway ends.

use super::*;
use crate::outside::tally::{self, Row, Verdict};
use crate::policy::upstream::{Confine, Net, ProcessLimits, Upstream};

const LIMITS: ProcessLimits = ProcessLimits { data: 1, fsize: 1, cpu: None, files: 1, processes: 1 };
const CONFINE: Confine =
    Confine { system: false, read: &[], write: &[], exec: &[], net: Net::Proxy(&[]), limits: LIMITS, allow_missing: &[] };
/// A server with a network.
const TALKS: Upstream = Upstream { name: "talks", confine: Some(CONFINE), ..Upstream::SAMPLE };

/// What the judge has when it has waited for the last, and how long that took, where egress answers so.
async fn settled(upstreams: &'static [Upstream], answer: Vec<Vec<u8>>) -> (Vec<(Row, u64)>, Duration, bool) {
    let policy = policy_with(None, upstreams);
    LocalSet::new()
        .run_until(async {
            let (ours, theirs) = pair();
            let errands = judge(policy, ours);
            let theirs = std::os::unix::net::UnixStream::from(theirs);
            theirs.set_nonblocking(true).unwrap();
            let theirs = Stream::from_std(theirs).unwrap();
            let (begun, mut packet) = (Instant::now(), [0; 64]);
            let egress = async {
                let is_asked = tokio::time::timeout(Duration::from_millis(50), theirs.readable()).await.is_ok();
                let length = if is_asked { theirs.try_read(&mut packet).unwrap() } else { 0 };
                for frame in answer {
                    by_hand(&theirs, &frame).await;
                }
                packet[..length] == Order::Last.write()
            };
            let (is_asked, ()) = tokio::join!(egress, errands.settle());
            (errands.last_connections(), begun.elapsed(), is_asked)
        })
        .await
}

#[tokio::test]
async fn the_last_connections_are_asked_for_and_waited_for() {
    let row = (Row { upstream: 0, host: "a.example".into(), port: 443, verdict: Verdict::Refused }, 3);
    let rows = Report::Connections(tally::write(std::slice::from_ref(&row))).write();
    let (told, _, is_asked) = settled(&[TALKS], vec![rows.clone(), Report::Last.write()]).await;
    assert_eq!((told, is_asked), (vec![row.clone()], true));
    // One that was stopped, or does not end its answer, is waited for as long as the bound says.
    let (told, took, _) = settled(&[TALKS], vec![rows]).await;
    assert!((Duration::from_millis(200)..Duration::from_secs(5)).contains(&took), "{took:?}");
    assert_eq!(told, [row]);
    // Without a server that has a network there is nothing to ask for.
    let (told, _, is_asked) = settled(&[], Vec::new()).await;
    assert!(told.is_empty() && !is_asked);
}
