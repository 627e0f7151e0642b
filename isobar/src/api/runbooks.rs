//! Proposals and the lever as the API shows them.

use isobar_dashboards::{ActError, LeverView, ProposalView, ReadError, Runbooks};
use isobar_runbooks::{Ask, Attempt, Decision, Position, Refused, RunbookError, RunbookHandle};
use tokio::runtime::Handle;
use tracing::error;

/// Asks the responder.
#[derive(Debug)]
pub struct RunbookViews {
    /// The responder.
    pub runbooks: RunbookHandle,
    /// Where its asynchronous calls run.
    pub runtime: Handle,
}

impl Runbooks for RunbookViews {
    fn proposals(&self) -> Result<Vec<ProposalView>, ReadError> {
        let lever = self.runbooks.lever();
        Ok(self.runbooks.proposals().iter().map(|one| ProposalView::new(one, &lever)).collect())
    }

    fn proposal(&self, id: &str) -> Result<Option<ProposalView>, ReadError> {
        let lever = self.runbooks.lever();
        Ok(self.runbooks.proposal(id).map(|one| ProposalView::new(&one, &lever)))
    }

    fn decide(
        &self,
        id: &str,
        decision: Decision,
        hash: &str,
        comment: &str,
        actor: &str,
    ) -> Result<ProposalView, ActError> {
        let ask = Ask {
            id: id.to_owned(),
            decision,
            hash: hash.to_owned(),
            comment: comment.to_owned(),
            actor: actor.to_owned(),
        };
        let decided = self.runtime.block_on(self.runbooks.decide(ask)).map_err(failed)?;
        Ok(ProposalView::new(&decided, &self.runbooks.lever()))
    }

    fn lever(&self) -> Result<LeverView, ReadError> {
        Ok(LeverView::from(&self.runbooks.lever()))
    }

    fn set_lever(&self, position: Position, reason: &str, actor: &str) -> Result<LeverView, ActError> {
        let moved = self.runtime.block_on(self.runbooks.set_lever(position, reason, actor));
        moved.map(|lever| LeverView::from(&lever)).map_err(failed)
    }

    fn turned_away(&self, actor: &str, action: &str, reason: &str) {
        let attempt =
            Attempt { action: action.to_owned(), proposal: String::new(), reason: reason.to_owned() };
        if let Err(error) = self.runtime.block_on(self.runbooks.turned_away(actor, attempt)) {
            error!(%error, actor, action, "an attempt to act could not be written down");
        }
    }
}

fn failed(error: RunbookError) -> ActError {
    match error {
        RunbookError::Refused(refused) => {
            let message = refused.to_string();
            match refused {
                Refused::Unknown(_) => ActError::NotFound(message),
                Refused::Invalid(_) => ActError::Invalid(message),
                Refused::Conflict(_) => ActError::Conflict(message),
            }
        }
        other => ActError::Failed(other.to_string()),
    }
}
