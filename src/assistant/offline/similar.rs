//! How alike two titles are.

/// Words that tell no task from another.
const STOPWORDS: &[&str] = &[
    "the", "a", "an", "my", "to", "of", "for", "and", "with", "at", "in", "on", "about",
];

/// A title for comparison: lower case, straight apostrophes, single blanks, no punctuation around.
pub fn plain(title: &str) -> String {
    let title = title.to_lowercase().replace(['’', '‘'], "'");
    let around = |c: char| c.is_whitespace() || matches!(c, '.' | ',' | '!' | '?' | ';' | ':');
    title
        .trim_matches(around)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// The words of a title that tell it from others, in the singular; all of them if none does.
pub fn telling_words(title: &str) -> Vec<String> {
    let title = title.to_lowercase().replace(['’', '‘'], "'");
    let all: Vec<&str> = title
        .split(|c: char| !c.is_alphanumeric() && c != '\'')
        .map(|word| singular(word.trim_matches('\'')))
        .filter(|word| !word.is_empty())
        .collect();
    let tells = |word: &&&str| !STOPWORDS.contains(*word);
    let telling: Vec<String> = all
        .iter()
        .filter(tells)
        .map(|word| (*word).to_owned())
        .collect();
    if telling.is_empty() {
        return all.into_iter().map(str::to_owned).collect();
    }
    telling
}

fn singular(word: &str) -> &str {
    let word = word.strip_suffix("'s").unwrap_or(word);
    match word.strip_suffix('s') {
        Some(stem) if stem.chars().count() >= 3 && !stem.ends_with(['s', 'u', 'i']) => stem,
        _ => word,
    }
}

/// Whether one is a mistyped other: one slip from four letters on, two from eight on.
pub fn alike(one: &str, other: &str) -> bool {
    // A character takes 1 to 4 bytes, so these cannot be close; saves most of the work.
    if one.len() > 4 * other.len() + 8 || other.len() > 4 * one.len() + 8 {
        return false;
    }
    let one: Vec<char> = one.chars().take(32).collect();
    let other: Vec<char> = other.chars().take(32).collect();
    let slips = match one.len().min(other.len()) {
        0..=3 => 0,
        4..=7 => 1,
        _ => 2,
    };
    one.len().abs_diff(other.len()) <= slips && within(slips, &one, &other)
}

/// Whether so many insertions, deletions, replacements and swaps of neighbours make one word the
/// other. Tries each kind at the first difference; with two slips at most that is quick.
fn within(slips: usize, one: &[char], other: &[char]) -> bool {
    let same = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    let (one, other) = (
        one.get(same..).unwrap_or_default(),
        other.get(same..).unwrap_or_default(),
    );
    let ([a, one_rest @ ..], [b, other_rest @ ..]) = (one, other) else {
        return one.len().max(other.len()) <= slips;
    };
    let Some(slips) = slips.checked_sub(1) else {
        return false;
    };
    let swapped = match (one_rest, other_rest) {
        ([a2, one_rest @ ..], [b2, other_rest @ ..]) if a == b2 && a2 == b => {
            within(slips, one_rest, other_rest)
        }
        _ => false,
    };
    swapped
        || within(slips, one_rest, other_rest)
        || within(slips, one_rest, other)
        || within(slips, one, other_rest)
}

#[cfg(test)]
mod tests {
    use super::alike;

    #[test]
    fn a_slip_or_two_is_forgiven_in_longer_words_only() {
        for (one, other, expected) in [
            ("report", "reprot", true),
            ("report", "repo", false),
            ("milk", "milkk", true),
            ("milk", "silks", false),
            ("cat", "car", false),
            ("quarterly", "quartely", true),
            ("mlik", "milk", true),
            ("zoë", "zoe", false),
            ("naïve", "naive", true),
            ("", "", true),
        ] {
            assert_eq!(alike(one, other), expected, "{one} {other}");
        }
    }
}
