//! Numbers with what they count: money, times, dates, measures; and when two of them say the same.

use super::Why;

/// What a number is a number of.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Nothing that is written beside it.
    Bare,
    /// A unit of measure: its dimension, and how many of the dimension's base unit it is.
    Unit(&'static str, f64),
    /// A currency.
    Money(&'static str),
    /// Minutes after midnight; `true` where morning and afternoon are not told apart.
    Time(bool),
    /// Year, month and day, as far as they are written.
    Date(Option<u16>, Option<u8>, Option<u8>),
}

/// The side of a number on which the truth lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// From, after, at least.
    Up,
    /// Until, before, at most.
    Down,
}

/// A bound before a number. A strict one ("at least") is no mere preposition ("from").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    pub side: Side,
    pub strict: bool,
}

/// A number with its unit and its bound.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantity {
    pub value: f64,
    pub kind: Kind,
    pub bound: Option<Bound>,
    /// Whether it is one end of a range ("2 to 3 weeks").
    pub range: bool,
    /// Whether "before" or "after" follows it.
    pub tail: Option<Side>,
    /// "a week": it says one, but need not be held against a number.
    pub soft: bool,
}

/// Units: dimension, size in its base unit, names in lower case.
const UNITS: &[(&str, f64, &str)] = &[
    ("time", 1e-3, "ms millisecond milliseconds millisekunden"),
    ("time", 1.0, "s sec secs second seconds sekunde sekunden sek"),
    ("time", 60.0, "min mins minute minutes minuten"),
    ("time", 3600.0, "h hr hrs hour hours stunde stunden std"),
    ("time", 86_400.0, "d day days tag tage tagen"),
    ("time", 604_800.0, "week weeks woche wochen wk wks"),
    ("month", 1.0, "month months monat monate monaten"),
    ("month", 12.0, "year years yr yrs jahr jahre jahren"),
    ("workday", 1.0, "workday workdays werktag werktage werktagen arbeitstag arbeitstage arbeitstagen"),
    ("mass", 1e-6, "µg mcg microgram micrograms mikrogramm"),
    ("mass", 1e-3, "mg milligram milligrams milligramm"),
    ("mass", 1.0, "g gram grams gramm"),
    ("mass", 1000.0, "kg kilo kilos kilogram kilograms kilogramm"),
    ("mass", 1e6, "tonne tonnes tonnen"),
    ("length", 1e-3, "mm millimetre millimetres millimeter millimeters"),
    ("length", 1e-2, "cm centimetre centimetres centimeter centimeters zentimeter"),
    ("length", 1.0, "m metre metres meter meters"),
    ("length", 1000.0, "km kilometre kilometres kilometer kilometers"),
    ("length", 0.0254, "inch inches zoll"),
    ("length", 0.3048, "ft foot feet"),
    ("length", 1609.344, "mile miles meile meilen"),
    ("volume", 1e-3, "ml millilitre millilitres milliliter milliliters"),
    ("volume", 1e-2, "cl"),
    ("volume", 1.0, "l litre litres liter liters"),
    ("volume", 0.5683, "pint pints"),
    ("power", 1e-3, "mw milliwatt"),
    ("power", 1.0, "w watt watts"),
    ("power", 1000.0, "kw kilowatt kilowatts"),
    ("energy", 1.0, "wh"),
    ("energy", 1000.0, "kwh"),
    ("charge", 1.0, "mah"),
    ("charge", 1000.0, "ah"),
    ("voltage", 1.0, "v volt volts"),
    ("current", 1e-3, "ma"),
    ("current", 1.0, "a amp amps ampere"),
    ("temperature", 1.0, "°c c celsius degrees degree grad °"),
    ("fahrenheit", 1.0, "°f fahrenheit"),
    ("light", 1.0, "lm lumen lumens"),
    ("data", 1e-3, "kb kilobytes"),
    ("data", 1.0, "mb megabyte megabytes"),
    ("data", 1000.0, "gb gigabyte gigabytes"),
    ("data", 1e6, "tb terabyte terabytes"),
    ("rate", 1.0, "mbit mbps"),
    ("frequency", 1.0, "hz hertz"),
    ("frequency", 1000.0, "khz"),
    ("frequency", 1e6, "mhz"),
    ("frequency", 1e9, "ghz"),
    ("pressure", 1.0, "bar"),
    ("pressure", 0.0689, "psi"),
    ("pressure", 1e-3, "mbar"),
    ("percent", 1.0, "% percent prozent"),
    ("times", 1.0, "times mal x"),
    ("speed", 1.0, "mph"),
    ("speed", 0.6214, "kmh"),
    ("sound", 1.0, "db decibel"),
];

/// Currencies by their signs and names.
const MONEY: &[(&str, &str)] = &[
    ("GBP", "£ gbp pound pounds quid"),
    ("EUR", "€ eur euro euros"),
    ("USD", "$ usd dollar dollars"),
    ("CHF", "chf franken"),
    ("pence", "p pence cent cents"),
];

/// The unit or currency of a name in lower case.
pub fn unit(name: &str) -> Option<Kind> {
    let has = |names: &str| names.split(' ').any(|n| n == name);
    let unit = UNITS.iter().find(|(.., names)| has(names)).map(|(dimension, size, _)| Kind::Unit(dimension, *size));
    unit.or_else(|| MONEY.iter().find(|(_, names)| has(names)).map(|(currency, _)| Kind::Money(currency)))
}

/// The unit of a name that is no bare letter: what a word beside "a" or after a space may be.
pub fn spelled_unit(name: &str) -> Option<Kind> {
    if name.chars().count() > 2 { unit(name) } else { None }
}

impl Quantity {
    /// A quantity without bounds.
    pub fn new(value: f64, kind: Kind) -> Self {
        Self { value, kind, bound: None, range: false, tail: None, soft: false }
    }

    /// Whether `held`, which stands in a source, says what this says.
    pub fn stands_as(&self, held: &Self) -> bool {
        self.equals(held) && self.bounded_as(held)
    }

    /// Whether both are of one kind, so that one could be taken for the other.
    pub fn is_like(&self, other: &Self) -> bool {
        match (&self.kind, &other.kind) {
            (Kind::Unit(a, _), Kind::Unit(b, _)) => a == b,
            (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
        }
    }

    /// Whether both are the same number of the same thing, bounds aside.
    pub fn equals(&self, held: &Self) -> bool {
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1e-3);
        match (&self.kind, &held.kind) {
            (Kind::Date(y, m, d), Kind::Date(hy, hm, hd)) => {
                (y.is_none() || y == hy) && m == hm && (d.is_none() || d == hd)
            }
            (Kind::Time(vague), Kind::Time(held_vague)) => {
                let apart = (self.value - held.value).abs();
                near(apart, 0.0) || (*vague || *held_vague) && near(apart, 720.0)
            }
            (Kind::Time(_), Kind::Bare) => near(self.value, clock(held.value)),
            (Kind::Bare, Kind::Time(_)) => {
                let said = clock(self.value);
                near(said, held.value) || self.value <= 12.0 && self.bound.is_some() && near(said + 720.0, held.value)
            }
            (Kind::Unit(a, x), Kind::Unit(b, y)) => a == b && near(self.value * x, held.value * y),
            (Kind::Money(a), Kind::Money(b)) => a == b && near(self.value, held.value),
            // A bare number of a source has its unit in a heading or nowhere: only money may be understood.
            (Kind::Money(_), Kind::Bare) => near(self.value, held.value),
            (Kind::Bare, Kind::Bare | Kind::Money(_)) => near(self.value, held.value),
            (Kind::Bare, Kind::Unit(dimension, _)) => *dimension != "percent" && near(self.value, held.value),
            _ => false,
        }
    }

    fn bounded_as(&self, held: &Self) -> bool {
        if let (Some(a), Some(b)) = (self.tail, held.tail)
            && a != b
        {
            return false;
        }
        let is_point = matches!(self.kind, Kind::Time(_) | Kind::Date(..)) || matches!(held.kind, Kind::Time(_));
        match (self.bound, held.bound) {
            (Some(a), Some(b)) => a.side == b.side,
            (Some(said), None) => !said.strict,
            // One end of "2 to 3 weeks" alone is not what was said.
            (None, Some(held_bound)) => !held_bound.strict && (is_point || held.range == self.range),
            (None, None) => true,
        }
    }

    /// Why a sentence with this is not supported.
    pub fn missing(&self, text: &str) -> Why {
        let text = text.to_owned();
        match self.kind {
            Kind::Bare => Why::Number(text),
            Kind::Unit(..) => Why::Measure(text),
            Kind::Money(_) => Why::Price(text),
            Kind::Time(_) => Why::Time(text),
            Kind::Date(..) => Why::Date(text),
        }
    }
}

/// A number such as 9 or 9.30 as minutes after midnight.
fn clock(value: f64) -> f64 {
    let minutes = ((value.fract()) * 100.0).round();
    if !(0.0..=24.0).contains(&value) || minutes >= 60.0 { f64::NAN } else { value.floor() * 60.0 + minutes }
}
