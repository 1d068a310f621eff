//! The end: everything that is known of a person is removed, once they have said so twice.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode, errors::ErrorKind,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use todo_actors::{
    clock::{Clock, SystemClock},
    event::Topic,
    message::CallError,
};
use utoipa::{IntoParams, ToSchema};

use super::{
    Edge,
    extract::{Caller, CommandKey, KeyHeader, Params, UserPath},
    problem::{Kind, Problem, Problems},
};
use crate::{
    erasure::{Counts, Standing, Unfinished},
    topics::KEPT_AT_MOST,
};

/// How long a confirmation holds.
const CONFIRM_WITHIN: SignedDuration = SignedDuration::from_mins(10);
/// How long a caller waits for the end; it comes without them too.
const WAIT: Duration = Duration::from_secs(20);
/// What a confirmation is for; no other token of ours is.
const AUDIENCE: &str = "erase";

/// Makes and checks confirmations. They are signed, so that every replica knows one when it sees
/// it and none has to remember it.
pub struct Confirmations {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

/// What a confirmation says.
#[derive(Serialize, Deserialize)]
struct Claims {
    /// Who is to be erased.
    sub: String,
    aud: String,
    /// Until when it holds, in seconds.
    exp: i64,
    /// When they were last erased, in microseconds: one confirmation, one erasure.
    last: i64,
}

impl Confirmations {
    /// Signs with a key made of a secret that all replicas share.
    #[must_use]
    pub fn new(secret: &str) -> Self {
        let key = Sha256::digest(format!("confirmations\0{secret}"));
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "aud", "sub"]);
        validation.leeway = 0;
        Self {
            encoding: EncodingKey::from_secret(&key),
            decoding: DecodingKey::from_secret(&key),
            validation,
        }
    }

    fn make(
        &self,
        user_id: &str,
        last: Option<Timestamp>,
        until: Timestamp,
    ) -> Result<String, Problem> {
        let claims = Claims {
            sub: user_id.to_owned(),
            aud: AUDIENCE.to_owned(),
            exp: until.as_second(),
            last: marked(last),
        };
        encode(&Header::default(), &claims, &self.encoding).map_err(|error| {
            tracing::error!(%error, "a confirmation cannot be signed");
            Problem::internal()
        })
    }

    fn check(&self, given: &str, user_id: &str, last: Option<Timestamp>) -> Result<(), Problem> {
        let detail = match decode::<Claims>(given, &self.decoding, &self.validation) {
            Ok(known) if known.claims.sub != user_id => "The confirmation is somebody else's.",
            Ok(known) if known.claims.last != marked(last) => {
                "The confirmation has been used: you were erased and have come back since."
            }
            Ok(_) => return Ok(()),
            Err(error) if *error.kind() == ErrorKind::ExpiredSignature => {
                "The confirmation has expired. Ask again without one to get another."
            }
            Err(_) => "That is no confirmation. Ask again without one to get it.",
        };
        Err(Problem::invalid(detail))
    }
}

fn marked(last: Option<Timestamp>) -> i64 {
    last.map_or(0, Timestamp::as_microsecond)
}

/// Whether the caller has made up their mind.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct EraseQuery {
    /// What the first call answered.
    confirmation: Option<String>,
}

/// What will be removed, and how to say so.
#[derive(Debug, Serialize, ToSchema)]
pub struct Unconfirmed {
    /// `unconfirmed`: nothing has been removed.
    state: &'static str,
    /// To be sent as `confirmation` by the same person.
    confirmation: String,
    /// Until then.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// What there is at the moment.
    would_remove: Counts,
}

/// It is not done yet, but will be.
#[derive(Debug, Serialize, ToSchema)]
pub struct Erasing {
    /// `erasing`: asking again, confirmed or not, tells how it ends.
    state: &'static str,
}

/// The first answer, or one that came before the end.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum NotErased {
    /// Say so once more.
    Unconfirmed(Unconfirmed),
    /// It goes on.
    Erasing(Erasing),
}

/// What was removed, and what is still there for a while.
#[derive(Debug, Serialize, ToSchema)]
pub struct Manifest {
    /// `erased`: nothing has happened since.
    state: &'static str,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    erased_at: Timestamp,
    /// What is gone for good.
    removed: Counts,
    /// What is not yet.
    kafka: Kept,
}

/// What Kafka still has.
#[derive(Debug, Serialize, ToSchema)]
pub struct Kept {
    /// The topics on which events told of the person. Nobody takes them in any more.
    topics: Vec<&'static str>,
    /// By then Kafka has dropped them. Events that had not reached it when the person was
    /// erased, because it was away, stay as long from when they do.
    #[schema(value_type = String, format = DateTime)]
    until: Timestamp,
}

impl Manifest {
    fn of((erased_at, removed): (Timestamp, Counts)) -> Self {
        Self {
            state: "erased",
            erased_at,
            removed,
            kafka: Kept {
                topics: Topic::ALL.iter().map(|topic| topic.name()).collect(),
                until: erased_at + KEPT_AT_MOST,
            },
        }
    }
}

impl From<Unfinished> for Problem {
    fn from(unfinished: Unfinished) -> Self {
        tracing::warn!(error = %unfinished, "an erasure has to wait");
        match unfinished {
            Unfinished::Actor(CallError::Refused(refusal)) => refusal.into(),
            Unfinished::Actor(CallError::Failed(_)) | Unfinished::Database(_) => Self::new(
                Kind::Unavailable,
                "Erasing has begun and cannot be finished at the moment. It goes on by itself; \
                 ask again to hear how it ended.",
            )
            .retry_after(2),
        }
    }
}

/// Removes everything that is known of the person: tasks, conversations, reminders, activity,
/// notifications, and their account.
///
/// The first call removes nothing: it says what there is and answers a confirmation, which a
/// second call within ten minutes sends back. What began is finished whatever happens to the
/// caller. Asked again, with or without a key, it answers the same until the person begins anew,
/// which they may after a minute or two.
#[utoipa::path(delete, path = "/api/{user_id}", tag = "person", params(UserPath, KeyHeader, EraseQuery),
    responses((status = 200, description = "It is done", body = Manifest),
        (status = 202, description = "Not confirmed, or not done yet", body = NotErased), Problems))]
pub async fn erase(
    State(edge): State<Arc<Edge>>,
    caller: Caller,
    _key: CommandKey,
    Params(query): Params<EraseQuery>,
) -> Result<Response, Problem> {
    let user_id = &caller.user_id;
    match edge.eraser.standing(user_id).await? {
        Standing::Gone(at, removed) => return Ok(Json(Manifest::of((at, removed))).into_response()),
        Standing::Leaving => {}
        Standing::Present(last) => {
            let Some(confirmation) = query.confirmation else {
                return unconfirmed(&edge, user_id, last).await;
            };
            edge.confirmations.check(&confirmation, user_id, last)?;
            edge.eraser.begin(user_id).await?;
        }
    }
    let (eraser, user_id, busy) = (edge.eraser.clone(), user_id.clone(), edge.life.busy());
    let work = tokio::spawn(async move {
        let _busy = busy;
        eraser.finish(&user_id).await
    });
    match tokio::time::timeout(WAIT, work).await {
        Ok(Ok(done)) => Ok(Json(Manifest::of(done?)).into_response()),
        Ok(Err(_)) => Err(Problem::internal()),
        Err(_) => {
            let erasing = NotErased::Erasing(Erasing { state: "erasing" });
            Ok((
                StatusCode::ACCEPTED,
                [(header::RETRY_AFTER, "2")],
                Json(erasing),
            )
                .into_response())
        }
    }
}

async fn unconfirmed(
    edge: &Edge,
    user_id: &str,
    last: Option<Timestamp>,
) -> Result<Response, Problem> {
    let expires_at = SystemClock.now() + CONFIRM_WITHIN;
    let answer = NotErased::Unconfirmed(Unconfirmed {
        state: "unconfirmed",
        confirmation: edge.confirmations.make(user_id, last, expires_at)?,
        expires_at,
        would_remove: edge.eraser.count(user_id).await?,
    });
    Ok((StatusCode::ACCEPTED, Json(answer)).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confirmation_is_one_persons_for_one_erasure_and_a_short_time() {
        let ours = Confirmations::new("secret");
        let now = SystemClock.now();
        let (soon, ago) = (now + CONFIRM_WITHIN, now - SignedDuration::from_secs(1));
        let refused = |given: &str, user, last| {
            let problem = ours.check(given, user, last).unwrap_err();
            assert_eq!(problem.status(), 422);
            problem.detail().to_owned()
        };
        let good = ours.make("ann", None, soon).unwrap();
        assert_eq!(ours.check(&good, "ann", None), Ok(()));
        assert!(refused(&good, "bob", None).contains("somebody else's"));
        assert!(refused(&good, "ann", Some(now)).contains("has been used"));
        let late = ours.make("ann", None, ago).unwrap();
        assert!(refused(&late, "ann", None).contains("expired"));
        let forged = Confirmations::new("guess").make("ann", None, soon).unwrap();
        for none in ["", "yes", &forged] {
            assert!(
                refused(none, "ann", None).contains("no confirmation"),
                "{none}"
            );
        }
    }
}
