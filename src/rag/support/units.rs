//! Units of many kinds of document, as (headings, text).

pub const HOURS: &[(&str, &str)] = &[
    ("About us > Opening hours", "Day: Monday; Shop: closed; Workshop counter: closed"),
    ("About us > Opening hours", "Day: Tuesday to Friday; Shop: 9:30 to 18:00; Workshop counter: 10:00 to 17:00"),
    ("About us > Opening hours", "Day: Saturday; Shop: 9:00 to 17:00; Workshop counter: 9:00 to 16:30"),
    ("About us > Opening hours", "Day: Sunday; Shop: closed; Workshop counter: closed"),
];
pub const MOTH: &[(&str, &str)] = &[
    ("Moth (HL-720): rechargeable lantern manual > Charging", "Charging takes 3 hours with a 10 W charger."),
    ("Moth (HL-720): rechargeable lantern manual > Use", "Hold the button for 2 seconds to turn the lantern off."),
    (
        "Moth (HL-720): rechargeable lantern manual > Storage",
        "Store the Moth half charged and top it up every 6 months.",
    ),
];
pub const WREN: &[(&str, &str)] = &[("Wren (HS-110) manual > Safety", "Never use the Wren in a tent.")];
pub const RETURNS: &[(&str, &str)] = &[
    ("Returns and exchanges > Unused goods", "Unused goods may be returned within 30 days."),
    ("Returns and exchanges > Unused goods", "Goods from the sale shelf may come back within 14 days."),
    ("Returns and exchanges > How to send something back", "We take £4.50 for the return label off the refund."),
];
pub const PRICES: &[(&str, &str)] = &[
    ("Catalogue", "sku: HS-110; name: Wren gas stove; price: 39.00; in_stock: 24; fits: EN 417 canisters"),
    ("Catalogue", "sku: HS-220; name: Heron remote-canister stove; price: 84.00; in_stock: 11; fits: EN 417 canisters"),
];
pub const WARFARIN: &[(&str, &str)] = &[
    ("Warfarin > Taking it", "The tablets have colours: white is 0.5 mg, brown 1 mg, blue 3 mg and pink 5 mg."),
    ("Warfarin > Taking it", "Take warfarin once a day at the same time, usually at 18:00."),
    ("Warfarin > The INR", "It is 2.0 to 3.0 for most people, and 2.5 to 3.5 for some artificial valves."),
    ("Warfarin > Other medicines", "Do not take aspirin or ibuprofen unless we prescribed it."),
];
pub const ASTHMA: &[(&str, &str)] = &[
    (
        "Asthma > An attack",
        "Take one puff of the reliever every 30 to 60 seconds, up to 10 puffs, best through a spacer.",
    ),
    ("Asthma > Two kinds of inhaler", "The reliever opens the airways within minutes and lasts about four hours."),
    ("Asthma > After a steroid inhaler", "Rinse your mouth with water and spit it out."),
];
pub const ILLNESS: &[(&str, &str)] = &[
    ("Antibiotics", "Illness: Sore throat; Usual time: about 1 week"),
    ("Antibiotics", "Illness: Blocked sinuses; Usual time: 2 to 3 weeks"),
];
pub const TRAINS: &[(&str, &str)] = &[
    ("Timetable", "Train: RE 5; Departure: 8:15; Arrival: 9:40; Platform: 3"),
    ("Timetable", "Train: RE 7; Departure: 10:15; Arrival: 11:40; Platform: 4"),
];
pub const HELP: &[(&str, &str)] = &[
    ("Network > Wi-Fi", "To turn on airplane mode, press Fn+F2 and wait until the light is off."),
    ("Network > Password", "Passwords must have at least 12 characters and expire after 90 days."),
    ("Mail", "The server is mail.example.org and the port is 993."),
];
pub const LADEN: &[(&str, &str)] = &[
    ("Über uns > Öffnungszeiten", "Tag: Samstag; Laden: 9:00 bis 17:00; Werkstatt: 9:00 bis 16:30"),
    ("Über uns > Öffnungszeiten", "Tag: Sonntag; Laden: geschlossen; Werkstatt: geschlossen"),
    ("Rückgabe", "Unbenutzte Ware kann innerhalb von 30 Tagen zurückgegeben werden."),
    ("Sicherheit", "Den Kocher nie im Zelt benutzen."),
    ("Versand", "Der Versand kostet 4,50 € und dauert drei Werktage."),
    ("Gebühren", "Kinder unter 6 Jahren fahren kostenlos."),
];
