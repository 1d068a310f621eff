//! One clause: wrappers off, guards first, then the patterns, verb first.

use jiff::ZonedDateTime;

use super::{
    adding, changing,
    intent::Intent,
    listing,
    patterns::{ends_with_any, from, is_symbol, starts, starts_with_any, trimmed, until},
    reply, zones,
};
use crate::assistant::{
    dates,
    words::{self, Kind, Token},
};

/// What a clause is read against.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'m> {
    /// The whole message, which tokens point into.
    pub message: &'m str,
    /// The moment of the message, in the person's zone.
    pub now: &'m ZonedDateTime,
}

/// How a request is wrapped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wrapper {
    /// "could you …": a question mark at the end is only manners.
    pub asked: bool,
    /// "I need to …": may speak of the person's own plans as well as of the list.
    pub own: bool,
    /// "don't forget to …": a request if it goes on with "add", else something to do.
    pub reminding: bool,
    /// "I should …": speaks of the person's own plans.
    pub musing: bool,
    /// The clause ends in a question mark.
    pub question: bool,
}

#[rustfmt::skip]
const MANNERS: &[&str] = &[
    "please", "pls", "plz", "kindly", "hey", "hi", "hello", "ok", "okay", "so", "well", "also",
    "then", "now", "and", "oh", "alright", "just", "yes", "yeah", "sure", "actually", "oops", "assistant",
    "dear assistant", "hey there", "hi there", "hello there", "thanks", "thank you",
    "go ahead and", "quickly", "finally", "first", "lastly", "um", "uh",
];
#[rustfmt::skip]
const ASKING: &[&str] = &[
    "could you", "can you", "would you", "will you", "can u", "could u", "i need you to",
    "i want you to", "i'd like you to", "i would like you to", "would you be so kind as to",
    "could you be so kind as to", "may i ask you to", "help me", "help me to",
];
#[rustfmt::skip]
const OWN: &[&str] = &[
    "i need to", "i want to", "i'd like to", "i would like to", "i wanna", "let's", "let us",
    "let me", "i'd love to", "need to", "want to",
];
#[rustfmt::skip]
const REMINDING: &[&str] = &[
    "don't forget to", "do not forget to", "dont forget to", "don't let me forget to",
    "remember to", "make sure to", "make sure i", "make sure that i",
];
#[rustfmt::skip]
const MUSING: &[&str] = &[
    "i should", "i must", "i have to", "i've got to", "i have got to", "i got to", "i gotta",
    "i'm going to", "i am going to", "i will", "i'll", "i plan to", "we need to", "we have to",
    "we should", "we must", "i was going to", "i might", "i could", "i can", "i would",
    "gotta", "got to", "i also need to", "i really need to", "i really should", "i still need to", "i still have to",
];
#[rustfmt::skip]
const CANCELS: &[&str] = &[
    "never mind", "nevermind", "forget it", "forget that", "forget about it", "cancel",
    "cancel that", "cancel it", "stop", "stop it", "no", "nope", "no thanks", "no thank you",
    "don't", "do not", "leave it", "leave it alone", "nothing", "not now", "skip it", "skip that",
    "ignore that", "wait", "no wait", "wait no", "scratch that", "just kidding", "no don't",
    "don't do it", "don't do that", "do nothing", "not yet", "neither", "none", "none of them",
    "none of these", "neither of them", "abort",
];
#[rustfmt::skip]
const SECOND_THOUGHTS: &[&str] = &[
    "never mind", "nevermind", "no wait", "wait no", "actually no", "actually don't",
    "actually not", "on second thought no", "on second thoughts no", "forget it", "just kidding",
    "no don't", "scratch that", "cancel that", "no wait don't", "wait don't", "or not",
    "or maybe not", "maybe not", "not really",
];
const GREETINGS: &[&str] = &[
    "hi",
    "hello",
    "hey",
    "good morning",
    "good afternoon",
    "good evening",
    "howdy",
    "greetings",
];
const THANKS: &[&str] = &[
    "thanks",
    "thank you",
    "thx",
    "ty",
    "cheers",
    "many thanks",
    "thank u",
];
#[rustfmt::skip]
const PRAISE: &[&str] = &[
    "great", "perfect", "nice", "ok", "okay", "cool", "awesome", "well done", "good job",
    "great job", "nice work", "good", "wonderful", "excellent", "lovely", "bye", "goodbye",
    "see you", "good night", "that's all", "that's it", "alright", "all right", "sweet",
];
#[rustfmt::skip]
const SMALL_TALK: &[&str] = &[
    "there", "so", "much", "very", "a", "lot", "for", "your", "the", "help", "again", "that's",
    "all", "you", "great", "perfect", "good", "morning", "bye", "assistant", "everyone", "today",
    "and", "then", "later", "now", "thanks", "thank", "job", "work", "nice", "how", "are", "is",
    "it", "hi", "hello", "ok", "okay", "my", "friend",
];
/// Words that open a question, a condition or a refusal, never a request.
#[rustfmt::skip]
const NO_REQUEST: &[&str] = &[
    "what", "what's", "whats", "why", "how", "how's", "when", "when's", "where", "where's", "who",
    "who's", "which", "whose", "should", "would", "could", "can", "is", "isn't", "are", "aren't",
    "was", "wasn't", "were", "did", "didn't", "does", "doesn't", "do", "am", "if", "has", "have",
    "had", "may", "might", "must", "will", "won't", "shall", "unless", "suppose", "imagine",
    "once", "after", "before", "until", "because", "although", "maybe", "perhaps",
];
#[rustfmt::skip]
const REFUSALS: &[&str] = &[
    "don't", "dont", "do not", "never", "not", "stop", "no", "please don't", "you must not",
    "you should not", "you shouldn't", "avoid",
];

/// The most words a wrapper takes; keeps taking them off linear.
const LONGEST_WRAPPER: usize = 8;
/// How often thanks are taken off the end.
const MOST_THANKS: usize = 4;

/// What the clause asks for.
pub fn read(clause: &[Token], scope: Scope) -> Intent {
    let question = clause
        .iter()
        .rev()
        .take_while(|t| t.kind == Kind::Mark)
        .any(|t| t.is("?"));
    let clause = trimmed(clause);
    if clause.is_empty() {
        return Intent::Unknown;
    }
    let bare: Vec<&str> = words_only(clause);
    if let Some(intent) = social(&bare) {
        return intent;
    }
    if CANCELS.contains(&bare.join(" ").as_str()) || ends_with_any(&bare, SECOND_THOUGHTS).is_some()
    {
        return Intent::Cancel;
    }
    let (clause, mut wrapper) = unwrap(clause);
    wrapper.question = question;
    let clause = without_thanks(clause);
    let words = words::patterns(clause);
    if let Some(intent) = about_us(&words, scope).or_else(|| listing::read(clause, scope)) {
        let asks = question && !wrapper.asked && matches!(intent, Intent::SetZone(_));
        return if asks {
            Intent::Say(reply::ASKED_OR_TOLD.to_owned())
        } else {
            intent
        };
    }
    if starts(&words, "don't let me forget").is_some() || starts(&words, "don't forget").is_some() {
        let rest = from(clause, if words.get(1) == Some(&"let") { 4 } else { 2 });
        return adding::offer(rest, scope);
    }
    // That asks for a change, though not for one we know.
    if starts_with_any(&words, &["stop repeating", "stop reminding me"]).is_some() {
        return Intent::Unknown;
    }
    if starts_with_any(&words, REFUSALS).is_some() {
        return Intent::Say(reply::NOTHING_CHANGED.to_owned());
    }
    if words.first().is_some_and(|word| NO_REQUEST.contains(word)) {
        return Intent::Unknown;
    }
    let intent = request(clause, wrapper, scope);
    // A bare "delete the milk task?" asks rather than tells.
    let acts = !matches!(
        intent,
        Intent::Unknown | Intent::Say(_) | Intent::List(_) | Intent::Offer(_)
    );
    if question && !wrapper.asked && acts {
        return Intent::Say(reply::ASKED_OR_TOLD.to_owned());
    }
    intent
}

/// The request proper, without its wrapper.
fn request(clause: &[Token], wrapper: Wrapper, scope: Scope) -> Intent {
    if wrapper.musing {
        let words = words::patterns(clause);
        return if opens_request(&words) {
            Intent::Unknown
        } else {
            adding::offer(clause, scope)
        };
    }
    if let Some(intent) = adding::read(clause, &[], scope) {
        return intent;
    }
    if wrapper.reminding {
        return adding::offer(clause, scope);
    }
    // "tomorrow at 9 remind me to …"
    if let Some((phrase, rest)) = dates::split_leading(clause, scope.now) {
        let (rest, wrapper) = unwrap(rest);
        let told = !wrapper.musing && !wrapper.question;
        return told
            .then(|| adding::read(rest, phrase, scope))
            .flatten()
            .unwrap_or(Intent::Unknown);
    }
    changing::read(clause, wrapper, scope).unwrap_or_else(|| {
        let words = words::patterns(clause);
        let errand = words
            .first()
            .is_some_and(|word| adding::ERRANDS.contains(word));
        if !opens_request(&words) && (wrapper.own || errand) {
            return adding::offer(clause, scope);
        }
        Intent::Unknown
    })
}

/// Whether the words start with a verb of ours, so that a new clause may start there.
pub fn opens_request(words: &[&str]) -> bool {
    let words = match starts_with_any(words, MANNERS) {
        Some(count) => words.get(count..).unwrap_or_default(),
        None => words,
    };
    let words = match starts_with_any(words, ASKING) {
        Some(count) => words.get(count..).unwrap_or_default(),
        None => words,
    };
    words
        .first()
        .is_some_and(|word| adding::VERBS.contains(word) || changing::VERBS.contains(word))
        || starts_with_any(
            words,
            &[
                "remind me",
                "put",
                "show me",
                "show my",
                "list my",
                "note to self",
            ],
        )
        .is_some()
}

/// Whether the words, on their own, are a sentence we know what to make of.
pub fn stands_alone(clause: &[Token], scope: Scope) -> bool {
    !matches!(read(clause, scope), Intent::Unknown | Intent::Offer(_))
        || words_only(clause)
            .first()
            .is_some_and(|word| NO_REQUEST.contains(word))
}

/// Whether the tokens are nothing but a word such as "yes" or "please".
pub fn is_polite(clause: &[Token]) -> bool {
    let words = words::patterns(clause);
    starts_with_any(&words, MANNERS) == Some(words.len())
}

/// The words without punctuation and emojis.
fn words_only(clause: &[Token]) -> Vec<&str> {
    let speaks = |token: &&Token| token.kind == Kind::Word && !is_symbol(token);
    if clause.iter().any(|token| token.kind == Kind::Quoted) {
        return words::patterns(clause);
    }
    clause
        .iter()
        .filter(speaks)
        .map(|token| token.text.as_str())
        .collect()
}

fn social(words: &[&str]) -> Option<Intent> {
    let small = |phrases: &[&str]| {
        let count = starts_with_any(words, phrases)?;
        let rest = words.get(count..)?;
        rest.iter()
            .all(|word| SMALL_TALK.contains(word))
            .then_some(())
    };
    if small(THANKS).is_some() {
        return Some(Intent::Social(reply::WELCOME));
    }
    if small(GREETINGS).is_some() {
        return Some(Intent::Social(reply::HELLO));
    }
    small(PRAISE).map(|()| Intent::Social(reply::ALL_RIGHT))
}

/// Questions about the assistant, the clock and the zone.
fn about_us(words: &[&str], scope: Scope) -> Option<Intent> {
    let bare: Vec<_> = words
        .iter()
        .filter(|w| w.chars().any(char::is_alphanumeric))
        .copied()
        .collect();
    let help = [
        "help",
        "help me",
        "what can you do",
        "how does this work",
        "how do you work",
        "commands",
        "what can i do",
        "what can i say",
        "what can i ask",
        "how can you help",
        "who are you",
        "what are you",
        "how can you help me",
        "what can you do for me",
        "i need help",
        "usage",
        "how do i use this",
        "what do you do",
    ];
    if help.contains(&bare.join(" ").as_str()) {
        return Some(Intent::Say(reply::HELP.to_owned()));
    }
    match bare.as_slice() {
        [
            "what" | "what's" | "which",
            ..,
            "my",
            "time",
            "zone" | "timezone",
        ]
        | ["what" | "what's" | "which", .., "my", "timezone"]
        | ["what", "timezone" | "zone", ..] => Some(Intent::Say(reply::zone(scope.now))),
        ["what", "time", "is", "it", ..]
        | ["what", "day", "is", "it", ..]
        | ["what's", "the", "time" | "date"]
        | ["what", "is", "the", "time" | "date"]
        | ["what", "is", "today's", "date"]
        | ["what's", "today's", "date"] => Some(Intent::Say(reply::time(scope.now))),
        _ => zones::read(&bare),
    }
}

/// Takes off what politeness and small talk put before the request.
fn unwrap(clause: &[Token]) -> (&[Token], Wrapper) {
    let mut clause = trimmed(clause);
    let mut wrapper = Wrapper::default();
    loop {
        let words = words::patterns(until(clause, LONGEST_WRAPPER));
        let taken = if let Some(count) = starts_with_any(&words, MANNERS) {
            count
        } else if let Some(count) = starts_with_any(&words, ASKING) {
            wrapper.asked = true;
            count
        } else if let Some(count) = starts_with_any(&words, OWN) {
            wrapper.own = true;
            count
        } else if let Some(count) = starts_with_any(&words, REMINDING) {
            wrapper.reminding = true;
            count
        } else if let Some(count) = starts_with_any(&words, MUSING) {
            wrapper.musing = true;
            count
        } else {
            return (clause, wrapper);
        };
        let rest = trimmed(from(clause, taken));
        if rest.is_empty() {
            return (clause, wrapper);
        }
        clause = rest;
    }
}

/// Without "please" or "thanks" at the end.
fn without_thanks(clause: &[Token]) -> &[Token] {
    let mut clause = clause;
    for _ in 0..MOST_THANKS {
        let words = words::patterns(clause);
        let manners = &[
            "please",
            "pls",
            "plz",
            "thanks",
            "thank you",
            "thx",
            "ok",
            "okay",
            "would you",
            "will you",
        ];
        let Some(count) = ends_with_any(&words, manners).filter(|count| *count < words.len())
        else {
            return clause;
        };
        clause = trimmed(until(clause, words.len() - count));
    }
    clause
}
