use super::manifest::{compile, expand};
use super::*;

fn dir() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The generated code as a person would read it.
fn expanded(name: &str) -> String {
    let tokens = expand(quote!(#name), dir(), &Given::default()).expect("a manifest without errors");
    prettyplease::unparse(&syn::parse2(tokens).expect("a Rust file"))
}

// `tests/compiles.rs` hands the same manifests to the compiler.

#[test]
fn weather() {
    insta::assert_snapshot!(expanded("../examples/weather/airlock.toml"));
}

#[test]
fn rules() {
    insta::assert_snapshot!(expanded("tests/manifests/rules.toml"));
}

#[test]
fn everything() {
    insta::assert_snapshot!(expanded("../tests/manifests/good/everything.toml"));
}

#[test]
fn upstreams() {
    insta::assert_snapshot!(expanded("../tests/manifests/good/upstreams.toml"));
}

#[test]
fn the_files_of_a_manifest_are_in_a_note_of_their_own_and_compiled_on() {
    let beside = dir().join("../tests/manifests/good");
    let text = std::fs::read_to_string(beside.join("upstreams.toml")).expect("readable");
    let of = |given: &Given| compile(&text, "airlock.toml", &beside, given).expect("compiles");
    let note = Given { note: Some("manifest".to_owned()), ..Given::default() };
    let (plain, files) = of(&Given::default());
    assert_eq!(files, ["airlock-pins/files.json", "airlock-pins/notes.json"]);
    assert!(
        !plain.to_string().contains(".note.airlock.definitions") && of(&note).0.to_string().contains(".note.airlock.definitions")
    );
    let whole = expand(quote!("../tests/manifests/good/upstreams.toml"), dir(), &Given::default()).expect("compiles").to_string();
    assert!(whole.contains("\"../tests/manifests/good/airlock-pins/files.json\""), "cargo watches the file");
    let gone = compile(&text, "airlock.toml", dir(), &Given::default()).expect_err("no files there");
    assert!(gone.contains("A1105"), "{gone}");
}

#[test]
fn audit() {
    insta::assert_snapshot!(expanded("tests/manifests/audit.toml"));
}

#[test]
fn many_tools_are_searched_by_name_and_few_are_matched() {
    let of = |count: usize| {
        let text = std::fs::read_to_string(dir().join("tests/manifests/audit.toml")).expect("readable");
        let tool = |at: usize| {
            format!(
                "[tools.t{at:03}]\ndescription = \"d\"\neffect = \"read\"\nwhy = \"w\"\n\
                 http = {{ method = \"GET\", url = \"https://a.example.com/{at}\" }}\n"
            )
        };
        let host = "[[egress]]\nhost = \"a.example.com\"\nwhy = \"w\"\n";
        let tools: String = (0..count).rev().map(tool).collect();
        let names: Vec<String> = (0..count).map(|at| format!("\"t{at:03}\"")).collect();
        let grant = format!(
            "[[grant]]\nsubject = \"agent:x\"\ntools = [{}]\nissue = \"operator\"\nmax_ttl = \"5m\"\nwhy = \"w\"\n",
            names.join(", ")
        );
        let (tokens, _) =
            compile(&format!("{text}\n{host}{tools}{grant}"), "m.toml", dir(), &Given::default()).expect("compiles");
        tokens.to_string()
    };
    let (few, many) = (of(5), of(100));
    assert!(few.contains("\"t004\" => Some") && !few.contains("binary_search"));
    assert!(many.contains("binary_search") && !many.contains("=> Some"));
    let at = |name: &str| many.find(name).expect("a name");
    assert!(at("\"t000\" , \"t001\"") < at("binary_search"), "in their order");
    assert!(many.contains("PLACES : [usize ; 101usize]"), "one is of the manifest itself");
    assert_eq!(many.matches("static EGRESS_").count(), 1, "all have one host");
}

#[test]
fn comments_and_spelling_leave_the_code_as_it_is() {
    let text = std::fs::read_to_string(dir().join("tests/manifests/audit.toml")).expect("readable");
    let respelled = text.replace("[gateway]\nname = \"audit\"", "gateway.name = 'audit' # here");
    assert_ne!(respelled, text);
    let tokens = |text: &str| compile(text, "airlock.toml", dir(), &Given::default()).expect("compiles").0.to_string();
    assert_eq!(tokens(&respelled), tokens(&text));
    assert_ne!(tokens(&text.replace("newest", "latest")), tokens(&text), "a reason is part of the policy");
}

#[test]
fn another_policy_than_the_checked_one_is_refused() {
    let text = std::fs::read_to_string(dir().join("tests/manifests/audit.toml")).expect("readable");
    let digest = airlock_policy::compile(&text, "airlock.toml").compiled().expect("compiles").digest_hex();
    let given = Given { digest: Some(digest), ..Given::default() };
    assert!(compile(&text, "airlock.toml", dir(), &given).is_ok());
    let problem = compile(&text.replace("k1", "k2"), "airlock.toml", dir(), &given).expect_err("refused");
    assert!(problem.contains("changed since it was checked"), "{problem}");
}

#[test]
fn what_the_build_says_becomes_notes() {
    let text = std::fs::read_to_string(dir().join("tests/manifests/audit.toml")).expect("readable");
    let said = |given: &Given| compile(&text, "airlock.toml", dir(), given).expect("compiles").0.to_string();
    let plain = said(&Given::default());
    for absent in [".note.airlock.build", ".note.airlock.manifest", ".dep-v0", "black_box"] {
        assert!(!plain.contains(absent), "{absent}");
    }
    let some = |text: &str| Some(text.to_owned());
    let full = said(&Given { digest: None, build: some("{}"), note: some("manifest"), dependencies: some("00ff") });
    for present in [".note.airlock.build", ".note.airlock.manifest", ".dep-v0", "black_box", "newest", r#"b"\0\xFF""#] {
        assert!(full.contains(present), "{present} is not in {full}");
    }
    assert_eq!(said(&Given { note: some("digest"), ..Given::default() }), plain);
    for given in [
        Given { note: some("all"), ..Given::default() },
        Given { dependencies: some("0"), ..Given::default() },
        Given { dependencies: some("0g"), ..Given::default() },
        Given { dependencies: some("ä"), ..Given::default() },
    ] {
        assert!(compile(&text, "airlock.toml", dir(), &given).is_err(), "{given:?}");
    }
}

#[test]
fn an_error_carries_every_diagnostic_and_an_empty_main() {
    let dir = tempfile::tempdir().expect("directory");
    let manifest = "airlock = 1\n[gateway]\nname = \"Bad\"\n[keys]\naccept = [\"k1\"]\n[tools.nothing]\nwhy = \"x\"\n";
    std::fs::write(dir.path().join("airlock.toml"), manifest).expect("written");
    let problem = expand(quote!("airlock.toml"), dir.path(), &Given::default()).expect_err("errors");
    insta::assert_snapshot!(problem);

    let tokens: syn::File = syn::parse2(refused(&problem)).expect("a Rust file");
    let items: Vec<String> = tokens.items.iter().map(|item| quote!(#item).to_string()).collect();
    assert!(items[0].contains("compile_error") && items[0].contains("airlock.toml:3:8"), "{items:?}");
    assert_eq!(items[1..], ["fn main () { }"]);
}

#[test]
fn other_input_is_refused() {
    for input in [quote!(), quote!(airlock), quote!("a", "b"), quote!(1)] {
        assert!(expand(input, dir(), &Given::default()).is_err());
    }
    assert!(expand(quote!("absent.toml"), dir(), &Given::default()).expect_err("absent").contains("cannot read the manifest"));
}

/// A crate as `airlock build` generates it, for a manifest of the tests.
fn generated(manifest: &str) -> (tempfile::TempDir, String, String) {
    let path = dir().join(manifest);
    let text = std::fs::read_to_string(&path).expect("readable");
    let checked =
        airlock_policy::compile_with(&text, "airlock.toml", &airlock_policy::beside(path.parent().expect("a directory")));
    let handover = Handover::of(checked.compiled().expect("compiles")).expect("handed over");
    let json = serde_json::to_string(&handover).expect("JSON");
    let dir = tempfile::tempdir().expect("directory");
    std::fs::write(dir.path().join("policy.json"), &json).expect("written");
    std::fs::write(dir.path().join("airlock.toml"), &text).expect("written");
    (dir, json, serde_json::to_string(checked.files()).expect("JSON"))
}

/// Everything after the lines that name the files.
fn gateway_of(tokens: &TokenStream) -> String {
    let text = tokens.to_string();
    let at = text.find("mod airlock_gateway").expect("a module of constants");
    text[at..].to_owned()
}

#[test]
fn a_policy_that_was_checked_before_becomes_the_same_code() {
    for manifest in [
        "../examples/weather/airlock.toml",
        "tests/manifests/rules.toml",
        "tests/manifests/audit.toml",
        "../tests/manifests/good/everything.toml",
        "../tests/manifests/good/upstreams.toml",
    ] {
        let (made, _, _) = generated(manifest);
        let here = expand(quote!(#manifest), dir(), &Given::default()).expect("compiles");
        let there = compiled::expand(quote!("policy.json"), made.path(), &Given::default()).expect("compiles");
        assert_eq!(gateway_of(&there), gateway_of(&here), "{manifest}");
    }
}

#[test]
fn a_policy_that_was_checked_before_carries_its_manifest_where_it_is_asked_to() {
    let manifest = "../tests/manifests/good/upstreams.toml";
    let (made, _, definitions) = generated(manifest);
    let note = Given { note: Some("manifest".to_owned()), ..Given::default() };
    let of = |given: &Given| compiled::expand(quote!("policy.json"), made.path(), given).expect("compiles");
    assert!(!of(&Given::default()).to_string().contains(".note.airlock.manifest"));
    assert!(!of(&note).to_string().contains(".note.airlock.definitions"));
    std::fs::write(made.path().join("definitions.json"), definitions).expect("written");
    let here = expand(quote!(#manifest), dir(), &note).expect("compiles");
    assert_eq!(gateway_of(&of(&note)), gateway_of(&here));
    std::fs::remove_file(made.path().join("airlock.toml")).expect("removed");
    assert!(compiled::expand(quote!("policy.json"), made.path(), &note).expect_err("gone").contains("cannot read the manifest"));
}

#[test]
fn another_policy_than_the_checked_one_is_refused_as_data_too() {
    let (made, json, _) = generated("../tests/manifests/good/everything.toml");
    let of = |text: &str, given: &Given| {
        std::fs::write(made.path().join("policy.json"), text).expect("written");
        compiled::expand(quote!("policy.json"), made.path(), given).map(|_| ())
    };
    assert_eq!(of(&json, &Given::default()), Ok(()));
    let other = Given { digest: Some("0".repeat(64)), ..Given::default() };
    assert!(of(&json, &other).expect_err("refused").contains("changed since it was checked"));
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    for (pointer, wrong) in [
        ("/digest", serde_json::json!("00")),
        ("/digest", serde_json::json!("zz")),
        ("/keys", serde_json::json!([])),
        ("/tables", serde_json::json!({})),
        ("/policy/tools/0/effect", serde_json::json!("harmless")),
        ("/policy/gateway", serde_json::json!({})),
    ] {
        let mut changed = value.clone();
        let at = changed.pointer_mut(pointer).expect("a member");
        assert_ne!(*at, wrong, "{pointer}");
        *at = wrong;
        assert!(of(&changed.to_string(), &Given::default()).is_err(), "{pointer}");
    }
    let more = json.replacen('{', r#"{"more":1,"#, 1);
    assert!(of(&more, &Given::default()).expect_err("refused").contains("is not what `airlock build` of this version writes"));
    assert!(of(&json[..json.len() / 2], &Given::default()).is_err());
}
