//! What the house says by itself, in the languages that it may speak.

use serde::{Deserialize, Serialize};

/// A language of the house.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// German.
    De,
    /// French.
    Fr,
    /// Spanish.
    Es,
    /// Chinese, in simplified characters.
    Zh,
    /// Arabic.
    Ar,
}

/// What is said in a language.
#[derive(Debug)]
pub struct Phrases {
    /// The answer where the documents hold nothing about a question.
    pub nothing: &'static str,
    /// The answer to a question about somebody's own where nobody is served.
    pub nobody: &'static str,
    /// The same where somebody is served of whom nothing is known.
    pub no_records: &'static str,
    /// The answer to a question about somebody else.
    pub others: &'static str,
    /// Who is served; `{who}` stands for the person.
    pub serving: &'static str,
    /// That it is nobody.
    pub serving_nobody: &'static str,
    /// What a conversation at a terminal begins with.
    pub greeting: &'static str,
    /// What stands there when a session has ended.
    pub ended: &'static str,
    /// That it will end; `{n}` stands for the seconds.
    pub ending: &'static str,
    /// That an answer is under way, and how it is stopped.
    pub answering: &'static str,
    /// What the keys of a terminal do: more below, good, bad, sources, help, scroll, leave.
    pub keys: [&'static str; 7],
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::En, Self::De, Self::Fr, Self::Es, Self::Zh, Self::Ar];

    /// What is said in it.
    pub fn phrases(self) -> &'static Phrases {
        match self {
            Self::En => &ENGLISH,
            Self::De => &GERMAN,
            Self::Fr => &FRENCH,
            Self::Es => &SPANISH,
            Self::Zh => &CHINESE,
            Self::Ar => &ARABIC,
        }
    }

    /// Whether a text says, in any of the languages, that nothing was found.
    pub fn says_nothing_was_found(text: &str) -> bool {
        Self::ALL.iter().any(|language| language.phrases().nothing == text.trim())
    }
}

const ENGLISH: Phrases = Phrases {
    nothing: "I found nothing about that in the documents I have.",
    nobody: "I am not serving anybody in particular right now, so I cannot look into orders, appointments or other \
             personal records. Say who you are, or ask a member of staff.",
    no_records: "I find nothing about that in the records that I have of you.",
    others: "I can only speak about the records of the person I am serving.",
    serving: "serving {who}",
    serving_nobody: "nobody is being served",
    greeting: "Ask away; F1 or /help lists what else there is.",
    ended: "This session has ended. /serve ID begins the next.",
    ending: "This ends in {n} s; any key goes on",
    answering: "Answering; Esc stops it",
    keys: ["PgDn more below", "+ good", "- bad", "Tab sources", "F1 help", "PgUp/PgDn scroll", "Ctrl-D leave"],
};

const GERMAN: Phrases = Phrases {
    nothing: "Dazu habe ich in meinen Dokumenten nichts gefunden.",
    nobody: "Ich bediene gerade niemand Bestimmten und kann deshalb keine Bestellungen, Termine oder anderen \
             persönlichen Daten nachsehen. Sagen Sie, wer Sie sind, oder fragen Sie das Personal.",
    no_records: "Dazu finde ich in dem, was ich über Sie habe, nichts.",
    others: "Ich kann nur über die Daten der Person sprechen, die ich gerade bediene.",
    serving: "für {who}",
    serving_nobody: "niemand wird bedient",
    greeting: "Fragen Sie; F1 oder /help zeigt, was es sonst gibt.",
    ended: "Diese Sitzung ist zu Ende. /serve ID beginnt die nächste.",
    ending: "Ende in {n} s; jede Taste führt weiter",
    answering: "Antwortet; Esc hält an",
    keys: ["PgDn mehr", "+ gut", "- schlecht", "Tab Quellen", "F1 Hilfe", "PgUp/PgDn blättern", "Ctrl-D Ende"],
};

const FRENCH: Phrases = Phrases {
    nothing: "Je n’ai rien trouvé à ce sujet dans mes documents.",
    nobody: "Je ne sers personne en particulier pour l’instant ; je ne peux donc pas consulter de commandes, de \
             rendez-vous ni d’autres données personnelles. Dites qui vous êtes, ou demandez au personnel.",
    no_records: "Je ne trouve rien à ce sujet dans les données que j’ai sur vous.",
    others: "Je ne peux parler que des données de la personne que je sers.",
    serving: "pour {who}",
    serving_nobody: "personne n’est servi",
    greeting: "Posez votre question ; F1 ou /help montre le reste.",
    ended: "Cette session est terminée. /serve ID commence la suivante.",
    ending: "Fin dans {n} s ; une touche pour continuer",
    answering: "Réponse en cours ; Échap l’arrête",
    keys: ["PgDn suite", "+ bien", "- mal", "Tab sources", "F1 aide", "PgUp/PgDn défiler", "Ctrl-D quitter"],
};

const SPANISH: Phrases = Phrases {
    nothing: "No he encontrado nada sobre eso en mis documentos.",
    nobody: "Ahora mismo no atiendo a nadie en particular, así que no puedo consultar pedidos, citas ni otros datos \
             personales. Diga quién es o pregunte al personal.",
    no_records: "No encuentro nada sobre eso en los datos que tengo de usted.",
    others: "Solo puedo hablar de los datos de la persona a la que atiendo.",
    serving: "atendiendo a {who}",
    serving_nobody: "no se atiende a nadie",
    greeting: "Pregunte; F1 o /help muestra lo demás.",
    ended: "Esta sesión ha terminado. /serve ID empieza la siguiente.",
    ending: "Termina en {n} s; cualquier tecla continúa",
    answering: "Respondiendo; Esc lo detiene",
    keys: ["PgDn más", "+ bien", "- mal", "Tab fuentes", "F1 ayuda", "PgUp/PgDn desplazar", "Ctrl-D salir"],
};

const CHINESE: Phrases = Phrases {
    nothing: "我在现有的文档中没有找到相关内容。",
    nobody: "我现在没有为特定的人服务，因此无法查询订单、预约或其他个人记录。请说明您是谁，或询问工作人员。",
    no_records: "我在您的记录中没有找到相关内容。",
    others: "我只能谈论我正在服务的人的记录。",
    serving: "正在为 {who} 服务",
    serving_nobody: "没有为任何人服务",
    greeting: "请提问；F1 或 /help 显示其他功能。",
    ended: "本次会话已结束。/serve ID 开始下一次。",
    ending: "{n} 秒后结束；按任意键继续",
    answering: "正在回答；Esc 停止",
    keys: ["PgDn 更多", "+ 好", "- 不好", "Tab 来源", "F1 帮助", "PgUp/PgDn 滚动", "Ctrl-D 离开"],
};

const ARABIC: Phrases = Phrases {
    nothing: "لم أجد شيئاً عن ذلك في الوثائق التي لدي.",
    nobody: "لا أخدم شخصاً معيناً الآن، لذلك لا يمكنني الاطلاع على الطلبات أو المواعيد أو السجلات الشخصية الأخرى. قل من أنت، أو اسأل الموظفين.",
    no_records: "لا أجد شيئاً عن ذلك في سجلاتك التي لدي.",
    others: "لا يمكنني الحديث إلا عن سجلات الشخص الذي أخدمه.",
    serving: "يخدم {who}",
    serving_nobody: "لا يُخدم أحد",
    greeting: "اسأل؛ F1 أو /help يعرض ما سوى ذلك.",
    ended: "انتهت هذه الجلسة. /serve ID يبدأ التالية.",
    ending: "تنتهي بعد {n} ث؛ أي مفتاح يتابع",
    answering: "يجيب؛ Esc يوقفه",
    keys: ["PgDn المزيد", "+ جيد", "- سيئ", "Tab المصادر", "F1 مساعدة", "PgUp/PgDn تمرير", "Ctrl-D خروج"],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_sentences_of_its_own() {
        for (at, language) in Language::ALL.into_iter().enumerate() {
            let phrases = language.phrases();
            assert!(phrases.ending.contains("{n}") && phrases.serving.contains("{who}"), "{language:?}");
            assert!(Language::says_nothing_was_found(phrases.nothing));
            for other in &Language::ALL[..at] {
                assert_ne!(other.phrases().nothing, phrases.nothing);
            }
        }
        assert!(!Language::says_nothing_was_found("It takes three hours."));
    }

    #[test]
    fn a_language_goes_by_its_two_letters() {
        for (language, letters) in Language::ALL.into_iter().zip(["en", "de", "fr", "es", "zh", "ar"]) {
            assert_eq!(serde_json::to_value(language).unwrap(), letters);
        }
    }
}
