//! Errands of the command line, carried out by the running server.

use privmsg_protocol::ErrorCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Errand, Question, figures, settle};
use crate::app::App;
use crate::hub::Hub;
use crate::storage::sqlite::SqliteStorage;
use crate::storage::{Actor, Refusal, Request, Result, StorageError};

/// What came of an errand.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// It is done; the answer, or `null`.
    Done(Value),
    Refused {
        code: ErrorCode,
        detail: String,
    },
}

impl Outcome {
    fn write(&self) -> String {
        serde_json::to_string(self).expect("an outcome is plain data")
    }

    pub(crate) fn into_result(self) -> Result<Value> {
        match self {
            Self::Done(answer) => Ok(answer),
            Self::Refused { code, detail } => Err(Refusal { detail: detail.into(), ..Refusal::new(code, "") }.into()),
        }
    }
}

impl From<StorageError> for Outcome {
    fn from(error: StorageError) -> Self {
        if let StorageError::Engine(source) = &error {
            tracing::error!(error = &**source as &dyn std::error::Error, "a request of the command line failed");
        }
        let refusal = error.refusal();
        Self::Refused { code: refusal.code, detail: refusal.detail.into_owned() }
    }
}

/// Carries out what waits.
pub(crate) async fn carry_out_waiting(app: &App) -> Result<()> {
    for request in app.storage.requests().await? {
        let id = request.id;
        let outcome = carry_out(app, request).await.map_or_else(Outcome::from, Outcome::Done);
        app.storage.answer(id, outcome.write()).await?;
    }
    Ok(())
}

async fn carry_out(app: &App, request: Request) -> Result<Value> {
    if request.is_done {
        return Ok(Value::Null);
    }
    match serde_json::from_str(&request.body) {
        Ok(Errand::Act(act)) => {
            let outcome = Outcome::Done(Value::Null).write();
            let consequences = app.storage.administer(act, Actor::Cli, Some((request.id, outcome))).await?;
            settle(app, consequences).await;
            Ok(Value::Null)
        }
        Ok(Errand::Ask(question)) => answer(&app.storage, &app.hub, question).await,
        Err(_) => {
            let detail = "the running server does not know this request: it is of another version than the command";
            Err(Refusal::new(ErrorCode::InvalidRequest, detail).into())
        }
    }
}

/// The answer to a question, in the form of the API.
pub(crate) async fn answer(storage: &SqliteStorage, hub: &Hub, question: Question) -> Result<Value> {
    let value = match question {
        Question::Users => serde_json::to_value(figures::users(storage, hub).await?),
        Question::User { user_id } => serde_json::to_value(figures::user(storage, hub, user_id).await?),
        Question::Stats => serde_json::to_value(figures::stats(storage, hub).await?),
        Question::Audit { before, limit } => serde_json::to_value(figures::audit(storage, before, limit).await?),
    };
    Ok(value.expect("an answer is plain data"))
}
