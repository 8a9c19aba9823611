//! How questions about one's own records are put in German. Sentences come in lower case, without punctuation.

use super::Language;

pub(super) static GERMAN: Language = Language {
    lists: &[
        ("mein", "meine?|meine[nmrs]|unsere?|unsere[nmrs]"),
        (
            "record",
            "[^ ]*(?:bestellung|bestellungen|pakete?|lieferung|sendung|rechnung|rechnungen|quittung|konto|kontostand|\
             guthaben|saldo|punkte|punktestand|gutschein|gutscheine|karte|mitgliedschaft|abo|vertrag|reklamation|\
             beschwerde|antrag|antrags|anträge|buchung|reservierung|termine?|ergebnisse?|befunde?|werte?|blutdruck|\
             blutgruppe|dosis|medikamente?|tabletten|rezepte?|allergien?|impfung|impfungen|überweisung|bücher|buch|\
             ausleihen|gebühren|mahnung|reparatur|zimmer|zimmernummer|nummer|ausweis|pass|führerschein|zahlung|kredit|\
             rate|adresse|name|hausarzt|berater|einkauf|einkäufe|besuche?|erstattung|garantie|inspektion)",
        ),
        (
            "done",
            "fertig|da|zurück|angekommen|eingetroffen|unterwegs|erledigt|abgeschlossen|bearbeitet|bewilligt|genehmigt|\
             abgelehnt|bezahlt|bestätigt|storniert|verlängert|abgelaufen|fällig|überfällig|verschickt|versandt|\
             geliefert|versendet|gepackt|gesperrt|repariert|abholbereit|normal|eingegangen|\
             ausgestellt|gebucht|beantwortet|\
             (?:in der|unter|innerhalb der) garantie",
        ),
        (
            "thing",
            "kocher|herd|auto|wagen|fahrrad|rad|laterne|lampe|drucker|handy|telefon|gerät|heizung|kessel|motor|brenner|\
             waschmaschine|ofen",
        ),
        ("got", "[^ ]*ge[^ ]+(?:t|en)|bestellt|bezahlt|bekommen|beantragt|erhalten|verschrieben|vereinbart|verordnet"),
    ],
    past: &[],
    never: &[],
    state: &[
        "wo (?:ist|sind|bleibt|bleiben|steckt) <mein> <word>",
        "(?:wann|bis wann) (?:kommt|kommen|ist|sind|war|waren|wird|werden|läuft|laufen|endet) <mein> <few><record>",
        "wann (?:ist|sind|wird|war) <mein> <some><done>",
        "um wie ?viel uhr (?:ist|war) <mein> <few><record>",
        "(?:ist|sind|war|waren|wurde|wurden|wird|hat|haben) <mein> <some><done>",
        "(?:was|wer|wo|wie|wie hoch|wie viel) (?:ist|sind|war|waren|lautet|lauten|beträgt) <mein> <few><record>",
        "wie ?viele? <some>(?:ist|sind) (?:noch )?(?:auf|in) <mein> <few><record>",
        "ha(?:be?|tte) ich <few>(?:<few><got>|[^ ]+iert|<record>)",
        "(?:punkte|bücher|zimmer|termine?|platz|nummer|guthaben|schulden) (?:<word> )?(?:habe?|hatte) ich(?: <word>)?$",
        "ich (?:<word> )?(?:gekauft|bestellt|bezahlt|ausgeliehen|gebucht) habe$",
        "(?:war|wurde) ich",
        "bin ich <few>(?:allergisch|angemeldet|eingetragen|registriert|mitglied|gebucht|dran)",
        "wann bin ich (?:.* )?(?:dran|gebucht|bestellt)$",
        "(?:tabletten?|medikamente?|dosis|pillen?|wie ?viel <word>|spray|tropfen) (?:<word> )?nehme ich",
        "schulde ich",
        "muss ich noch (?:be)?zahlen",
        "wann muss ich <mein> (?:bücher|buch|medien) zurück<word>",
        "wann kann ich <mein> (?:auto|wagen|paket|bestellung|fahrrad|gerät|ausweis|pass)",
        "hat mich (?:.* )?gekostet",
        "steht in <mein> <few>(?:akte|<record>)",
        "haben sie <mein> <few><record> (?:.* )?(?:erhalten|bekommen|bearbeitet|verschickt|gefunden)",
        "(?:sagen|nachsehen|prüfen|schauen) (?:ob|wo|wann|wie ?viele?) <mein> <few><record>",
        "(?:neues|neuigkeiten|stand)(?: zu| von| über| bei)? <mein> <few><record>",
        "(?:zeig|zeigen sie|nenn|nennen sie|sag|sagen sie|lies) mir <mein> <few><record>",
        "^<mein> <few><record>(?: bitte)?$",
    ],
    rule: &[
        "wie (?:<word> )?(?:ich|man|lange)",
        "(?:kann|darf|soll|sollte|muss|könnte) (?:ich|man)",
        "was (?:passiert|mache|tue|tun)",
        "wo (?:kann|finde|darf)",
        "brauche ich|anspruch|rechte?|zeit|verloren|falsch|automatisch|immer",
    ],
    no_rule: &["wann (?:muss|kann) ich", "muss ich noch", "können sie"],
    condition: &["wenn|falls|sobald|nachdem|bevor"],
    no_condition: &[],
    fits: &["pass(?:t|en) (?:auf|zu|in|an|für) <mein> (?:<word>en )?<thing>"],
    beside: &["<mein> (?:<word> )?(?:daten|hund|katze|kind|kinder|sohn|tochter|frau|mann)"],
    told: &[],
    it: &[],
};
