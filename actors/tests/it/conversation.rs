//! Turns of a conversation: who holds one, who takes it over, what is read back.

use std::time::Duration;

use todo_actors::{
    conversation::{
        BeginTurn, ChatMessage, Delete, FinishTurn, GetMessages, HistoryMessage, HoldsTurn,
        Pending, ReleaseTurn, Rename, Role, StopTurn, TakeOver, TurnState, actor_id,
    },
    testkit::World,
};

use crate::{command, read, refused, world};

const LEASE_MS: u64 = 60_000;

fn begin_message(turn: &str, attempt: &str) -> BeginTurn {
    BeginTurn {
        turn_id: turn.into(),
        attempt: attempt.into(),
        text: format!("say {turn}"),
        create: true,
        lease_ms: LEASE_MS,
    }
}

async fn begin(world: &World, turn: &str, attempt: &str) -> TurnState {
    read(world, &actor_id("ann", "c1"), begin_message(turn, attempt))
        .await
        .unwrap()
}

fn finish_message(turn: &str, attempt: &str) -> FinishTurn {
    FinishTurn {
        turn_id: turn.into(),
        attempt: attempt.into(),
        text: format!("reply to {turn}"),
        tool_calls: Vec::new(),
        provider: "offline".into(),
        pending: None,
    }
}

fn stop_message(turn: &str) -> StopTurn {
    StopTurn {
        turn_id: turn.into(),
        text: "Stopped.".into(),
        tool_calls: Vec::new(),
    }
}

async fn finish(world: &World, turn: &str, attempt: &str) -> ChatMessage {
    read(world, &actor_id("ann", "c1"), finish_message(turn, attempt))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_turn_is_begun_held_finished_and_remembered() {
    let world = world();
    let TurnState::Begun {
        started, resumed, ..
    } = begin(&world, "t1", "a").await
    else {
        panic!()
    };
    assert!(started && !resumed);
    // The same attempt, delivered twice, gets the same answer
    assert!(matches!(
        begin(&world, "t1", "a").await,
        TurnState::Begun { resumed: false, .. }
    ));
    // Another attempt, and another turn, wait
    assert!(matches!(
        begin(&world, "t1", "b").await,
        TurnState::Busy {
            same_turn: true,
            ..
        }
    ));
    assert!(matches!(
        begin(&world, "t2", "c").await,
        TurnState::Busy {
            same_turn: false,
            ..
        }
    ));
    let reply = finish(&world, "t1", "a").await;
    assert_eq!(reply, finish(&world, "t1", "a").await);
    assert!(
        matches!(begin(&world, "t1", "d").await, TurnState::Done { reply: known } if known == reply)
    );
    let TurnState::Begun {
        history, started, ..
    } = begin(&world, "t2", "c").await
    else {
        panic!()
    };
    let said = |role, text: &str| HistoryMessage {
        role,
        text: text.into(),
    };
    assert_eq!(
        history,
        [
            said(Role::User, "say t1"),
            said(Role::Assistant, "reply to t1")
        ]
    );
    assert!(!started);
}

#[tokio::test]
async fn a_turn_past_its_lease_is_taken_over_and_its_old_holder_refused() {
    let world = world();
    begin(&world, "t1", "a").await;
    world.clock.advance(Duration::from_millis(LEASE_MS + 1));
    assert!(matches!(
        begin(&world, "t1", "b").await,
        TurnState::Begun { resumed: true, .. }
    ));
    let late = read(&world, &actor_id("ann", "c1"), finish_message("t1", "a")).await;
    assert!(refused(late).contains("taken this turn over"));
    finish(&world, "t1", "b").await;
}

#[tokio::test]
async fn a_released_turn_can_be_resumed_at_once() {
    let world = world();
    begin(&world, "t1", "a").await;
    let release = ReleaseTurn {
        turn_id: "t1".into(),
        attempt: "a".into(),
    };
    read(&world, &actor_id("ann", "c1"), release).await.unwrap();
    assert!(matches!(
        begin(&world, "t1", "b").await,
        TurnState::Begun { resumed: true, .. }
    ));
}

#[tokio::test]
async fn a_turn_nobody_came_back_for_is_shown_as_interrupted() {
    let world = world();
    begin(&world, "t1", "a").await;
    world.clock.advance(Duration::from_millis(LEASE_MS + 1));
    assert!(matches!(
        begin(&world, "t2", "b").await,
        TurnState::Begun { resumed: false, .. }
    ));
    finish(&world, "t2", "b").await;
    let page = read(&world, &actor_id("ann", "c1"), GetMessages::default())
        .await
        .unwrap();
    let shown: Vec<(Role, bool)> = page
        .messages
        .iter()
        .map(|m| (m.role, m.interrupted))
        .collect();
    assert_eq!(
        shown,
        [
            (Role::User, false),
            (Role::Assistant, true),
            (Role::User, false),
            (Role::Assistant, false)
        ]
    );
}

#[tokio::test]
async fn a_turn_that_nobody_works_on_is_shown_as_interrupted_until_somebody_ends_it() {
    let world = world();
    let id = actor_id("ann", "c1");
    let shown = async |before| {
        let page = GetMessages {
            before,
            limit: None,
            lease_ms: Some(LEASE_MS),
        };
        let page = read(&world, &id, page).await.unwrap();
        let last = page.messages.last().unwrap().clone();
        (page.messages.len(), page.total, last)
    };
    // Given a turn under way, then nothing stands in the reply's place
    begin(&world, "t1", "a").await;
    let (count, total, last) = shown(None).await;
    assert_eq!((count, total, last.role), (1, 1, Role::User));
    // When its holder is past its lease
    world.clock.advance(Duration::from_millis(LEASE_MS));
    let (count, total, last) = shown(None).await;
    assert_eq!((count, total, last.index), (2, 2, 1));
    assert!(last.interrupted && last.role == Role::Assistant && last.turn_id == "t1");
    assert_eq!(shown(Some(1)).await.0, 1);
    // And when another attempt takes it over, it is under way again
    begin(&world, "t1", "b").await;
    assert_eq!(shown(None).await.0, 1);
    // Handed back, it is not
    let release = ReleaseTurn {
        turn_id: "t1".into(),
        attempt: "b".into(),
    };
    read(&world, &id, release).await.unwrap();
    assert!(shown(None).await.2.interrupted);
    // And its reply has that place, once it comes
    begin(&world, "t1", "c").await;
    let reply = finish(&world, "t1", "c").await;
    assert_eq!(shown(None).await, (2, 2, reply));
}

#[tokio::test]
async fn a_turn_is_taken_from_its_holder_within_the_lease_and_only_while_it_is_open() {
    let world = world();
    let id = actor_id("ann", "c1");
    begin(&world, "t1", "a").await;
    let take = |turn: &str| TakeOver {
        turn_id: turn.into(),
        attempt: "stop".into(),
    };
    let taken = async |turn: &str| read(&world, &id, take(turn)).await.unwrap().held;
    assert!(!taken("t2").await);
    assert!(taken("t1").await && taken("t1").await);
    // Then its holder hears of it, cannot finish, and waits for what comes of it
    let holds = HoldsTurn {
        turn_id: "t1".into(),
        attempt: "a".into(),
    };
    assert!(!read(&world, &id, holds).await.unwrap().held);
    let late = read(&world, &id, finish_message("t1", "a")).await;
    assert!(refused(late).contains("taken this turn over"));
    assert!(matches!(
        begin(&world, "t1", "b").await,
        TurnState::Busy {
            same_turn: true,
            ..
        }
    ));
    read(&world, &id, stop_message("t1")).await.unwrap();
    assert!(!taken("t1").await);
}

#[tokio::test]
async fn a_thousand_messages_are_read_back_in_pages_after_a_restart() {
    let world = world();
    for n in 0..500 {
        begin(&world, &format!("t{n}"), "a").await;
        finish(&world, &format!("t{n}"), "a").await;
    }
    let world = world.restart();
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let page = GetMessages {
            before,
            limit: Some(70),
            lease_ms: None,
        };
        let page = read(&world, &actor_id("ann", "c1"), page).await.unwrap();
        assert_eq!(page.total, 1000);
        seen.extend(page.messages.into_iter().rev().map(|message| message.index));
        before = page.next_before;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(seen, (0..1000).rev().collect::<Vec<u64>>());
    // A finished turn's reply is found on its page
    let TurnState::Done { reply } = begin(&world, "t300", "x").await else {
        panic!()
    };
    assert_eq!(reply.text, "reply to t300");
}

#[tokio::test]
async fn a_conversation_can_be_renamed_and_deleted_for_good() {
    let world = world();
    let id = actor_id("ann", "c1");
    assert!(
        refused(read(&world, &id, GetMessages::default()).await).contains("no such conversation")
    );
    begin(&world, "t1", "a").await;
    let renamed = command(
        &world,
        &id,
        "r",
        Rename {
            title: " Shopping ".into(),
        },
    )
    .await
    .unwrap();
    assert_eq!(renamed.title, "Shopping");
    command(&world, &id, "d", Delete {}).await.unwrap();
    assert!(
        refused(read(&world, &id, GetMessages::default()).await).contains("no such conversation")
    );
    assert!(
        refused(read(&world, &id, begin_message("t2", "a")).await).contains("no such conversation")
    );
    // A repeat of the same deletion is answered as the first time
    command(&world, &id, "d", Delete {}).await.unwrap();
}

#[tokio::test]
async fn an_unknown_conversation_is_not_created_unasked_and_empty_words_are_refused() {
    let world = world();
    let id = actor_id("ann", "c2");
    let unasked = BeginTurn {
        create: false,
        ..begin_message("t1", "a")
    };
    assert!(refused(read(&world, &id, unasked).await).contains("no such conversation"));
    for text in ["", "  \n ", &"x".repeat(4_001), "a\u{0}b"] {
        let begin = BeginTurn {
            text: text.into(),
            ..begin_message("t1", "a")
        };
        refused(read(&world, &id, begin).await);
    }
}

#[tokio::test]
async fn a_stopped_turn_is_over_for_everybody_and_stopping_again_changes_nothing() {
    let world = world();
    let id = actor_id("ann", "c1");
    assert!(refused(read(&world, &id, stop_message("t1")).await).contains("no such conversation"));
    begin(&world, "t1", "a").await;
    let holds = HoldsTurn {
        turn_id: "t1".into(),
        attempt: "a".into(),
    };
    assert!(read(&world, &id, holds.clone()).await.unwrap().held);
    // When it is stopped by somebody who does not hold it
    let reply = read(&world, &id, stop_message("t1")).await.unwrap();
    // Then its holder does not hold it any more, and finishing brings the stopped reply
    assert!(reply.stopped && reply.text == "Stopped.");
    assert!(!read(&world, &id, holds).await.unwrap().held);
    assert_eq!(finish(&world, "t1", "a").await, reply);
    assert_eq!(read(&world, &id, stop_message("t1")).await.unwrap(), reply);
    assert!(
        matches!(begin(&world, "t1", "b").await, TurnState::Done { reply: known } if known == reply)
    );
    // And another turn begins at once
    assert!(matches!(
        begin(&world, "t2", "c").await,
        TurnState::Begun { .. }
    ));
    // A turn that is not there cannot be stopped, nor can a finished one be undone by it
    assert!(refused(read(&world, &id, stop_message("t3")).await).contains("nothing to stop"));
    let finished = finish(&world, "t2", "c").await;
    assert_eq!(
        read(&world, &id, stop_message("t2")).await.unwrap(),
        finished
    );
}

#[tokio::test]
async fn a_turn_stopped_long_ago_still_answers() {
    let world = world();
    let id = actor_id("ann", "c1");
    begin(&world, "t0", "a").await;
    let reply = read(&world, &id, stop_message("t0")).await.unwrap();
    for n in 1..60 {
        begin(&world, &format!("t{n}"), "a").await;
        finish(&world, &format!("t{n}"), "a").await;
    }
    let world = world.restart();
    assert_eq!(read(&world, &id, stop_message("t0")).await.unwrap(), reply);
}

fn pending_of(state: TurnState) -> Option<Pending> {
    match state {
        TurnState::Begun { pending, .. } => pending,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_pending_deletion_lives_until_the_next_turn_ends() {
    let world = world();
    let id = actor_id("ann", "c1");
    let pending = Pending {
        task_ids: vec!["task-1".into(), "task-2".into()],
    };
    let asking = |turn: &str| FinishTurn {
        pending: Some(pending.clone()),
        ..finish_message(turn, "a")
    };
    // Given a reply that asks for a confirmation
    assert_eq!(pending_of(begin(&world, "t1", "a").await), None);
    read(&world, &id, asking("t1")).await.unwrap();
    // Then the next turn gets it, and so does whoever takes that turn over, even after a restart
    let world = world.restart();
    assert_eq!(
        pending_of(begin(&world, "t2", "a").await),
        Some(pending.clone())
    );
    world.clock.advance(Duration::from_millis(LEASE_MS + 1));
    assert_eq!(
        pending_of(begin(&world, "t2", "b").await),
        Some(pending.clone())
    );
    // And the turn after that does not
    finish(&world, "t2", "b").await;
    assert_eq!(pending_of(begin(&world, "t3", "a").await), None);
    // Nor one that takes the place of an abandoned turn
    read(&world, &id, asking("t3")).await.unwrap();
    begin(&world, "t4", "a").await;
    world.clock.advance(Duration::from_millis(LEASE_MS + 1));
    assert_eq!(pending_of(begin(&world, "t5", "a").await), None);
    // And it is never about nothing, nor about too many
    for count in [0, 101] {
        let message = FinishTurn {
            pending: Some(Pending {
                task_ids: vec!["task-1".into(); count],
            }),
            ..finish_message("t5", "a")
        };
        assert!(refused(read(&world, &id, message).await).contains("1 to 100"));
    }
}
