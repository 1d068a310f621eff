//! "Set my time zone to Berlin": cities and names people use for zones.

use super::{intent::Intent, patterns::starts_with_any, reply};

/// Names people use, and the IANA zone they mean.
#[rustfmt::skip]
const ZONES: &[(&str, &str)] = &[
    ("utc", "UTC"), ("gmt", "UTC"), ("berlin", "Europe/Berlin"), ("germany", "Europe/Berlin"),
    ("munich", "Europe/Berlin"), ("hamburg", "Europe/Berlin"), ("frankfurt", "Europe/Berlin"),
    ("cet", "Europe/Berlin"), ("central european time", "Europe/Berlin"),
    ("paris", "Europe/Paris"), ("france", "Europe/Paris"), ("london", "Europe/London"),
    ("uk", "Europe/London"), ("the uk", "Europe/London"), ("dublin", "Europe/Dublin"),
    ("ireland", "Europe/Dublin"), ("lisbon", "Europe/Lisbon"), ("madrid", "Europe/Madrid"),
    ("spain", "Europe/Madrid"), ("barcelona", "Europe/Madrid"), ("rome", "Europe/Rome"),
    ("milan", "Europe/Rome"), ("italy", "Europe/Rome"), ("vienna", "Europe/Vienna"),
    ("zurich", "Europe/Zurich"), ("amsterdam", "Europe/Amsterdam"),
    ("brussels", "Europe/Brussels"), ("prague", "Europe/Prague"), ("warsaw", "Europe/Warsaw"),
    ("stockholm", "Europe/Stockholm"), ("oslo", "Europe/Oslo"),
    ("copenhagen", "Europe/Copenhagen"), ("helsinki", "Europe/Helsinki"),
    ("athens", "Europe/Athens"), ("istanbul", "Europe/Istanbul"), ("kyiv", "Europe/Kyiv"),
    ("budapest", "Europe/Budapest"), ("bucharest", "Europe/Bucharest"),
    ("new york", "America/New_York"), ("boston", "America/New_York"),
    ("miami", "America/New_York"), ("eastern", "America/New_York"),
    ("eastern time", "America/New_York"), ("toronto", "America/Toronto"),
    ("chicago", "America/Chicago"), ("central time", "America/Chicago"),
    ("denver", "America/Denver"), ("mountain time", "America/Denver"),
    ("los angeles", "America/Los_Angeles"), ("san francisco", "America/Los_Angeles"),
    ("seattle", "America/Los_Angeles"), ("pacific", "America/Los_Angeles"),
    ("pacific time", "America/Los_Angeles"), ("vancouver", "America/Vancouver"),
    ("mexico city", "America/Mexico_City"), ("sao paulo", "America/Sao_Paulo"),
    ("são paulo", "America/Sao_Paulo"), ("buenos aires", "America/Argentina/Buenos_Aires"),
    ("dubai", "Asia/Dubai"), ("tel aviv", "Asia/Jerusalem"), ("karachi", "Asia/Karachi"),
    ("mumbai", "Asia/Kolkata"), ("delhi", "Asia/Kolkata"), ("bangalore", "Asia/Kolkata"),
    ("india", "Asia/Kolkata"), ("dhaka", "Asia/Dhaka"), ("bangkok", "Asia/Bangkok"),
    ("jakarta", "Asia/Jakarta"), ("singapore", "Asia/Singapore"), ("hong kong", "Asia/Hong_Kong"),
    ("shanghai", "Asia/Shanghai"), ("beijing", "Asia/Shanghai"), ("china", "Asia/Shanghai"),
    ("manila", "Asia/Manila"), ("seoul", "Asia/Seoul"), ("tokyo", "Asia/Tokyo"),
    ("japan", "Asia/Tokyo"), ("sydney", "Australia/Sydney"), ("melbourne", "Australia/Melbourne"),
    ("brisbane", "Australia/Brisbane"), ("perth", "Australia/Perth"),
    ("auckland", "Pacific/Auckland"), ("new zealand", "Pacific/Auckland"),
    ("cairo", "Africa/Cairo"), ("lagos", "Africa/Lagos"), ("nairobi", "Africa/Nairobi"),
    ("johannesburg", "Africa/Johannesburg"),
];

/// Reads a sentence about the time zone; the words are in lower case.
pub fn read(words: &[&str]) -> Option<Intent> {
    let count = starts_with_any(
        words,
        &[
            "set my time zone to",
            "set my timezone to",
            "set the time zone to",
            "set time zone to",
            "set timezone to",
            "set the timezone to",
            "change my time zone to",
            "change my timezone to",
            "change the time zone to",
            "change the timezone to",
            "my time zone is",
            "my timezone is",
            "use time zone",
            "use the time zone",
            "use timezone",
            "switch my time zone to",
            "switch my timezone to",
            "switch to time zone",
            "change time zone to",
            "change timezone to",
            "time zone",
            "timezone",
            "set my time zone",
            "set my timezone",
            "change my time zone",
            "change my timezone",
        ],
    )?;
    let name = words.get(count..)?.join(" ");
    let name = name.strip_suffix(" now").unwrap_or(&name);
    let name = name.strip_suffix(" time zone").unwrap_or(name);
    Some(zone(name).map_or_else(
        || Intent::Say(reply::WHICH_ZONE.to_owned()),
        Intent::SetZone,
    ))
}

/// The IANA name for what a person calls a zone; one that looks like an IANA name is taken as it
/// is, for the tool to check.
fn zone(name: &str) -> Option<String> {
    if let Some((_, zone)) = ZONES.iter().find(|(known, _)| *known == name) {
        return Some((*zone).to_owned());
    }
    let iana = name.split('/').count() >= 2
        && name.len() <= 64
        && name.split('/').all(|part| {
            let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+');
            part.starts_with(|c: char| c.is_ascii_alphabetic()) && part.chars().all(known)
        });
    iana.then(|| name.split('/').map(capitals).collect::<Vec<_>>().join("/"))
}

/// `america/new_york` as the IANA database writes it.
fn capitals(part: &str) -> String {
    let mut start = true;
    let spell = |c: char| {
        let spelled = if start { c.to_ascii_uppercase() } else { c };
        start = matches!(c, '_' | '-');
        spelled
    };
    part.chars().map(spell).collect()
}
