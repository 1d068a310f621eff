//! Cuts a message into words, quoted passages and punctuation, in one pass.
//!
//! Positions are byte offsets that come from [`str::char_indices`], so they are always on a
//! character boundary.

/// A piece of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Where it starts, quotes included.
    pub start: usize,
    /// Where it ends, quotes included.
    pub end: usize,
    /// A word in lower case with straight apostrophes; a mark as it stands; what stands between
    /// quotes as it stands.
    pub text: String,
}

/// The kinds of [`Token`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Anything between blanks: a word, a number, an emoji.
    Word,
    /// A passage in quotes, to be taken literally.
    Quoted,
    /// One punctuation character, or the end of a line.
    Mark,
}

impl Token {
    /// Whether it is this word or mark, and not a quotation of it.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        self.kind != Kind::Quoted && self.text == text
    }
}

/// What patterns see in the place of a quoted passage; no word contains it.
pub const QUOTED: &str = "\u{0}";

/// Shortened words whose full stop belongs to them.
#[rustfmt::skip]
const ABBREVIATIONS: &[&str] = &[
    "a.m", "p.m", "dr", "mr", "mrs", "ms", "prof", "st", "vs", "etc", "e.g", "i.e", "approx",
    "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec",
];

/// In quotes, on one line, so that a title cannot pass for our own words.
#[must_use]
pub fn quote(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    format!("“{line}”")
}

/// The message's tokens in order.
#[must_use]
pub fn tokens(message: &str) -> Vec<Token> {
    let characters: Vec<(usize, char)> = message.char_indices().collect();
    let mut scanner = Scanner {
        message,
        characters: &characters,
        unclosed: Vec::new(),
    };
    let mut found = Vec::new();
    let mut at = 0;
    while let Some((token, next)) = scanner.next(at) {
        found.push(token);
        at = next;
    }
    found
}

/// The words for patterns to look at: one per token, quoted passages hidden.
#[must_use]
pub fn patterns(tokens: &[Token]) -> Vec<&str> {
    tokens
        .iter()
        .map(|t| {
            if t.kind == Kind::Quoted {
                QUOTED
            } else {
                t.text.as_str()
            }
        })
        .collect()
}

/// The part of the message these tokens stand for, as the person wrote it.
#[must_use]
pub fn source<'m>(message: &'m str, tokens: &[Token]) -> &'m str {
    match (tokens.first(), tokens.last()) {
        (Some(first), Some(last)) => message.get(first.start..last.end).unwrap_or_default(),
        _ => "",
    }
}

struct Scanner<'m> {
    message: &'m str,
    characters: &'m [(usize, char)],
    /// Closing quotes of which there are no more; keeps the scan linear.
    unclosed: Vec<char>,
}

impl Scanner<'_> {
    fn char(&self, at: usize) -> Option<char> {
        self.characters.get(at).map(|(_, c)| *c)
    }

    fn offset(&self, at: usize) -> usize {
        self.characters
            .get(at)
            .map_or(self.message.len(), |(offset, _)| *offset)
    }

    fn token(&self, kind: Kind, from: usize, to: usize, text: String) -> Token {
        Token {
            kind,
            start: self.offset(from),
            end: self.offset(to),
            text,
        }
    }

    fn next(&mut self, mut at: usize) -> Option<(Token, usize)> {
        while self
            .char(at)
            .is_some_and(|c| c != '\n' && (c.is_whitespace() || c.is_control()))
        {
            at += 1;
        }
        let first = self.char(at)?;
        if let Some(close) = self.closing(at) {
            let inner = self.message.get(self.offset(at + 1)..self.offset(close));
            let inner = inner.unwrap_or_default().trim().to_owned();
            return Some((self.token(Kind::Quoted, at, close + 1, inner), close + 1));
        }
        if is_mark(first) || is_quote(first) {
            return Some((
                self.token(Kind::Mark, at, at + 1, first.to_string()),
                at + 1,
            ));
        }
        let mut end = at + 1;
        while self.char(end).is_some_and(|c| self.belongs(end, c)) {
            end += 1;
        }
        let word = self
            .message
            .get(self.offset(at)..self.offset(end))
            .unwrap_or_default();
        let word = word.to_lowercase().replace(['’', '‘', 'ʼ'], "'");
        if self.char(end) == Some('.') && ABBREVIATIONS.contains(&word.as_str()) {
            end += 1;
        }
        Some((self.token(Kind::Word, at, end, word), end))
    }

    /// Whether the character continues the word before it.
    fn belongs(&self, at: usize, c: char) -> bool {
        let before = at.checked_sub(1).and_then(|at| self.char(at));
        let after = self.char(at + 1);
        let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
        match c {
            ',' => digit(before) && digit(after),
            '.' | ':' | '!' | '?' => after.is_some_and(|c| c.is_alphanumeric() || c == '/'),
            '\'' => true,
            _ => !(c.is_whitespace() || c.is_control() || is_mark(c) || is_quote(c)),
        }
    }

    /// Where the quotation that opens here closes, if one does.
    fn closing(&mut self, at: usize) -> Option<usize> {
        let closers: &[char] = match self.char(at)? {
            '"' | '“' | '„' | '”' => &['"', '”', '“'],
            '«' => &['»'],
            '`' => &['`'],
            '‘' => &['’'],
            '\'' => &['\''],
            _ => return None,
        };
        let kind = *closers.first()?;
        if self.unclosed.contains(&kind) {
            return None;
        }
        let apostrophe = matches!(kind, '’' | '\'');
        let mut end = at + 1;
        while let Some(c) = self.char(end) {
            // An apostrophe inside a word closes nothing.
            let inside = apostrophe && self.char(end + 1).is_some_and(char::is_alphanumeric);
            if closers.contains(&c) && !inside {
                return Some(end);
            }
            end += 1;
        }
        self.unclosed.push(kind);
        None
    }
}

fn is_mark(c: char) -> bool {
    matches!(
        c,
        '\n' | '.' | ',' | ';' | ':' | '!' | '?' | '(' | ')' | '[' | ']' | '…' | '¿' | '¡'
    )
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '“' | '”' | '„' | '«' | '»' | '`')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(message: &str) -> Vec<String> {
        tokens(message).into_iter().map(|t| t.text).collect()
    }

    #[test]
    fn words_and_marks_come_apart() {
        assert_eq!(
            texts("Hey, add milk; at 9:30 a.m. it's 1,000."),
            [
                "hey", ",", "add", "milk", ";", "at", "9:30", "a.m", "it's", "1,000", "."
            ]
        );
    }

    #[test]
    fn quotations_stay_whole() {
        let found = tokens("add “Call Bob tomorrow” 'now' don’t");
        assert_eq!(
            found.iter().map(|t| t.kind).collect::<Vec<_>>(),
            [Kind::Word, Kind::Quoted, Kind::Quoted, Kind::Word]
        );
        assert_eq!(
            texts("add “Call Bob tomorrow” 'now' don’t"),
            ["add", "Call Bob tomorrow", "now", "don't"]
        );
    }

    #[test]
    fn an_unclosed_quote_is_only_a_mark() {
        assert_eq!(texts("5\" nails"), ["5", "\"", "nails"]);
        assert_eq!(tokens(&"«".repeat(4000)).len(), 4000);
    }
}
