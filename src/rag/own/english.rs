//! How questions about one's own records are put in English. Sentences come in lower case, without punctuation.

use super::Language;

pub(super) static ENGLISH: Language = Language {
    lists: &[
        ("my", "my|our|mine"),
        ("what", "which|what"),
        (
            "record",
            "orders?|purchases?|parcels?|packages?|deliver(?:y|ies)|shipments?|refunds?|invoices?|bills?|receipts?|\
             statements?|balances?|points|vouchers?|credit|cards?|memberships?|accounts?|subscriptions?|contracts?|\
             complaints?|tickets?|cases?|claims?|applications?|requests?|bookings?|reservations?|appointments?|visits?|\
             results?|tests?|scans?|x rays?|samples?|readings?|values?|levels?|inr|hba1c|egfr|\
             blood (?:pressure|group|type|sugar|count)|cholesterol|weight|doses?|dosages?|medicines?|medications?|\
             tablets?|pills?|inhalers?|prescriptions?|allerg(?:y|ies)|vaccinations?|jabs?|referrals?|diagnos[ie]s|\
             loans?|fines?|fees?|holds?|books?|repairs?|service|inspections?|mot|oil change|rooms?|stays?|\
             check (?:in|out)|seats?|tables?|permits?|passports?|licen[cs]es?|taxe?s?|mortgages?|overdraft|limit|\
             transfers?|payments?|instal?lments?|salary|pension|rent|pin|password|username|number|address|e ?mail|name|\
             date of birth|doctor|gp|advis[eo]r|contact|case ?worker|quotes?|estimates?|polic(?:y|ies)|tariff|reviews?|\
             check ups?|courses?|lessons?|exams?|interviews?|hearings?|flights?|trips?",
        ),
        (
            "result",
            "blood|sugar|iron|inr|cholesterol|pressure|thyroid|kidneys?|liver|potassium|hba1c|egfr|values?|results?|\
             readings?|levels?|counts?|tests?|samples?|weight|flow|ha?emoglobin|ferritin|pulse|eyesight",
        ),
        (
            "done",
            "ready|done|finished|here|back|in yet|sent|shipped|dispatched|posted|packed|delivered|arrived|\
             on (?:its|their|the) way|processed|received|accepted|approved|granted|rejected|refused|declined|settled|\
             resolved|solved|closed|open|opened|answered|dealt with|paid|credited|refunded|transferred|booked|\
             confirmed|cancell?ed|rescheduled|moved|renewed|extended|expired|active|activated|blocked|frozen|overdue|\
             due|late|delayed|mended|repaired|fixed|serviced|waiting|(?:under|in|within) (?:warranty|guarantee)|\
             registered|complete|issued|reserved|on hold|gone through|passed?|included|run out|through|covered",
        ),
        (
            "did",
            "ordered|bought|purchased|paid|booked|reserved|requested|applied|submitted|sent|returned|brought|dropped|\
             handed|filed|complained|borrowed",
        ),
        (
            "so",
            "normal|range|high|low|fine|ok|okay|good|bad|better|worse|up|down|fallen|risen|improved|changed|positive|\
             negative",
        ),
        ("still", "(?:still |already |next |now |currently )?"),
        ("works", "fits?|suits?|goe?s? (?:in|into|with|on)|works? (?:in|with|on)|belongs? (?:in|to)"),
        ("tell", "tell me|check|know|see|look|look up|find out"),
        ("medicine", "dose|tablets?|pills?|medicines?|medication|puffs|inhalers?|insulin|drops"),
        (
            "had",
            "appointments?|allerg(?:y|ies)|cards?|accounts?|memberships?|fines?|bookings?|reservations?|orders?|points|\
             parcels?|messages|results|prescriptions|loans?|books|debts?|bills?",
        ),
    ],
    past: &[
        "(?:did|was|were) (?:i|we) <word>",
        "did <my> <word> <word>",
        "have (?:i|we) (?:already |ever |still |not |just )?(?:been|<word>ed|paid|bought|had|spent|taken|made|given)",
        "have (?:i|we) (?:<word> )?(?:got|sent|points|books|appointments?)",
        "(?:did|does|has) (?:.* )?cost me",
    ],
    never: &["did i do wrong", "have i (?:got )?to"],
    state: &[
        // Where, when, what, who, how much.
        "where (?:is|are) <my> <word>",
        "where do i stand",
        "(?:when|what time|what day|which day) (?:is|are|was|were|will|does|do|did) <my> <few><record>",
        "<what> <word> (?:is|are|was|were) <my> <few><record>",
        "(?:what|who|how) (?:is|are|was|were) <my> <few><record>",
        "how (?:high|low|much|big) (?:is|are|was|were) <my> <few><record>",
        "how (?:is|are) <my> <few>(?:coming|progressing|going|getting|doing)",
        "what (?:happened|is happening|was <word>) (?:at|in|on|with) <my> <few><record>",
        "what (?:is|was|were|are) in <my> <few><record>",
        "what (?:does|do) <my> <few><record> (?:include|say|show)",
        "how (?:many|much) <few>(?:is|are) (?:there )?(?:left )?(?:on|in) <my> <few><record>",
        // What became of it.
        "(?:is|are|was|were|has|have|did|does|will) <my> <some>(?:been |be )?(?:not )?<done>",
        "(?:^|^why |^where |^when |^how )(?:has|have) <my> <word> <word>",
        "(?:is|are|was|were) <my> (?:next|last|latest|current) <word>",
        "(?:is|are|does|do|has) <my> <some>still (?:covered|valid|have|has|under|in|open|active|there|on|meant)",
        "(?:is|are|was|were|has|have) <my> <few><result> (?:.* )?<so>",
        "(?:do|does) <my> <few><result> (?:look|compare)",
        "^(?:did|has|have) (?:you|they|(?:any|some)(?:one|body)|the <word>) <few><my> <word>",
        "(?:when|until|before) (?:does |do |will )?<my> <some>(?:ends?|expires?|runs? out)",
        "(?:left|written|noted) (?:on|of|in) <my> <few>(?:file|notes|<record>)",
        "is <my> <some>still the same",
        "waiting for me",
        "(?:is|are) (?:.* )?(?:included|part) (?:in|of) <my> <few><record>",
        "(?:is|are) the <some>(?:i|we) <did> <few><done>",
        "(?:where|when) (?:is|are|will|does|was) the <some>(?:i|we) <did>",
        "(?:has|have) the <some>(?:i|we) <did>",
        "(?:does|do|is) the (?:warranty|guarantee) (?:on|of|for) <my> (?:.* )?(?:end|expire|run out|over|up)",
        "(?:have|has|did|had) (?:you|they|the <word>|(?:any|some)(?:one|body)) <few><my> <few>(?:<record>|car|bike)",
        // What the asker has, takes, is.
        "how many <some>do i <still>(?:have|take)(?: left| now| out| on loan| altogether| so far|$)",
        "(?:do i|am i) (?:still )?(?:owe|owed|own)",
        "(?:do i (?:still )?have|have i) (?:got )?(?:an? |any |another |some |enough |my )?(?:<word> )?<had>",
        "which <some>(?:do i|have i) (?:have )?(?:on loan|borrowed|reserved|booked|out)",
        "<what> <word>(?: <word>)? do i (?:own|have)$",
        "<what> (?:room|seat|table|group|ward|tariff|plan|bed|blood group)(?: number)? (?:am i|do i have|is mine)",
        "<medicine> <few>do i (?:still )?(?:take|use|get)",
        "(?:when|how much(?: <word>)?) do i take(?: my <word>)?$",
        "^do i (?:take|use) (?:any|a|an)",
        "(?:do|am) i still (?:take|have|owe|own|use|get|on|in|a|due|supposed|meant)",
        "am i <still>(?:allergic|booked|registered|enrolled|signed up|subscribed|scheduled|checked in|a member)",
        "am i still (?:supposed|meant) to",
        "am i <still>(?:down|listed|recorded|noted|marked) (?:as|for|with|in|on)",
        "am i <still>(?:due|overdue|in arrears|on|taking|up to date|down for)",
        "(?:when|what|which|how (?:much|many|often)) <few>am i (?:supposed|meant) to (?:take|use|come|see|pay|inject)",
        "(?:allergic|due) am i",
        "how far am i from",
        "do i see <few>next",
        "(?:which|what|any|one|some) of <my> <record>",
        "(?:fits?|like|in|into|with|for|is|are|was|on|does|has) mine",
        "(?:what|the <word>|those|everything|all) i (?:have|own|<did>)(?: at home)?(?: from you)?$",
        // Asked for in other words.
        "(?:remind|tell) me (?:what|when|where|how much|which <word>) i <did>",
        "(?:rate|date|outcome|details|amount|total|number) (?:of|on|for) <my> <few><record>",
        "(?:status|state|progress|news|updates?|contents?|copy|history) (?:of|on|about|for|with) <my> <few><record>",
        "(?:show|tell|give|list|read|name) (?:me |out )*(?:all )?(?:of )?<my> <few><record>",
        "<tell> (?:if|whether|where|when|what|how (?:many|much)) <my> <few><record>",
        "when can i (?:collect|pick up|fetch|have|get) <my> (?:car|bike|bicycle|order|parcel|laptop|phone|repair)",
        "when can i (?:collect|pick up|fetch|have|get) <my> (?:passport|permit|stove)",
        "when (?:do|must) i (?:have to )?(?:return|bring back) <my> (?:library )?(?:books?|loans?)",
        "(?:do you know about|do you have (?:down )?for) me",
        "have you (?:got )?on (?:file|record) (?:about|for|on) me",
        "^<my> <few><record>(?: please)?$",
    ],
    rule: &[
        "how (?:do|can|could|should|would|may|must) (?:i|we|you)",
        "how (?:to|often|long|soon)",
        "(?:can|could|may|should|must|shall) (?:i|we)",
        "can (?:my|you (?:deliver|service|repair|send|store|take|change|wash))",
        "what (?:happens|do i do|should|must|can|if|does it)",
        "where (?:can|do|should|must|may)",
        "do i (?:have to|need|get)",
        "am i (?:allowed|entitled)",
        "who (?:pays|sees|can|may)",
        "until when|when (?:is|are) my <few>too",
        "at <what> (?:value|age|level|point)",
        "rights?|options?|choices?|chances?",
        "automatically|usually|always|by default|on <word>days",
        "(?:worth|mean)$",
    ],
    no_rule: &["^when (?:can|do|must) i", "where do i stand", "(?:can|could) (?:you )?(?:please )?(?:tell|check)"],
    condition: &["(?:if|unless|once|when|as soon as|while|until|after|before) (?:i|you|we|it|my|they|there)"],
    no_condition: &["whether", "<tell> if"],
    fits: &[
        "(?:which|what|does|do|will|would) (?:.* )?<works> <my> (?:<word> )?<word>$",
        "<what> <word>(?: <word>)? (?:does|do) <my> (?:<word> )?<word> (?:need|take|use|require)$",
        "<what> <few>(?:can|should) i (?:use|put) (?:with|in|into) <my> (?:<word> )?<word>$",
    ],
    beside: &[
        "(?:my|our) (?:<word> )?(?:data|details|information|privacy|records|dogs?|cat|pets?|child|children)",
        "(?:my|our) (?:<word> )?(?:son|daughter|baby|wife|husband|partner|guests?|friends?|employer|insurance)",
        "(?:my|our) (?:<word> )?(?:nearest|local|closest|mother|father)",
    ],
    told: &["(?:i|we) (?:have )?(?:already )?<did>"],
    it: &[
        "(?:where|when) (?:is|are|was|will|does|do) (?:it|they|this|that)",
        "(?:has|have|is|are|was) (?:it|they|this|that) <few><done>",
    ],
};
