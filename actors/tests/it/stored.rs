//! Whatever lies in the store, reading it ends, with a journal or an error.

use futures::executor::block_on;
use proptest::prelude::*;
use todo_actors::testkit::stored::{BETWEEN, read_stored};

const MANIFEST: &str = r#"{"seq":0,"first":1,"acked":0,"pages":{}}"#;
const PAGED: &str =
    r#"{"seq":1,"first":2,"acked":1,"pages":{"tasks/0":"p:1:a:0","profile":"p:1:a:1"}}"#;
const TASK: &str = r#"{"task_id":"task-1","title":"milk","status":"open","priority":"normal","due_at":"2026-11-24T09:00:00Z","created_at":"2026-11-23T10:00:00Z","updated_at":"2026-11-23T10:00:00Z"}"#;

/// An entry as it is stored, with these events.
fn entry(seq: u64, events: &str) -> String {
    format!(
        r#"{{"seq":{seq},"at":"2026-11-23T10:00:00Z","traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","key":"k{seq}","events":[{events}],"reply":{TASK},"acked":0}}"#
    )
}

fn created() -> String {
    format!(r#"{{"event":"task_created","task":{TASK}}}"#)
}

fn started() -> String {
    r#"{"event":"started","title":"milk","created_at":"2026-11-23T10:00:00Z"}"#.to_owned()
}

fn joined(pieces: &[String]) -> Vec<u8> {
    let pieces: Vec<&[u8]> = pieces.iter().map(String::as_bytes).collect();
    pieces.join(&BETWEEN)
}

#[test]
fn what_a_journal_has_is_read() {
    let user = [MANIFEST.to_owned(), String::new(), entry(1, &created())];
    assert_eq!(block_on(read_stored(&joined(&user))), [Some(1), None]);
    let talk = [MANIFEST.to_owned(), String::new(), entry(1, &started())];
    assert_eq!(block_on(read_stored(&joined(&talk))), [None, Some(1)]);
}

#[test]
fn a_sequence_the_database_cannot_count_is_refused() {
    let largest = i64::MAX.to_string();
    let beyond = u64::MAX.to_string();
    for field in ["seq", "first", "acked"] {
        let read_with = |end: &str| {
            let number = format!(r#""{field}":"#);
            let (before, after) = MANIFEST.split_once(&number).unwrap();
            let manifest = format!("{before}{number}{end}{}", &after[1..]);
            block_on(read_stored(&joined(&[manifest, String::new()])))
        };
        assert_eq!(read_with(&beyond), [None, None], "{field}");
        assert!(read_with(&largest)[0].is_some(), "{field}");
    }
}

/// Pieces that fit, in any order and number.
fn piece() -> impl Strategy<Value = String> {
    let task = || format!(r#"[{TASK}]"#);
    prop_oneof![
        prop::sample::select(vec![String::new(), MANIFEST.to_owned(), PAGED.to_owned()]),
        Just(task()),
        (0..4_u64).prop_map(|seq| entry(seq, &created())),
        (0..4_u64).prop_map(|seq| entry(seq, &started())),
        (0..4_u64).prop_map(|seq| entry(seq, "")),
        any::<String>(),
    ]
}

/// What befalls bytes.
#[derive(Debug, Clone)]
enum Damage {
    Change(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Digit(prop::sample::Index, &'static str),
}

fn damage() -> impl Strategy<Value = Damage> {
    let digits = ["9", "18446744073709551615", "-1", "0", "1e400"];
    prop_oneof![
        3 => (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(at, to)| Damage::Change(at, to)),
        1 => any::<prop::sample::Index>().prop_map(Damage::Cut),
        4 => (any::<prop::sample::Index>(), prop::sample::select(digits.to_vec()))
            .prop_map(|(at, to)| Damage::Digit(at, to)),
    ]
}

fn damaged(mut bytes: Vec<u8>, damages: &[Damage]) -> Vec<u8> {
    for damage in damages {
        let digits: Vec<usize> = (0..bytes.len())
            .filter(|at| bytes[*at].is_ascii_digit())
            .collect();
        match damage {
            Damage::Change(at, to) if !bytes.is_empty() => {
                let at = at.index(bytes.len());
                bytes[at] = *to;
            }
            Damage::Cut(at) if !bytes.is_empty() => bytes.truncate(at.index(bytes.len())),
            Damage::Digit(at, to) if !digits.is_empty() => {
                let at = *at.get(&digits);
                drop(bytes.splice(at..=at, to.bytes()));
            }
            _ => (),
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]
    #[test]
    fn damaged_journals_are_read_or_refused(
        pieces in prop::collection::vec(piece(), 1..6),
        damages in prop::collection::vec(damage(), 0..4),
    ) {
        block_on(read_stored(&damaged(joined(&pieces), &damages)));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        block_on(read_stored(&bytes));
    }
}
