//! The phrase table: what an instruction to an agent looks like when it stands where data should be.
//!
//! Words are lower case and without marks, as `normalise` leaves them. A class is a set of words; a pattern is a sequence of
//! classes, `word|word`, `prefix*` or unspaced script, with `~n` = up to n further words between. A family counts once, at its
//! highest pattern. Add a phrase only with an attack text that needs it, and measure both error rates (`docs/risk.md`).

use super::decode::rot13;
use std::sync::LazyLock;

/// What a phrase is a sign of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Family {
    /// Earlier instructions are declared void.
    Override,
    /// The text gives itself the voice of system, developer or user.
    FalseAuthority,
    /// A new role without limits.
    RolePlay,
    /// Secrets or private data are to be sent somewhere.
    Exfiltrate,
    /// Something is to happen without the user, or before the task.
    HiddenAction,
    /// The agent's own instructions are to be shown.
    PromptLeak,
    /// A tool or a shell is to be used, or a safeguard switched off.
    ToolAbuse,
}

impl Family {
    /// All, in the order in which factors are listed.
    pub(super) const ALL: [Self; 7] = [
        Self::Override,
        Self::FalseAuthority,
        Self::RolePlay,
        Self::Exfiltrate,
        Self::HiddenAction,
        Self::PromptLeak,
        Self::ToolAbuse,
    ];

    /// The factor's name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Override => "override_instructions",
            Self::FalseAuthority => "false_authority",
            Self::RolePlay => "role_play",
            Self::Exfiltrate => "exfiltrate_secret",
            Self::HiddenAction => "hidden_action",
            Self::PromptLeak => "prompt_leak",
            Self::ToolAbuse => "tool_abuse",
        }
    }
}

/// A phrase.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) family: Family,
    pub(super) points: u16,
    pub(super) text: &'static str,
}

const fn p(family: Family, points: u16, text: &'static str) -> Pattern {
    Pattern { family, points, text }
}

/// Word sets.
pub(super) const CLASSES: &[(&str, &str)] = &[
    ("IGNORE", "ignore ignoring disregard disregarding forget discard override overriding dismiss neglect bypass"),
    ("PRIOR", "previous prior above earlier preceding former foregoing existing original initial past before current"),
    ("ALL", "all any every everything each your these those other"),
    (
        "RULES",
        "instruction instructions iunstructions directions directive directives rules guidelines prompt prompts orders constraints \
         guardrails programming task",
    ),
    ("SEND", "send sending forward email mail post upload exfiltrate transmit share leak submit publish dm deliver"),
    (
        "SECRET",
        "password passwords passphrase credential credentials apikey apikeys cookies env rsa wallet mnemonic 2fa otp \
         secrets keys",
    ),
    ("KEYWORD", "api access private secret ssh signing encryption session auth aws"),
    ("KEYS", "key keys token tokens file files"),
    (
        "PRIVATE",
        "private confidential conversation chat customer employee personal medical financial browsing unread inbox whole entire",
    ),
    ("DATA", "data history records record database messages message emails files channel contents table credentials logs"),
    ("REVEAL", "reveal show print output repeat display disclose leak dump expose recite reproduce translate encode append see"),
    ("OWN", "system initial hidden initialization original starting base"),
    ("INSTR", "prompt instructions message prompts instruction configuration string"),
    ("MODEL", "ai llm llms assistant assistants agent agents model models chatbot gpt claude chatgpt copilot gemini"),
    ("USER", "user users owner human operator anyone anybody them him her"),
    ("TELL", "tell telling inform informing notify notifying mention mentioning alert alerting reveal disclose asking"),
    ("SAFETY", "safety security authentication verification filters restrictions safeguards approval logging monitoring"),
    ("OFF", "disable disabling bypass suspend suspended deactivate turn remove circumvent"),
    ("DESTROY", "delete wipe erase destroy drop truncate"),
];

use Family::{Exfiltrate, FalseAuthority, HiddenAction, Override, PromptLeak, RolePlay, ToolAbuse};

/// The phrases.
pub(super) const PATTERNS: &[Pattern] = &[
    p(Override, 700, "IGNORE ~3 PRIOR ~3 RULES"),
    p(Override, 600, "ignore|disregard|forget|override ~1 ALL ~2 RULES"),
    p(Override, 600, "ignore|disregard|forget ~3 instructions|rules|directives ~2 PRIOR"),
    p(Override, 600, "instructions|rules ~3 superseded|void|overridden|revoked"),
    p(Override, 500, "ignore|disregard|forget everything|all ~4 said|told|above|before|previously|given|learned"),
    p(Override, 500, "ignore|forget|disregard the user|webpage|article|document|resume|content|function|task|question and|then"),
    p(Override, 500, "stop everything now"),
    p(Override, 500, "stop what you are doing"),
    p(
        Override,
        500,
        "new|following instruction|instructions|directive|directives ~2 for|from|override|supersede ~2 MODEL|system",
    ),
    p(Override, 500, "adhere|comply|obey ~3 following|these|my|new ~1 instruction|instructions|orders"),
    p(Override, 450, "new|real|actual|true|urgent task is"),
    p(Override, 450, "more urgent new task"),
    p(Override, 450, "instead of ~5 just|only|print|output|say|reveal ~6 prompt|password|instructions|hacked|pwned"),
    p(
        FalseAuthority,
        500,
        "system|developer|admin|administrator|anthropic|openai|security message|override|instruction|directive code",
    ),
    p(FalseAuthority, 500, "important message|note|instruction|instructions|information ~2 for|to|from ~3 MODEL"),
    p(FalseAuthority, 500, "important message from me|the ~3 you|user"),
    p(
        FalseAuthority,
        500,
        "note|attention|message|dear|instruction|instructions ~2 all|any|the|to|for|dear ai|llm|llms|assistant|agents",
    ),
    p(FalseAuthority, 450, "dear assistant|ai|agent|model"),
    p(FalseAuthority, 450, "ai|llm assistants|agents|models|assistant|agent|model ~1 when|must|should|reading|please|you"),
    p(FalseAuthority, 500, "user has already|previously confirmed|approved|authorized|consented|agreed"),
    p(FalseAuthority, 500, "approved|authorized|requested ~2 your developers|developer|creators|creator|administrator"),
    p(
        FalseAuthority,
        450,
        "entering|enter|activate|activated|enabled|in developer|maintenance|debug|god|admin|override|unrestricted mode",
    ),
    p(FalseAuthority, 450, "am|im ~3 your creator|developer|god|administrator|admin"),
    p(FalseAuthority, 450, "as your creator|developer|administrator"),
    p(FalseAuthority, 450, "role system content"),
    p(FalseAuthority, 450, "role system ~3 you|from|now|ignore"),
    p(FalseAuthority, 450, "security|safety|system override ~2 code|mode|authorization|enabled"),
    p(FalseAuthority, 450, "system|SAFETY update|checks|policy ~2 you must|are now|suspended|disabled"),
    p(RolePlay, 500, "you are now ~3 dan|unrestricted|jailbroken|root"),
    p(RolePlay, 500, "you are now ~6 without|no|free ~3 restrictions|limits|rules|filters|limitations|guidelines"),
    p(RolePlay, 500, "do anything now"),
    p(
        RolePlay,
        450,
        "act|pretend|behave|roleplay ~3 as|to|be|if ~8 no|without|unrestricted|unfiltered|evil ~3 restrictions|rules|limits|ai|filters",
    ),
    p(RolePlay, 450, "pretend ~1 be ~1 admin|administrator|root|developer|owner|ceo"),
    p(Exfiltrate, 500, "SEND ~6 KEYWORD KEYS"),
    p(Exfiltrate, 500, "SEND ~5 SECRET ~4 to|at|via|in|with|here|using"),
    p(Exfiltrate, 450, "SEND ~4 PRIVATE ~3 DATA ~6 to|via|with|using"),
    p(Exfiltrate, 450, "SEND ~3 contents|content|copy ~3 env|config|database|inbox|passwd|shadow|ssh|secrets|credentials"),
    p(Exfiltrate, 500, "REVEAL|read|include|get|give|tell|extract ~5 KEYWORD keys|tokens ~3 stored|in|from|to|your"),
    p(Exfiltrate, 450, "read ~3 password|passwords|credentials|secrets ~5 include|send|add|put|append|post"),
    p(Exfiltrate, 450, "what is your secret key|password|code|token"),
    p(Exfiltrate, 450, "provide|give|tell|send ~4 admin|user|root|database|their|his|her|secret password|passwords|credentials"),
    p(HiddenAction, 500, "do not|never|dont|without|not ~3 TELL ~3 USER"),
    p(HiddenAction, 500, "no need to tell|inform|notify|mention|ask"),
    p(HiddenAction, 450, "do not|dont|never mention|reveal|disclose this|it|these ~3 to|in ~2 USER|response|answer|reply"),
    p(HiddenAction, 450, "say nothing about it|this"),
    p(
        HiddenAction,
        500,
        "before you ~2 solve|complete|continue|answer|proceed|do ~5 task|request|question ~8 do|first|must|please",
    ),
    p(HiddenAction, 450, "to ~5 you are required to first"),
    p(HiddenAction, 450, "no further|additional confirmation|approval|authorization"),
    p(
        HiddenAction,
        450,
        "when summarising|summarizing|reading|processing|answering this ~1 text|document|file|page|email ~6 and put|include|also",
    ),
    p(
        HiddenAction,
        450,
        "silently|secretly|quietly|covertly send|forward|upload|copy|call|run|execute|delete|transfer|email|post",
    ),
    p(PromptLeak, 500, "REVEAL ~4 OWN ~1 INSTR"),
    p(PromptLeak, 500, "REVEAL ~3 words|text|instructions|everything above|given|initially|preceding"),
    p(PromptLeak, 500, "repeat ~3 above|entire|whole|everything ~1 text|conversation|system"),
    p(PromptLeak, 450, "what ~2 your|you ~2 system|initial|original|hidden prompt|instructions|message"),
    p(PromptLeak, 450, "what were you told"),
    p(PromptLeak, 450, "your system prompt|instructions ~4 back|json|base64|verbatim|full|emoji|text"),
    p(PromptLeak, 450, "console log systemprompt"),
    p(ToolAbuse, 500, "curl|wget ~12 sh|bash|zsh"),
    p(ToolAbuse, 300, "rm rf"),
    p(
        ToolAbuse,
        450,
        "you must|should now|also|immediately|first ~2 call|run|execute|delete|forward|send|transfer|upload|disable|use|create|share",
    ),
    p(ToolAbuse, 450, "OFF ~2 two|multi|2fa|mfa ~1 factor|authentication|verification|for"),
    p(ToolAbuse, 450, "OFF ~2 SAFETY ~2 checks|filters|controls|rules|protocols|measures"),
    p(ToolAbuse, 450, "DESTROY ~1 all|every|entire|whole ~2 files|file|backups|repositories"),
    p(ToolAbuse, 450, "call|invoke|use|run|execute ~2 tool|function|command ~4 curl|rm|delete|shell|bash|wget"),
    p(ToolAbuse, 450, "call|invoke|use ~2 shell|terminal|exec tool|with|and"),
    p(ToolAbuse, 450, "execute|run ~2 following|this ~1 shell|bash|system command|commands|script"),
    p(ToolAbuse, 450, "bypass|override|circumvent ~2 approval|allowlist|confirmation|sandbox ~1 policy|and|check|process|list"),
    p(Override, 500, "follow|obey ~2 these|my|hidden|new ~1 instructions ~2 instead|only"),
    p(Override, 500, "obey only this"),
    p(FalseAuthority, 500, "SAFETY checks|filters|controls ~2 suspended|disabled|off"),
    p(Exfiltrate, 450, "SEND ~3 environment variables"),
    p(RolePlay, 450, "act|acting as root|administrator|admin"),
    p(RolePlay, 450, "from now on ~1 you are|must|will"),
    p(RolePlay, 450, "game where you are"),
    // Languages other than English: "ignore" … "previous" … "instructions", and "message to the AI".
    p(
        Override,
        700,
        "ignorier*|vergiss|vergessen|missacht* ~4 vorherig*|vorig*|bisherig*|obig*|fruher* ~2 anweisung*|befehl*|regel*|instruktion*|aufgabe*",
    ),
    p(
        Override,
        700,
        "ignor*|oubli*|neglig* ~3 instructions|consignes|directives|regles|tache|instruction ~3 precedent*|anterieur*|initial*|dessus|cours",
    ),
    p(
        Override,
        700,
        "ignor*|olvid*|descart*|omit* ~4 instruccion*|ordenes|reglas|indicacion*|tarea ~2 anterior*|previ*|arriba|iniciales",
    ),
    p(Override, 600, "olvid*|oubliez|oublie ~3 lo|ce|tout que ~5 antes|dijeron|instrucciones|instructions|avant|dit"),
    p(Override, 700, "ignor*|esquec*|desconsider* ~4 instruc*|ordens|regras|comandos|tarefa ~2 anterior*|previ*|acima|iniciais"),
    p(Override, 700, "ignor*|dimentic*|trascur* ~4 istruzion*|ordini|regole|comandi|compito ~2 precedent*|sopra|anterior*"),
    p(
        Override,
        700,
        "ignor*|dimentic*|trascur*|olvid*|esquec*|oubli* ~4 precedent*|anterior*|previ* ~2 istruzion*|instruc*|ordini|ordenes|ordens|consignes",
    ),
    p(Override, 700, "negeer|vergeet ~4 vorige|eerdere|bovenstaande|voorgaande ~2 instructies|opdrachten|regels|taak|taken"),
    p(Override, 700, "ignorera|glom|bortse ~4 tidigare|foregaende|ovanstaende ~2 instruktion*|regler|uppgift*"),
    p(Override, 700, "ignorer|glem|se ~4 tidligere|forrige|ovenstaende ~2 instruks*|instruktion*|regler"),
    p(
        Override,
        700,
        "ignoruj*|zignoruj*|zapomn*|zapomen* ~4 poprzedni*|wczesniejsz*|predchoz*|drivejs* ~2 polecen*|instrukc*|pokyn*|zasad*|prikaz*",
    ),
    p(
        Override,
        700,
        "игнорир*|проигнорир*|забуд*|ігнор*|проігнор*|забуть* ~4 предыдущ*|прежн*|выше*|попередн*|ранее ~2 инструкц*|указан*|команд*|правил*|інструкц*|вказівк*|вказивк*",
    ),
    p(Override, 700, "αγνοησ*|ξεχασ* ~4 προηγουμεν* ~2 οδηγι*|εντολ*"),
    p(Override, 700, "onceki|yukaridaki ~3 talimat*|komut*|yonerge* ~3 yok|unut|gormezden|dikkate"),
    p(Override, 700, "abaikan|lupakan ~4 instruksi|perintah|aturan ~2 sebelumnya|terdahulu"),
    p(Override, 700, "bo qua|quen ~5 huong|chi|lenh|quy dan|thi|tac|truoc ~3 truoc|do|tren"),
    p(Override, 700, "تجاهل|تجاهلوا|انس|انسى ~3 التعليمات|الاوامر|الأوامر|تعليمات|القواعد"),
    p(Override, 700, "התעלם|התעלמי|שכח ~4 ההוראות|הנחיות|ההנחיות|הוראות"),
    p(Override, 700, "huwag|wag pansin* ~4 tagubilin|utos|nilalaman"),
    p(Override, 700, "balewalain|kalimutan ~5 tagubilin|utos"),
    p(Override, 700, "忽略 ~10 指令"),
    p(Override, 700, "忽略 ~10 指示"),
    p(Override, 700, "忽略 ~10 提示"),
    p(Override, 700, "忽略 ~10 要求"),
    p(Override, 700, "无视 ~10 要求"),
    p(Override, 700, "无视 ~10 指令"),
    p(Override, 700, "無視 ~10 指令"),
    p(Override, 700, "忘记 ~10 指令"),
    p(Override, 700, "忘记 ~10 指示"),
    p(Override, 700, "指示 ~10 無視"),
    p(Override, 700, "指示 ~10 忘れ"),
    p(Override, 700, "命令 ~10 無視"),
    p(Override, 700, "지시 ~8 무시"),
    p(Override, 700, "지침 ~8 무시"),
    p(Override, 700, "명령 ~8 무시"),
    p(Override, 700, "규칙 ~8 잊어"),
    p(Override, 700, "지시 ~8 잊"),
    p(Override, 700, "คำสั่ง ~30 ก่อนหน้า"),
    p(PromptLeak, 500, "系统提示 ~8 发"),
    p(PromptLeak, 500, "システムプロンプト ~6 表示"),
    p(PromptLeak, 500, "시스템 ~2 프롬프트 ~6 출력"),
    p(Exfiltrate, 450, "密码 ~4 发送"),
    p(Exfiltrate, 450, "send*|schick* ~4 passwort|passworter|zugangsdaten"),
    p(Exfiltrate, 450, "envi*|transfer* ~4 contrasena*|senha*|motdepasse|credencial*"),
    p(
        FalseAuthority,
        500,
        "nachricht|hinweis|nota|mensaje|mensagem|messaggio|message|note ~3 ki|ia|lia|assistent*|asistente|assistente",
    ),
    p(FalseAuthority, 450, "message systeme"),
    p(HiddenAction, 450, "no informes|avises|digas ~1 usuario"),
    p(HiddenAction, 450, "ab jetzt fuhrst du"),
];

/// Markers whose punctuation matters, looked for as they stand in the lower-case text.
pub(super) const MARKERS: &[(Family, u16, &str)] = &[
    (FalseAuthority, 500, "<|im_start|>"),
    (FalseAuthority, 500, "<|start_header_id|>"),
    (FalseAuthority, 500, "[inst] <<sys>>"),
    (FalseAuthority, 500, "<<sys>>"),
    (FalseAuthority, 500, "[system]"),
    (FalseAuthority, 500, "(system_message)"),
    (FalseAuthority, 500, "<system_prompt"),
    (FalseAuthority, 500, "<system mode>"),
    (FalseAuthority, 500, "<system>"),
    (FalseAuthority, 500, "<information>"),
    (FalseAuthority, 500, "</tool_result>"),
    (FalseAuthority, 500, "<god mode>"),
    (FalseAuthority, 500, "---end of document---"),
    (FalseAuthority, 450, "system: you"),
];

/// The markers as they stand in a text, in lower case, that is read straight, rotated, or in reverse.
pub(super) static TURNED_MARKERS: LazyLock<[Vec<String>; 3]> = LazyLock::new(|| {
    let of = |turn: fn(&str) -> String| MARKERS.iter().map(|(_, _, marker)| turn(marker)).collect();
    [of(str::to_owned), of(rot13), of(|marker| marker.chars().rev().collect())]
});

/// The ASCII punctuation of a text, and its spaces, as bits.
const fn punctuation(text: &[u8]) -> u128 {
    let (mut set, mut at) = (0, 0);
    while at < text.len() {
        if text[at].is_ascii_punctuation() || text[at] == b' ' {
            set |= 1 << text[at];
        }
        at += 1;
    }
    set
}

/// The markers, as bits, whose punctuation and spaces are all in the set.
pub(super) fn markers_within(set: u128) -> u64 {
    const NEEDED: [u128; MARKERS.len()] = {
        let (mut needed, mut at) = ([0; MARKERS.len()], 0);
        while at < MARKERS.len() {
            needed[at] = punctuation(MARKERS[at].2.as_bytes());
            at += 1;
        }
        needed
    };
    const { assert!(MARKERS.len() <= 64, "a bit for each marker") };
    if set == 0 {
        return 0;
    }
    NEEDED.iter().rev().fold(0, |bits, needed| bits << 1 | u64::from(needed & !set == 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_possible_where_its_punctuation_is() {
        for (at, (_, _, marker)) in MARKERS.iter().enumerate() {
            assert_eq!(markers_within(punctuation(marker.to_uppercase().as_bytes())) >> at & 1, 1, "{marker}");
        }
        assert_eq!(markers_within(punctuation(b"plain words, no marks.")), 0);
    }
}
