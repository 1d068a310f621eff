//! Cuts a message into clauses and reads each.
//!
//! Semicolons and new lines always separate. A full stop, "then", "and" and a comma separate only
//! where something recognisable starts after them, because titles contain them too; after "add …"
//! only another "add …", or a task named beyond doubt, ends the title.

use super::{
    adding,
    intent::Intent,
    patterns::{from, is_dash, until},
    reply,
    sentence::{self, Scope},
};
use crate::assistant::{
    dates,
    words::{self, Kind, Token},
};

/// A clause in the person's words, and what it asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Clause {
    /// As written.
    pub text: String,
    /// What it asks for.
    pub intent: Intent,
}

struct Piece<'t> {
    tokens: &'t [Token],
    /// Whether a semicolon or a new line stands before it.
    after_break: bool,
}

/// After this many breaks the rest is one piece; keeps reading linear.
const MOST_PIECES: usize = 24;

/// The clauses of the message.
pub fn read(tokens: &[Token], scope: Scope) -> Vec<Clause> {
    let mut clauses: Vec<Clause> = Vec::new();
    let mut adding = false;
    let pieces = pieces(tokens, scope);
    let many = pieces.iter().filter(|piece| piece.after_break).count() > 0;
    for piece in pieces {
        let (tokens, bullet) = without_bullet(piece.tokens);
        if tokens.iter().all(|token| token.kind == Kind::Mark) && !clauses.is_empty() {
            continue;
        }
        let mut intent = if bullet && adding {
            adding::add(tokens, &[], scope)
        } else {
            sentence::read(tokens, scope)
        };
        if adding && piece.after_break && matches!(intent, Intent::Unknown | Intent::Offer(_)) {
            intent = adding::add(tokens, &[], scope);
        }
        let header = many && intent == Intent::Say(reply::ADD_WHAT.to_owned());
        adding = header || matches!(intent, Intent::Add(_)) || (adding && piece.after_break);
        if !(header && clauses.is_empty()) {
            clauses.push(Clause {
                text: words::source(scope.message, tokens).to_owned(),
                intent,
            });
        }
    }
    clauses
}

fn pieces<'t>(tokens: &'t [Token], scope: Scope) -> Vec<Piece<'t>> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut after_break = false;
    let mut at = 0;
    let mut tries = 0;
    while at < tokens.len() && pieces.len() < MOST_PIECES && tries < 4 * MOST_PIECES {
        let Some(found) = boundary(tokens, start, at, scope, &mut tries) else {
            at += 1;
            continue;
        };
        if found.end > start {
            pieces.push(Piece {
                tokens: from(until(tokens, found.end), start),
                after_break,
            });
            after_break = false;
        }
        after_break |= found.is_break;
        start = found.next;
        at = found.next;
    }
    if start < tokens.len() {
        pieces.push(Piece {
            tokens: from(tokens, start),
            after_break,
        });
    }
    pieces
}

struct Boundary {
    /// Where the piece before ends.
    end: usize,
    /// Where the next one starts.
    next: usize,
    is_break: bool,
}

fn boundary(
    tokens: &[Token],
    start: usize,
    at: usize,
    scope: Scope,
    tries: &mut usize,
) -> Option<Boundary> {
    let token = tokens.get(at)?;
    if token.kind == Kind::Quoted {
        return None;
    }
    let after = from(tokens, at + 1);
    match token.text.as_str() {
        ";" | "\n" => Some(Boundary {
            end: at,
            next: at + 1,
            is_break: true,
        }),
        "." | "!" | "?" | "…" if token.kind == Kind::Mark => {
            if after.is_empty() || after.first().is_some_and(|next| next.kind == Kind::Mark) {
                return None;
            }
            *tries += 1;
            let end = after.iter().position(|token| {
                token.kind == Kind::Mark
                    && matches!(token.text.as_str(), "." | "!" | "?" | ";" | "\n")
            });
            let segment = until(after, end.map_or(after.len(), |end| end + 1));
            let found = Boundary {
                end: at + 1,
                next: at + 1,
                is_break: false,
            };
            sentence::stands_alone(segment, scope).then_some(found)
        }
        "then" | "and" | "," | "&" | "plus" | "also" => {
            let joiners = from(tokens, at)
                .iter()
                .take(3)
                .take_while(|t| {
                    matches!(
                        t.text.as_str(),
                        "then" | "and" | "," | "&" | "plus" | "also"
                    ) && t.kind != Kind::Quoted
                })
                .count();
            let next = at + joiners;
            if at == start || next >= tokens.len() {
                return None;
            }
            let upcoming = words::patterns(until(from(tokens, next), LOOKAHEAD));
            let opens = sentence::opens_request(&upcoming);
            let then = from(until(tokens, next), at).iter().any(|t| t.is("then"));
            let current = words::patterns(until(from(tokens, start), LOOKAHEAD));
            let adds = current.iter().any(|word| {
                matches!(
                    *word,
                    "add" | "remind" | "create" | "todo" | "to-do" | "put" | "note"
                )
            });
            // "Tomorrow, remind me …" and "yes, delete …" are one clause each.
            let before = from(until(tokens, at), start);
            let date =
                opens && (dates::parse(before, scope.now).is_some() || sentence::is_polite(before));
            let splits = opens && !date && (then || !adds || certain(&upcoming));
            splits.then_some(Boundary {
                end: at,
                next,
                is_break: false,
            })
        }
        _ => None,
    }
}

/// How many words decide whether a clause starts.
const LOOKAHEAD: usize = 8;

/// Whether what starts here cannot be the rest of a title.
fn certain(words: &[&str]) -> bool {
    let mut rest = words;
    while let ["please" | "also" | "then" | "and", after @ ..] = rest {
        rest = after;
    }
    match rest {
        ["add", "up", ..] => false,
        ["add" | "create", ..] | ["remind", "me", ..] | ["undo"] => true,
        ["show" | "list", "my" | "me" | "all", ..] => true,
        ["show" | "list", "the", "list" | "tasks", ..] => true,
        [_, rest @ ..] => rest.iter().any(|word| {
            matches!(*word, "task" | words::QUOTED)
                || word
                    .strip_prefix('#')
                    .is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()))
                || word.starts_with("task-")
        }),
        [] => false,
    }
}

/// Without a bullet, a box or a number at the start; and whether there was one.
fn without_bullet(tokens: &[Token]) -> (&[Token], bool) {
    match tokens {
        [dash, rest @ ..] if is_dash(dash) && !rest.is_empty() => (without_bullet(rest).0, true),
        [open, close, rest @ ..] if open.is("[") && close.is("]") => (rest, true),
        [number, mark, rest @ ..]
            if (mark.is(".") || mark.is(")"))
                && number.text.len() <= 3
                && number.text.bytes().all(|b| b.is_ascii_digit())
                && !rest.is_empty() =>
        {
            (rest, true)
        }
        _ => (tokens, false),
    }
}
