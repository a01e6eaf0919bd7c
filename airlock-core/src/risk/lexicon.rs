//! Words by what they mean for an instruction to an agent, in several languages: what the learned score knows of a word it never met.
//!
//! A word has one class. `word*` stands for every word with this beginning. Words are lower case and without marks, as `normalise`
//! leaves them; of unspaced scripts an entry is two characters. A change of a line here is a change of the features, so the weights must be
//! learned again (`learned.rs`).

/// Classes from number 2 on, each with its words; number 1 is that of words with digits.
pub(super) const CLASSES: &[(&str, &str)] = &[
    (
        "stop",
        "ignore ignoring ignores disregard disregarding forget forgetting skip skipping discard discarding override overriding overrides \
         overlook neglect dismiss abandon stop stopping cease pause bypass bypassing supersede supersedes supersedes void suspend suspended \
         circumvent quit halt ignorier* ignorer ignorez ignora ignorar ignore* vergiss vergessen missacht* oubli* neglig* olvid* descart* \
         omit* esquec* desconsider* dimentic* trascur* negeer vergeet ignorera glom ignorer glem ignoruj* zapomn* zapomen* игнорир* проигнор* \
         забуд* забыть ігнор* забуть αγνοησ* ξεχασ* yoksay gormezden unut abaikan lupakan huwag kalimutan balewalain تجاهل تجاهلوا انس \
         התעלם שכח अनदेखा भूल भल উপকষ উপেক্ষা 忽略 无视 無視 忘记 忘れ 무시 잊어 ลืม ละเว",
    ),
    (
        "prior",
        "previous previously prior above earlier preceding former formerly original originally initial initially existing past old \
         foregoing beforehand default vorherig* vorig* bisherig* obig* fruher* precedent* anterior* previ* initial* dessus arriba acima sopra \
         vorige eerdere bovenstaande tidigare tidligere forrige poprzedn* wczesniej* predchoz* предыдущ* прежн* ранее попередн* \
         προηγουμεν* onceki yukaridaki sebelumnya nakaraang السابقة सابقة पिछले पछल पूर्व আগের 以上 之前 先前 上述 前の 上記 이전 위의 ก่อน",
    ),
    (
        "rules",
        "instruction instructions directions directive directives rule rules guideline guidelines prompt prompts orders constraint \
         constraints guardrail guardrails programming policies restrictions requirements training protocol protocols anweisung* befehl* \
         regel* instruktion* vorgaben consignes regles instruccion* ordenes reglas indicacion* instruc* ordens regras comandos istruzion* \
         ordini regole comandi instructies opdrachten instruks* polecen* instrukc* pokyn* инструкц* указан* команд* правил* інструкц* \
         οδηγι* εντολ* talimat* komut* kural* instruksi perintah aturan tagubilin utos التعليمات الاوامر تعليمات ההוראות הוראות निर्देश \
         निरदश नर्देश নির্দেশ 指令 指示 提示 要求 命令 規則 规则 지시 지침 명령 규칙 คำสั",
    ),
    (
        "all",
        "all any every everything entire whole anything each complete full alle alles tout toutes todas todos todo tutte tutti \
         wszystk* всe все всі bütün tum semua lahat كل सभी সমস্ত 所有 一切 全部 すべ 全て 모든 ทั้ง",
    ),
    (
        "send",
        "send sending sends sent forward forwarding email mail post posting upload uploading transmit transmitting share sharing deliver dm \
         transfer transferring submit publish leak leaking exfiltrate exfiltrates relay ship copy ping report export attach schick* \
         sende* senden weiterleit* ubermittl* envoi* envoy* transm* transfer* envia* enviar enviad* manda* reenvi* invia* inoltr* \
         stuur verzend skicka vidarebefordra wyslij przeslij* posli* odesli* отправ* пошли перешл* надішл* στειλε* προωθησ* gonder* \
         ilet* kirim* teruskan ipadala gui أرسل ارسل שלח भेज भज भेजें পাঠা 发送 发给 寄给 转发 送信 送って 보내 전송 ส่ง",
    ),
    (
        "show",
        "show showing print printing reveal revealing output display disclose disclosing repeat tell say write respond reply answer state \
         provide give list return include append expose dump recite translate encode reproduce summarize summarise describe explain begin \
         end generate speak talk zeig* gib ausgeben antworte* wiederhol* affich* montre* donne* repond* repete* muestr* mostr* revel* \
         respond* repit* diga rispond* ripet* toon geef antwoord visa wyswietl* podaj odpowiedz zobraz* покаж* вывед* ответь скажи \
         повтор* δειξε goster* yaz soyle tampilkan katakan ipakita اعرض اكشف הצג दिखा बता দেখা 显示 输出 告诉 公开 泄露 表示 出力 教え 보여 \
         출력 알려 แสดง บอก",
    ),
    (
        "secret",
        "password passwords passphrase credential credentials secret secrets token tokens key keys apikey apikeys cookie cookies pin cvv \
         ssn otp 2fa mfa ssh rsa env wallet seed mnemonic passwd shadow passwort* zugangsdaten kennwort motdepasse contrasena* clave \
         claves senha* credencia* chiave wachtwoord* losenord hasl* heslo парол* ключ* секрет* κωδικ* sifre* parola kata sandi mat khau \
          كلمة المرور סיסמ* पासवर्ड पसवरड পাসওয়ার্ড 密码 密钥 密碼 口令 パス 비밀 암호 รหัส",
    ),
    (
        "data",
        "data information info details detail record records file files document documents history conversation conversations chat \
         message messages emails contents content database databases inbox balance address addresses phone contact contacts \
         transaction transactions payee payees prescriptions appointments log logs transcript attachment attachments customers employees daten \
         dateien datei donnees fichier* datos archivo* dados arquivo* dati bestanden filer pliki dane soubor* данн* файл* данi файли \
         αρχει* veri* dosya* berkas files du lieu البيانات الملفات קבצים डेटा फाइल তথ্য 数据 文件 信息 资料 記録 ファイ 情報 데이 파일 정보 ข้อมู ไฟล์",
    ),
    (
        "private",
        "private confidential personal sensitive internal medical financial proprietary classified genetic browsing hidden \
         vertraulich* privat* confiden* personal* riservat* poufn* конфиденц* личн* 机密 私密 個人 秘密 기밀 개인",
    ),
    (
        "model",
        "ai assistant assistants llm llms agent agents chatbot chatbots model models gpt chatgpt claude gemini copilot bot bots \
         gpt4 language ki kunstlich* assistent* assistant* asistente assistente ia ии ассистент* ассистент помощник yapay asisten tro ly \
         المساعد עוזר सहायक 人工 助手 模型 アシ 인공 어시 ผู้ช่",
    ),
    (
        "user",
        "user users human humans owner customer customers operator him her them client recipient anyone someone nutzer benutzer \
         utilisateur* usuari* utente utenti gebruiker* anvandar* uzytkown* пользоват* користув* χρηστ* kullanici* pengguna المستخدم \
         उपयोगकर्ता ব্যবহারকারী 用户 使用者 ユー 사용 ผู้ใช",
    ),
    (
        "you",
        "you your yours yourself du dein deine deiner sie ihr ihre vous votre vos tu tus tuyo usted seu sua voce tuo tua lei jij \
         jouw je ty twoj* ты твой вы ваш* sen senin siz kamu anda ban أنت आप তুমি 你的 您的 あな 당신 너의 คุณ",
    ),
    (
        "me",
        "me my mine i im ive we us our mir mein* ich moi mon mes mi mis meu minha mio mia mij mijn mnie mi мне мой мои bana benim \
         saya aku toi لي मुझे मेरे আমা 我的 私の 내게 나에 ฉัน",
    ),
    (
        "must",
        "must shall should need needs required requires require mandatory obligated ought always strictly adhere obey comply follow \
         ensure remember have musst mussen sollst doit devez debe* deve* devi moet maste musisz должн* повинен πρεπει zorunda harus \
         phai يجب चाहिए 必须 必須 务必 해야 반드 ต้อง",
    ),
    (
        "please",
        "please kindly want wants would could can let lets bitte veuillez sil porfavor por favor prego alstublieft prosze prosim \
         пожалуйста будь παρακαλω lutfen tolong mohon paki vui long من فضلك कृपया অনুগ্রহ 请你 请将 请把 して くだ 주세 하세 โปรด กรุณ",
    ),
    (
        "now",
        "now immediately first instead next then afterwards after before finally once when whenever also additionally stattdessen \
         jetzt zuerst sofort dann maintenant ensuite dabord avant ahora primero luego agora primeiro ora prima adesso nu eerst teraz \
         najpierw nyni теперь сейчас сначала τωρα simdi once sekarang dulu ngayon bay gio الآن اب अब এখন 现在 立即 首先 然后 今す まず \
         지금 먼저 ตอนน",
    ),
    (
        "not",
        "not never dont without no nothing avoid refrain cannot nicht nie ohne kein keine pas jamais sans sin nunca nao sem non mai \
         senza niet nooit zonder inte nie bez не нет без μην degil olmadan jangan tanpa khong hindi لا دون मत नहीं না 不要 不得 请勿 \
         しな ずに 않고 말고 마세 ห้าม อย่า",
    ),
    (
        "tool",
        "tool tools function functions api plugin plugins command commands shell terminal bash endpoint script code exec subprocess \
         werkzeug* outil* herramienta* ferramenta* strumento narzedz* инструмент* arac alat cong cu أداة 工具 函数 ツー 도구 เครื่",
    ),
    (
        "call",
        "call calls calling use using invoke invoking run running execute executing launch open opening visit visiting click clicking \
         navigate browse access fetch download downloading install curl wget read reading retrieve get search look find check load aufruf* \
         offne* nutze ausfuhr* execut* appel* ouvre* ouvrez utilis* ejecut* llama* abre abra abrir visit* usa esegu* apri uruchom* otworz \
         вызов* запуст* открой* выполн* ανοιξ* calistir* ac jalankan buka patakbuhin chay mo شغل افتح הפעל चला खोल চালা 打开 执行 运行 访问 调用 \
         開い 実行 열어 실행 เปิด รัน",
    ),
    (
        "destroy",
        "delete deletes deleting remove removing erase wipe destroy truncate format kill disable disabling deactivate revoke uninstall \
         unlock lower shut terminate rm rf losch* losche entfern* deaktiv* supprim* efface* desactiv* elimin* borr* apag* exclu* cancell* \
         verwijder radera usun* smaz* удал* сотр* отключ* видал* διαγραψ* sil kapat hapus matikan burahin xoa احذف מחק हटा मिटा মুছ 删除 清空 关闭 \
         禁用 削除 삭제 ลบ",
    ),
    (
        "change",
        "create add make set change update modify edit schedule book buy purchase order pay grant invite approve authorize enable reset \
         register withdraw deposit reserve cancel move rename manage review assign adjust generate process increase replace recommend",
    ),
    (
        "money",
        "money bitcoin payment payments dollars usd btc funds account accounts bank iban euro eur crypto ethereum card cards paypal \
         konto geld argent compte dinero cuenta dinheiro conta denaro деньг* счет* para hesap uang rekening 转账 账户 銀行 계좌",
    ),
    (
        "system",
        "system admin administrator developer developers root sudo debug maintenance security authority authorized authorised \
         override mode compliance openai anthropic microsoft google moderator supervisor creator systeme sistema systemu систем* sistem \
         النظام सिस्टम 系统 管理 シス 시스 ระบบ",
    ),
    (
        "role",
        "act acting pretend roleplay role simulate simulating imagine behave persona character become play playing emulate spiel* \
         tu so stell agis comporte joue* actua finge imagina aja finja fingi представ* притвор* rol gibi berperan anggap 扮演 角色 假装 演じ 역할",
    ),
    (
        "free",
        "unrestricted unfiltered limits limitations restriction filters filter jailbreak jailbroken dan uncensored unlimited evil \
         amoral illegal unethical freely censorship ethics ethical moral policy openais",
    ),
    (
        "task",
        "task tasks question questions request requests job goal assignment query aufgabe* frage tache question* demande tarea* \
         pregunta tarefa* pergunta compito domanda taak taken uppgift* zadani* ukol задач* задани* вопрос gorev* soru tugas nhiem vu المهمة \
         कार्य কাজ 任务 问题 任務 タス 작업 งาน",
    ),
    (
        "web",
        "http https www com net org io dev link links url urls website webpage page site domain href html xyz ru cn top info gmail \
         outlook yahoo protonmail webhook ngrok pastebin",
    ),
    (
        "notify",
        "notify notifying inform informing alert alerting mention mentioning ask asking confirm confirming confirmation \
         permission approval consent warn warning aware knowing informier* erwahn* prevenir informer inform* avis* menciona* avvis* \
         poinform* сообщ* уведом* haber beritahu ipaalam تخبر बिना 通知 告知 確認 알리",
    ),
    (
        "urgent",
        "important urgent attention note critical notice priority urgently asap wichtig* achtung hinweis attention importante \
         atencion aviso nota belangrijk viktigt wazne vazny важно внимание срочно σημαντικ* onemli dikkat penting mahalaga quan trong مهم \
         महत्वपूर्ण জরুরি 重要 注意 紧急 중요 สำคั",
    ),
    (
        "new",
        "new following real true actual updated additional neu* folgend* nouve* suivant* nuev* siguiente* nov* seguinte* nuov* \
         seguent* nieuw* volgende ny nya nowe nowy nov* нов* следующ* yeni asagidaki baru berikut bago moi جديد नया निम्न নতুন 新的 以下 新し 새로 ใหม่",
    ),
    (
        "text",
        "email document page article webpage website text summary resume review comment ticket reader reading summarizing \
         processing processes whoever anyone",
    ),
    ("done", "completed complete successfully finished solved done solve signed beginning thanks otherwise"),
    ("hide", "silently secretly quietly covertly secret discreetly heimlich secretement secretamente segreto тайно gizlice diam"),
];
