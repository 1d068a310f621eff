//! Matching the start and end of a clause against phrases.

use crate::assistant::words::{Kind, Token};

/// How many words the phrase takes if the words start with it.
pub fn starts(words: &[&str], phrase: &str) -> Option<usize> {
    let mut count = 0;
    for expected in phrase.split(' ') {
        if words.get(count) != Some(&expected) {
            return None;
        }
        count += 1;
    }
    Some(count)
}

/// The longest of these phrases that the words start with, in words.
pub fn starts_with_any(words: &[&str], phrases: &[&str]) -> Option<usize> {
    phrases
        .iter()
        .filter_map(|phrase| starts(words, phrase))
        .max()
}

/// The longest of these phrases that the words end with, in words.
pub fn ends_with_any(words: &[&str], phrases: &[&str]) -> Option<usize> {
    let ends = |phrase: &&str| {
        let count = phrase.split(' ').count();
        let at = words.len().checked_sub(count)?;
        starts(words.get(at..)?, phrase)
    };
    phrases.iter().filter_map(ends).max()
}

/// The tokens from this one on.
pub fn from(tokens: &[Token], at: usize) -> &[Token] {
    tokens.get(at..).unwrap_or_default()
}

/// The tokens before this one.
pub fn until(tokens: &[Token], at: usize) -> &[Token] {
    tokens.get(..at).unwrap_or(tokens)
}

/// The tokens without punctuation at either end.
pub fn trimmed(tokens: &[Token]) -> &[Token] {
    trim_end(trim_start(tokens))
}

/// The tokens without punctuation and dashes at the start.
pub fn trim_start(mut tokens: &[Token]) -> &[Token] {
    while let [first, rest @ ..] = tokens
        && (first.kind == Kind::Mark || is_dash(first))
    {
        tokens = rest;
    }
    tokens
}

/// The tokens without punctuation and dashes at the end, but with a bracket that closes one.
pub fn trim_end(mut tokens: &[Token]) -> &[Token] {
    while let [rest @ .., last] = tokens
        && (last.kind == Kind::Mark || is_dash(last))
    {
        let opening = match last.text.as_str() {
            ")" => "(",
            "]" => "[",
            _ => "",
        };
        if !opening.is_empty() && rest.iter().any(|token| token.is(opening)) {
            break;
        }
        tokens = rest;
    }
    tokens
}

/// A dash or bullet that stands alone.
pub fn is_dash(token: &Token) -> bool {
    token.kind == Kind::Word
        && matches!(
            token.text.as_str(),
            "-" | "–" | "—" | "*" | "•" | "->" | "--"
        )
}

/// Whether the token is a word without a letter or digit, such as an emoji.
pub fn is_symbol(token: &Token) -> bool {
    token.kind == Kind::Word && !token.text.chars().any(char::is_alphanumeric)
}
