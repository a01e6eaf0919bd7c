use super::*;

#[derive(Serialize)]
struct DecisionLine<'a> {
    t: &'static str,
    d: &'static str,
    sid: Cow<'a, str>,
    sub: Cow<'a, str>,
    tool: Cow<'a, str>,
    rid: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    to: Vec<String>,
    kid: Cow<'a, str>,
    risk: u16,
    factors: Vec<(String, u16)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ignored: Vec<(String, u16)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    from: Vec<(String, String)>,
    ac: String,
    pol: &'a str,
    why: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    call: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    spends: Option<Vec<usize>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    question: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pt: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hosts: Vec<String>,
}

#[derive(Serialize)]
struct OutcomeLine<'a> {
    t: &'static str,
    call: Cow<'a, str>,
    ok: bool,
    status: Cow<'a, str>,
    hosts: Vec<String>,
    us: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<String>,
    bytes: u64,
    pol: &'a str,
}

pub(super) fn decision(d: &Decision<'_>, pol: &str, salt: &[u8; 32]) -> Vec<u8> {
    body(&decision_line(d, pol, salt))
}

pub(super) fn outcome(o: &Outcome<'_>, pol: &str) -> Vec<u8> {
    body(&outcome_line(o, pol))
}

fn decision_line<'a>(d: &'a Decision<'_>, pol: &'a str, salt: &[u8; 32]) -> DecisionLine<'a> {
    DecisionLine {
        t: "decision",
        d: match (d.allow, d.through) {
            (true, _) => "allow",
            (false, true) => "shadow",
            (false, false) => "deny",
        },
        sid: short(d.sid),
        sub: short(d.sub),
        tool: short(d.tool),
        rid: clip_list(&d.rid, RIDS_MAX),
        to: clip_list(&d.to, LIST_MAX),
        kid: short(d.kid),
        risk: d.risk,
        factors: clip_factors(&d.factors),
        ignored: clip_factors(&d.ignored),
        from: clip_sources(&d.from),
        ac: hex(&commitment(salt, d.args)),
        pol,
        why: short(d.why),
        detail: d.detail.map(clip),
        call: short(d.call),
        scope: d.scope.as_ref().map(|tools| clip_list(tools, SCOPE_MAX)),
        exp: d.exp,
        spends: d.spends.as_ref().map(|places| places.iter().copied().take(1 + CAVEATS_MAX).collect()),
        by: d.question.filter(|_| d.allow).map(|_| "approval"),
        question: d.question.map(clip),
        pn: d.presented.as_ref().map(|(nonce, _)| clip(nonce)),
        pt: d.presented.as_ref().map(|(_, ts)| *ts),
        hosts: clip_list(&d.hosts, HOSTS_MAX),
    }
}

fn outcome_line<'a>(o: &'a Outcome<'_>, pol: &'a str) -> OutcomeLine<'a> {
    OutcomeLine {
        t: "outcome",
        call: short(o.call),
        ok: o.ok,
        status: short(o.status),
        hosts: clip_list(&o.hosts, LIST_MAX),
        us: o.micros,
        result: o.result.as_ref().map(|digest| hex(digest)),
        bytes: o.bytes,
        pol,
    }
}

/// As [`clip_list`] for named numbers.
fn clip_factors(factors: &[(String, u16)]) -> Vec<(String, u16)> {
    let kept = fitting(factors.iter().map(|(name, _)| json_len(&short(name)) + 9), FACTORS_MAX);
    let mut out: Vec<(String, u16)> = factors.iter().take(kept).map(|(name, score)| (clip(name), *score)).collect();
    if kept < factors.len() {
        out.push((digest(&ascii_json(&factors)), 0));
    }
    out
}

fn clip_sources(sources: &[(String, String)]) -> Vec<(String, String)> {
    let size = |(arg, source): &(String, String)| json_len(&short(arg)) + json_len(&short(source)) + 4;
    let kept = fitting(sources.iter().map(size), FROM_MAX);
    let mut out: Vec<(String, String)> = sources.iter().take(kept).map(|(arg, source)| (clip(arg), clip(source))).collect();
    if kept < sources.len() {
        out.push((digest(&ascii_json(&sources)), String::new()));
    }
    out
}
